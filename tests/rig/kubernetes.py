"""A small Kubernetes REST client for the rig itself, which looks on and prepares as administrator."""

import base64
import http.client
import json
import ssl
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class ApiFailure(Exception):
    """An answer other than 2xx."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True)
class Access:
    """How one user reaches one API server."""

    server: str
    ca_file: Path
    token: str | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    @staticmethod
    def from_kubeconfig(view: Json, directory: Path) -> "Access":
        """Reads the one context of `kubectl config view --raw --minify --flatten -o json`."""
        cluster = view["clusters"][0]["cluster"]
        user = view["users"][0]["user"]

        def material(name: str, encoded: str | None) -> Path | None:
            if not encoded:
                return None
            file = directory / name
            file.write_bytes(base64.b64decode(encoded))
            file.chmod(0o600)
            return file

        ca_file = material("ca.crt", cluster.get("certificate-authority-data"))
        if ca_file is None:
            raise SystemExit("The kubeconfig in KUBECONFIG names no certificate authority; the tests verify TLS.")
        token = user.get("token")
        if not token and "tokenFile" in user:
            token = Path(user["tokenFile"]).read_text().strip()
        return Access(
            cluster["server"],
            ca_file,
            token,
            material("client.crt", user.get("client-certificate-data")),
            material("client.key", user.get("client-key-data")),
        )


class KubernetesClient:
    """Requests one after the other, each on a connection of its own."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.tls = ssl.create_default_context(cafile=str(access.ca_file))
        if access.certificate_file:
            self.tls.load_cert_chain(access.certificate_file, access.key_file)

    def request(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
        limit: float = 10,
    ) -> Json:
        """One request; the parsed answer."""
        kind, text = self._exchange(method, path, body, query, limit)
        if not kind.endswith("json"):
            return {"text": text}
        parsed: Json = json.loads(text)
        return parsed

    def _exchange(
        self, method: str, path: str, body: Json | None, query: Mapping[str, str] | None, limit: float
    ) -> tuple[str, str]:
        """Content type and text of the answer."""
        url = urllib.parse.urlsplit(self.access.server)
        connection = http.client.HTTPSConnection(url.hostname or "", url.port or 443, timeout=limit, context=self.tls)
        headers = {"Accept": "application/json, */*;q=0.5", "Content-Type": "application/json", "User-Agent": "test-rig"}
        if self.access.token:
            headers["Authorization"] = f"Bearer {self.access.token}"
        try:
            target = f"{path}?{urllib.parse.urlencode(query)}" if query else path
            connection.request(method, target, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 300:
            raise ApiFailure(answer.status, text)
        return answer.headers.get_content_type(), text

    def create(self, path: str, body: Json) -> Json:
        """POST, where it is no error that the object exists."""
        try:
            return self.request("POST", path, body)
        except ApiFailure as failure:
            if failure.code != 409:
                raise
            return body

    def config_maps(self, namespace: str) -> dict[str, Json]:
        """All ConfigMaps of a namespace by name, but for the one that Kubernetes itself puts there."""
        items = self.request("GET", f"/api/v1/namespaces/{namespace}/configmaps")["items"]
        return {item["metadata"]["name"]: item for item in items if item["metadata"]["name"] != "kube-root-ca.crt"}

    def watch_config_map(self, namespace: str, name: str, version: str) -> list[Json]:
        """Every state that a ConfigMap has had since that resource version, in order."""
        query = {"watch": "true", "fieldSelector": f"metadata.name={name}", "resourceVersion": version}
        path = f"/api/v1/namespaces/{namespace}/configmaps"
        _, text = self._exchange("GET", path, None, {**query, "timeoutSeconds": "1"}, 10)
        events = [json.loads(line) for line in text.splitlines()]
        assert all(event["type"] in ("ADDED", "MODIFIED", "DELETED") for event in events), text
        return [event["object"] for event in events]

    def config_map(self, namespace: str, name: str) -> Json | None:
        """One ConfigMap, None if there is none of that name."""
        try:
            return self.request("GET", f"/api/v1/namespaces/{namespace}/configmaps/{name}")
        except ApiFailure as failure:
            if failure.code == 404:
                return None
            raise


def write_kubeconfig(
    file: Path,
    server: str,
    ca_file: Path,
    token_file: Path,
    namespace: str,
    context: str = "flink",
    inline_token: bool = False,
) -> Path:
    """A kubeconfig with the name of the token file, or the token itself; in JSON, which is YAML too."""
    user = {"token": token_file.read_text()} if inline_token else {"tokenFile": str(token_file)}
    file.touch(0o600)
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": context,
                "clusters": [{"name": "tests", "cluster": {"server": server, "certificate-authority": str(ca_file)}}],
                "users": [{"name": "flink", "user": user}],
                "contexts": [
                    {"name": context, "context": {"cluster": "tests", "user": "flink", "namespace": namespace}}
                ],
            },
            indent=2,
        )
    )
    return file
