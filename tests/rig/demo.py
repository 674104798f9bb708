"""A real Flink loses its leading JobManager and goes on; told as it happens."""

import argparse
import json
import os
import shutil
import signal
import sys
import time
from functools import partial
from pathlib import Path

from . import control_plane, prepare
from .counting import CountingJob, check_output
from .flink import RESTORED, STANDS_BY, FlinkCluster
from .processes import end_on_signals
from .waiting import wait_until
from .workspace import FLINK_VERSION, ROOT, RUNS, progress

_DIRECTORY = RUNS / "demo"
_STATE = _DIRECTORY / "running.json"
_RATE = 2000


class Timeline:
    """Prints what happens, each line with the seconds since the first."""

    def __init__(self) -> None:
        self._start = time.time()

    def tell(self, text: str, at: float | None = None) -> None:
        """One line; `at` in seconds since the epoch if it happened a moment ago."""
        print(f"{(at or time.time()) - self._start:7.2f} s  {text}", flush=True)


def show(stock: bool, keep: bool) -> None:
    """The whole demonstration."""
    if _STATE.exists() and not all(_ended(pid, birth) for pid, birth in json.loads(_STATE.read_text())):
        raise SystemExit("The last demonstration still runs; tests/demo --stop ends it.")
    prepare.everything(stock)
    jars = [] if stock else [prepare.jar()]
    shutil.rmtree(_DIRECTORY, ignore_errors=True)
    _DIRECTORY.mkdir(parents=True)
    progress("everything is built; starting")
    timeline = Timeline()
    kubernetes = control_plane.start(_DIRECTORY / "kubernetes", detached=keep)
    cluster = None
    try:
        verbs = control_plane.STOCK_VERBS if stock else control_plane.DOCUMENTED_VERBS
        namespace = kubernetes.namespace(verbs, "demo")
        timeline.tell(f"Kubernetes answers at {kubernetes.access.server}; Role on configmaps: {', '.join(verbs)}")
        cluster = FlinkCluster(namespace, _DIRECTORY / "flink", jars, detached=keep)
        cluster.start()
        job = _fail_over(timeline, cluster, jars[0].name if jars else "Flink's own HA classes")
        if keep:
            _leave_running(cluster, kubernetes, job)
            return
        output = job.stop()
        timeline.tell(f"stopped with a savepoint: {output.records:,} records in committed files")
        for problem in output.problems:
            timeline.tell(f"NOT EXACTLY ONCE: {problem}")
        if kubernetes.audit:
            counts = kubernetes.audit.counts(namespace.user).most_common()
            timeline.tell("asked of the API server: " + ", ".join(f"{count} {kind}" for kind, count in counts))
        if output.problems:
            raise SystemExit(1)
        timeline.tell("counted without a gap, each record exactly once")
    except BaseException:
        keep = False
        raise
    finally:
        if not keep:
            if cluster:
                cluster.stop()
                cluster.namespace.delete()
            kubernetes.stop()


def _fail_over(timeline: Timeline, cluster: FlinkCluster, what: str) -> CountingJob:
    leader = cluster.wait_for_leader(60)
    timeline.tell(f"2 JobManagers and 1 TaskManager of Flink {FLINK_VERSION} run with {what}; {leader.name} leads")
    job = CountingJob(cluster, rate=_RATE).submit()
    job.wait_for("RUNNING")
    timeline.tell(f"job {job.id} runs: {_RATE:,} records/s, a checkpoint every 500 ms")
    job.wait_for_checkpoints(leader, 6)
    timeline.tell(f"{check_output(job.output).records:,} records committed")

    standby = cluster.standby()
    killed = leader.kill()
    last = job.completed_checkpoint(leader)
    timeline.tell(f"kill -9 of the leader {leader.name}; its last completed checkpoint was {last}", killed)
    grant = standby.wait_for_grant(90, killed)
    timeline.tell(f"{standby.name} was granted leadership {grant.at - killed:.1f} s after the kill", grant.at)
    restored = standby.wait_for_log(RESTORED, 90, killed)
    timeline.tell(f"job restored from checkpoint {restored[2]}", restored.at)
    job.wait_for("RUNNING", 90)
    timeline.tell(f"job runs again, {time.time() - killed:.1f} s after the kill")
    assert int(restored[2]) >= last, f"checkpoint {last} was complete, {restored[2]} was restored"

    before = check_output(job.output).records
    job.wait_for_checkpoints(standby, 4)
    timeline.tell(f"{check_output(job.output).records:,} records committed, {before:,} of them before the kill")
    leader.start()
    leader.wait_for_log(STANDS_BY, 60)
    timeline.tell(f"{leader.name} was started again and stands by")
    return job


def _leave_running(cluster: FlinkCluster, kubernetes: object, job: CountingJob) -> None:
    children = [process.child for process in (*cluster.task_managers, *cluster.job_managers)]
    if isinstance(kubernetes, control_plane.EmbeddedKubernetes):
        children += [kubernetes.api_server, kubernetes.etcd]
    running = [(child.pid, _birth(child.pid)) for child in children if child]
    _STATE.write_text(json.dumps(running))
    leader = cluster.wait_for_leader(60)
    kubeconfig = getattr(kubernetes, "admin_kubeconfig")
    where = f"--kubeconfig {kubeconfig} --namespace {cluster.namespace.name}"
    urls = [f"http://127.0.0.1:{process.rest_port}" for process in (leader, cluster.standby())]
    print(
        f"""
Everything goes on running.
  Flink's web UI   {urls[0]} (leader {leader.name}), {urls[1]}
  ConfigMaps       {prepare.control_plane()} kubectl {where} get configmaps
  the lock         {prepare.control_plane()} kubectl {where} get configmap {cluster.cluster_config_map} -o yaml
  Flink's client   FLINK_CONF_DIR={cluster.task_managers[0].directory}/conf {cluster.home}/bin/flink list
  logs, audit log  {_DIRECTORY}
  records          {job.output}
  kill the leader  kill -9 {leader.child.pid if leader.child else "?"}
  stop it all      {ROOT}/tests/demo --stop"""
    )


def _birth(pid: int) -> str:
    """When a process began, which tells it from a later one of the same id; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _ended(pid: int, birth: str) -> bool:
    return _birth(pid) != birth


def stop() -> None:
    """Ends what --keep left running."""
    if not _STATE.exists():
        raise SystemExit("Nothing was left running.")
    # Processes of Flink first, the API server before etcd.
    for pid, birth in json.loads(_STATE.read_text()):
        if _ended(pid, birth):
            continue
        os.kill(pid, signal.SIGTERM)
        try:
            wait_until(partial(_ended, pid, birth), f"process {pid} to end", 10)
        except AssertionError:
            os.kill(pid, signal.SIGKILL)
    _STATE.unlink()
    print("Stopped.")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests/demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    parser.add_argument("--stop", action="store_true", help="end what --keep left running")
    parser.add_argument("--stock", action="store_true", help="use Flink's own HA classes, for comparison")
    options = parser.parse_args()
    if sys.version_info < (3, 10):
        raise SystemExit("Python 3.10 or newer is needed.")
    end_on_signals()
    if options.stop:
        stop()
    else:
        show(options.stock, options.keep)


if __name__ == "__main__":
    main()
