"""A SQL gateway opens and closes client services for every statement: it finds the leader, and keeps nothing."""

import os
from pathlib import Path

from rig import maven
from rig.accounts import Account
from rig.flink import FlinkCluster, FlinkProcess
from rig.flink_rest import FlinkRest, Json, RestFailure
from rig.processes import free_port
from rig.waiting import wait_until

from . import base

# The release of the gateway for each Flink: Maven Central has not every patch of it.
_GATEWAYS = {"1.20.5": "1.20.1", "2.2.1": "2.2.0", "2.3.0": "2.3.0"}
_COUNT = "SELECT COUNT(*) FROM (VALUES (1), (2), (3)) AS t(x)"


class SqlGateway(FlinkProcess):
    """A gateway that knows of the cluster no more than its high-availability settings."""

    script = "sql-gateway.sh"

    def __init__(self, cluster: FlinkCluster, account: Account) -> None:
        opt = cluster.home / "opt"
        jars = list(opt.iterdir())
        opt.unlink()
        opt.mkdir()
        for jar in (*jars, maven.flink_jar("flink-sql-gateway", _GATEWAYS[cluster.version])):
            (opt / jar.name).symlink_to(jar.resolve())
        port = free_port()
        self.rest = FlinkRest(port)
        settings = {
            "kubernetes.config.file": str(account.kubeconfig(base.STOCK)),
            "kubernetes.client.user-agent": "gateway",
            "execution.target": "remote",
            "rest.address": None,
            "sql-gateway.endpoint.rest.address": "127.0.0.1",
            "sql-gateway.endpoint.rest.port": str(port),
        }
        super().__init__(cluster, "gateway", settings)

    def wait_for_session(self, limit: float) -> str:
        """A new session, as soon as the gateway answers; what statements are sent to."""

        def opened() -> str:
            try:
                return str(self.rest.request("POST", "/v1/sessions", {})["sessionHandle"])
            except RestFailure:
                return ""

        return wait_until(opened, "the gateway", limit, 0.2, self.log.tail)

    def rows(self, session: str, statement: str) -> list[Json]:
        """Runs a statement to its end."""
        path = f"/v1/sessions/{session}"
        operation = self.rest.request("POST", f"{path}/statements", {"statement": statement})["operationHandle"]
        rows: list[Json] = []
        page: str | None = f"{path}/operations/{operation}/result/0"

        def read() -> bool:
            nonlocal page
            assert page
            answer = self.rest.request("GET", page)
            if answer["resultType"] != "NOT_READY":
                rows.extend(answer["results"]["data"])
                page = answer.get("nextResultUri")
            return page is None

        wait_until(read, f"the result of {statement}", 90, 0.1, self.log.tail)
        return rows

    def sockets_to(self, port: int) -> int:
        """How many connections it holds to that port of this machine."""
        assert self.child
        inodes = set()
        for descriptor in Path(f"/proc/{self.child.pid}/fd").iterdir():
            try:
                inodes.add(os.readlink(descriptor))
            except FileNotFoundError:
                continue
        lines = "".join(Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6")).splitlines()
        sockets = [line.split() for line in lines]
        return sum(f"socket:[{fields[9]}]" in inodes and fields[2].endswith(f":{port:04X}") for fields in sockets)


@base.on_lines()
class AGateway(base.ClusterTest):
    """The real one, through its REST interface, before and after a hand-over."""

    def check_follows_the_leader(self, version: str) -> None:
        cluster = self.flink(version=version)
        rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]
        reader = Account(cluster.namespace, "reader", rules)
        gateway = SqlGateway(cluster, reader)
        self.addCleanup(gateway.stop)
        cluster.start()
        gateway.start()
        session = gateway.wait_for_session(60)
        self.assertEqual(3, self._count(gateway, session))
        leader, standby = cluster.wait_for_leader(5), cluster.standby()
        leader.terminate()
        standby.wait_for_grant(3 * base.LEASE)
        cluster.wait_for_leader(5)
        cluster.wait_for_task_managers(30)
        for _ in range(3):
            self.assertEqual(3, self._count(gateway, session))

        api_server = int(base.kubernetes().access.server.rsplit(":", 1)[1])
        wait_until(lambda: gateway.sockets_to(api_server) == 0, "the gateway to close its connections", 10)
        audit = base.kubernetes().audit
        if audit:
            counts = audit.counts(reader.user)
            self.report("requests of the gateway: " + ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())))
            self.assertGreaterEqual(counts["list configmaps 200"], 4)
            self.assertEqual([], audit.violations(reader.user))

    def _count(self, gateway: SqlGateway, session: str) -> int:
        # A streaming count tells of each change.
        return int(gateway.rows(session, _COUNT)[-1]["fields"][0])
