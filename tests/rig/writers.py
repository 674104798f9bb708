"""Who wrote what, by etcd's own history: each change of a job's ConfigMap by the holder of the lock at that revision.

A process is known by the name that it gives to the API server as its user agent. The audit log tells which revision it
made. For a write whose answer the API server never logged there is `managedFields`, where Kubernetes keeps that name too,
but only of who gained a field: a write that does nothing but take a field away leaves no trace of its author there.
"""

import json
import math
from collections.abc import Collection, Sequence

from .audit import Authors
from .etcd_history import Revision
from .kubernetes import Json

_LOCK = "control-plane.alpha.kubernetes.io/leader"
_CLAIM = "ha.flinkkubeha.io/claim"
_CLAIM_VERSION = "v1 "
# What the restart of a job depends on.
_GUARDED = ("checkpointID-", "counter")
_CLUSTER = "-cluster-config-map"
# The rig's own hand, where it tampers on purpose.
RIG = "test-rig"


def foreign_writes(
    revisions: Sequence[Revision],
    authors: Authors,
    outsiders: Collection[str] = (RIG,),
    since: int = 0,
    until: float = math.inf,
) -> list[str]:
    """A sentence for each change of a checkpoint pointer or counter by anybody but the holder of the lock; empty is good.

    Of the changes in revisions after `since`, up to `until`. A change whose author nobody knows is nobody's.
    """
    problems = []
    # Which process is behind an identity, and who holds the lock of which cluster.
    processes: dict[str, str] = {}
    holders: dict[str, str] = {}
    for revision in revisions:
        author = writer(revision, authors)
        if revision.name.endswith(_CLUSTER):
            cluster = revision.name.removesuffix(_CLUSTER)
            # Whoever deletes or overwrites the lock as an outsider does not become another writer by it.
            if revision.config_map is not None and author not in outsiders:
                holders[cluster] = _holder(revision.config_map)
                # Who puts an identity there for the first time is that identity: nobody takes a lock for others.
                processes.setdefault(holders[cluster], author)
            continue
        changed = _guarded_changes(revision)
        if not changed or revision.config_map is None or author in outsiders or not since < revision.number <= until:
            continue
        # The cluster's name may be the beginning of another one's.
        cluster = max((name for name in holders if revision.name.startswith(f"{name}-")), key=len, default="")
        holder = holders.get(cluster, "")
        what = f"revision {revision.number} of {revision.name} ({', '.join(changed)}) by {author}"
        if author and (not holder or processes[holder] not in (author, "")):
            problems.append(f"{what}: the lock was held by {processes[holder] if holder else 'nobody'}")
        claimed = _claimant(revision.config_map)
        # Stock leaves the claim of another standing; it is looked at where it was made or kept by whom it names.
        made = _claim(revision.config_map) != _claim(revision.before) or processes.get(claimed) == author
        if claimed and made and claimed != holder:
            problems.append(f"{what}: under the claim of {claimed}, the lock was held by {holder or 'nobody'}")
    return problems


def writer(revision: Revision, authors: Authors) -> str:
    """The process that made this revision; empty if nobody knows, and for a deletion."""
    if revision.config_map is None:
        return ""
    return authors.of(revision.name, revision.number, revision.replaced) or _gainer(revision)


def _gainer(revision: Revision) -> str:
    """The manager of fields who gained something in this revision."""
    gained = [one for one in _managers(revision.config_map) if _gained(one, revision.before)]
    return str(max(gained, key=lambda one: str(one.get("time", "")), default={}).get("manager", ""))


def _managers(config_map: Json | None) -> list[Json]:
    found: list[Json] = (config_map or {}).get("metadata", {}).get("managedFields", [])
    return found


def _gained(entry: Json, before: Json | None) -> bool:
    """Whether a manager owns something that it did not own before, or wrote at another time."""
    for one in _managers(before):
        if (one["manager"], one["operation"]) == (entry["manager"], entry["operation"]):
            return one.get("time") != entry.get("time") or bool(_leaves(entry) - _leaves(one))
    return True


def _leaves(entry: Json) -> set[str]:
    def walk(fields: Json, path: str) -> set[str]:
        return {path}.union(*(walk(inner, f"{path}/{name}") for name, inner in fields.items()))

    return walk(entry.get("fieldsV1", {}), "")


def _holder(config_map: Json | None) -> str:
    text = _annotation(config_map, _LOCK)
    try:
        return str(json.loads(text).get("holderIdentity") or "")
    except (ValueError, AttributeError):
        return ""  # garbled on purpose


def _claim(config_map: Json | None) -> str:
    return _annotation(config_map, _CLAIM)


def _claimant(config_map: Json | None) -> str:
    text = _claim(config_map)
    return str(json.loads(text.removeprefix(_CLAIM_VERSION))["holderIdentity"]) if text.startswith(_CLAIM_VERSION) else ""


def _annotation(config_map: Json | None, name: str) -> str:
    return str(((config_map or {}).get("metadata", {}).get("annotations") or {}).get(name, ""))


def _guarded_changes(revision: Revision) -> list[str]:
    after, before = ((one or {}).get("data") or {} for one in (revision.config_map, revision.before))
    return sorted(
        key for key in {*after, *before} if key.startswith(_GUARDED) and after.get(key) != before.get(key)
    )
