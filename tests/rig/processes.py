"""Child processes that are signalled by their own id only and never outlive the rig."""

import atexit
import contextlib
import os
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .waiting import wait_until

# As nice has it.
LOWEST_PRIORITY = 19

_children: list["Child"] = []
# The kernel kills the child when the thread that started it ends; `setpriv` becomes the command, same id.
_DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody used a moment ago, outside the kernel's ephemeral range.

    Ephemeral ports are given to outgoing connections of every process here, so one
    of those could be taken between this answer and its use.
    """
    with _ports_lock:
        while True:
            port = next(_ports)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            return port


def _candidate_ports() -> Iterator[int]:
    first, last = 16000, 32000
    # Two rigs on one machine start at different places.
    offset = os.getpid() * 97 % (last - first)
    while True:
        for step in range(last - first):
            yield first + (offset + step) % (last - first)


_ports = _candidate_ports()
_ports_lock = threading.Lock()


class Child:
    """One process, its output in one file. Start it from the main thread (see `_DIE_WITH_PARENT`).

    With `talks` it is told lines by `tell` and answers lines to `hear`; only its stderr goes to the file.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        output: Path,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        detached: bool = False,
        talks: bool = False,
    ) -> None:
        self.name = name
        self.output = output
        self._heard = b""
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("ab") as sink:
            self._process = subprocess.Popen(
                list(command) if detached else [*_DIE_WITH_PARENT, *command],
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else sink,
                stderr=sink,
                env=dict(environment) if environment is not None else None,
                cwd=directory,
                start_new_session=True,
            )
        if not detached:
            _children.append(self)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    @property
    def running(self) -> bool:
        return self.exit_code is None

    def signal(self, number: int) -> None:
        """Sends a signal to exactly this process, never to a group."""
        self._process.send_signal(number)

    def tell(self, line: str) -> None:
        """Puts a line on its standard input."""
        assert self._process.stdin
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def hear(self, limit: float) -> str:
        """Waits for the next line of its standard output."""
        stdout = self._process.stdout
        assert stdout

        def line() -> bool:
            if b"\n" not in self._heard and select.select([stdout], [], [], 0.2)[0]:
                piece = os.read(stdout.fileno(), 1 << 16)
                assert piece, f"{self.name} has ended without an answer\n{self.tail()}"
                self._heard += piece
            return b"\n" in self._heard

        wait_until(line, f"an answer of {self.name}", limit, 0, self.tail)
        answer, _, self._heard = self._heard.partition(b"\n")
        return answer.decode()

    def wait(self, limit: float) -> int:
        """Waits for the end; the exit code."""
        wait_until(lambda: not self.running, f"the end of {self.name}", limit, 0.01, self.tail)
        code = self.exit_code
        assert code is not None
        return code

    def hang_up(self, limit: float) -> int:
        """Ends what it is told; the exit code, when it has ended for that."""
        assert self._process.stdin
        self._process.stdin.close()
        return self.wait(limit)

    def kill(self) -> None:
        """SIGKILL, and waits until it is gone. Nothing happens if it has ended already."""
        if self.running:
            self.signal(signal.SIGKILL)
            self._process.wait(10)

    def stop(self, limit: float = 20) -> None:
        """SIGTERM, then SIGKILL if that was not enough."""
        if not self.running:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill()

    def tail(self, lines: int = 30) -> str:
        """The end of its output, for messages."""
        if not self.output.exists():
            return f"({self.name} wrote nothing)"
        text = self.output.read_text(errors="replace").splitlines()[-lines:]
        return f"--- end of {self.output}\n" + "\n".join(text)


def _kill_all() -> None:
    for child in reversed(_children):
        child.kill()


def end_group(process: subprocess.Popen[Any]) -> None:
    """Ends a process that leads a session of its own, with everything that it has started there."""
    for number, limit in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(limit)


@contextlib.contextmanager
def group(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """A build or a test run, `options` as Popen takes them; it ends with all its children if the block fails."""
    process = subprocess.Popen(list(command), stdin=subprocess.DEVNULL, start_new_session=True, **options)
    if os.getpriority(os.PRIO_PROCESS, 0) == LOWEST_PRIORITY:
        # A new session has a share of its own, whatever the priority of its processes.
        with contextlib.suppress(OSError):
            Path(f"/proc/{process.pid}/autogroup").write_text(str(LOWEST_PRIORITY))
    try:
        yield process
    except BaseException:
        end_group(process)
        raise


def end_on_signals() -> None:
    """Makes SIGTERM and SIGHUP end the rig as Ctrl-C does, so that everything is cleaned up."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


atexit.register(_kill_all)
