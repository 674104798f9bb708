"""Web identity as on EKS: a real service for tokens that trusts the service accounts of our Kubernetes, and a gateway that trusts it.

Both are the S3 gateway's program. The service verifies a pod's token against the keys that Kubernetes publishes, and the trust
policy of the role, and hands out keys that the gateway knows. A front before it says how long the client may believe that they
live, because no such service knows less than 15 minutes.
"""

import datetime
import hashlib
import hmac
import http.client
import json
import os
import re
import ssl
import sys
import tempfile
import urllib.parse
from pathlib import Path
from typing import Any

from . import prepare
from .certificates import authority
from .control_plane import Namespace
from .processes import Child, free_port
from .s3_gateway import ACCESS_KEY, SECRET_KEY, S3Gateway
from .waiting import wait_until

_ISSUER = "kubernetes.default.svc"
_AUDIENCE = "sts.amazonaws.com"
# The address of sts_process.py.
_HOSTS = f"127.0.0.1 localhost\n203.0.113.1 {_ISSUER}\n"


class WebIdentity:
    """A role that the service account of a namespace may take, with everything in the bucket of the gateway."""

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        directory.mkdir(parents=True)
        self._namespace = namespace
        self._front, issuer = authority(directory, "front"), authority(directory, "issuer", f"DNS:{_ISSUER}")
        self._port = free_port()
        self._life = directory / "life"
        self.tell_seconds(3600)
        (directory / "hosts").write_text(_HOSTS)
        (directory / "identities").mkdir()
        # The path to a socket has to be short.
        self._sockets = tempfile.TemporaryDirectory(prefix="sts-")
        self._socket = Path(self._sockets.name) / "private"
        told = {
            "port": self._port,
            "hosts": str(directory / "hosts"),
            "documents": self._documents(),
            "issuer": [str(issuer.certificate), str(issuer.key)],
            "front": [str(self._front.certificate), str(self._front.key)],
            "gateway": str(prepare.s3_gateway()),
            "directory": str(directory / "identities"),
            "socket": str(self._socket),
            "life": str(self._life),
        }
        (directory / "told.json").write_text(json.dumps(told))
        keys = {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY, "SSL_CERT_FILE": str(issuer.ca_file)}
        command = [sys.executable, str(Path(__file__).with_name("sts_process.py")), str(directory / "told.json")]
        self._child = Child("sts", command, directory / "sts.log", {**os.environ, **keys}, directory)
        wait_until(self._socket.exists, "the service for identities", 30, hint=self._child.tail)
        self.role = self._make_role()
        self.gateway = S3Gateway(directory / "object-store", ["--iam-standalone-endpoint", str(self._socket)])
        self.token_file = directory / "token"
        self.renew_token()

    def _documents(self) -> dict[str, Any]:
        """What Kubernetes publishes of its keys, under the name that it calls itself by."""
        admin = self._namespace.kubernetes.admin
        document = {"issuer": f"https://{_ISSUER}", "jwks_uri": f"https://{_ISSUER}/keys"}
        keys = admin.request("GET", "/openid/v1/jwks")
        return {"/.well-known/openid-configuration": document, "/keys": keys}

    def _make_role(self) -> str:
        answer = self._ask("CreateOpenIDConnectProvider", {"Url": f"https://{_ISSUER}", "ClientIDList.member.1": _AUDIENCE})
        provider = re.findall("<OpenIDConnectProviderArn>(.*?)<", answer)[0]
        subject = self._namespace.user
        condition = {"StringEquals": {f"{_ISSUER}:aud": _AUDIENCE, f"{_ISSUER}:sub": subject}}
        trust = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity"}
        allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::flink", "arn:aws:s3:::flink/*"]}
        answer = self._ask("CreateRole", {"RoleName": "flink", "AssumeRolePolicyDocument": _policy({**trust, "Condition": condition})})
        policy = {"RoleName": "flink", "PolicyName": "bucket", "PolicyDocument": _policy(allowed)}
        self._ask("PutRolePolicy", policy)
        return re.findall("<Arn>(.*?)<", answer)[0]

    def _ask(self, action: str, parameters: dict[str, str]) -> str:
        """One signed request; the answer."""
        body = urllib.parse.urlencode({"Action": action, "Version": "2010-05-08", **parameters})
        tls = ssl.create_default_context(cafile=str(self._front.ca_file))
        host = f"127.0.0.1:{self._port}"
        connection = http.client.HTTPSConnection(host, timeout=20, context=tls)
        connection.request("POST", "/", body, _signed(host, body))
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status == 200, f"{action}: {answer.status} {text}"
        return text

    def renew_token(self) -> None:
        """Another token of the service account in the file, at once, as the kubelet does."""
        namespace = self._namespace
        path = f"/api/v1/namespaces/{namespace.name}/serviceaccounts/{namespace.account}/token"
        spec = {"audiences": [_AUDIENCE], "expirationSeconds": 3600}
        self.replace_token(namespace.kubernetes.admin.request("POST", path, {"spec": spec})["status"]["token"])

    def replace_token(self, token: str) -> None:
        """Anything in its place."""
        new = self.token_file.with_suffix(".new")
        new.write_text(token)
        new.replace(self.token_file)

    @property
    def token_digest(self) -> str:
        """Of the token in the file, as in `taken`."""
        return hashlib.sha256(self.token_file.read_bytes()).hexdigest()

    def tell_seconds(self, seconds: float) -> None:
        """How long clients are told from now on that their keys live."""
        self._life.write_text(str(seconds))

    def taken(self) -> list[dict[str, Any]]:
        """Each attempt to take the role."""
        lines = [json.loads(line) for line in self._child.output.read_text().splitlines() if line.startswith("{")]
        return [one for one in lines if one["action"] == "AssumeRoleWithWebIdentity"]

    @property
    def environment(self) -> dict[str, str]:
        """What EKS puts into a pod, and where the service is."""
        return {
            "AWS_ROLE_ARN": self.role,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(self.token_file),
            "AWS_ENDPOINT_URL_STS": f"https://127.0.0.1:{self._port}",
            "SSL_CERT_FILE": str(self._front.ca_file),
        }

    @property
    def settings(self) -> dict[str, str]:
        """Without keys."""
        return {key: value for key, value in self.gateway.settings.items() if not key.endswith("-key")}

    def stop(self) -> None:
        self.gateway.stop()
        self._child.stop(5)
        self._sockets.cleanup()


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _signed(host: str, body: str) -> dict[str, str]:
    """The headers of a request with Amazon's signature, version 4."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/us-east-1/iam/aws4_request"
    headers = {"content-type": "application/x-www-form-urlencoded", "host": host, "x-amz-date": now}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body.encode()).hexdigest()}"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{SECRET_KEY}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"Credential={ACCESS_KEY}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "Authorization": f"AWS4-HMAC-SHA256 {credential}"}
