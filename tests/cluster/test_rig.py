"""The rig's own judges can say no."""

import http.server
import socket
import tempfile
import threading
import unittest
from pathlib import Path

from rig.counting import KEYS, check_output
from rig.proxy import FaultProxy, Mode


class OutputChecker(unittest.TestCase):
    """Written rows against the sentences that they cause."""

    def _problems(self, rows: list[tuple[int, int, int]], name: str = "part-0") -> list[str]:
        with tempfile.TemporaryDirectory() as directory:
            text = "".join(f"{number},{key},{count}\n" for number, key, count in rows)
            (Path(directory) / name).write_text(text)
            return check_output(Path(directory)).problems

    @staticmethod
    def _rows(*numbers: int) -> list[tuple[int, int, int]]:
        return [(number, number % KEYS, number // KEYS + 1) for number in numbers]

    def test_accepts_each_number_once_in_any_order(self) -> None:
        self.assertEqual([], self._problems(self._rows(*reversed(range(100)))))

    def test_finds_a_gap(self) -> None:
        self.assertEqual(["5 to 6 are missing"], self._problems(self._rows(0, 1, 2, 3, 4, 7)))

    def test_finds_a_missing_start(self) -> None:
        self.assertEqual(["0 to 0 are missing"], self._problems(self._rows(1, 2)))

    def test_finds_a_repetition(self) -> None:
        self.assertEqual(["1 stands there more than once"], self._problems(self._rows(0, 1, 1, 2)))

    def test_finds_lost_state(self) -> None:
        problems = self._problems([*self._rows(*range(KEYS)), (KEYS, 0, 1)])
        self.assertIn("the state was not restored", problems[0])

    def test_does_not_read_what_is_not_committed(self) -> None:
        self.assertEqual([], self._problems(self._rows(7), name=".part-0.inprogress"))


class FaultProxyModes(unittest.TestCase):
    """What a client sees in each mode."""

    def setUp(self) -> None:
        class Answer(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                pass  # resets are what some tests are about

        server = Server(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.proxy = FaultProxy(f"https://127.0.0.1:{server.server_port}")
        self.addCleanup(self.proxy.close)
        self.port = int(self.proxy.server.rpartition(":")[2])

    def _connect(self) -> socket.socket:
        plug = socket.create_connection(("127.0.0.1", self.port), timeout=1)
        self.addCleanup(plug.close)
        return plug

    def _ask(self, plug: socket.socket) -> bytes:
        plug.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        return self._hear(plug)

    @staticmethod
    def _hear(plug: socket.socket) -> bytes:
        heard = b""
        while not heard.endswith(b"ok"):
            piece = plug.recv(4096)
            if not piece:
                break
            heard += piece
        return heard

    def test_forward(self) -> None:
        self.assertIn(b"200", self._ask(self._connect()))

    def test_black_hole_holds_back_standing_and_new_connections_until_it_heals(self) -> None:
        standing = self._connect()
        self._ask(standing)
        self.proxy.mode = Mode.BLACK_HOLE
        new = self._connect()
        for plug in (standing, new):
            with self.assertRaises(TimeoutError):
                self._ask(plug)
        self.proxy.mode = Mode.FORWARD
        for plug in (standing, new):
            self.assertIn(b"200", self._hear(plug))

    def test_reset(self) -> None:
        standing = self._connect()
        self._ask(standing)
        self.proxy.mode = Mode.RESET
        with self.assertRaises(ConnectionError):
            self._ask(standing)
            self._ask(standing)

    def test_refuse_and_back(self) -> None:
        self.proxy.mode = Mode.REFUSE
        with self.assertRaises(ConnectionRefusedError):
            self._connect()
        self.proxy.mode = Mode.FORWARD
        self.assertIn(b"200", self._ask(self._connect()))

    def test_delay(self) -> None:
        plug = self._connect()
        self._ask(plug)
        self.proxy.delay = 0.7
        with self.assertRaises(TimeoutError):
            self._ask(plug)  # 0.7 s there and 0.7 s back
