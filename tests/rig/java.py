"""Runs the Java tests on the oldest and the newest Java with long-term support, beside the one that builds the jar."""

import argparse
import sys
from collections.abc import Sequence

from . import prepare
from .processes import end_on_signals, group
from .workspace import ROOT, progress

RELEASES = (11, 25)
# Cold, with all jars to be fetched.
_LIMIT = 900


def run(releases: Sequence[int], tests: str) -> int:
    """Runs the tests on each release, whatever the one before has said; how many releases failed."""
    prepare.tools()
    failed = 0
    for release in releases:
        java = prepare.java(release)
        progress(f"Java tests on Java {release}: {java}")
        command = ["gradle", "--console=plain", "--continue", "javaTest", f"-PtestJava={java}"]
        command += [f"-Ptests={tests}"] if tests else []
        with group(command, cwd=ROOT, env=prepare.build_environment()) as process:
            failed += process.wait(_LIMIT) != 0
    return failed


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests/java", description=__doc__)
    parser.add_argument("--release", type=int, action="append", choices=RELEASES, help="one release only")
    parser.add_argument("tests", nargs="?", default="", help="a regular expression of full class names")
    options = parser.parse_args()
    end_on_signals()
    sys.exit(run(options.release or RELEASES, options.tests))


if __name__ == "__main__":
    main()
