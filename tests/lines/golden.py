"""HA data as one writer of a line leaves it, with fixed values for what is different each time.

What is replaced, by values of the same form and length: holder identity and session (UUIDs), the two times of the lock
record, the twelve random digits of each file name, inside the bytes of the pointers too. What the API server adds
(uid, resourceVersion, creationTimestamp, managedFields) and the name of the namespace are not the writer's and go.
Nothing else is touched: the storage directory has the same path wherever this runs, because the writer sees its working
directory as /proc/self/cwd.
"""

import base64
import json
import re
from collections.abc import Sequence
from pathlib import Path

from rig.control_plane import Namespace
from rig.kubernetes import Json
from rig.waiting import wait_until
from rig.workspace import TESTS

from .exchange import CLUSTER_CONFIG_MAP, JOB_CONFIG_MAP, Exchange

DIRECTORY = TESTS / "golden"
LOCK = "control-plane.alpha.kubernetes.io/leader"
OUR_ANNOTATIONS = "ha.flinkkubeha.io/"

_NAMESPACE = "golden"
_HOLDER, _SESSION = (f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "12")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIMES = {"acquireTime": "2026-01-02T03:04:05.000006Z", "renewTime": "2026-01-02T03:04:10.000007Z"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_RANDOM_NAME = re.compile(rb"(/(?:completedCheckpoint|submitted[A-Z][A-Za-z]+?))[0-9a-f]{12}(?=x$)")


def write(line: str, jars: Sequence[Path], namespace: Namespace, shared: Path) -> dict[str, str]:
    """Has a process of that line write everything, and gives its work as names of files and their contents."""
    process = Exchange("writer", line, jars, namespace, shared, {}, root="/proc/self/cwd")
    try:
        for step in ("open", "lead", "write"):
            process.ask(step)
        wait_until(lambda: _leaders(namespace) == 4, "all leaders in the ConfigMap", 5)
        held = namespace.config_maps()
        process.ask("suspend")
        process.end()
    finally:
        process.stop()
    version = held[CLUSTER_CONFIG_MAP]["metadata"]["resourceVersion"]
    later = namespace.kubernetes.admin.watch_config_map(namespace.name, CLUSTER_CONFIG_MAP, version)
    # Stock takes its lock back a moment later.
    released = next(one for one in later if '"holderIdentity":""' in one["metadata"]["annotations"][LOCK])
    results = [file for store in shared.glob("ha/*-result-store") for file in store.glob("default/*")]
    return {
        "cluster-config-map.held.json": normal(held[CLUSTER_CONFIG_MAP]),
        "cluster-config-map.released.json": normal(released),
        "job-config-map.json": normal(held[JOB_CONFIG_MAP]),
        **{f"{file.parents[1].name}/{file.name}": file.read_text() for file in results},
    }


def read(line: str) -> dict[str, str]:
    """What lies in tests/golden for that line, as `write` gives it."""
    directory = DIRECTORY / line
    files = (file for file in directory.rglob("*") if file.is_file())
    return {str(file.relative_to(directory)): file.read_text() for file in files}


def _leaders(namespace: Namespace) -> int:
    data = (namespace.config_map(CLUSTER_CONFIG_MAP) or {}).get("data", {})
    return sum(key.startswith("org.apache.flink.k8s.leader.") for key in data)


def normal(config_map: Json) -> str:
    """The text of a ConfigMap with fixed values for what is different each time."""
    metadata = config_map["metadata"]
    annotations = {
        key: _normal_record(value) if key == LOCK else value
        for key, value in metadata.get("annotations", {}).items()
        if not key.startswith(OUR_ANNOTATIONS)
    }
    kept = {key: metadata[key] for key in metadata if key in ("labels", "name", "finalizers", "ownerReferences")}
    whole = {
        **{key: value for key, value in config_map.items() if key not in ("metadata", "data")},
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**kept, "namespace": _NAMESPACE, **({"annotations": annotations} if annotations else {})},
        "data": {
            key: _normal_value(value, number)
            for number, (key, value) in enumerate(sorted(config_map.get("data", {}).items()))
        },
    }
    return json.dumps(whole, indent=2, sort_keys=True) + "\n"


def _normal_record(text: str) -> str:
    for field, time in _TIMES.items():
        text, count = re.subn(rf'(?<="{field}":"){_TIME.pattern}(?=")', time, text)
        assert count == 1, f"{field} in {text}"
    return _UUID.sub(_HOLDER, text)


def _normal_value(value: str, number: int) -> str:
    if _UUID.match(value):
        return _UUID.sub(_SESSION, value, 1)
    if not value.startswith("rO0AB"):
        return value
    name = rb"\g<1>" + f"{number:012x}".encode()
    data, count = _RANDOM_NAME.subn(name, base64.b64decode(value, validate=True))
    assert count == 1, f"no file name in {value}"
    return base64.b64encode(data).decode()
