"""Clients find the leader through the ConfigMap, with no rights but to read, and leave nothing in their process."""

import re

from rig import java_program, prepare
from rig.accounts import Account
from rig.control_plane import Namespace
from rig.counting import CountingJob
from rig.flink import FlinkCluster
from rig.waiting import wait_until
from rig.workspace import TESTS

from . import base

_HELD = r"(?m)^held (\d+) (\d+) (\d+) (\d+) (\d+)$"
_READ = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]


def _said(held: tuple[int, ...]) -> str:
    return "after {} services {} threads, {} descriptors, {} sockets, {} KiB resident".format(*held)


def _reader(namespace: Namespace) -> Account:
    return Account(namespace, "reader", _READ)


@base.on_lines("2.2.1")
class Clients(base.ClusterTest):
    """Each with an account that may only get, list and watch."""

    def check_flink_list_and_run(self, version: str) -> None:
        cluster = self.flink(version=version)
        cluster.start()
        reader = _reader(cluster.namespace)
        settings = {"kubernetes.config.file": str(reader.kubeconfig(base.STOCK)), "rest.address": None}
        job = CountingJob(cluster, name="by-a-client")
        ran = cluster.client(
            "run", "-d", "-t", "remote", str(prepare.counting_job(version)), *job.arguments, settings=settings
        )
        self.assertEqual(0, ran.exit_code, ran.output)
        job.id = next(iter(wait_until(cluster.rest.job_states, "the job of the client", 10, 0.1, cluster.tails)))
        job.wait_for("RUNNING")

        # The address that the client is given is the one of the next leader.
        leader = cluster.wait_for_leader(5)
        standby = cluster.standby()
        leader.terminate()
        standby.wait_for_grant(3 * base.LEASE)
        job.wait_for("RUNNING")
        cluster.wait_for_leader(5)
        listed = cluster.client("list", "-t", "remote", settings=settings)
        self.assertEqual(0, listed.exit_code, listed.output)
        self.assertIn(f"{job.id} : by-a-client (RUNNING)", listed.output)
        self._assert_only_read(cluster, reader)

    def check_two_hundred_in_one_process(self, version: str) -> None:
        cluster = self.flink(version=version, job_managers=1, task_managers=0)
        cluster.start()
        reader = _reader(cluster.namespace)
        directory = self.directory / "clients"
        settings = {
            **cluster.settings,
            "kubernetes.config.file": str(reader.kubeconfig(base.STOCK)),
            "kubernetes.client.user-agent": "client",
            "rest.address": None,
        }
        environment = cluster.write_configuration(directory, settings)
        scratch = directory / "scratch"
        scratch.mkdir()
        source = TESTS / "clients" / "ManyClients.java"
        for at_once in (1, 8):
            with self.subTest(at_once=at_once):
                done = java_program.run(
                    "io.flinkkubeha.tests.ManyClients",
                    java_program.compiled([source], version),
                    cluster.home,
                    environment,
                    [str(directory / "conf"), "200", str(at_once)],
                    [f"-Djava.io.tmpdir={scratch}", "-XX:+UseSerialGC", "-Xmx256m"]
                    + [f"-Dlog4j.configurationFile={directory / 'conf' / 'log4j-cli.properties'}"],
                )
                self.assertEqual(0, done.returncode, done.stdout[-3000:])
                self.assertIn(f"address http://127.0.0.1:{cluster.job_managers[0].rest_port}", done.stdout)
                held = [tuple(int(word) for word in line) for line in re.findall(_HELD, done.stdout)]
                none, first, last = held[0], held[1], held[-1]
                self.report(f"{at_once} at once: {_said(none)}; {_said(first)}; {_said(last)}")
                # The JVM itself starts a compiler thread or opens a jar now and then.
                self.assertLessEqual(last[1], first[1] + 3, held)
                self.assertLessEqual(last[2], first[2] + 3, held)
                # One of the JVM's and a pair of the runtime's, made once; none to the API server.
                self.assertEqual(first[3], last[3], "sockets")
                self.assertEqual([], [str(path) for path in scratch.rglob("*")], "temporary files")
        self._assert_only_read(cluster, reader)

    def _assert_only_read(self, cluster: FlinkCluster, reader: Account) -> None:
        audit = base.kubernetes().audit
        if audit is None:
            return
        counts = audit.counts(reader.user)
        self.report("requests of the clients: " + ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())))
        self.assertTrue(counts)
        self.assertEqual([], [kind for kind in counts if kind.split()[0] not in ("get", "list", "watch")])
        self.assertEqual([], [kind for kind in counts if kind.split()[2] not in ("101", "200")])
