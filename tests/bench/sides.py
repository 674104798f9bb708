"""Who is measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rig import control_plane, prepare


@dataclass(frozen=True)
class Side:
    """One way to run Flink's HA services."""

    name: str
    ours: bool
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def jars(self) -> Sequence[Path]:
        """What goes in front of Flink's own classes."""
        return [prepare.jar()] if self.ours else []

    @property
    def verbs(self) -> Sequence[str]:
        """The Role: with exactly the documented one, stock loses its leadership every 20 seconds."""
        return control_plane.DOCUMENTED_VERBS if self.ours else control_plane.STOCK_VERBS


STOCK = Side("stock", ours=False)
OURS = Side("flink-kube-ha", ours=True)
FAST = Side("with fast failover", ours=True, settings={"high-availability.native.fast-failover": "true"})
SIDES = (STOCK, OURS)
