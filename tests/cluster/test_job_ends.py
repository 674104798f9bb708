"""A job that ends for good leaves nothing behind, in Kubernetes or in storage."""

from rig.counting import CountingJob, check_output
from rig.flink import FlinkCluster
from rig.waiting import wait_until

from . import base


class JobEnds(base.ClusterTest):
    """Cancelled, finished or failed; other jobs are not touched."""

    def test_nothing_is_left(self) -> None:
        cluster = self.flink(job_managers=1)
        cluster.start()
        leader = cluster.wait_for_leader(5)

        cancelled = CountingJob(cluster, name="cancelled").submit()
        cancelled.wait_for("RUNNING")
        cancelled.wait_for_checkpoints(leader, 2)
        cancelled.cancel()
        cancelled.wait_for("CANCELED")
        self._assert_clean(cluster, cancelled)

        finished = CountingJob(cluster, name="finished", records=3000).submit()
        # Alone: of two sinks, one may have committed a checkpoint that the other had not when the job failed.
        failed = CountingJob(cluster, name="failed", fail_at=2500, parallelism=1).submit()
        finished.wait_for("FINISHED")
        failed.wait_for("FAILED")
        self._assert_clean(cluster, finished)
        self._assert_clean(cluster, failed)

        output = check_output(finished.output)
        self.assertEqual((3000, []), (output.records, output.problems))
        self.assertEqual([], check_output(failed.output).problems)
        # The mirror of the cluster's ConfigMap goes right after the last plan in it.
        wait_until(lambda: not cluster.stored_files(), "no file to be left", 10, 0.05, lambda: str(cluster.stored_files()))
        self.assert_documented_role_suffices(cluster.namespace)

    def _assert_clean(self, cluster: FlinkCluster, job: CountingJob) -> None:
        """Flink cleans up right after it has shown the end of the job."""

        def left() -> list[str]:
            maps = cluster.namespace.config_maps()
            keys = list(maps[cluster.cluster_config_map].get("data", {}))
            paths = [str(path) for path in cluster.storage.rglob("*")]
            return [name for name in (*maps, *keys, *paths) if job.id in name]

        wait_until(lambda: not left(), f"everything of job {job.id} to go", 20, 0.2, lambda: "\n".join(left()))
