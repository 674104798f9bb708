"""Suspends and resumes a JVM from outside, through the debug wire protocol.

The JVM has to be started with `option(port)`. Its Java threads stand still then, as in a long stop of the garbage
collector; its native threads do not. A single thread can be caught where it enters a method.
"""

import socket
import struct

_HANDSHAKE = b"JDWP-Handshake"
# Command set and command of the VirtualMachine.
_DISPOSE, _SUSPEND, _RESUME = (1, 6), (1, 8), (1, 9)
_CLASSES_BY_SIGNATURE, _ID_SIZES, _METHODS = (1, 2), (1, 7), (2, 5)
_SET_EVENT, _CLEAR_EVENT, _RESUME_THREAD = (15, 1), (15, 2), (11, 3)
_BREAKPOINT, _ONE_THREAD, _AT_LOCATION, _CLASS = 2, 1, 7, 1
_COMPOSITE = (64, 100)
_REPLY = 0x80
_HEADER = struct.Struct(">IIBH")


def option(port: int) -> str:
    """The JVM option that lets `Debugger` in."""
    return f"-agentlib:jdwp=transport=dt_socket,server=y,suspend=n,address=127.0.0.1:{port}"


class Debugger:
    """A connection to one JVM; ends with `close`, which resumes what is suspended."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._next = 1
        self._events: list[bytes] = []
        self._socket.sendall(_HANDSHAKE)
        assert self._receive(len(_HANDSHAKE)) == _HANDSHAKE, "no JVM listens there"

    def suspend(self) -> None:
        """Stops every Java thread; returns when all stand still."""
        self._command(_SUSPEND)

    def resume(self) -> None:
        """Undoes one `suspend`."""
        self._command(_RESUME)

    def close(self) -> None:
        """Lets the JVM go on and leaves it."""
        try:
            self._command(_DISPOSE)
        except OSError:
            pass  # the JVM has ended
        self._socket.close()

    def catch(self, class_name: str, method: str, limit: float) -> int:
        """Waits until a thread enters the method of a class that is loaded already, and stops it there; the thread."""
        sizes = struct.unpack(">5i", self._command(_ID_SIZES))
        assert set(sizes) == {8}, f"ids of sizes {sizes}"
        type_id = self._class(class_name)
        wanted = struct.pack(">BBi", _BREAKPOINT, _ONE_THREAD, 1)
        place = struct.pack(">BBQQQ", _AT_LOCATION, _CLASS, type_id, self._method(type_id, method), 0)
        request = self._command(_SET_EVENT, wanted + place)
        self._socket.settimeout(limit)
        while not self._events:
            self._next_packet()
        self._command(_CLEAR_EVENT, struct.pack(">B", _BREAKPOINT) + request)
        # Suspend policy, number of events, kind, request, thread.
        _policy, _count, kind, _request, thread = struct.unpack_from(">BiBiQ", self._events.pop(0))
        assert kind == _BREAKPOINT, f"an event of kind {kind}"
        return int(thread)

    def let_go(self, thread: int) -> None:
        """Lets a thread that was caught go on."""
        self._command(_RESUME_THREAD, struct.pack(">Q", thread))

    def _class(self, name: str) -> int:
        signature = f"L{name.replace('.', '/')};".encode()
        reply = self._command(_CLASSES_BY_SIGNATURE, struct.pack(">i", len(signature)) + signature)
        count, _kind, type_id = struct.unpack_from(">iBQ", reply.ljust(13, b"\0"))
        assert count == 1, f"{count} classes of the name {name} are loaded"
        return int(type_id)

    def _method(self, type_id: int, name: str) -> int:
        reply = self._command(_METHODS, struct.pack(">Q", type_id))
        (count,), at = struct.unpack_from(">i", reply), 4
        for _ in range(count):
            (method,), at = struct.unpack_from(">Q", reply, at), at + 8
            texts = []
            for _ in ("name", "signature"):
                (length,), at = struct.unpack_from(">i", reply, at), at + 4
                texts, at = [*texts, reply[at : at + length].decode()], at + length
            at += 4
            if texts[0] == name:
                return int(method)
        raise AssertionError(f"no method {name}")

    def _command(self, command: tuple[int, int], data: bytes = b"") -> bytes:
        number, self._next = self._next, self._next + 1
        self._socket.sendall(struct.pack(">IIBBB", 11 + len(data), number, 0, *command) + data)
        while True:
            answered, flags, error, reply = self._next_packet()
            if flags & _REPLY and answered == number:
                assert not error, f"the JVM answered JDWP command {command} with error {error}"
                return reply

    def _next_packet(self) -> tuple[int, int, int, bytes]:
        """Id, flags, error and data of the next that the JVM says; events come in between replies."""
        length, number, flags, error = _HEADER.unpack(self._receive(_HEADER.size))
        data = self._receive(length - _HEADER.size)
        # In place of an error, an event has its command there.
        if not flags & _REPLY and divmod(error, 256) == _COMPOSITE:
            self._events.append(data)
        return number, flags, error, data

    def _receive(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            part = self._socket.recv(count - len(received))
            if not part:
                raise ConnectionError("the JVM closed the debugger's connection")
            received += part
        return received
