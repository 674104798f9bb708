"""Kills a JobManager at a step of a job's life: right before, or right after, a certain write is carried out.

Steps are the writes that a job causes, as the path to the API server sees them, so the product needs no hooks for it.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .http_proxy import Asked, HttpFaultProxy
from .kubernetes import Access, Json

_CLAIM = "ha.flinkkubeha.io/claim"
_POINTER = "checkpointID-"
_LEADER = "org.apache.flink.k8s.leader."


@dataclass(frozen=True)
class CrashPoint:
    """A step and the side of it."""

    step: str
    after: bool  # it was carried out, but nobody was told

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} '{self.step}'"


class Steps:
    """Names the steps of one job at a time, over all paths, and kills at one of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Json] = {}
        self.follow("")

    def follow(self, job: str, point: CrashPoint | None = None) -> None:
        """From now on this job, with a crash at that point of it."""
        with self._lock:
            self._job, self._point = job, point
            self.seen: list[str] = []
            self.crashed = threading.Event()
            # When that was, in seconds since the epoch.
            self.crashed_at = 0.0

    def passing(self, asked: Asked, kill: Callable[[], object]) -> None:
        """Before a write."""
        step = self._name(asked)
        if step:
            self._crash_at(CrashPoint(step, after=False), kill)

    def passed(self, asked: Asked, code: int, kill: Callable[[], object]) -> None:
        """After a write."""
        step = self._name(asked)
        if code >= 300 or asked.method == "GET":
            return
        if step:
            with self._lock:
                self.seen.append(step)
            self._crash_at(CrashPoint(step, after=True), kill)
        self._remember(asked)

    def _crash_at(self, point: CrashPoint, kill: Callable[[], object]) -> None:
        with self._lock:
            here = point == self._point and not self.crashed.is_set()
            if here:
                self.crashed_at = time.time()
                self.crashed.set()
        if here:
            kill()
            raise ConnectionAbortedError

    def _name(self, asked: Asked) -> str:
        """What this write does to the job; empty if it is about something else."""
        if not self._job or asked.method not in ("POST", "PUT", "DELETE") or "dryRun" in asked.path:
            return ""
        name, after = _target(asked)
        if self._job not in name and not name.endswith("-cluster-config-map"):
            return ""
        owner = "job's ConfigMap" if self._job in name else "cluster ConfigMap"
        if asked.method == "DELETE":
            return f"{owner}: delete" if self._job in name else ""
        with self._lock:
            before = self._known.get(name, {})
        changes = sorted({*self._changes(before, after, everything=self._job in name)})
        return f"{owner}: {', '.join(changes)}" if changes else ""

    def _changes(self, before: Json, after: Json, everything: bool) -> list[str]:
        old, new = before.get("data") or {}, after.get("data") or {}
        found = []
        for key in {*old, *new}:
            if old.get(key) != new.get(key) and (everything or self._job in key):
                verb = "set" if key not in old else "take away" if key not in new else "change"
                found.append(f"{verb} {_kind(key)}")
        claims = [(one.get("metadata", {}).get("annotations") or {}).get(_CLAIM) for one in (before, after)]
        return [*found, "claim"] if everything and claims[0] != claims[1] else found

    def _remember(self, asked: Asked) -> None:
        name, after = _target(asked)
        with self._lock:
            if asked.method == "DELETE":
                self._known.pop(name, None)
            elif asked.method in ("POST", "PUT"):
                self._known[name] = after


class CrashingPath(HttpFaultProxy):
    """The path of one JobManager to the API server."""

    def __init__(self, access: Access, certificate: str, key: str, steps: Steps, kill: Callable[[], object]) -> None:
        self._steps, self._kill = steps, kill
        super().__init__(access, certificate, key)

    def passing(self, asked: Asked) -> None:
        self._steps.passing(asked, self._kill)

    def passed(self, asked: Asked, code: int) -> None:
        self._steps.passed(asked, code, self._kill)


def _target(asked: Asked) -> tuple[str, Json]:
    """The name of the ConfigMap, and what it is to become."""
    try:
        body: Json = json.loads(asked.body) if asked.body else {}
    except ValueError:
        body = {}
    name = asked.path.split("?")[0].rpartition("/")[2]
    return (str(body.get("metadata", {}).get("name", "")) if asked.method == "POST" else name), body


def _kind(key: str) -> str:
    if key.startswith(_POINTER):
        return "pointer"
    if key.startswith(_LEADER):
        return "leader address"
    return key.split("-")[0]
