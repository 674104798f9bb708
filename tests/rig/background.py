"""What goes on beside the tiers: builds that later ones stand on, and a step that takes nothing from the others."""

import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from . import steps
from .processes import LOWEST_PRIORITY, end_group
from .workspace import ROOT, RUNS, TESTS, progress

# Below every other session, where the kernel shares the processor out by sessions first; nice counts within one.
_LOWEST = ("sh", "-c", f'echo {LOWEST_PRIORITY} >/proc/self/autogroup; exec nice -n {LOWEST_PRIORITY} "$@"', "sh")


class _Process:
    """A process in a session of its own, whose output goes into a file."""

    def __init__(self, command: Sequence[str], log: str, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        self.log = RUNS / log
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("w") as sink:
            self._process = subprocess.Popen(
                list(command),
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def wait(self, limit: float) -> int:
        """Its exit code."""
        return self._process.wait(limit)

    def stop(self) -> None:
        """Ends it if it still runs."""
        if self.is_running():
            end_group(self._process)


class Preparation(_Process):
    """Builds the control plane and fetches Flink while cargo works."""

    def __init__(self, versions: Iterable[str]) -> None:
        homes = "".join(f"prepare.flink_home({version!r}); " for version in versions)
        script = f"from rig import prepare; {homes}prepare.control_plane(); prepare.object_stores()"
        super().__init__(["nice", "-n", "5", sys.executable, "-c", script], "prepare.log", TESTS)

    def join(self) -> None:
        """Waits for it; its log is shown if it failed."""
        if self.is_running():
            progress("waiting for the control plane, which is still being built")
        if self.wait(2400):
            raise SystemExit(self.log.read_text())


class KindPreparation(_Process):
    """Builds what the kind tier needs whenever nobody else wants the processor; what it has not made, the tier makes."""

    def __init__(self, wanted: bool) -> None:
        script = "from kind import programs; programs.everything()" if wanted else ""
        super().__init__([*_LOWEST, sys.executable, "-c", script], "prepare-kind.log", TESTS)


class Aside(_Process):
    """A step beside others, on what they leave of the processor or with a share like theirs; its output is shown when it is waited for."""

    def __init__(self, step: steps.Step, environment: Mapping[str, str], log: str, lowest: bool) -> None:
        self._step = step
        super().__init__([*(_LOWEST if lowest else ()), *step.command], log, ROOT, environment)

    def join(self, failed: list[str]) -> steps.Count:
        """As `steps.run`, from when it began."""
        command = " ".join(self._step.command)
        if self.is_running():
            progress(f"waiting for {command}, which has run beside the others")
        try:
            code = self.wait(self._step.limit)
        except subprocess.TimeoutExpired:
            self.stop()
            code = -1
        text = self.log.read_text(errors="replace")
        print(f"\n$ {command}\n{text}", flush=True)
        return steps.judge(self._step, text, code, failed)
