"""The manifests for users, made into objects: with another namespace, another image, and settings on top."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from rig.kubernetes import Json
from rig.logs import LOG4J

from .cluster import KindCluster
from .programs import HERE

DIRECTORY = HERE / "manifests"
_IMAGE = "registry.example.com/flink-with-kube-ha:2.2.1"


def load(kubernetes: KindCluster, name: str, namespace: str, image: str, settings: Mapping[str, str]) -> list[Json]:
    """The objects of a manifest, in its order, made for that namespace and image."""
    text = (DIRECTORY / name).read_text()
    assert "namespace: flink" in text
    text = text.replace("namespace: flink\n", f"namespace: {namespace}\n").replace(_IMAGE, image)
    scratch = kubernetes.run_directory / f"{namespace}-{name}"
    scratch.write_text(text)
    objects = list(_documents(kubernetes.kubectl("create", "--dry-run=client", "-o", "json", "-f", str(scratch))))
    scratch.unlink()
    for one in objects:
        if one["kind"] == "ConfigMap":
            one["data"]["config.yaml"] = _with_settings(one["data"]["config.yaml"], settings)
            # Milliseconds since the epoch before each line.
            one["data"]["log4j-console.properties"] = LOG4J
    return objects


def _documents(text: str) -> Iterator[Json]:
    decoder, at = json.JSONDecoder(), 0
    while at < len(text.rstrip()):
        one, at = decoder.raw_decode(text, at)
        yield from one["items"] if one["kind"] == "List" else [one]
        at += len(text[at:]) - len(text[at:].lstrip())


def _with_settings(text: str, settings: Mapping[str, str]) -> str:
    lines = dict(re.findall(r"(?m)^(\S+): (.*)$", text))
    lines |= {key: json.dumps(value) for key, value in settings.items()}
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


def template(workload: Json) -> Any:
    """The pod specification in a Deployment or Job."""
    return workload["spec"]["template"]["spec"]


def with_short_token(workload: Json) -> None:
    """Gives its pods a token of ten minutes, the shortest that there is, in place of that of an hour."""
    spec = template(workload)
    spec["automountServiceAccountToken"] = False
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    spec["volumes"].append({"name": "token", "projected": {"sources": sources}})
    path = "/var/run/secrets/kubernetes.io/serviceaccount"
    spec["containers"][0]["volumeMounts"].append({"name": "token", "mountPath": path, "readOnly": True})
