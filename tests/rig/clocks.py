"""A wall clock of its own for one process, by libfaketime. Monotonic clocks go on as they are.

Its log is stamped by the monotonic clock instead, which all processes of a machine share.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from . import prepare


class Clock:
    """What `set` has said last, also while the process runs."""

    def __init__(self, file: Path, setting: str = "+0") -> None:
        """`setting` as libfaketime takes it: "+20s", "-20s"; "+0 x1.2" goes faster from the start of the process on."""
        self._file = file
        self._library = prepare.faketime()
        self.set(setting)

    def set(self, setting: str) -> None:
        """From the next second on."""
        new = self._file.with_suffix(".new")
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(setting + "\n")
        os.replace(new, self._file)

    @property
    def environment(self) -> Mapping[str, str]:
        """For the process."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            # Looking at the file at each look at the clock would slow a JVM down to nothing.
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_ONLY_CMDS": "java",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
