"""What is often wrong in a cluster ends the start with one sentence in the log of the pod."""

from collections.abc import Callable

from rig.kubernetes import Json

from . import base, manifests

Edit = Callable[[Json], None]


class Mistakes(base.KindTest):
    """Each is one thing other than in the manifests."""

    def log_of(self, edit_rights: Edit, edit: Edit = lambda _: None, settings: dict[str, str] | None = None) -> str:
        """What the JobManager's pod says when it has ended."""
        fleet = base.Fleet(base.kubernetes(), base.directory() / "pods", "session")
        self.addCleanup(fleet.delete)
        fleet.apply("rbac.yaml", edit_rights)
        for one in fleet.load("session.yaml", settings):
            if "taskmanager" in one["metadata"]["name"]:
                continue
            if one["kind"] == "Deployment":
                one["spec"]["replicas"] = 1
            edit(one)
            fleet.create(one)
        return base.log_of_ended(fleet)

    def assert_one_sentence(self, log: str, *words: str) -> None:
        """Some line of the log holds all the words."""
        lines = [line for line in log.splitlines() if all(word in line for word in words)]
        self.assertTrue(lines, f"no line with {words}\n{log[-3000:]}")
        self.report(lines[0].split(" ", 3)[-1][:300])

    def test_a_verb_is_missing_from_the_role(self) -> None:
        def edit(one: Json) -> None:
            if one["kind"] == "Role":
                one["rules"][0]["verbs"].remove("watch")

        self.assert_one_sentence(self.log_of(edit), "watch", "configmaps", "Role")

    def test_the_service_account_is_not_bound(self) -> None:
        def edit(one: Json) -> None:
            if one["kind"] == "RoleBinding":
                one["subjects"][0]["name"] = "somebody-else"

        self.assert_one_sentence(self.log_of(edit), "configmaps", "Role", "flink")

    def test_the_namespace_is_another(self) -> None:
        log = self.log_of(lambda _: None, settings={"kubernetes.namespace": "default"})
        self.assert_one_sentence(log, "kubernetes.namespace", "default", "Role")
