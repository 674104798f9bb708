"""Further service accounts in a namespace, each with a Role of its own."""

from collections.abc import Sequence
from pathlib import Path

from .control_plane import Namespace
from .kubernetes import Json, write_kubeconfig
from .waiting import wait_until


class Account:
    """One more service account beside the one that the JobManagers use."""

    def __init__(self, namespace: Namespace, name: str, rules: Sequence[Json]) -> None:
        self.namespace = namespace
        self.name = name
        admin = namespace.kubernetes.admin
        core = f"/api/v1/namespaces/{namespace.name}"
        rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace.name}"
        admin.create(f"{core}/serviceaccounts", {"metadata": {"name": name}})
        admin.create(f"{rbac}/roles", {"metadata": {"name": name}, "rules": list(rules)})
        admin.create(
            f"{rbac}/rolebindings",
            {
                "metadata": {"name": name},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace.name}],
            },
        )
        answer = admin.request(
            "POST", f"{core}/serviceaccounts/{name}/token", {"spec": {"expirationSeconds": 24 * 3600}}
        )
        self._token_file = namespace.directory / f"{name}.token"
        self._token_file.touch(0o600)
        self._token_file.write_text(answer["status"]["token"])
        for rule in rules:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    self._wait_until_authorized(rule["apiGroups"][0], resource, verb)

    @property
    def user(self) -> str:
        """The account as the audit log names it."""
        return f"system:serviceaccount:{self.namespace.name}:{self.name}"

    def kubeconfig(self, inline_token: bool = False) -> Path:
        """A kubeconfig of this account."""
        access = self.namespace.kubernetes.access
        return write_kubeconfig(
            self.namespace.directory / f"{self.name}.kubeconfig",
            access.server,
            access.ca_file,
            self._token_file,
            self.namespace.name,
            inline_token=inline_token,
        )

    def _wait_until_authorized(self, group: str, resource: str, verb: str) -> None:
        """The API server's authorizer sees a new Role a moment later than its writer."""
        main, _, sub = resource.partition("/")
        attributes = {"namespace": self.namespace.name, "group": group, "resource": main, "subresource": sub}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": self.user, "resourceAttributes": {**attributes, "verb": verb}},
        }
        admin = self.namespace.kubernetes.admin
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        wait_until(
            lambda: bool(admin.request("POST", path, review)["status"]["allowed"]),
            f"the Role of {self.name} to allow {verb} on {resource}",
            10,
        )
