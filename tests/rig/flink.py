"""A standalone Flink session cluster: JobManagers and TaskManagers as Flink's own scripts start them."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import prepare
from .clocks import Clock
from .control_plane import Namespace
from .flink_rest import FlinkRest
from .kubernetes import Json
from .logs import LOG4J, LOG4J_BY_MONOTONIC_CLOCK, Hit, Log
from .processes import Child, free_port
from .waiting import wait_until
from .workspace import FLINK_VERSION

CLUSTER_ID = "counting"

GRANTED = r"Granting leadership to the contender registered under component '(.+)' with session ID (\S+)\."
REVOKED = r"Revoking leadership (?:for|to) component '(.+)' "
STANDS_BY = r"LeaderContender has been registered under component 'dispatcher'"
ELECTION_STARTS = r"A connection to the HA backend was established through LeaderElectionDriver"
# Of this jar alone: whose leadership ended, and the cause of it.
LOST_BECAUSE = r"Leadership of \S+ \(grant \d+\) in ConfigMap \S+ ended, cause: ([^:]+): "
DISPATCHER_REVOKED = r"was revoked the leadership with leader id"
RESTORED = r"Restoring job (\w+) from (?:Checkpoint|Savepoint) (\d+) "
COMPLETED = r"Completed checkpoint (\d+) for job (\w+) "

# An option whose value is None is left out.
Settings = Mapping[str, str | None]


def make_home(directory: Path, jars: Sequence[Path], version: str = FLINK_VERSION) -> Path:
    """A Flink home of our own: Flink's files by symbolic link, and `jars` in lib/."""
    source = prepare.flink_home(version)
    lib = directory / "lib"
    lib.mkdir(parents=True)
    for file in (source / "lib").iterdir():
        (lib / file.name).symlink_to(file)
    for number, jar in enumerate(jars):
        # Two jars of the same name are two versions of it.
        name = jar.name if not (lib / jar.name).exists() else f"{jar.stem}-{number}.jar"
        (lib / name).symlink_to(jar)
    for name in ("opt", "plugins"):
        (directory / name).symlink_to(source / name)
    # The scripts find their home through symbolic links, so these have to be copies.
    (directory / "bin").mkdir()
    for file in (source / "bin").iterdir():
        copy = directory / "bin" / file.name
        copy.write_bytes(file.read_bytes())
        copy.chmod(0o755)
    return directory


def java_options(version: str) -> str:
    """What Flink's own configuration opens to Java 17, plus a cheap JVM for a small machine."""
    text = (prepare.flink_home(version) / "conf" / "config.yaml").read_text()
    opened = re.search(r"^\s+all: (--add-.*)$", text, re.MULTILINE)
    return f"{opened[1] if opened else ''} -XX:+UseSerialGC -XX:TieredStopAtLevel=1".strip()


class FlinkProcess:
    """One JobManager or TaskManager. It can be started again after its end, with the same identity."""

    script = ""
    arguments: Sequence[str] = ("start-foreground",)
    # On top of the environment that every process gets.
    environment: Mapping[str, str] = {}

    def __init__(self, cluster: "FlinkCluster", name: str, settings: Settings) -> None:
        self.cluster = cluster
        self.name = name
        self.directory = cluster.directory / name
        self.settings = dict(settings)
        self.child: Child | None = None
        # A wall clock of its own, from its next start on.
        self.clock: Clock | None = None
        self._home: Path | None = None
        # The log of every run, the present one last, and when kill() ended it.
        self.logs: list[Log] = []
        self.killed: dict[Log, float] = {}

    @property
    def home(self) -> Path:
        """The Flink home of its next start: its own after use_jars(), else the cluster's."""
        return self._home or self.cluster.home

    def use_jars(self, jars: Sequence[Path], version: str | None = None) -> None:
        """What this process, unlike the others, finds in lib/ from its next start on, in this or another Flink."""
        self._home, settings = self.cluster.flavour(jars, version or self.cluster.version)
        self.settings |= settings

    def start(self) -> None:
        """Starts it through Flink's script, which becomes the JVM. Answers at once."""
        assert not self.running, f"{self.name} runs already"
        environment = self.cluster.write_configuration(self.directory, {**self.cluster.settings, **self.settings})
        if self.clock:
            environment |= self.clock.environment
            (self.directory / "conf" / "log4j-console.properties").write_text(LOG4J_BY_MONOTONIC_CLOCK)
        log = self.directory / f"{self.name}.{len(self.logs) + 1}.log"
        self.child = Child(
            self.name,
            [str(self.home / "bin" / self.script), *self.arguments],
            log,
            {**environment, **self.environment},
            self.directory,
            self.cluster.detached,
        )
        self.logs.append(Log(log))

    @property
    def log(self) -> Log:
        """The log of the present or last run."""
        return self.logs[-1]

    @property
    def running(self) -> bool:
        return self.child is not None and self.child.running

    @property
    def started_at(self) -> float | None:
        """When the first line of this run was logged; None before."""
        lines = self.log.lines()
        return lines[0].at if lines else None

    def wait_for_log(self, pattern: str, limit: float, since: float = 0) -> Hit:
        """Waits for a log record of this run; fails when the process has ended without it."""

        def look() -> Hit | None:
            running = self.running
            hit = self.log.first(pattern, since)
            assert hit or running, f"{self.name} has ended before it logged /{pattern}/\n{self.log.tail()}"
            return hit

        hit = wait_until(look, f"/{pattern}/ in the log of {self.name}", limit, 0.02, self.log.tail)
        assert hit
        return hit

    def kill(self) -> float:
        """kill -9; when that was, in seconds since the epoch."""
        assert self.child
        at = self.killed[self.log] = time.time()
        self.child.kill()
        return at

    def terminate(self) -> None:
        """SIGTERM; does not wait."""
        self._signal(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ends it, by force if need be."""
        if self.child:
            self.child.stop(15)

    def _signal(self, number: int) -> None:
        assert self.child
        program = os.readlink(f"/proc/{self.child.pid}/exe")
        assert Path(program).name == "java", f"{self.name} is still {program}"
        self.child.signal(number)


class JobManager(FlinkProcess):
    """A JobManager with ports of its own."""

    script = "jobmanager.sh"

    def __init__(self, cluster: "FlinkCluster", name: str, settings: Settings) -> None:
        self.rpc_port, self.rest_port = free_port(), free_port()
        own: dict[str, str | None] = {
            "jobmanager.rpc.port": str(self.rpc_port),
            "high-availability.jobmanager.port": str(self.rpc_port),
            "rest.port": str(self.rest_port),
            "blob.server.port": str(free_port()),
            "kubernetes.client.user-agent": name,
        }
        super().__init__(cluster, name, {**own, **settings})
        self.rest = FlinkRest(self.rest_port)

    def grants(self, since: float = 0) -> list[Hit]:
        """Each grant that reached the dispatcher in this run."""
        return [hit for hit in self.log.find(GRANTED, since) if hit[1] == "dispatcher"]

    def revokes(self, since: float = 0) -> list[Hit]:
        """Each revoke that reached the dispatcher in this run."""
        return [hit for hit in self.log.find(REVOKED, since) if hit[1] == "dispatcher"]

    def losses(self, since: float = 0) -> list[str]:
        """The cause of each leadership that this run of the process has lost, one at least, as the jar says it."""
        self.wait_for_log(LOST_BECAUSE, 30, since)
        return [hit[1] for hit in self.log.find(LOST_BECAUSE, since)]

    @property
    def granted(self) -> bool:
        """Whether the last thing heard of leadership is a grant."""
        return len(self.grants()) > len(self.revokes())

    @property
    def session(self) -> str:
        """The session of the last grant; published addresses begin with it."""
        return self.grants()[-1][2]

    def wait_for_grant(self, limit: float, since: float = 0) -> Hit:
        """The first grant since then."""
        return self.wait_for_log(GRANTED.replace("(.+)", "(dispatcher)"), limit, since)


class TaskManager(FlinkProcess):
    """A TaskManager."""

    script = "taskmanager.sh"

    def __init__(self, cluster: "FlinkCluster", name: str, settings: Settings) -> None:
        super().__init__(cluster, name, {"kubernetes.client.user-agent": name, **settings})


@dataclass(frozen=True)
class ClientRun:
    """How a run of bin/flink ended."""

    exit_code: int
    output: str


class FlinkCluster:
    """JobManagers and TaskManagers that share a cluster-id, a namespace and a storage directory."""

    def __init__(
        self,
        namespace: Namespace,
        directory: Path,
        jars: Sequence[Path],
        job_managers: int = 2,
        task_managers: int = 1,
        settings: Settings | None = None,
        version: str = FLINK_VERSION,
        detached: bool = False,
    ) -> None:
        self.namespace = namespace
        self.directory = directory
        self.detached = detached
        self.storage = directory / "ha"
        for name in (self.storage, directory / "checkpoints", directory / "output"):
            name.mkdir(parents=True)
        self._homes: dict[tuple[object, ...], Path] = {}
        self.settings: dict[str, str | None] = self._defaults()
        self.use_jars(jars, version)
        self.settings |= settings or {}
        self.job_managers = [JobManager(self, f"jm-{n + 1}", {}) for n in range(job_managers)]
        self.task_managers = [TaskManager(self, f"tm-{n + 1}", {}) for n in range(task_managers)]

    def use_jars(self, jars: Sequence[Path], version: str | None = None) -> None:
        """What processes find in lib/ that are started from now on, in this or another Flink; no jars: stock."""
        self.version = version or self.version
        self._stock = not jars
        self.home, settings = self.flavour(jars, self.version)
        self.settings |= settings

    def flavour(self, jars: Sequence[Path], version: str) -> tuple[Path, Settings]:
        """A Flink home with those jars, and the settings that go with it."""
        key = (version, *jars)
        if key not in self._homes:
            # One for each, so that nothing changes below a JVM that runs.
            name = f"home-{len(self._homes) + 1}" if self._homes else "home"
            self._homes[key] = make_home(self.directory / name, jars, version)
        # Stock's client knows no tokenFile.
        kubeconfig = self.namespace.kubeconfig(label="flink" if jars else "stock", inline_token=not jars)
        settings = {"kubernetes.config.file": str(kubeconfig), "env.java.opts.all": java_options(version)}
        return self._homes[key], settings

    def _defaults(self) -> dict[str, str | None]:
        return {
            "high-availability.type": "kubernetes",
            "high-availability.storageDir": f"file://{self.storage}",
            "kubernetes.cluster-id": CLUSTER_ID,
            "kubernetes.namespace": self.namespace.name,
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.bind-host": "127.0.0.1",
            "jobmanager.memory.process.size": "1024m",
            "taskmanager.host": "127.0.0.1",
            "taskmanager.bind-host": "127.0.0.1",
            "taskmanager.memory.process.size": "1024m",
            "taskmanager.memory.managed.size": "16m",
            "taskmanager.memory.network.min": "32m",
            "taskmanager.memory.network.max": "32m",
            "taskmanager.numberOfTaskSlots": "4",
            "rest.address": "127.0.0.1",
            "rest.bind-address": "127.0.0.1",
            "state.backend.type": "hashmap",
            "execution.checkpointing.interval": "500 ms",
            "execution.checkpointing.dir": f"file://{self.directory}/checkpoints",
            "execution.checkpointing.savepoint-dir": f"file://{self.directory}/savepoints",
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "1000",
            "restart-strategy.fixed-delay.delay": "100 ms",
        }

    def kubeconfig(self, server: str | None = None, label: str = "flink") -> str:
        """A kubeconfig for a process of this cluster; through `server` rather than straight to the API server."""
        return str(self.namespace.kubeconfig(server, label, inline_token=self._stock))

    def write_configuration(self, directory: Path, settings: Settings) -> dict[str, str]:
        """Writes conf/ of one process; answers with the environment to start it in."""
        conf, scratch = directory / "conf", directory / "tmp"
        for made in (conf, scratch):
            made.mkdir(parents=True, exist_ok=True)
        settings = {**settings, "io.tmp.dirs": str(scratch), "web.tmpdir": str(scratch)}
        lines = [f"{key}: {json.dumps(value)}" for key, value in settings.items() if value is not None]
        (conf / "config.yaml").write_text("\n".join(lines) + "\n")
        for name in ("log4j-console.properties", "log4j-cli.properties"):
            (conf / name).write_text(LOG4J)
        inherited = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        return {
            **inherited,
            # No kubeconfig of the person who runs the tests is ever used by chance.
            "HOME": str(scratch),
            "JAVA_HOME": str(prepare.java_home()),
            "FLINK_CONF_DIR": str(conf),
            "FLINK_LOG_DIR": str(directory),
            "FLINK_PID_DIR": str(scratch),
        }

    def start(self, limit: float = 90) -> None:
        """Starts everything; returns when a leader is published and every TaskManager is registered."""
        for process in (*self.job_managers, *self.task_managers):
            process.start()
        self.wait_for_leader(limit)
        self.wait_for_task_managers(limit)

    def wait_for_task_managers(self, limit: float) -> None:
        """Waits until all running TaskManagers are registered with the leader."""
        count = sum(process.running for process in self.task_managers)
        wait_until(
            lambda: any(process.rest.task_managers() == count for process in self.job_managers if process.running),
            f"{count} registered TaskManagers",
            limit,
            0.2,
            self.tails,
        )

    def stop(self) -> None:
        """Ends every process at once."""
        processes = [*self.task_managers, *self.job_managers]
        for process in processes:
            if process.running and process.child:
                process.child.signal(signal.SIGCONT)
                process.child.signal(signal.SIGTERM)
        for process in processes:
            process.stop()

    @property
    def cluster_config_map(self) -> str:
        return f"{self.settings['kubernetes.cluster-id']}-cluster-config-map"

    def job_config_map(self, job: str) -> str:
        """The name of a job's ConfigMap."""
        return f"{self.settings['kubernetes.cluster-id']}-{job}-config-map"

    def leader(self) -> JobManager | None:
        """The running JobManager whose dispatcher is published as leader."""
        data = (self.namespace.config_map(self.cluster_config_map) or {}).get("data", {})
        published = data.get("org.apache.flink.k8s.leader.dispatcher", "")
        for process in self.job_managers:
            # By its session: an earlier run of the same process may have left the same address.
            if process.running and process.granted and published.startswith(process.session):
                return process
        return None

    def standby(self) -> JobManager:
        """A running JobManager that is not the leader."""
        # Stock takes its addresses away for a moment now and then.
        leader = self.wait_for_leader(30)
        return next(process for process in self.job_managers if process.running and process is not leader)

    def wait_for_leader(self, limit: float) -> JobManager:
        """Waits until a running JobManager is published as leader."""

        def look() -> JobManager | None:
            assert any(process.running for process in self.job_managers), f"no JobManager is left\n{self.tails()}"
            return self.leader()

        leader = wait_until(look, "a published leader", limit, 0.05, self.tails)
        assert leader
        return leader

    @property
    def rest(self) -> FlinkRest:
        """The REST endpoint of the leader, or of any JobManager that runs."""
        process = self.leader() or next(process for process in self.job_managers if process.running)
        return process.rest

    def client(self, *arguments: str, limit: float = 120, settings: Settings | None = None) -> ClientRun:
        """Runs bin/flink with this cluster's configuration, as a user would."""
        merged = {**self.settings, "kubernetes.client.user-agent": "client", **(settings or {})}
        return self.run_script("flink", *arguments, settings=merged, limit=limit)

    def run_script(self, script: str, *arguments: str, settings: Settings, limit: float) -> ClientRun:
        """Runs a script of bin/ that ends by itself, with this configuration."""
        environment = self.write_configuration(self.directory / "client", settings)
        done = subprocess.run(
            [str(self.home / "bin" / script), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=limit,
        )
        return ClientRun(done.returncode, done.stdout)

    def stored_pointers(self, job: str) -> list[int]:
        """The checkpoint ids in the job's ConfigMap, in order."""
        data: Json = (self.namespace.config_map(self.job_config_map(job)) or {}).get("data", {})
        prefix = "checkpointID-"
        return sorted(int(key[len(prefix) :]) for key in data if key.startswith(prefix))

    def stored_files(self) -> list[str]:
        """Every file below the storage directory."""
        return sorted(str(file.relative_to(self.storage)) for file in self.storage.rglob("*") if file.is_file())

    def tails(self) -> str:
        """The ends of all logs, for messages."""
        processes = (*self.job_managers, *self.task_managers)
        return "\n".join(process.log.tail(15) for process in processes if process.logs)
