"""What a test runner printed about its failures, short enough to stand once more at the end of a long output."""

import re
from collections.abc import Iterator

# A log is often cut to its last few thousand characters.
LINES_EACH = 16
LINES_IN_ALL = 48
WIDTH = 160

# Where the words about one failed test begin, and what ends them: cargo's, JUnit's, and those of our own runner.
_BEGINS = re.compile(r"^(---- .* stdout ----| +JUnit \w+:.*|FAIL \S+ .*|error(\[E\d+\])?: .*|> Task .* FAILED)$")
_ENDS = re.compile(r"^(failures:|stack backtrace:|test result: .*|Test run finished.*|(ok|SKIP) +\S+ \(.*|\$ .*|Caused by:)$")


def _blocks(output: str) -> Iterator[list[str]]:
    block: list[str] | None = None
    for line in output.splitlines():
        if _BEGINS.match(line):
            if block:
                yield block
            block = [line]
        elif _ENDS.match(line):
            if block:
                yield block
            block = None
        elif block is not None and line.strip():
            block.append(line)
    if block:
        yield block


def excerpt(output: str) -> list[str]:
    """The lines about each failure; the last lines of all where no runner's form is recognised."""
    blocks = list(_blocks(output)) or [output.splitlines()[-LINES_EACH:]]
    lines = [line[:WIDTH] for block in blocks for line in block[:LINES_EACH]]
    return lines[:LINES_IN_ALL]
