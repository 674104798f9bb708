"""Runs the simulation: many seeds, or one with everything that happened in it.

Only the library and the test itself are built anew for it, optimised; what they depend on is that of all other tests.
"""

import argparse
import sys

from . import prepare
from .processes import end_on_signals, group
from .workspace import ROOT

# A run takes about a twentieth of a second of one core.
_RUNS = 10_000


def run(variables: dict[str, str]) -> int:
    """Runs the simulation with these variables; the exit code."""
    prepare.tools()
    prepare.rust()
    # Without incremental compilation there are fewer, larger units, which are optimised better.
    environment = prepare.build_environment() | variables | {"CARGO_INCREMENTAL": "0"}
    # With the whole workspace, so that what the native tier has built before is built.
    command = ["cargo", "test", "--workspace", "--locked", "--features=testing", "--test=simulation"]
    command += ["--config=profile.dev.package.flink-kube-ha.opt-level=2"]
    command += ["random_runs", "--", "--nocapture"]
    with group(command, cwd=ROOT, env=environment) as process:
        return process.wait()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests/simulation", description=__doc__)
    parser.add_argument("--runs", type=int, default=_RUNS, metavar="N", help=f"so many seeds, {_RUNS} without it")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="from this seed on")
    parser.add_argument("--seed", type=int, metavar="SEED", help="this one alone, with all that is logged")
    options = parser.parse_args()
    end_on_signals()
    if options.seed is not None:
        sys.exit(run({"FLINKKUBEHA_SEED": str(options.seed)}))
    sys.exit(run({"FLINKKUBEHA_SIMULATIONS": str(options.runs), "FLINKKUBEHA_FIRST": str(options.first)}))


if __name__ == "__main__":
    main()
