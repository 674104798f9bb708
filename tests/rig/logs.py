"""Reads the logs of Flink processes, which the rig has stamped with milliseconds since the epoch."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Goes into conf/log4j-console.properties and log4j-cli.properties of every process.
LOG4J = """\
# Flink logs its own shutdown, which a hook of the logging would cut off.
shutdownHook = disable
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.name = Console
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{UNIX_MILLIS} %d{HH:mm:ss.SSS} %-5p %c - %m%n
logger.election.name = org.apache.flink.runtime.leaderelection
logger.election.level = DEBUG
logger.netty.name = org.jboss.netty.channel.DefaultChannelPipeline
logger.netty.level = OFF
"""

# The same for a process whose wall clock is not that of the others.
LOG4J_BY_MONOTONIC_CLOCK = LOG4J.replace("%d{UNIX_MILLIS}", "m%nano")

_LINE = re.compile(r"^(?:(\d{13})|m(\d+)) \S+ (\w+) +(\S+) - (.*)$")


@dataclass(frozen=True)
class Line:
    """One log record, without the stack trace below it."""

    at: float  # seconds since the epoch
    level: str
    logger: str
    message: str


@dataclass(frozen=True)
class Hit:
    """A log record in which a pattern was found."""

    line: Line
    match: re.Match[str]

    @property
    def at(self) -> float:
        return self.line.at

    def __getitem__(self, group: int) -> str:
        return self.match[group]


class Log:
    """The log of one run of one process; reads only what is new since the last look."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._offset = 0
        self._lines: list[Line] = []

    def content(self, line: str) -> str:
        """What the process itself has written of a line of the file."""
        return line

    def lines(self) -> list[Line]:
        """All records so far."""
        if self.file.exists():
            with self.file.open("rb") as source:
                source.seek(self._offset)
                data = source.read()
            whole = data[: data.rfind(b"\n") + 1]
            self._offset += len(whole)
            for text in whole.decode(errors="replace").splitlines():
                found = _LINE.match(self.content(text))
                if found:
                    self._lines.append(Line(_at(found), found[3], found[4], found[5]))
        return self._lines

    def find(self, pattern: str, since: float = 0) -> Iterator[Hit]:
        """The records whose message holds the regular expression."""
        compiled = re.compile(pattern)
        for line in self.lines():
            if line.at >= since and (match := compiled.search(line.message)):
                yield Hit(line, match)

    def first(self, pattern: str, since: float = 0) -> Hit | None:
        """The first of `find`."""
        return next(self.find(pattern, since), None)

    def last(self, pattern: str, since: float = 0) -> Hit | None:
        """The last of `find`."""
        hit = None
        for hit in self.find(pattern, since):
            pass
        return hit

    def text(self) -> str:
        """Everything, stack traces included."""
        return self.file.read_text(errors="replace") if self.file.exists() else ""

    def tail(self, lines: int = 40) -> str:
        """The end, for messages."""
        return f"--- end of {self.file}\n" + "\n".join(self.text().splitlines()[-lines:])


def _at(found: re.Match[str]) -> float:
    if found[1]:
        return int(found[1]) / 1000
    return int(found[2]) / 1e9 + time.time() - time.monotonic()
