"""A container that may do little: a root file system that cannot be written, no root, no way to more rights."""

from rig.kubernetes import Json

from . import base, manifests
from .fleet import settings

_ACTIVE = r"flink-kube-ha \S+ serves high availability"
# Where Flink and this jar write; everything else cannot be written.
_WRITABLE = ("/tmp", "/opt/flink/log")


class Hardened(base.KindTest):
    """The JobManager of the session manifest, with what security policies ask for."""

    def harden(self, one: Json, temporary: str) -> None:
        """Nothing can be written but the mounts."""
        if one["kind"] != "Deployment" or "jobmanager" not in one["metadata"]["name"]:
            return
        one["spec"]["replicas"] = 1
        spec = manifests.template(one)
        container = spec["containers"][0]
        container["securityContext"] = {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        for number, path in enumerate(_WRITABLE):
            spec["volumes"].append({"name": f"scratch-{number}", "emptyDir": {}})
            container["volumeMounts"].append({"name": f"scratch-{number}", "mountPath": path})
        if temporary != "/tmp":
            spec["volumes"].append({"name": "noexec", "hostPath": {"path": "/noexec"}})
            container["volumeMounts"].append({"name": "noexec", "mountPath": temporary})

    def test_leads_with_a_root_file_system_that_cannot_be_written(self) -> None:
        fleet = self.fleet("session")
        for one in fleet.load("session.yaml"):
            self.harden(one, "/tmp")
            if "taskmanager" not in one["metadata"]["name"]:
                fleet.create(one)
        leader = fleet.wait_for_leader()
        self.assertTrue(leader.log.first(_ACTIVE), leader.log.tail())

    def test_says_what_to_set_when_the_temporary_directory_executes_nothing(self) -> None:
        """And leads when it is set."""
        (node,) = base.kubernetes().nodes[-1:]
        base.kubernetes().inside(node, "mkdir", "-p", "/noexec")
        base.kubernetes().inside(node, "mount", "-t", "tmpfs", "-o", "noexec,mode=1777", "tmpfs", "/noexec")
        self.addCleanup(base.kubernetes().inside, node, "umount", "--lazy", "/noexec")
        for remedy in ("", "-Dflinkkubeha.tmpdir=/opt/flink/log"):
            fleet = self.fleet("session")
            options = f"{settings()['env.java.opts.all']} -Djava.io.tmpdir=/noexec {remedy}".strip()
            for one in fleet.load("session.yaml", {"env.java.opts.all": options}):
                self.harden(one, "/noexec")
                if one["kind"] == "Deployment":
                    manifests.template(one)["nodeName"] = node
                if "taskmanager" not in one["metadata"]["name"]:
                    fleet.create(one)
            if remedy:
                self.assertTrue(fleet.wait_for_leader().log.first(_ACTIVE))
            else:
                self.assertIn("flinkkubeha.tmpdir", base.log_of_ended(fleet))
