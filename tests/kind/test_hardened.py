"""A container that may do little: a root file system that cannot be written, no root, no way to more rights."""

from rig.kubernetes import Json

from . import base, manifests
from .fleet import settings

_ACTIVE = r"flink-kube-ha \S+ serves high availability"
# Where Flink and this jar write; everything else cannot be written.
_WRITABLE = ("/tmp", "/opt/flink/log")
# A directory of the node, where nothing can be executed.
_NOEXEC = "/noexec"


def _harden(one: Json, temporary: str) -> None:
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
        spec["volumes"].append({"name": "noexec", "hostPath": {"path": _NOEXEC}})
        container["volumeMounts"].append({"name": "noexec", "mountPath": temporary})


class Hardened(base.KindTest):
    """The JobManager of the session manifest, with what security policies ask for; all start at once."""

    def start(self, temporary: str, options: str = "") -> base.Fleet:
        """One JobManager with that directory for temporary files, and with those options of Java."""
        fleet = self.fleet("session")
        if temporary != "/tmp":
            options += f" -Djava.io.tmpdir={temporary}"
        java = settings()["env.java.opts.all"]
        for one in fleet.load("session.yaml", {"env.java.opts.all": f"{java} {options}".strip()}):
            _harden(one, temporary)
            if one["kind"] == "Deployment" and temporary == _NOEXEC:
                manifests.template(one)["nodeName"] = base.kubernetes().nodes[-1]
            if "taskmanager" not in one["metadata"]["name"]:
                fleet.create(one)
        return fleet

    def test_leads_or_says_what_to_set(self) -> None:
        node = base.kubernetes().nodes[-1]
        base.kubernetes().inside(node, "mkdir", "-p", _NOEXEC)
        base.kubernetes().inside(node, "mount", "-t", "tmpfs", "-o", "noexec,mode=1777", "tmpfs", _NOEXEC)
        self.addCleanup(base.kubernetes().inside, node, "umount", "--lazy", _NOEXEC)
        plain, without, remedied = (
            self.start("/tmp"),
            self.start(_NOEXEC),
            self.start(_NOEXEC, "-Dflinkkubeha.tmpdir=/opt/flink/log"),
        )
        with self.subTest("a root file system that cannot be written"):
            leader = plain.wait_for_leader()
            self.assertTrue(leader.log.first(_ACTIVE), leader.log.tail())
        with self.subTest("a temporary directory that executes nothing"):
            self.assertIn("flinkkubeha.tmpdir", base.log_of_ended(without))
        with self.subTest("another directory for the library"):
            self.assertTrue(remedied.wait_for_leader().log.first(_ACTIVE))
