"""Writes the golden samples anew with the real stock of each line."""

import argparse
import shutil

from rig import control_plane, prepare
from rig.processes import end_on_signals
from rig.workspace import LINES, RUNS, progress

from . import golden


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests/golden/regenerate", description=__doc__)
    parser.add_argument("line", nargs="*", default=LINES, help=f"of {', '.join(LINES)}")
    lines = parser.parse_args().line
    end_on_signals()
    directory = RUNS / "golden"
    shutil.rmtree(directory, ignore_errors=True)
    prepare.tools(["javac", "setpriv"])
    kubernetes = control_plane.start(directory / "kubernetes")
    try:
        for line in lines:
            namespace = kubernetes.namespace(control_plane.STOCK_VERBS)
            written = golden.write(line, [], namespace, directory / line)
            shutil.rmtree(golden.DIRECTORY / line, ignore_errors=True)
            for name, text in written.items():
                file = golden.DIRECTORY / line / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            progress(f"{line}: {', '.join(sorted(written))}")
    finally:
        kubernetes.stop()


if __name__ == "__main__":
    main()
