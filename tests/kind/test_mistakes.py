"""What is often wrong in a cluster ends the start with one sentence in the log of the pod."""

from collections.abc import Callable

from rig.kubernetes import Json

from . import base

Edit = Callable[[Json], None]


class Mistakes(base.KindTest):
    """Each is one thing other than in the manifests; all start at once."""

    def start(self, edit_rights: Edit, more: dict[str, str] | None = None) -> base.Fleet:
        """One JobManager with other rights or settings."""
        fleet = base.Fleet(base.kubernetes(), base.directory() / "pods", "session")
        self.addCleanup(fleet.delete)
        fleet.apply("rbac.yaml", edit_rights)
        for one in fleet.load("session.yaml", more):
            if "taskmanager" in one["metadata"]["name"]:
                continue
            if one["kind"] == "Deployment":
                one["spec"]["replicas"] = 1
            fleet.create(one)
        return fleet

    def test_each_ends_with_one_sentence(self) -> None:
        def without_watch(one: Json) -> None:
            if one["kind"] == "Role":
                one["rules"][0]["verbs"].remove("watch")

        def bound_to_another(one: Json) -> None:
            if one["kind"] == "RoleBinding":
                one["subjects"][0]["name"] = "somebody-else"

        rows = {
            "a verb that the Role lacks": (self.start(without_watch), ("watch", "configmaps", "Role")),
            "a service account that is not bound": (self.start(bound_to_another), ("configmaps", "Role", "namespace")),
            "another namespace": (
                self.start(lambda _: None, {"kubernetes.namespace": "default"}),
                ("kubernetes.namespace", '"default"', "Role"),
            ),
        }
        for name, (fleet, words) in rows.items():
            with self.subTest(name):
                log = base.log_of_ended(fleet)
                said = [line for line in log.splitlines() if all(word in line for word in words)]
                self.assertTrue(said, f"no line with {words}\n{log[-3000:]}")
                self.report(f"{name}: {said[0].split(' ', 3)[-1]}")
