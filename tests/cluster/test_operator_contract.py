"""The Flink Kubernetes Operator finds, edits and deletes our ConfigMaps as it does those of stock."""

from rig.application import ApplicationCluster
from rig.counting import CountingJob
from rig.flink import RESTORED, FlinkCluster
from rig.operator import Operator
from rig.waiting import holds_for, wait_until

from . import base

# The job's id, as the operator gives one to each deployment.
_JOB = "0fbec0de0fbec0de0fbec0de0fbec0de"


@base.on_lines("1.20.5")
class LastStateUpgrade(base.ClusterTest):
    """With an application, configured as the operator does it."""

    def check_goes_on_with_the_new_job(self, version: str) -> None:
        settings = {
            "kubernetes.cluster-id": "deployment",
            "high-availability.cluster-id": "deployment",
            "job-result-store.storage-path": f"file://{self.directory}/results",
            "job-result-store.delete-on-commit": "false",
            "execution.shutdown-on-application-finish": "false",
        }
        cluster = ApplicationCluster(
            self.namespace(), self.directory / "flink", base.our_jars(), settings=settings, version=version
        )
        self.addCleanup(cluster.stop)
        new, old = Operator(cluster), Operator(cluster, until_1_10=True)
        self.assertFalse(new.metadata_available())
        job = CountingJob(cluster)
        job.id = _JOB
        cluster.run_job(job)
        cluster.start()
        leader = cluster.wait_for_leader(5)
        job.wait_for("RUNNING")
        job.wait_for_checkpoints(leader, 2)
        both = [cluster.job_config_map(_JOB), cluster.cluster_config_map]
        self.assertEqual(sorted(both), new.names())
        self.assertTrue(new.metadata_available() and new.checkpoint_available())
        # An operator of that age is blind to what any Flink 2 has written.
        self.assertEqual(sorted(both) if version.startswith("1.") else [], old.names())
        self.assertEqual(version.startswith("1."), old.metadata_available())

        completed = _delete_deployment(cluster, job)
        self.assertTrue(new.metadata_available() and new.checkpoint_available())
        before = {item["metadata"]["name"]: item for item in new.config_maps()}
        self.assertEqual(1, new.delete_plans())
        after = {item["metadata"]["name"]: item for item in new.config_maps()}
        for name, item in before.items():
            self.assertEqual(item["metadata"].get("annotations"), after[name]["metadata"].get("annotations"))
            left = {key: value for key, value in item.get("data", {}).items() if not key.endswith(f"-{_JOB}")}
            self.assertEqual(left, after[name].get("data", {}))

        upgraded = CountingJob(cluster, parallelism=3)
        upgraded.id = _JOB
        cluster.run_job(upgraded)
        cluster.start()
        leader = cluster.wait_for_leader(5)
        restored = leader.wait_for_log(RESTORED, 30)
        upgraded.wait_for("RUNNING")
        took = restored.at - (leader.started_at or 0)
        self.report(f"{completed} was completed before, {restored[2]} restored {took:.2f} s after the start")
        self.assertEqual(_JOB, restored[1])
        self.assertGreaterEqual(int(restored[2]), completed)
        vertices = cluster.rest.request("GET", f"/jobs/{_JOB}")["vertices"]
        self.assertEqual(3, max(vertex["parallelism"] for vertex in vertices), "the job of before was run")
        upgraded.wait_for_checkpoints(leader, 2)
        self.assertEqual([], upgraded.stop().problems)
        wait_until(lambda: not new.metadata_available(), "the clean-up of the job", 20, 0.1, cluster.tails)
        _delete_deployment(cluster, upgraded)
        new.delete_all()
        self.assertEqual({}, cluster.namespace.config_maps())
        self.assert_one_leader_at_a_time(cluster)
        self.assert_documented_role_suffices(cluster.namespace)


@base.on_lines()
class DeletionWithAllData(base.ClusterTest):
    """While jobs run."""

    def check_leaves_no_config_map(self, version: str) -> None:
        cluster = self.flink(version=version)
        cluster.start()
        leader = cluster.wait_for_leader(5)
        jobs = [CountingJob(cluster, name=name, parallelism=1).submit() for name in ("first", "second")]
        for job in jobs:
            job.wait_for("RUNNING")
            job.wait_for_checkpoints(leader, 1)
        operator = Operator(cluster)
        self.assertEqual(3, len(operator.names()))
        _delete_deployment(cluster, jobs[0])
        self.assertEqual(3, len(operator.names()), "HA data has to outlive the deployment")
        operator.delete_all()
        holds_for(lambda: not cluster.namespace.config_maps(), "no ConfigMap", 3)

        # The same name again begins with nothing, whatever the storage still holds.
        cluster.start()
        self.assertEqual({}, cluster.rest.job_states())
        self.assert_one_leader_at_a_time(cluster)


def _delete_deployment(cluster: FlinkCluster, job: CountingJob) -> int:
    """As Kubernetes ends the pods of a Deployment; the last checkpoint that was completed."""
    leader = cluster.wait_for_leader(5)
    for process in cluster.job_managers:
        process.terminate()
    for process in cluster.job_managers:
        assert process.child
        process.child.wait(60)
    cluster.stop()
    return job.completed_checkpoint(leader)
