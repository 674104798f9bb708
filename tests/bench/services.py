"""HA services by themselves, without Flink around them: what each call takes, and what it costs the API server."""

import time
from collections.abc import Sequence

from rig.audit import AuditLog, Request
from rig.conversation import Conversation
from rig.proxy import FaultProxy
from rig.waiting import wait_until

from .sides import OURS, SIDES, Side
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
    for _ in range(min(stage.runs, 10)):
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
                stage.add("footprint", "threads that HA has added", "", side, held["threads more"])
                stage.add("footprint", "classes loaded", "", side, held["classes"])
                stage.add("footprint", "classes that HA has added", "", side, held["classes more"])
                stage.add("footprint", "heap in use", "MiB", side, held["heap bytes"] / 2**20)
                stage.add("footprint", "resident", "MiB", side, held["resident KiB"] / 2**10)
                program.ask("close")
                program.end()


def checkpoints(stage: Stage) -> None:
    """The counter, and the store of completed checkpoints: alone, and twenty jobs at once."""
    ids, alone, each = (50, 50, 5) if stage.quick else (300, 300, 30)
    for run in range(min(stage.runs, 2)):
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
                for jobs in () if stage.quick or run else (1, 5, 50):
                    done = program.ask(f"checkpoint {jobs} {each}", 300)
                    stage.add("jobs", f"{jobs} jobs at once", "checkpoints/s", side, jobs * each / done["all"] * 1000)
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
    for side in SIDES:
        for _ in range(stage.rounds(side)):
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
    """What up to a hundred processes that look for the leader of a cluster with 500 jobs receive."""
    jobs, growing, seconds = (20, (5,), 10) if stage.quick else (500, (10, 30, 100), 20)
    for side in SIDES:
        with stage.scene(side) as scene:
            leader = scene.program("leader")
            _stand_and_lead(leader, jobs)
            path = FaultProxy(stage.kubernetes.access.server)
            scene.on_end(path.close)
            looking = [scene.program(f"watchers-{watching}", path.server, memory="2g") for watching in growing]
            there = 0
            for program, watching in zip(looking, growing):
                program.ask(f"watch {watching - there}", 300)
                there = watching
                _hold(5)
                before = path.bytes_down
                _hold(seconds)
                each = (path.bytes_down - before) / 2**20 * 60 / seconds
                what = f"{watching} watchers of {jobs} jobs: received per minute"
                stage.add("watchers", what, "MiB", side, each)
            leader.process.kill()
            _change_of_leader(stage, scene, side, looking, f"{there} watchers: new leader granted → all know it")
            for program in looking:
                program.process.kill()


def _change_of_leader(stage: Stage, scene: Scene, side: Side, looking: Sequence[Conversation], what: str) -> None:
    successor = scene.program("successor")
    successor.ask("open")
    successor.ask("stand 0")
    led = successor.ask("led", 120)
    session = led["session"]

    def all_know() -> int | None:
        seen: list[dict[str, list[int]]] = [program.ask("seen") for program in looking]
        return max(one[session][1] for one in seen) if all(set(one) == {session} for one in seen) else None

    known = wait_until(all_know, "all to know the new leader", 60, 0.2)
    assert known
    stage.add("watchers", what, "ms", side, known - led["granted"])
    successor.process.kill()


def clusters(stage: Stage) -> None:
    """The leaders of a thousand clusters on one API server: what they lose, and what their requests take."""
    processes, each, seconds = (2, 3, 6) if stage.quick else (4, 250, 90)
    with stage.scene(OURS) as scene:
        programs = [scene.program(f"clusters-{number}", memory="1g") for number in range(processes)]
        for program in programs:
            program.tell(f"clusters {each} {program.name}")
        for program in programs:
            program.hear(600)
        _hold(1 if stage.quick else 10)
        begun = time.time()
        _hold(seconds)
        ended = time.time()
        lost = sum(program.ask("losses") for program in programs)
        asked = _requests(scene, "clusters-", begun, ended)
        refused = [one for one in asked if one.code >= 400]
        took = [(one.answered - one.received) * 1000 for one in asked if one.is_write]
        name = f"{processes * each} clusters"
        stage.add("clusters", f"{name}: leaderships lost in {seconds} s", "", OURS, lost)
        stage.add("clusters", f"{name}: requests that failed", "", OURS, len(refused))
        stage.add("clusters", f"{name}: requests per second", "", OURS, len(asked) / seconds)
        stage.add("clusters", f"{name}: a renewal in the API server", "ms", OURS, *took)
        for program in programs:
            program.process.kill()


def _stand_and_lead(program: Conversation, jobs: int) -> None:
    program.ask("open")
    program.ask(f"stand {jobs}", 120)
    program.ask("led", 300)


def _hold(seconds: float) -> None:
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until, "the time to pass", seconds + 5)
