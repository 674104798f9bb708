"""One command of the tests: what it printed is shown, and counted in tests."""

import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from . import failures, not_here
from .processes import end_group, group
from .workspace import ROOT, progress


@dataclass
class Count:
    """Tests of one tier."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


Counter = Callable[[str], Count]


def count_cargo(output: str) -> Count:
    """One line per test binary; an ignored test is a skipped one."""
    found = re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", output, re.MULTILINE)
    return sum((Count(*(int(number) for number in line)) for line in found), Count())


def count_junit(output: str) -> Count:
    """The summary of JUnit's console launcher; failed containers are failures, aborted tests were skipped."""

    def number(what: str) -> int:
        return sum(int(one) for one in re.findall(rf"\[ *(\d+) {what} *\]", output))

    return Count(
        number("tests successful"),
        number("tests failed") + number("containers failed"),
        number("tests skipped") + number("tests aborted"),
    )


def count_summary(output: str) -> Count:
    """The last line of our own runner."""
    found = re.findall(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", output, re.MULTILINE)
    return Count(*(int(number) for number in found[-1])) if found else Count()


def count_command(_output: str) -> Count:
    """A check that passes or fails as a whole; its exit code decides."""
    return Count(passed=1)


@dataclass(frozen=True)
class Step:
    """One command of a tier."""

    command: Sequence[str]
    counter: Counter
    limit: float
    # A line of the output that must not occur.
    forbidden: str = ""


def run(step: Step, environment: Mapping[str, str], failed: list[str]) -> Count:
    """Runs one step, showing its output; what a failure said is added to `failed`."""
    print(f"\n$ {' '.join(step.command)}", flush=True)
    output: list[str] = []
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    with group(step.command, cwd=ROOT, env=environment, **pipe) as process:
        watchdog = threading.Timer(step.limit, end_group, (process,))
        watchdog.daemon = True
        watchdog.start()
        assert process.stdout
        for line in process.stdout:
            output.append(line)
            sys.stdout.write(line)
            sys.stdout.flush()
        process.wait()
        watchdog.cancel()
    return judge(step, "".join(output), process.returncode, failed)


def judge(step: Step, text: str, code: int, failed: list[str]) -> Count:
    """What a step has shown by its output and exit code; a failure that no test counted is counted as one."""
    count = step.counter(text)
    if code == not_here.EXIT_CODE and not count.passed + count.failed:
        progress(f"!!! NOT RUN, AS THIS MACHINE CANNOT: {' '.join(step.command)}")
        return count
    unwanted = re.findall(f"(?m){step.forbidden}.*", text) if step.forbidden else []
    if code or unwanted:
        failed += [f"$ {' '.join(step.command)}", *failures.excerpt(text), *unwanted, ""]
        progress(f"failed with exit code {code}{': found ' + ', '.join(unwanted) if unwanted else ''}")
        passed = 0 if step.counter is count_command else count.passed
        return Count(passed, max(1, count.failed), count.skipped)
    if count.passed + count.failed == 0:
        failed += [f"$ {' '.join(step.command)}", "ran no test at all", ""]
        progress("this ran no test at all")
        return Count(0, 1, count.skipped)
    return count
