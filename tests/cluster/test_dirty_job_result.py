"""A leader dies between the result of a job and its clean-up: the next one cleans up, and runs nothing."""

from rig.counting import CountingJob, check_output
from rig.flink import FlinkCluster
from rig.proxy import FaultProxy, Mode
from rig.waiting import wait_until

from . import base

_RECORDS = 3000


@base.on_lines("2.2.1")
class DirtyJobResult(base.ClusterTest):
    """The leader's requests are held up on their way, so that none of the clean-up gets through."""

    def check_is_cleaned_by_the_next_leader(self, version: str) -> None:
        cluster = self.flink(version=version)
        leader, standby = cluster.job_managers
        proxy = FaultProxy(base.kubernetes().access.server)
        self.addCleanup(proxy.close)
        leader.settings["kubernetes.config.file"] = cluster.kubeconfig(proxy.server, leader.name)
        leader.start()
        leader.wait_for_grant(60)
        for process in (standby, *cluster.task_managers):
            process.start()
        cluster.wait_for_leader(30)
        cluster.wait_for_task_managers(90)
        job = CountingJob(cluster, records=_RECORDS).submit()
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 2)

        # The result is a file, written at once; each request that follows it needs a second for its answer.
        proxy.delay = 0.5
        # On 2.3 an application is around every job; no dispatcher of 2.3.0 starts beside the job's result alone.
        awaited = [f"job-result-store/**/{job.id}_DIRTY.json"]
        awaited += ["application-result-store/**/*_DIRTY.json"] if version.startswith("2.3") else []

        def written() -> bool:
            # Stock makes the file before it fills it, and no leader starts beside one without content.
            return all(any(file.stat().st_size for file in cluster.storage.glob(name)) for name in awaited)

        wait_until(written, "dirty results", 120, 0.005, cluster.tails)
        proxy.mode = Mode.BLACK_HOLE
        killed = leader.kill()
        left = self._left(cluster, job)
        self.report(f"left by the leader: {', '.join(left)}")
        self.assertIn(cluster.job_config_map(job.id), left)
        self.assertTrue([name for name in left if name.startswith(("executionPlan-", "jobGraph-"))], left)

        standby.wait_for_grant(2 * base.LEASE + 10, killed)
        skipped = rf"Skipping recovery of a job with job id {job.id}, because it already reached"
        self.assertGreater(standby.wait_for_log(skipped, 30).at, killed)
        wait_until(lambda: not self._left(cluster, job), "everything of the job to go", 30, 0.1, cluster.tails)
        self.assertIsNone(standby.log.first(rf"Initializing job .*{job.id}"), "the job was run again")
        # The mirror of the cluster's ConfigMap goes right after the last plan in it.
        wait_until(lambda: not cluster.stored_files(), "no file to be left", 10, 0.05, lambda: str(cluster.stored_files()))
        output = check_output(job.output)
        self.assertEqual((_RECORDS, []), (output.records, output.problems))
        self.assert_one_leader_at_a_time(cluster)
        self.assert_documented_role_suffices(cluster.namespace)

    def _left(self, cluster: FlinkCluster, job: CountingJob) -> list[str]:
        """Names of ConfigMaps, keys and files that hold the id of the job."""
        maps = cluster.namespace.config_maps()
        keys = list(maps[cluster.cluster_config_map].get("data", {}))
        # Stock leaves the address of a job master that died with its leader.
        keys = [key for key in keys if not (base.STOCK and key.startswith("org.apache.flink.k8s.leader."))]
        return [name for name in (*maps, *keys, *cluster.stored_files()) if job.id in name]
