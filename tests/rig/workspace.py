"""Where things are, and how progress is told."""

import hashlib
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
# What is built or downloaded once. Several clones may share one.
CACHE = Path(os.environ.get("FLINKKUBEHA_CACHE") or ROOT / ".cache").resolve()
# What one run leaves behind for reading: logs, configuration, audit log.
RUNS = Path(os.environ.get("FLINKKUBEHA_RUNS") or ROOT / "build" / "runs").resolve()
# The Flink that everything is run on unless a test says otherwise. Any module can be run on another one.
FLINK_VERSION = os.environ.get("FLINKKUBEHA_FLINK") or "2.2.1"
# The newest release of every line that the jar serves, and those on which whole fleets are run.
LINES = ("1.20.5", "2.0.2", "2.1.3", "2.2.1", "2.3.0")
FLEET_LINES = ("1.20.5", "2.2.1", "2.3.0")

_started = time.monotonic()


def progress(text: str) -> None:
    """One line on stderr, stamped with the seconds since the start."""
    print(f"[{time.monotonic() - _started:6.1f} s] {text}", file=sys.stderr, flush=True)


def content_key(files: Iterable[Path], *extra: str) -> str:
    """A short hash over files (names and bytes) and words; the key of a cache entry."""
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    for word in extra:
        digest.update(word.encode() + b"\0")
    return digest.hexdigest()[:16]
