"""Suspends and resumes a JVM from outside, through the debug wire protocol.

The JVM has to be started with `option(port)`. Its Java threads stand still then, as in a long stop of the garbage
collector; its native threads do not.
"""

import socket
import struct

_HANDSHAKE = b"JDWP-Handshake"
# Command set and command of the VirtualMachine.
_DISPOSE, _SUSPEND, _RESUME = (1, 6), (1, 8), (1, 9)
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

    def _command(self, command: tuple[int, int]) -> None:
        number, self._next = self._next, self._next + 1
        self._socket.sendall(struct.pack(">IIBBB", 11, number, 0, *command))
        while True:
            length, answered, flags, error = _HEADER.unpack(self._receive(_HEADER.size))
            self._receive(length - _HEADER.size)
            # Events of the JVM come in between.
            if flags & _REPLY and answered == number:
                assert not error, f"the JVM answered JDWP command {command} with error {error}"
                return

    def _receive(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            part = self._socket.recv(count - len(received))
            if not part:
                raise ConnectionError("the JVM closed the debugger's connection")
            received += part
        return received
