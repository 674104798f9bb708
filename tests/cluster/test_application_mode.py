"""Application mode: the standby goes on with the one job, and its end cleans up everything."""

from pathlib import Path

from rig.application import ApplicationCluster
from rig.counting import CountingJob, check_output
from rig.flink import RESTORED, JobManager, Settings

from . import base

_RECORDS = 10_000


class _Application(base.ClusterTest):
    def _application(self, version: str, settings: Settings | None = None) -> tuple[ApplicationCluster, CountingJob]:
        cluster = ApplicationCluster(
            self.namespace(), self.directory / "flink", base.our_jars(), settings=settings, version=version
        )
        self.addCleanup(cluster.stop)
        job = CountingJob(cluster, rate=500, records=_RECORDS)
        cluster.run_job(job)
        cluster.start()
        cluster.wait_for_job(job)
        job.wait_for("RUNNING")
        return cluster, job

    def _assert_ends_well(self, process: JobManager) -> None:
        assert process.child
        self.assertEqual(0, process.child.wait(90), process.log.tail())

    def _assert_complete(self, job: CountingJob) -> None:
        output = check_output(job.output)
        self.assertEqual((_RECORDS, []), (output.records, output.problems))

    def _lose_leader(self, cluster: ApplicationCluster, job: CountingJob) -> JobManager:
        leader, standby = cluster.wait_for_leader(5), cluster.standby()
        job.wait_for_checkpoints(leader, 3)
        killed = leader.kill()
        completed = job.completed_checkpoint(leader)
        granted = standby.wait_for_grant(2 * base.LEASE + 10, killed)
        restored = standby.wait_for_log(RESTORED, 60, killed)
        self.report(
            f"granted after {granted.at - killed:.2f} s, checkpoint {restored[2]} restored after "
            f"{restored.at - killed:.2f} s; {completed} was completed before"
        )
        self.assertEqual(job.id, restored[1])
        self.assertGreaterEqual(int(restored[2]), completed)
        return standby


@base.on_lines("2.3.0")
class ApplicationMode(_Application):
    """With the default high-availability.cluster-id, from which Flink makes the id of the job."""

    def check_standby_goes_on_and_the_end_cleans_up(self, version: str) -> None:
        cluster, job = self._application(version)
        survivor = self._lose_leader(cluster, job)
        self._assert_ends_well(survivor)

        self._assert_complete(job)
        self.report(f"left in storage: {cluster.stored_files() or 'nothing'}")
        self.assertEqual([], list(cluster.namespace.config_maps()))
        self.assertEqual([], cluster.stored_files())
        self.assert_one_leader_at_a_time(cluster)
        self.assert_documented_role_suffices(cluster.namespace)


@base.on_lines()
class ApplicationIsDone(_Application):
    """The leader ends its process and takes the cluster's ConfigMap away under the standby."""

    def check_standby_does_not_run_a_finished_job_again(self, version: str) -> None:
        """As long as results are kept, which with several JobManagers is for the user to set."""
        kept = {f"{what}-result-store.delete-on-commit": "false" for what in ("job", "application")}
        cluster, job = self._application(version, kept)
        finisher = cluster.wait_for_leader(5)
        standby = cluster.standby()
        self._assert_ends_well(finisher)
        self._assert_ends_well(standby)

        self._assert_complete(job)
        self.assertIsNone(standby.log.first(RESTORED))
        self.assertEqual([], list(cluster.namespace.config_maps()))
        left = [Path(file).name for file in cluster.stored_files()]
        self.report(f"left in storage: {left}")
        self.assertTrue(all(name.endswith(".json") and "DIRTY" not in name for name in left), left)
        self.assertIn(f"{job.id}.json", left)
        self.assert_one_leader_at_a_time(cluster)
