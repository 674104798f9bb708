"""Runs every tier of tests in order and adds up what their runners say."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kind import programs

from . import background, prepare, steps
from .processes import end_on_signals
from .steps import Count, Step, count_cargo, count_command, count_junit, count_summary
from .workspace import FLINK_VERSION, LINES, ROOT, TESTS, progress


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
    # Runs beside the tiers after it, which mostly wait: at the lowest priority what wants nothing but the processor, and with a
    # share like theirs what mostly waits itself.
    beside: Literal["", "lowest", "equal"] = ""


def _cargo(*arguments: str, counter: steps.Counter, limit: float = 1800, forbidden: str = "") -> Step:
    return Step(("cargo", *arguments), counter, limit, forbidden)


# Those that take seconds: a lease of stock has to run out in none of them.
_BENCH_IN_CI = ("--quick", "start", "checkpoints", "idle", "clusters", "bridge")


_RELEASE = Tier(
    "release",
    "what a release consists of, made twice, and loaded on systems old and new",
    [Step((str(TESTS / "release" / "run"),), count_summary, 3 * 3600)],
)


def _tiers(full: bool) -> list[Tier]:
    scope = ("--full",) if full else ()
    pure = ("--locked", "--no-default-features")
    runs, runs_limit = (200_000, 6 * 3600) if full else (10_000, 4200)
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
                *([Step((str(TESTS / "mutants"),), count_summary, 3600)] if full else []),
            ],
            needs_control_plane=True,
        ),
        Tier(
            "lint",
            "formatting, clippy with and without I/O, names in the tables of counterparts and mutants, licences in the jar",
            [
                _cargo("fmt", "--all", "--check", counter=count_command, limit=60),
                *(
                    _cargo("clippy", "--locked", "--all-targets", *what, "--", "-D", "warnings", counter=count_command)
                    for what in (["--no-default-features"], ["--workspace", "--features=testing"])
                ),
                Step((sys.executable, str(TESTS / "rig" / "counterparts.py")), count_command, 60),
                Step((str(TESTS / "mutants"), "--check"), count_command, 60),
                Step((sys.executable, str(ROOT / "rust" / "materials.py"), "check"), count_command, 300),
            ],
        ),
        Tier(
            "simulation",
            "the library over a simulated API server, in paused time: random runs, beside the tiers that follow",
            [Step((str(TESTS / "simulation"), f"--runs={runs}"), count_cargo, runs_limit)],
            beside="lowest",
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
            "kind",
            "pods of a real kind cluster: the manifests for users, tokens, Deployments, the native integration",
            [Step((str(TESTS / "kind" / "run"), *scope), count_summary, 4 * 3600 if full else 1500)],
            needs_control_plane=True,
            needs_docker=True,
            beside="equal",
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
        *([_RELEASE] if full else []),
    ]


# CI ends after 90 minutes, whatever runs then. The tier takes up to a quarter of an hour, and longer with programs still to be built.
_TOO_LATE_FOR_KIND, _TOO_LATE_TO_BUILD_FOR_KIND = 66.0, 60.0


def _why_no_kind(began: float) -> str:
    """Why the kind tier is left out; empty if it is not."""
    minutes = (time.monotonic() - began) / 60
    limit = _TOO_LATE_FOR_KIND if programs.are_ready() else _TOO_LATE_TO_BUILD_FOR_KIND
    if os.environ.get("CI") == "true" and minutes > limit:
        return f"{minutes:.0f} minutes have gone already"
    return programs.why_not()


def _environment(tier: Tier, preparation: background.Preparation, jar_is_built: bool) -> dict[str, str]:
    """What the commands of a tier find in their environment, once all that they need is there."""
    environment = prepare.build_environment()
    if tier.needs_control_plane:
        preparation.join()
        environment["FLINKKUBEHA_CONTROL_PLANE"] = str(prepare.control_plane())
        environment |= {name: str(program) for name, program in prepare.object_stores().items()}
    if tier.name in ("cluster", "faults", "lines", "bench", "kind") and jar_is_built:
        environment["FLINKKUBEHA_JAR"] = str(prepare.built_jar())
    return environment


def run(names: Sequence[str], full: bool) -> int:
    """Runs the named tiers, all without a name; the exit code."""
    began_all = time.monotonic()
    tiers = [tier for tier in _tiers(full) if not names or tier.name in names]
    prepare.tools()
    prepare.rust()
    if any(tier.needs_control_plane for tier in tiers):
        prepare.go()
    preparation = background.Preparation(sorted({version for tier in tiers for version in tier.versions}))
    kind_preparation = background.KindPreparation(any(tier.needs_docker for tier in tiers))
    beside: list[tuple[Tier, background.Aside, float]] = []
    left_out = 0
    counts: dict[str, Count] = {}
    seconds: dict[str, float] = {}
    failed: list[str] = []
    try:
        for tier in tiers:
            progress(f"tier {tier.name}: {tier.what}")
            environment = _environment(tier, preparation, "build" in counts)
            if tier.needs_docker:
                if reason := _why_no_kind(began_all):
                    progress(f"!!! THE TIER {tier.name.upper()} IS NOT RUN: {reason}")
                    counts[tier.name], seconds[tier.name] = Count(skipped=1), 0.0
                    left_out += 1
                    continue
                kind_preparation.stop()
            began = time.monotonic()
            if tier.beside:
                (step,) = tier.steps
                process = background.Aside(step, environment, f"{tier.name}.log", lowest=tier.beside == "lowest")
                beside.append((tier, process, began))
                continue
            counts[tier.name] = sum((steps.run(step, environment, failed) for step in tier.steps), Count())
            seconds[tier.name] = time.monotonic() - began
            if tier.name == "build" and counts["build"].failed:
                break
        for tier, process, began in beside:
            counts[tier.name] = process.join(failed)
            seconds[tier.name] = time.monotonic() - began
            left_out += counts[tier.name].skipped if tier.needs_docker else 0
    finally:
        for process in (preparation, kind_preparation, *(process for _, process, _ in beside)):
            process.stop()

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
