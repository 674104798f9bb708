"""Who wrote what, by etcd's own history: each change of a job's ConfigMap by the holder of the lock at that revision.

A process is known by the name that it gives to the API server as its user agent; Kubernetes keeps it in `managedFields`.
"""

import json
import math
from collections.abc import Collection, Sequence

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
    outsiders: Collection[str] = (RIG,),
    since: int = 0,
    until: float = math.inf,
) -> list[str]:
    """A sentence for each change of a checkpoint pointer or counter by anybody but the holder of the lock; empty is good.

    Of the changes in revisions after `since`, up to `until`.
    """
    problems = []
    # Which process is behind an identity, and who holds the lock of which cluster.
    processes: dict[str, str] = {}
    holders: dict[str, str] = {}
    for revision in revisions:
        author = writer(revision)
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
        if not holder or processes[holder] != author:
            problems.append(f"{what}: the lock was held by {processes[holder] if holder else 'nobody'}")
        claimed = _claimant(revision.config_map)
        # Stock leaves the claim of another standing; it is looked at where it was made or kept by whom it names.
        made = _claim(revision.config_map) != _claim(revision.before) or processes.get(claimed) == author
        if claimed and made and claimed != holder:
            problems.append(f"{what}: under the claim of {claimed}, the lock was held by {holder or 'nobody'}")
    return problems


def writer(revision: Revision) -> str:
    """The process that made this revision; empty for a deletion, which leaves no name."""
    if revision.config_map is None:
        return ""
    managers = _managers(revision.config_map)
    earlier = {json.dumps(one, sort_keys=True) for one in _managers(revision.before)}
    changed = [one for one in managers if json.dumps(one, sort_keys=True) not in earlier]
    if not changed:
        # Who takes away the last that it had is not named any more.
        names = {str(one.get("manager", "")) for one in managers}
        managers = [one for one in _managers(revision.before) if one.get("manager") not in names] or managers
    # Who loses a field to another is changed too, but its time stays. Unchanged: the last one again in the same second.
    newest = max(changed or managers, key=lambda one: str(one.get("time", "")), default={})
    gained = [one for one in changed if one.get("time") == newest.get("time") and _gained(one, revision.before)]
    return str((gained[0] if gained else newest).get("manager", ""))


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
