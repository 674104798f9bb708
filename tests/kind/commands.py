"""The command lines of tests/kind/up and tests/kind/down."""

import argparse

from rig.processes import end_on_signals

from . import cluster


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests/kind")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up")
    up.add_argument("--workers", type=int, default=0, help="nodes beside the control plane")
    up.add_argument("--image", help="a node image, such as kindest/node:v1.36.1; also FLINKKUBEHA_KIND_IMAGE")
    commands.add_parser("down")
    options = parser.parse_args()
    end_on_signals()
    if options.command == "up":
        cluster.up(options.workers, options.image)
    else:
        cluster.down()


if __name__ == "__main__":
    main()
