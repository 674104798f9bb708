"""HA services by themselves, without Flink around them: what each call takes, and what it costs the API server."""

import time

from rig.audit import AuditLog, Request
from rig.proxy import FaultProxy
from rig.waiting import wait_until

from .sides import SIDES, Side
from .stage import CLUSTER_CONFIG_MAP, Scene, Stage

_LEADER_KEY = "org.apache.flink.k8s.leader."


def _audit(stage: Stage) -> AuditLog:
    assert stage.kubernetes.audit
    return stage.kubernetes.audit


def _requests(scene: Scene, name: str, begun: float, ended: float) -> list[Request]:
    """What a program asked of the API server in that time, watches and refused ones too."""
    found = _audit(scene.stage).requests(scene.namespace.user, name, begun)
    return [request for request in found if request.received <= ended]


def start(stage: Stage) -> None:
    """The factory, the first grant, and what the process holds then."""
    for _ in range(stage.runs):
        for side in SIDES:
            with stage.scene(side) as scene:
                program = scene.program("starts")
                opened = program.ask("open")
                stage.add("start", "factory", "ms", side, opened["factory"])
                # Says more than the time on a machine that does something else, too.
                stage.add("start", "factory, processor time", "ms", side, opened["processor"])
                program.ask("stand 0")
                stage.add("start", "contender registered → granted", "ms", side, program.ask("led")["grant"])
                held = program.ask("footprint")
                stage.add("footprint", "threads of the process", "", side, held["threads"])
                stage.add("footprint", "classes loaded", "", side, held["classes"])
                stage.add("footprint", "heap in use", "MiB", side, held["heap bytes"] / 2**20)
                stage.add("footprint", "resident", "MiB", side, held["resident KiB"] / 2**10)
                program.ask("close")
                program.end()


def checkpoints(stage: Stage) -> None:
    """The counter, and the store of completed checkpoints: alone, and twenty jobs at once."""
    ids, alone, each = (50, 50, 5) if stage.quick else (500, 500, 50)
    for _ in range(stage.runs):
        for side in SIDES:
            with stage.scene(side) as scene:
                program = scene.program("leader")
                program.ask("open")
                program.ask("stand 0")
                program.ask("led")
                # Whatever is compiled or connected at the first use is no part of it.
                program.ask("checkpoint 1 20")
                stage.add("latency", "getAndIncrement of the counter", "ms", side, *program.ask(f"count {ids}", 120))
                done = program.ask(f"checkpoint 1 {alone}", 120)
                stage.add("latency", "checkpoint id, between checkpoints", "ms", side, *done["ids"])
                stage.add("latency", "addCheckpointAndSubsumeOldestOne", "ms", side, *done["adds"])
                asked = _requests(scene, "leader", done["begun"] / 1000, done["ended"] / 1000)
                stage.add("calls", "API calls per checkpoint", "", side, len(asked) / alone)
                done = program.ask(f"checkpoint 20 {each}", 300)
                stage.add("throughput", "20 jobs at once", "checkpoints/s", side, 20 * each / done["all"] * 1000)
                program.ask("close", 60)
                program.end()


def idle(stage: Stage) -> None:
    """What a leader and a standby ask for while nothing happens."""
    seconds = 10 if stage.quick else 60
    for side in SIDES:
        with stage.scene(side) as scene:
            programs = [scene.program(name) for name in ("leader", "standby")]
            for program in programs:
                program.ask("open")
                program.ask("stand 0")
                if program is programs[0]:
                    program.ask("led")
            begun = time.time() + 1
            wait_until(lambda: time.time() > begun + seconds, "the time to pass", seconds + 5)  # noqa: B023
            for program in programs:
                asked = _requests(scene, program.name, begun, begun + seconds)
                each = len(asked) * 60 / seconds
                stage.add("calls", f"requests per minute, idle {program.name}", "", side, each)
            for program in reversed(programs):
                program.process.kill()


def release(stage: Stage) -> None:
    """From the API server's answer to the release of the lock to the grant of the standby."""
    for _ in range(stage.runs):
        for side in SIDES:
            with stage.scene(side) as scene:
                leader, standby = scene.program("leader"), scene.program("standby")
                _stand_and_lead(leader, 0)
                standby.ask("open")
                standby.ask("stand 0")
                _hold(2)
                closing = time.time()
                leader.ask("close", 60)
                granted = standby.ask("led", 120)["granted"] / 1000
                released = _released(scene, closing, granted)
                stage.add("hand-over", "release acknowledged → standby granted", "ms", side, (granted - released) * 1000)
                standby.process.kill()


def _released(scene: Scene, closing: float, granted: float) -> float:
    """When the leader's last write before the grant was answered."""
    writes = [one for one in _requests(scene, "leader", closing, granted) if one.is_write and one.code < 300]
    return max((one.answered for one in writes if one.name == CLUSTER_CONFIG_MAP), default=closing)


def many_jobs(stage: Stage) -> None:
    """A standby takes over 100 and 500 jobs: until every job master is published."""
    for jobs in (20,) if stage.quick else (100, 500):
        for _ in range(1 if stage.quick else min(stage.runs, 3)):
            for side in SIDES:
                with stage.scene(side) as scene:
                    leader, standby = scene.program("leader"), scene.program("standby")
                    _stand_and_lead(leader, jobs)
                    standby.ask("open")
                    standby.ask(f"stand {jobs}", 120)
                    _hold(2)
                    # A leader that dies publishes nothing more.
                    leader.process.kill()
                    led = standby.ask("led", 300)
                    granted = led["granted"] / 1000
                    _wait_for_publication(scene, led["session"], jobs)
                    wrote = [one for one in _requests(scene, "standby", granted - 0.001, time.time()) if one.is_write]
                    last = max(one.answered for one in wrote if one.code < 300)
                    stage.add("many jobs", f"{jobs} jobs: granted → last leader published", "s", side, last - granted)
                    stage.add("many jobs", f"{jobs} jobs: writes of the cluster ConfigMap", "", side, len(wrote))
                    standby.process.kill()


def _wait_for_publication(scene: Scene, session: str, jobs: int) -> None:
    def published() -> bool:
        data = (scene.namespace.config_map(CLUSTER_CONFIG_MAP) or {}).get("data", {})
        found = [value for key, value in data.items() if key.startswith(_LEADER_KEY) and value.startswith(session)]
        return len(found) == jobs + 1

    wait_until(published, f"{jobs + 1} published leaders", 300, 0.25)


def watchers(stage: Stage) -> None:
    """What a hundred processes that look for the leader of a cluster with 500 jobs receive."""
    jobs, watching, seconds = (20, 5, 10) if stage.quick else (500, 100, 60)
    for side in SIDES:
        with stage.scene(side) as scene:
            leader = scene.program("leader")
            _stand_and_lead(leader, jobs)
            path = FaultProxy(stage.kubernetes.access.server)
            scene.on_end(path.close)
            looking = scene.program("watchers", path.server, memory="2g")
            looking.ask(f"watch {watching}", 300)
            _hold(5)
            before = path.bytes_down
            _hold(seconds)
            each = (path.bytes_down - before) / 2**20 * 60 / seconds
            stage.add("watchers", f"{jobs} jobs × {watching} watchers: received per minute", "MiB", side, each)
            leader.process.kill()
            _change_of_leader(stage, scene, side, looking, f"{watching} watchers: new leader granted → all know it")
            looking.process.kill()


def _change_of_leader(stage: Stage, scene: Scene, side: Side, looking, what: str) -> None:  # type: ignore[no-untyped-def]
    successor = scene.program("successor")
    successor.ask("open")
    successor.ask("stand 0")
    led = successor.ask("led", 120)
    session = led["session"]

    def all_know() -> list[int] | None:
        seen: dict[str, list[int]] = looking.ask("seen")
        return seen[session] if set(seen) == {session} else None

    known = wait_until(all_know, "all to know the new leader", 60, 0.2)
    assert known
    stage.add("watchers", what, "ms", side, known[1] - led["granted"])
    successor.process.kill()


def _stand_and_lead(program, jobs: int) -> None:  # type: ignore[no-untyped-def]
    program.ask("open")
    program.ask(f"stand {jobs}", 120)
    program.ask("led", 300)


def _hold(seconds: float) -> None:
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until, "the time to pass", seconds + 5)
