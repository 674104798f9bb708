"""What every measurement stands on: one Kubernetes, namespaces, and programs that end with the run."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from rig import java_program
from rig.control_plane import EmbeddedKubernetes, Namespace
from rig.conversation import SOURCES, Conversation, as_arguments, settings
from rig.workspace import FLINK_VERSION, TESTS, progress

from .results import Results, Sample
from .sides import Side

CLUSTER_ID = "bench"
CLUSTER_CONFIG_MAP = f"{CLUSTER_ID}-cluster-config-map"


@dataclass
class Stage:
    """One run of the benchmarks."""

    kubernetes: EmbeddedKubernetes
    directory: Path
    results: Results
    runs: int
    quick: bool
    benchmark: str = ""
    _count: int = field(default=0, init=False)

    def scene(self, side: Side) -> "Scene":
        """A namespace and a directory of its own for one measurement of one side."""
        self._count += 1
        return Scene(self, side, self.directory / f"{self._count:03}-{side.name.replace(' ', '-')}")

    def rounds(self, side: Side) -> int:
        """How often what takes stock a lease is measured: its figures hardly vary."""
        return self.runs if side.ours else min(self.runs, 3)

    def add(self, group: str, what: str, unit: str, side: Side, *values: float) -> None:
        """One sample."""
        self.results.add(Sample(self.benchmark, group, what, unit, side.name, values))
        shown = sorted(values)[len(values) // 2]
        progress(f"    {side.name}: {what}: {shown:.4g} {unit}{f' (median of {len(values)})' * (len(values) > 1)}")


class Scene(contextlib.AbstractContextManager["Scene"]):
    """One namespace, and the programs in it."""

    def __init__(self, stage: Stage, side: Side, directory: Path) -> None:
        self.stage, self.side, self.directory = stage, side, directory
        directory.mkdir(parents=True)
        self.namespace: Namespace = stage.kubernetes.namespace(side.verbs, "bench")
        self._ending = contextlib.ExitStack()
        self._ending.callback(self._forget)

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def _forget(self) -> None:
        # All of it ends with the run, and a thousand clusters take their time.
        with contextlib.suppress(OSError):
            self.namespace.delete()

    def on_end(self, callback: "contextlib._ExitFunction | object") -> None:
        """Has it called when the scene ends."""
        self._ending.callback(callback)  # type: ignore[arg-type]

    def program(
        self,
        name: str,
        server: str | None = None,
        memory: str = "512m",
        settings_too: Mapping[str, str] = MappingProxyType({}),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Conversation:
        """HA services of this side, in a JVM of their own; through `server` if not straight to the API server."""
        kubeconfig = self.namespace.kubeconfig(server, name, inline_token=not self.side.ours)
        storage = f"file://{self.directory}/ha"
        classes = java_program.compiled([*SOURCES, *sorted((TESTS / "bench" / "program").glob("*.java"))], FLINK_VERSION)
        values = {**settings(self.namespace, kubeconfig, CLUSTER_ID, storage, name), **self.side.settings, **settings_too}
        program = Conversation(
            name,
            "io.flinkkubeha.tests.bench.Bench",
            classes,
            FLINK_VERSION,
            self.side.jars,
            self.directory / name,
            [str(self.directory / "checkpoints"), *as_arguments(values)],
            # As a JobManager runs: with the compiler that the rest of the tests leave out.
            [f"-Xmx{memory}", "-XX:TieredStopAtLevel=4"],
            environment,
        )
        self._ending.callback(program.stop)
        return program


@contextlib.contextmanager
def kubernetes(directory: Path) -> Iterator[EmbeddedKubernetes]:
    """Our own: its audit log counts the calls."""
    started = EmbeddedKubernetes(directory)
    try:
        yield started
    finally:
        started.stop()
