"""A Docker daemon of its own, and taking away what it has changed on the machine."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from rig.waiting import wait_until

from .programs import HERE

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_MADE_BY_DOCKER = (Path("/lib/modules"), Path("/etc/docker/key.json"), Path("/etc/docker"))
_RUNNING = Path("/var/run/docker")


class Docker:
    """The daemon of one run directory, or one that was there before."""

    def __init__(self, directory: Path, host: str | None = None) -> None:
        """`host`: the address of a daemon that is there already."""
        self.directory = directory
        self.is_own = host is None
        self.host = host or f"unix://{directory}/docker.sock"
        self.environment = {**os.environ, "PATH": _PATH, "DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "0"}

    def run(self, *arguments: str, limit: float = 300, quiet: bool = False, **options: object) -> str:
        """One command of the docker client; its standard output."""
        command = ["docker", *arguments]
        done = subprocess.run(  # type: ignore[call-overload]
            command, env=self.environment, capture_output=True, text=True, timeout=limit, **options
        )
        if done.returncode and not quiet:
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
        return str(done.stdout)

    @property
    def answers(self) -> bool:
        """Whether there is a daemon."""
        command = ["docker", "version"]
        return subprocess.run(command, env=self.environment, capture_output=True, timeout=30).returncode == 0

    def start(self) -> None:
        """Starts it with socket, data and runtime in the run directory, and remembers how the machine was."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "machine.json").write_text(json.dumps(_machine()))
        # dockerd keeps the path for as long as it lives.
        runtime = self.directory / "runc-capped"
        shutil.copy(HERE / "runc-capped", runtime)
        command = ["dockerd", "--host", self.host, "--data-root", str(self.directory / "data")]
        command += ["--exec-root", str(self.directory / "exec"), "--pidfile", str(self.directory / "dockerd.pid")]
        # No bridge that nobody uses: kind makes a network.
        command += ["--bridge", "none", "--exec-opt", "native.cgroupdriver=cgroupfs"]
        command += ["--add-runtime", f"capped={runtime}", "--default-runtime", "capped"]
        log = self.directory / "dockerd.log"
        with log.open("w") as sink:
            process = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

        def ready() -> bool:
            if process.poll() is not None:
                raise SystemExit(f"dockerd has ended:\n{log.read_text()[-2000:]}")
            return self.answers

        wait_until(ready, "dockerd", 60, 0.1, lambda: log.read_text()[-2000:])

    def stop(self) -> None:
        """Ends it, and takes away what it has left on the machine."""
        pid_file = self.directory / "dockerd.pid"
        if pid_file.exists():
            _end(int(pid_file.read_text()))
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            mount = line.split()[1]
            if Path(mount).is_relative_to(self.directory):
                subprocess.run(["umount", "--lazy", mount], capture_output=True, env=self.environment)
        remembered = self.directory / "machine.json"
        if remembered.exists():
            _restore(json.loads(remembered.read_text()), self.environment)
        for name in ("data", "exec"):
            shutil.rmtree(self.directory / name, ignore_errors=True)


def _end(pid: int) -> None:
    for number, limit in ((signal.SIGTERM, 30), (signal.SIGKILL, 10)):
        with contextlib.suppress(ProcessLookupError):
            if "dockerd" in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, number)
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            if not Path(f"/proc/{pid}").exists():
                return
            time.sleep(0.1)


def _machine() -> dict[str, object]:
    """What a daemon changes on the machine, as it is now."""
    return {
        "forwarding": _FORWARDING.read_text(),
        "rules": _rules(),
        "directories": [str(one) for one in (*_MADE_BY_DOCKER, _RUNNING) if one.exists()],
        "groups": [str(one) for one in _groups()],
    }


def _rules() -> dict[str, list[str]]:
    """Chains with their policies, and rules, by table of iptables."""
    tables: dict[str, list[str]] = {}
    environment = {**os.environ, "PATH": _PATH}
    text = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True, env=environment).stdout
    table: list[str] = []
    for line in text.splitlines():
        if line.startswith("*"):
            table = tables.setdefault(line[1:], [])
        elif line.startswith(("-A ", ":")):
            table.append(line.split(" [")[0])
    return tables


def _restore(before: dict[str, object], environment: dict[str, str]) -> None:
    """Takes away what is new since `_machine`, as far as it is Docker's: others may have added things of theirs."""
    rules = before["rules"]
    assert isinstance(rules, dict)
    for table, lines in _rules().items():
        old = set(rules.get(table, []))
        new = [line for line in lines if line not in old]
        chains = [line[1:].split()[0] for line in new if line.startswith(":") and line.endswith(" -")]
        commands = [line.replace("-A", "-D", 1).split() for line in new if line.startswith("-A") and _is_dockers(line)]
        commands += [[action, chain] for action in ("-F", "-X") for chain in chains if chain.startswith("DOCKER")]
        policies = [line[1:].split() for line in old if line.startswith(":") and not line.endswith(" -")]
        if not any(line.startswith(":DOCKER") for line in old):
            built_in = policies or [["FORWARD", "ACCEPT"]] if table == "filter" else []
            commands += [["-P", *policy] for policy in built_in if policy[0] == "FORWARD"]
        for command in commands:
            subprocess.run(["iptables", "-t", table, *command], capture_output=True, env=environment)
    _FORWARDING.write_text(str(before["forwarding"]))
    kept, groups = before["directories"], before["groups"]
    assert isinstance(kept, list) and isinstance(groups, list)
    for path in (one for one in _MADE_BY_DOCKER if str(one) not in kept):
        with contextlib.suppress(OSError):
            path.unlink() if path.is_file() else path.rmdir()
    if str(_RUNNING) not in kept:
        shutil.rmtree(_RUNNING, ignore_errors=True)
    for group in (one for one in _groups() if str(one) not in groups):
        for directory, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(directory)


def _is_dockers(rule: str) -> bool:
    return "DOCKER" in rule or " br-" in rule or "172." in rule


def _groups() -> list[Path]:
    return [*Path("/sys/fs/cgroup").glob("docker"), *Path("/sys/fs/cgroup").glob("*/docker")]


def existing() -> str | None:
    """The address of a daemon that runs on this machine already; None without one."""
    if not shutil.which("docker"):
        return None
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    return host if Docker(Path("/nowhere"), host).answers else None
