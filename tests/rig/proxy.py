"""A TCP proxy in front of the API server, one per Flink process, that can break the path.

TLS passes through untouched: the certificate of the API server covers 127.0.0.1.
"""

import asyncio
import contextlib
import enum
import random
import socket
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from .processes import free_port


class Mode(enum.Enum):
    """What happens to connections, new ones and those that stand."""

    FORWARD = "forward"
    BLACK_HOLE = "black-hole"  # accepted, then silence; what was sent meanwhile is delivered when the path heals
    RESET = "reset"  # everything is reset, new connections after they were accepted
    REFUSE = "refuse"  # everything is reset, nobody listens


# What a client sends after the handshake and is no request: less than this. A request has its head in one piece.
_REQUEST_BYTES = 150
# A server that has begun to answer is heard to the end of its answer, which shows that it has carried out what was asked.
_ANSWER_PAUSE = 0.03


class FaultProxy:
    """Listens on a port of its own. Change `mode`, `delay` and `drop_replies` at any time, from any thread.

    In front of several servers, connections go to one after the other of those that accept them.
    """

    def __init__(
        self, server: str | Sequence[str], seed: int = 1, listen: tuple[str, int] | None = None
    ) -> None:
        targets = [urlsplit(one) for one in ([server] if isinstance(server, str) else server)]
        self._targets = [(target.hostname or "127.0.0.1", target.port or 443) for target in targets]
        self._turn = seed
        self._host, self._port = listen or ("127.0.0.1", free_port())
        self._mode = Mode.FORWARD
        self._delay = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        self._exchanges: set[_Exchange] = set()
        self._listener: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._healed = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._thread.start()
        # Bytes seen in each direction, for waiting until something was really sent.
        self.bytes_up = 0
        self.bytes_down = 0
        self.last_sent_up = 0.0
        # The part of all requests whose reply is swallowed, after which the connection is reset; and how many were.
        self.drop_replies = 0.0
        self.dropped = 0
        self.passed = 0
        self._random = random.Random(seed)
        self._call(self._apply)

    @property
    def server(self) -> str:
        """The URL to put into a kubeconfig."""
        return f"https://{self.address}"

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self._port}"

    @property
    def mode(self) -> Mode:
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._mode = mode
        self._call(self._apply)

    @property
    def delay(self) -> float:
        """Seconds by which each piece of data is held up in each direction."""
        return self._delay

    @delay.setter
    def delay(self, seconds: float) -> None:
        self._delay = seconds

    def reset(self) -> int:
        """Resets the connections that stand; new ones work. How many they were."""
        alive = len(self._exchanges)
        self.mode = Mode.RESET
        self.mode = Mode.FORWARD
        return alive

    def silence(self) -> int:
        """What is sent over connections that stand gets lost from now on, as when a NAT forgets them; new ones work.

        How many that were.
        """
        alive = [one for one in list(self._exchanges) if not one.silenced]
        for one in alive:
            one.silenced = True
        return len(alive)

    def close(self) -> None:
        """Resets everything and ends."""
        self.mode = Mode.REFUSE
        self._call(self._cancel_all)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _call(self, function: Callable[[], Awaitable[Any]]) -> None:
        async def run() -> None:
            await function()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    async def _apply(self) -> None:
        if self._mode in (Mode.RESET, Mode.REFUSE):
            for writer in list(self._writers):
                _reset(writer)
        if self._mode is Mode.REFUSE and self._listener:
            self._listener.close()
            self._listener = None
        if self._mode is not Mode.REFUSE and not self._listener:
            self._listener = await asyncio.start_server(self._serve, self._host, self._port)
        if self._mode is Mode.BLACK_HOLE:
            self._healed.clear()
        else:
            self._healed.set()

    async def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self._mode is Mode.RESET:
                _reset(writer)
                return
            await self._healed.wait()
            up_reader, up_writer = await self._connect()
            self._writers.add(up_writer)
            exchange = _Exchange()
            self._exchanges.add(exchange)
            try:
                await asyncio.gather(
                    self._pump(reader, up_writer, True, exchange), self._pump(up_reader, writer, False, exchange)
                )
            finally:
                self._exchanges.discard(exchange)
                self._writers.discard(up_writer)
                up_writer.close()
        except (OSError, asyncio.CancelledError):
            pass  # the connection broke, or the proxy is being closed
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To the server whose turn it is, or the next one that is there."""
        self._turn += 1
        for step in range(len(self._targets)):
            with contextlib.suppress(ConnectionRefusedError):
                return await asyncio.open_connection(*self._targets[(self._turn + step) % len(self._targets)])
        raise ConnectionRefusedError

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, up: bool, exchange: "_Exchange"
    ) -> None:
        while True:
            data = await reader.read(65536)
            if exchange.silenced:
                if not data:
                    return
                continue
            self.bytes_down += 0 if up else len(data)
            if up:
                self.bytes_up += len(data)
                self.last_sent_up = time.time()
                if exchange.is_request(data):
                    exchange.doomed = self._random.random() < self.drop_replies
                    self.passed += not exchange.doomed
            elif data and exchange.doomed:
                with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
                    while await asyncio.wait_for(reader.read(65536), _ANSWER_PAUSE):
                        pass
                self.dropped += 1
                _reset(writer)
                raise ConnectionAbortedError
            else:
                exchange.answered(data)
            if self._delay:  # the pieces after this one wait behind it
                await asyncio.sleep(self._delay)
            await self._healed.wait()
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()


class _Exchange:
    """Where one connection is in its turns of request and reply. TLS hides what they say, not when they are said."""

    def __init__(self) -> None:
        self.doomed = False
        # Nothing arrives any more, in neither direction, and neither side is told.
        self.silenced = False
        self._shaken = False
        self._asked = False

    def is_request(self, data: bytes) -> bool:
        """Whether this is the beginning of a request. The first that a client sends, before anything is heard, is none."""
        begins = self._shaken and not self._asked and len(data) >= _REQUEST_BYTES
        self._asked |= begins
        return begins

    def answered(self, data: bytes) -> None:
        """The server has said something."""
        self._shaken |= bool(data)
        self._asked = False


def _reset(writer: asyncio.StreamWriter) -> None:
    """Closes with RST rather than FIN."""
    plug = writer.get_extra_info("socket")
    if plug is not None:
        # The other side may have closed it a moment ago.
        with contextlib.suppress(OSError):
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
