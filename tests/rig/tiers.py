"""Runs every tier of tests in order and adds up what their runners say."""

import argparse
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kind import programs

from . import failures, prepare
from .processes import end_group, end_on_signals, group
from .workspace import FLINK_VERSION, LINES, ROOT, RUNS, TESTS, progress


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


@dataclass(frozen=True)
class Tier:
    """A named group of steps."""

    name: str
    what: str
    steps: Sequence[Step]
    needs_control_plane: bool = False
    # The Flinks that it runs.
    versions: Sequence[str] = (FLINK_VERSION,)
    # Needs Docker, and is left out, as one skipped test that is no error, where that cannot be.
    needs_docker: bool = False


def _cargo(*arguments: str, counter: Counter, limit: float = 1800, forbidden: str = "") -> Step:
    return Step(("cargo", *arguments), counter, limit, forbidden)


# Those that take seconds: a lease of stock has to run out in none of them.
_BENCH_IN_CI = ("--quick", "start", "checkpoints", "idle")


_RELEASE = Tier(
    "release",
    "what a release consists of, made twice, and loaded on systems old and new",
    [Step((str(TESTS / "release" / "run"),), count_summary, 3 * 3600)],
)


def _tiers(full: bool) -> list[Tier]:
    scope = ("--full",) if full else ()
    pure = ("--locked", "--no-default-features")
    runs, runs_limit = (200_000, 6 * 3600) if full else (10_000, 3600)
    return [
        Tier(
            "build",
            "the jar: what may be in it, and whether it fits every line of Flink",
            [Step(("gradle", "--console=plain", "checkJar", "checkLinkage"), count_command, 2400)],
        ),
        Tier(
            "pure",
            "protocol alone: no I/O, no clock, no dependency that has them",
            [
                _cargo("test", "--no-fail-fast", *pure, counter=count_cargo),
                _cargo(
                    *("tree", *pure, "--edges=normal", "--prefix=none"),
                    counter=count_command,
                    limit=60,
                    forbidden=r"^(kube|k8s-openapi|jni|tokio|object_store|log) ",
                ),
            ],
        ),
        Tier(
            "native",
            "the whole library and the command flink-ha, against a real API server too",
            [
                _cargo("test", "--workspace", "--no-fail-fast", "--locked", "--features=testing", counter=count_cargo),
                Step((str(TESTS / "simulation"), f"--runs={runs}"), count_cargo, runs_limit),
                *([Step((str(TESTS / "mutants"),), count_summary, 3600)] if full else []),
            ],
            needs_control_plane=True,
        ),
        Tier(
            "lint",
            "formatting, clippy with and without I/O, names in the table of counterparts, licences in the jar",
            [
                _cargo("fmt", "--all", "--check", counter=count_command, limit=60),
                *(
                    _cargo("clippy", "--locked", "--all-targets", *what, "--", "-D", "warnings", counter=count_command)
                    for what in (["--no-default-features"], ["--workspace", "--features=testing"])
                ),
                Step((sys.executable, str(TESTS / "rig" / "counterparts.py")), count_command, 60),
                Step((sys.executable, str(ROOT / "rust" / "materials.py"), "check"), count_command, 300),
            ],
        ),
        Tier(
            "java",
            "the Java side with the library under it, -Xcheck:jni on, on three releases of Java; Flink's own tests",
            [
                Step(("gradle", "--console=plain", "javaTest"), count_junit, 1800),
                Step((str(TESTS / "java"),), count_junit, 1800),
                Step((str(TESTS / "peers"),), count_junit, 1500),
            ],
            needs_control_plane=True,
        ),
        Tier(
            "cluster",
            "a real Flink on a real control plane",
            [Step((str(TESTS / "cluster" / "run"), *scope), count_summary, 4 * 3600 if full else 2400)],
            needs_control_plane=True,
        ),
        Tier(
            "faults",
            "the fault matrix: one fault each under a running job, judged from outside",
            [Step((str(TESTS / "faults" / "run"), *scope), count_summary, 4 * 3600 if full else 2400)],
            needs_control_plane=True,
        ),
        Tier(
            "lines",
            "every Flink line from one jar, beside Flink's own services and in place of them",
            [Step((str(TESTS / "lines" / "run"), *scope), count_summary, 6 * 3600 if full else 2400)],
            needs_control_plane=True,
            versions=LINES,
        ),
        Tier(
            "bench",
            "whether the benchmarks run: small, once, with no figure expected",
            [Step((str(TESTS / "bench" / "run"), *(("--runs", "20") if full else _BENCH_IN_CI)), count_command, 7200)],
            needs_control_plane=True,
        ),
        Tier(
            "kind",
            "pods of a real kind cluster: the manifests for users, tokens, Deployments, the native integration",
            [Step((str(TESTS / "kind" / "run"), *scope), count_summary, 4 * 3600 if full else 1500)],
            needs_control_plane=True,
            needs_docker=True,
        ),
        *([_RELEASE] if full else []),
    ]


def _run(step: Step, environment: dict[str, str], failed: list[str]) -> Count:
    """Runs one step, showing its output; a failure that no test counted is counted as one, what it said is kept."""
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
    text = "".join(output)
    count = step.counter(text)
    unwanted = re.findall(f"(?m){step.forbidden}.*", text) if step.forbidden else []
    if process.returncode or unwanted:
        failed += [f"$ {' '.join(step.command)}", *failures.excerpt(text), *unwanted, ""]
        progress(f"failed with exit code {process.returncode}{': found ' + ', '.join(unwanted) if unwanted else ''}")
        passed = 0 if step.counter is count_command else count.passed
        return Count(passed, max(1, count.failed), count.skipped)
    if count.passed + count.failed == 0:
        failed += [f"$ {' '.join(step.command)}", "ran no test at all", ""]
        progress("this ran no test at all")
        return Count(0, 1, count.skipped)
    return count


class _Background:
    """Builds the control plane and fetches Flink while cargo works."""

    def __init__(self, versions: Iterable[str]) -> None:
        homes = "".join(f"prepare.flink_home({version!r}); " for version in versions)
        command = [sys.executable, "-c", f"from rig import prepare; {homes}prepare.control_plane(); prepare.object_stores()"]
        self._log = RUNS / "prepare.log"
        self._start(["nice", "-n", "5", *command])

    def _start(self, command: Sequence[str]) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._sink = self._log.open("w")
        self._process = subprocess.Popen(
            list(command),
            cwd=TESTS,
            stdin=subprocess.DEVNULL,
            stdout=self._sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def join(self) -> None:
        """Waits for it; its log is shown if it failed."""
        if self._process.poll() is None:
            progress("waiting for the control plane, which is still being built")
        if self._process.wait(2400):
            raise SystemExit(self._log.read_text())

    def stop(self) -> None:
        """Ends it if it still runs."""
        if self._process.poll() is None:
            end_group(self._process)


class _KindInBackground(_Background):
    """Builds what the kind tier needs whenever nobody else wants the processor."""

    def __init__(self) -> None:
        self._log = RUNS / "prepare-kind.log"
        # Below every other session, where the kernel shares the processor out by sessions.
        script = "echo 15 >/proc/self/autogroup; exec nice -n 19 \"$0\" -c 'from kind import programs; programs.everything()'"
        self._start(["sh", "-c", script, sys.executable])

    def join(self) -> None:
        """What it has not made yet, or has failed to make, the tier makes."""
        self.stop()


# CI ends after 90 minutes, whatever runs then; with programs still to be built, the tier takes a while longer.
_TOO_LATE_FOR_KIND, _TOO_LATE_TO_BUILD_FOR_KIND = 78.0, 70.0


def _why_no_kind(began: float) -> str:
    """Why the kind tier is left out; empty if it is not."""
    minutes = (time.monotonic() - began) / 60
    limit = _TOO_LATE_FOR_KIND if programs.are_ready() else _TOO_LATE_TO_BUILD_FOR_KIND
    if os.environ.get("CI") == "true" and minutes > limit:
        return f"{minutes:.0f} minutes have gone already"
    return programs.why_not()


def run(names: Sequence[str], full: bool) -> int:
    """Runs the named tiers, all without a name; the exit code."""
    began_all = time.monotonic()
    tiers = [tier for tier in _tiers(full) if not names or tier.name in names]
    prepare.tools()
    prepare.rust()
    if any(tier.needs_control_plane for tier in tiers):
        prepare.go()
    background = _Background(sorted({version for tier in tiers for version in tier.versions}))
    kind_background = _KindInBackground() if any(tier.needs_docker for tier in tiers) else None
    left_out = 0
    counts: dict[str, Count] = {}
    seconds: dict[str, float] = {}
    failed: list[str] = []
    try:
        for tier in tiers:
            progress(f"tier {tier.name}: {tier.what}")
            environment = prepare.build_environment()
            if tier.needs_docker and (reason := _why_no_kind(began_all)):
                progress(f"!!! THE TIER {tier.name.upper()} IS NOT RUN: {reason}")
                counts[tier.name], seconds[tier.name] = Count(skipped=1), 0.0
                left_out += 1
                continue
            if tier.needs_control_plane:
                background.join()
                environment["FLINKKUBEHA_CONTROL_PLANE"] = str(prepare.control_plane())
                environment |= {name: str(program) for name, program in prepare.object_stores().items()}
            if tier.name in ("cluster", "faults", "lines", "bench", "kind") and "build" in counts:
                environment["FLINKKUBEHA_JAR"] = str(prepare.built_jar())
            if tier.needs_docker and kind_background:
                kind_background.join()
            began = time.monotonic()
            counts[tier.name] = sum((_run(step, environment, failed) for step in tier.steps), Count())
            seconds[tier.name] = time.monotonic() - began
            if tier.name == "build" and counts["build"].failed:
                break
    finally:
        background.stop()
        if kind_background:
            kind_background.stop()

    total = sum(counts.values(), Count())
    if failed:
        print("\nWhat failed, once more:\n" + "\n".join(failed))
    print("\ntier       minutes")
    for name, count in counts.items():
        print(f"{name:10} {seconds[name] / 60:7.1f}  {count}")
    # But for the tier that stands on what a machine may not have.
    skips_are_errors = os.environ.get("CI") == "true" and total.skipped > left_out
    if skips_are_errors:
        print("A skipped test is an error here.")
    print(total, flush=True)
    return 1 if total.failed or not total.passed or skips_are_errors else 0


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests/all", description=__doc__)
    parser.add_argument("--full", action="store_true", help="long holds and many repetitions")
    parser.add_argument("--tier", action="append", default=[], choices=[tier.name for tier in _tiers(False)])
    parser.add_argument("--list", action="store_true", help="name the tiers and end")
    options = parser.parse_args()
    if options.list:
        for tier in _tiers(options.full):
            print(f"{tier.name:8} {tier.what}")
        return
    end_on_signals()
    sys.exit(run(options.tier, options.full))


if __name__ == "__main__":
    main()
