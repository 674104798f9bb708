"""A wall clock of its own for one JVM. Monotonic clocks go on as they are.

Its log is stamped by the monotonic clock instead, which all processes of a machine share.
"""

import mmap
import struct
import time
from collections.abc import Mapping
from pathlib import Path

from . import prepare

_JAVA = """\
#!/bin/sh
RIG_CLOCK='{file}' LD_PRELOAD='{library}' exec '{java}' "$@"
"""
# offset, anchor, rate: as clock/clock.c reads it.
_SETTING = struct.Struct("=qqd")
_SECOND = 1_000_000_000


class Clock:
    """What `set` has said last, also while the process runs."""

    def __init__(self, directory: Path) -> None:
        self._java_home = directory / "java"
        self._file = file = directory / "setting"
        # Flink's scripts call many small programs, which need no clock of their own.
        java = self._java_home / "bin" / "java"
        java.parent.mkdir(parents=True)
        file.write_bytes(_SETTING.pack(0, 0, 1))
        with file.open("r+b") as opened:
            self._setting = mmap.mmap(opened.fileno(), _SETTING.size)
        real = prepare.java_home() / "bin" / "java"
        java.write_text(_JAVA.format(file=file, library=prepare.clock(), java=real))
        java.chmod(0o755)

    def set(self, offset: float = 0, rate: float = 1) -> None:
        """From now on it is wrong by `offset` seconds, and goes `rate` times as fast as it should."""
        self._setting[:] = _SETTING.pack(int(offset * _SECOND), time.time_ns(), rate)

    @property
    def environment(self) -> Mapping[str, str]:
        """For the process."""
        return {"JAVA_HOME": str(self._java_home)}

    @property
    def preloaded(self) -> Mapping[str, str]:
        """The same for a process that no script of Flink's starts."""
        return {"RIG_CLOCK": str(self._file), "LD_PRELOAD": str(prepare.clock())}
