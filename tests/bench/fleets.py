"""Whole JobManagers, as Flink's own scripts start them: how long a take-over takes."""

import time

from rig.flink import ELECTION_STARTS, STANDS_BY, FlinkCluster, JobManager
from rig.waiting import wait_until

from .sides import SIDES
from .stage import Scene, Stage

_LIMIT = 120


def _cluster(scene: Scene, job_managers: int) -> FlinkCluster:
    cluster = FlinkCluster(
        scene.namespace,
        scene.directory / "flink",
        scene.side.jars,
        job_managers=job_managers,
        task_managers=0,
        settings=dict(scene.side.settings),
    )
    scene.on_end(cluster.stop)
    for process in cluster.job_managers:
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
            for _ in range(stage.runs):
                leader, standby = _pair(cluster)
                asked = time.time()
                leader.terminate()
                granted = standby.wait_for_grant(_LIMIT, asked).at
                assert leader.child
                leader.child.wait(_LIMIT)
                stage.add("take-over", "SIGTERM → standby granted", "s", side, granted - asked)
                leader.start()


def killed(stage: Stage) -> None:
    """kill -9 of the leader, until the standby is granted."""
    for side in SIDES:
        with stage.scene(side) as scene:
            cluster = _cluster(scene, 2)
            for _ in range(stage.runs):
                leader, standby = _pair(cluster)
                at = leader.kill()
                granted = standby.wait_for_grant(_LIMIT, at).at
                stage.add("take-over", "kill -9 → standby granted", "s", side, granted - at)
                leader.start()


def restarted(stage: Stage) -> None:
    """All JobManagers killed and started a minute later, when the lease has long run out."""
    away = 20 if stage.quick else 60
    for side in SIDES:
        with stage.scene(side) as scene:
            cluster = _cluster(scene, 2)
            for _ in range(1 if stage.quick else min(stage.runs, 5)):
                _pair(cluster)
                at = max(process.kill() for process in cluster.job_managers)
                wait_until(lambda at=at: time.time() > at + away, "the time to pass", away + 5)  # type: ignore[misc]
                for process in cluster.job_managers:
                    process.start()
                leader = cluster.wait_for_leader(_LIMIT)
                began, granted = leader.wait_for_log(ELECTION_STARTS, 5), leader.wait_for_grant(5)
                what = f"all killed, started {away} s later: election begins → granted"
                stage.add("take-over", what, "s", side, granted.at - began.at)
