"""Two versions of the jar in one fleet: each takes over from the other; both in one lib/ are refused."""

import json
import re
import time

from rig import other_jar
from rig.counting import CountingJob
from rig.flink import RESTORED, STANDS_BY, FlinkCluster
from rig.kubernetes import ApiFailure, Json

from . import base

_ACTIVE = r"flink-kube-ha (\S+) serves high availability"
_PREFIX = "ha.flinkkubeha.io/"


@base.ours_only("has no jar")
class TwoVersionsOfTheJar(base.ClusterTest):
    """The other version is this one under another number, unless FLINKKUBEHA_OTHER_JAR names a real one."""

    def test_hand_over_to_each_other(self) -> None:
        cluster = self.flink()
        other = other_jar.other_version(base.our_jars()[0], self.directory)
        cluster.job_managers[1].use_jars([other])
        cluster.start()
        versions = [process.wait_for_log(_ACTIVE, 30)[1] for process in cluster.job_managers]
        self.assertEqual(2, len(set(versions)), versions)
        job = CountingJob(cluster).submit()
        job.wait_for("RUNNING")
        for _ in range(2):
            leader, standby = cluster.wait_for_leader(5), cluster.standby()
            job.wait_for_checkpoints(leader, 2)
            stopped = time.time()
            leader.terminate()
            granted = standby.wait_for_grant(3 * base.LEASE, stopped)
            completed = job.completed_checkpoint(leader)
            restored = standby.wait_for_log(RESTORED, 30, stopped)
            job.wait_for("RUNNING")
            said = [process.wait_for_log(_ACTIVE, 1)[1] for process in (leader, standby)]
            took = granted.at - stopped
            self.report(f"{said[0]} → {said[1]}: granted after {took:.2f} s, checkpoint {restored[2]} restored")
            self.assertGreaterEqual(int(restored[2]), completed)
            self.assertLess(took, base.WELL_BELOW_LEASE)
            assert leader.child
            leader.child.wait(30)
            leader.start()
            leader.wait_for_log(STANDS_BY, 60)
        job.wait_for_checkpoints(cluster.wait_for_leader(5), 2)
        self.assertEqual([], job.stop().problems)
        self.assert_one_leader_at_a_time(cluster)
        self.assert_documented_role_suffices(cluster.namespace)

    def test_both_in_one_lib_are_refused_in_one_sentence(self) -> None:
        other = other_jar.other_version(base.our_jars()[0], self.directory)
        cluster = self.flink(jars=[*base.our_jars(), other], job_managers=1, task_managers=0)
        process = cluster.job_managers[0]
        process.start()
        assert process.child
        self.assertNotEqual(0, process.child.wait(60))
        sentences = set(re.findall(r"flink-kube-ha is on the class path more than once.*", process.log.text()))
        self.assertEqual(1, len(sentences), sentences)
        sentence = sentences.pop()
        self.report(sentence)
        for jar in (*base.our_jars(), other):
            self.assertIn(jar.name, sentence)
        self.assertIn(f"({other_jar.VERSION})", sentence)
        self.assertEqual([], list(cluster.namespace.config_maps()))

    def test_annotations_of_an_unknown_version_count_as_absent(self) -> None:
        cluster = self.flink()
        cluster.start()
        job = CountingJob(cluster).submit()
        job.wait_for("RUNNING")
        leader, standby = cluster.wait_for_leader(5), cluster.standby()
        job.wait_for_checkpoints(leader, 2)

        unknown = 'v2 {"of":["another","shape"]}'
        cluster_wide = {f"{_PREFIX}{name}": unknown for name in ("contenders", "pod-uid", "failover-address", "else")}
        self._annotate(cluster, cluster.cluster_config_map, cluster_wide)
        self._annotate(cluster, cluster.job_config_map(job.id), {f"{_PREFIX}claim": unknown, f"{_PREFIX}else": unknown})
        annotated = time.time()
        job.wait_for_checkpoints(leader, 3)
        self.assertTrue(self._claim(cluster, job).startswith("v1 "), "the leader's claim does not stand again")

        self._annotate(cluster, cluster.job_config_map(job.id), {f"{_PREFIX}claim": unknown})
        leader.terminate()
        standby.wait_for_grant(3 * base.LEASE, annotated)
        restored = standby.wait_for_log(RESTORED, 30, annotated)
        self.assertGreaterEqual(int(restored[2]), job.completed_checkpoint(leader))
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(standby, 2)
        self.assertTrue(self._claim(cluster, job).startswith("v1 "), self._claim(cluster, job))
        kept = self._annotations(cluster, cluster.cluster_config_map)
        self.assertEqual(unknown, kept[f"{_PREFIX}else"])
        self.assertEqual(unknown, self._annotations(cluster, cluster.job_config_map(job.id))[f"{_PREFIX}else"])
        self.assertEqual([], leader.revokes()[1:], "leadership was lost on the way")
        self.report(f"annotations of the cluster's ConfigMap in the end: {json.dumps(kept)}")
        self.assertEqual([], job.stop().problems)
        self.assert_one_leader_at_a_time(cluster)

    def _annotations(self, cluster: FlinkCluster, name: str) -> Json:
        found: Json = (cluster.namespace.config_map(name) or {})["metadata"].get("annotations", {})
        return found

    def _claim(self, cluster: FlinkCluster, job: CountingJob) -> str:
        return str(self._annotations(cluster, cluster.job_config_map(job.id))[f"{_PREFIX}claim"])

    def _annotate(self, cluster: FlinkCluster, name: str, annotations: dict[str, str]) -> None:
        """As another version would: a conditional update."""
        admin = cluster.namespace.kubernetes.admin
        while True:
            config_map = cluster.namespace.config_map(name)
            assert config_map
            config_map["metadata"].setdefault("annotations", {}).update(annotations)
            try:
                admin.request("PUT", f"/api/v1/namespaces/{cluster.namespace.name}/configmaps/{name}", config_map)
                return
            except ApiFailure as failure:
                if failure.code != 409:
                    raise
