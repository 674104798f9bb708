"""Runs exchange/: HA services of one Flink line, Flink's own or ours, that write, read and clean up."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rig import java_program
from rig.accounts import Account
from rig.control_plane import Namespace
from rig.conversation import SOURCES, Conversation, as_arguments, settings
from rig.workspace import TESTS

CLUSTER_ID = "exchange"
# The job whose checkpoints are exchanged.
JOB = "a" * 32
CLUSTER_CONFIG_MAP = f"{CLUSTER_ID}-cluster-config-map"
JOB_CONFIG_MAP = f"{CLUSTER_ID}-{JOB}-config-map"
_DIRECTORY = TESTS / "lines" / "exchange"


def program(line: str) -> Path:
    """The classes of the program, compiled against that Flink."""
    folders = [
        "common",
        "job-graphs" if line.startswith("1.") else "execution-plans",
        "applications" if (2, 3) <= tuple(map(int, line.split(".")[:2])) else "without-applications",
    ]
    sources = [file for folder in folders for file in sorted((_DIRECTORY / folder).glob("*.java"))]
    return java_program.compiled([*SOURCES, *sources], line)


class Exchange(Conversation):
    """One JVM. Without `jars` its HA services are Flink's own."""

    def __init__(
        self,
        name: str,
        line: str,
        jars: Sequence[Path],
        account: Account | Namespace,
        shared: Path,
        more: Mapping[str, str],
        root: str | None = None,
    ) -> None:
        """`shared` is its working directory, and `root` another name of that which stands in what it writes."""
        namespace = account if isinstance(account, Namespace) else account.namespace
        # Stock's client knows no tokenFile.
        kubeconfig = account.kubeconfig(inline_token=not jars)
        arguments = {
            **settings(namespace, kubeconfig, CLUSTER_ID, f"file://{root or shared}/ha", name),
            "job-result-store.delete-on-commit": "false",
            "application-result-store.delete-on-commit": "false",
            "exchange.host": name,
            **more,
        }
        super().__init__(
            name,
            "io.flinkkubeha.tests.exchange.Exchange",
            program(line),
            line,
            jars,
            shared / name,
            [root or str(shared), *as_arguments(arguments)],
        )
