"""Whole JobManagers, as Flink's own scripts start them: how long a take-over takes."""

import time

from rig.counting import CountingJob
from rig.flink import ELECTION_STARTS, RESTORED, STANDS_BY, FlinkCluster, JobManager, Settings
from rig.pods import BoundPod
from rig.waiting import wait_until

from .sides import FAST, SIDES
from .stage import Scene, Stage

_LIMIT = 120
JOB_RUNS = r"Job .* switched from state (?:CREATED|RESTARTING) to RUNNING"


def _cluster(
    scene: Scene, job_managers: int, task_managers: int = 0, settings: Settings | None = None
) -> FlinkCluster:
    cluster = FlinkCluster(
        scene.namespace,
        scene.directory / "flink",
        scene.side.jars,
        job_managers=job_managers,
        task_managers=task_managers,
        settings={**scene.side.settings, **(settings or {})},
    )
    scene.on_end(cluster.stop)
    for process in [*cluster.job_managers, *cluster.task_managers]:
        process.start()
    return cluster


def _pair(cluster: FlinkCluster) -> tuple[JobManager, JobManager]:
    leader, standby = cluster.wait_for_leader(_LIMIT), cluster.standby()
    standby.wait_for_log(STANDS_BY, _LIMIT)
    return leader, standby


def stopped(stage: Stage) -> None:
    """SIGTERM of the leader, until the standby is granted."""
    for side in SIDES:
        with stage.scene(side) as scene:
            cluster = _cluster(scene, 2)
            for _ in range(stage.rounds(side)):
                leader, standby = _pair(cluster)
                asked = time.time()
                leader.terminate()
                granted = standby.wait_for_grant(_LIMIT, asked).at
                assert leader.child
                leader.child.wait(_LIMIT)
                stage.add("take-over", "SIGTERM → standby granted", "s", side, granted - asked)
                leader.start()


def killed(stage: Stage) -> None:
    """kill -9 of the leader under a running job, until the standby is granted and the job runs again."""
    for side in (*SIDES, FAST):
        with stage.scene(side) as scene:
            cluster = _cluster(scene, 2, task_managers=1)
            cluster.wait_for_leader(_LIMIT)
            cluster.wait_for_task_managers(_LIMIT)
            job = CountingJob(cluster).submit()
            for _ in range(stage.runs if side is FAST else min(stage.runs, 3)):
                job.wait_for("RUNNING", _LIMIT)
                leader, standby = _pair(cluster)
                job.wait_for_checkpoints(leader, 2, _LIMIT)
                at = leader.kill()
                granted = standby.wait_for_grant(_LIMIT, at).at
                restored = standby.wait_for_log(RESTORED, _LIMIT, at).at
                running = standby.wait_for_log(JOB_RUNS, _LIMIT, at).at
                stage.add("take-over", "kill -9 → standby granted", "s", side, granted - at)
                stage.add("take-over", "kill -9 → job restored", "s", side, restored - at)
                stage.add("take-over", "kill -9 → job runs again", "s", side, running - at)
                leader.start()


def same_pod(stage: Stage) -> None:
    """The container of the only JobManager is killed and started again at once, in the same pod."""
    for side in SIDES:
        with stage.scene(side) as scene:
            # Stock does not know of pods.
            pod = {"kubernetes.config.file": str(BoundPod(scene.namespace, "only").kubeconfig)} if side.ours else {}
            cluster = _cluster(scene, 1, settings=pod)
            (process,) = cluster.job_managers
            process.wait_for_grant(_LIMIT)
            for _ in range(min(stage.runs, 3)):
                process.kill()
                process.start()
                granted = process.wait_for_grant(_LIMIT)
                began = process.wait_for_log(ELECTION_STARTS, 5)
                what = "killed and restarted in its pod: election begins → granted"
                stage.add("take-over", what, "s", side, granted.at - began.at)


def restarted(stage: Stage) -> None:
    """All JobManagers killed and started a minute later, when the lease has long run out."""
    away = 20 if stage.quick else 60
    for side in SIDES:
        with stage.scene(side) as scene:
            cluster = _cluster(scene, 2)
            for _ in range(min(stage.runs, 2) if side.ours else 1):
                _pair(cluster)
                at = max(process.kill() for process in cluster.job_managers)
                wait_until(lambda at=at: time.time() > at + away, "the time to pass", away + 5)  # type: ignore[misc]
                for process in cluster.job_managers:
                    process.start()
                leader = cluster.wait_for_leader(_LIMIT)
                began, granted = leader.wait_for_log(ELECTION_STARTS, 5), leader.wait_for_grant(5)
                what = f"all killed, started {away} s later: election begins → granted"
                stage.add("take-over", what, "s", side, granted.at - began.at)
