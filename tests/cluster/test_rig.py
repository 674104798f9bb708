"""The rig's own judges can say no."""

import base64
import http.server
import json
import socket
import tempfile
import threading
import time
import unittest
from pathlib import Path

from rig import counterparts, peers
from rig.audit import AuditLog
from rig.counting import KEYS, check_output
from rig.logs import LOG4J_BY_MONOTONIC_CLOCK, Log
from rig.pointers import dangling, pointers
from rig.processes import free_port
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


class Pointers(unittest.TestCase):
    """Pointers as stock writes them."""

    # Of file:/a with 3 bytes.
    _LIVE = (
        "rO0ABXNyAGNvcmcuYXBhY2hlLmZsaW5rLmt1YmVybmV0ZXMuaGlnaGF2YWlsYWJpbGl0eS5LdWJlcm5ldGVzU3RhdGVIYW5kbGVT"
        "dG9yZSRTdGF0ZUhhbmRsZVdpdGhEZWxldGVNYXJrZXIbrUSA74YNfAIAAloAEW1hcmtlZEZvckRlbGV0aW9uTAAFaW5uZXJ0ADdM"
        "b3JnL2FwYWNoZS9mbGluay9ydW50aW1lL3N0YXRlL1JldHJpZXZhYmxlU3RhdGVIYW5kbGU7eHAAc3IAO29yZy5hcGFjaGUuZmxp"
        "bmsucnVudGltZS5zdGF0ZS5SZXRyaWV2YWJsZVN0cmVhbVN0YXRlSGFuZGxlAAEeGPFVlysCAAFMABh3cmFwcGVkU3RyZWFtU3Rh"
        "dGVIYW5kbGV0ADJMb3JnL2FwYWNoZS9mbGluay9ydW50aW1lL3N0YXRlL1N0cmVhbVN0YXRlSGFuZGxlO3hwc3IAOW9yZy5hcGFj"
        "aGUuZmxpbmsucnVudGltZS5zdGF0ZS5maWxlc3lzdGVtLkZpbGVTdGF0ZUhhbmRsZQTcddhivRuzAgACSgAJc3RhdGVTaXplTAAI"
        "ZmlsZVBhdGh0AB9Mb3JnL2FwYWNoZS9mbGluay9jb3JlL2ZzL1BhdGg7eHAAAAAAAAAAA3NyAB1vcmcuYXBhY2hlLmZsaW5rLmNv"
        "cmUuZnMuUGF0aAAAAAAAAAABAgABTAADdXJpdAAOTGphdmEvbmV0L1VSSTt4cHNyAAxqYXZhLm5ldC5VUkmsAXguQ55JqwMAAUwA"
        "BnN0cmluZ3QAEkxqYXZhL2xhbmcvU3RyaW5nO3hwdAAHZmlsZTovYXg="
    )

    def test_file_and_marker_are_read(self) -> None:
        data = {"checkpointID-1": self._LIVE, "counter": "2"}
        (pointer,) = pointers({"data": data}, "checkpointID-")
        self.assertEqual((Path("/a"), False), (pointer.file, pointer.marked))
        self.assertEqual(["checkpointID-1"], dangling({"data": data}, "checkpointID-"))
        raw = bytearray(base64.b64decode(self._LIVE))
        raw[raw.index(b";xp") + 3] = 1
        data["checkpointID-1"] = base64.b64encode(raw).decode()
        (pointer,) = pointers({"data": data}, "checkpointID-")
        self.assertTrue(pointer.marked)
        self.assertEqual([], dangling({"data": data}, "checkpointID-"))
        self.assertEqual([], pointers(None, "checkpointID-"))


class Logs(unittest.TestCase):
    """Log records as Flink's logging writes them."""

    def test_both_clocks_tell_the_same_time(self) -> None:
        self.assertIn("pattern = m%nano ", LOG4J_BY_MONOTONIC_CLOCK)
        wall, monotonic = int(time.time() * 1000), time.monotonic_ns()
        rest = "06:00:00.000 INFO  org.apache.flink.X - text"
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "x.log"
            file.write_text(f"{wall} {rest}\nm{monotonic} {rest}\n")
            first, second = Log(file).lines()
        self.assertAlmostEqual(first.at, second.at, delta=1)
        self.assertEqual(("INFO", "org.apache.flink.X", "text"), (second.level, second.logger, second.message))


class AuditOfWrites(unittest.TestCase):
    """What of a former leader counts as applied."""

    def test_only_what_was_carried_out_by_that_process_in_that_time(self) -> None:
        def event(verb: str, code: int, agent: str, second: int, query: str = "") -> str:
            return json.dumps(
                {
                    "stage": "ResponseComplete",
                    "verb": verb,
                    "requestURI": f"/api/v1/namespaces/n/configmaps/c{query}",
                    "objectRef": {"resource": "configmaps", "namespace": "n", "name": "c"},
                    "user": {"username": "u"},
                    "userAgent": agent,
                    "responseStatus": {"code": code},
                    "requestReceivedTimestamp": f"2026-11-21T06:00:{second:02}.000000Z",
                    "stageTimestamp": f"2026-11-21T06:00:{second:02}.002000Z",
                }
            )

        lines = [
            event("update", 200, "jm-1", 1),
            event("update", 409, "jm-1", 10),
            event("get", 200, "jm-1", 11),
            event("create", 201, "jm-1", 12, "?dryRun=All"),
            event("update", 200, "jm-2", 13),
            event("delete", 200, "jm-1", 14),
        ]
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "audit.log"
            file.write_text("\n".join(lines) + "\n")
            audit = AuditLog(file)
            first = next(audit.requests()).received
            self.assertEqual([409, 200], [one.code for one in audit.writes("u", "jm-1", first + 5)])
            self.assertEqual(1, len(audit.applied("u", "jm-1", first + 5)))
            self.assertEqual([], audit.applied("u", "jm-1", first + 5, first + 12))

    def test_what_is_refused_for_its_token_has_no_user_and_only_begins(self) -> None:
        event = {
            "stage": "ResponseStarted",
            "verb": "update",
            "requestURI": "/api/v1/namespaces/n/configmaps/c",
            "user": {},
            "userAgent": "jm-1",
            "responseStatus": {"code": 401},
            "requestReceivedTimestamp": "2026-11-21T06:00:01.000000Z",
            "stageTimestamp": "2026-11-21T06:00:01.002000Z",
        }
        known = {**event, "user": {"username": "u"}}  # its end is another event
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "audit.log"
            file.write_text(f"{json.dumps(event)}\n{json.dumps(known)}\n")
            self.assertEqual([("", 401)], [(one.user, one.code) for one in AuditLog(file).requests()])


class PeerJudges(unittest.TestCase):
    """ConfigMaps that Flink's own tests could have left."""

    _CLUSTER = "job-run-1.20.1-0123abcd"
    _LABELS = {"app": _CLUSTER, "type": "flink-native-kubernetes", "configmap-type": "high-availability"}

    def _wrong(self, labels: dict[str, str] | None, cluster: str = _CLUSTER) -> list[str]:
        return list(peers.wrong_labels({f"{cluster}-cluster-config-map": {"metadata": {"labels": labels}}}))

    def test_labels_are_those_of_the_line(self) -> None:
        self.assertEqual([], self._wrong(self._LABELS))
        newer = self._CLUSTER.replace("1.20.1", "2.0.0")
        self.assertEqual(1, len(self._wrong({**self._LABELS, "app": newer}, newer)))
        self.assertEqual(1, len(self._wrong({**self._LABELS, "app": newer})))
        self.assertEqual(1, len(self._wrong(None)))
        self.assertEqual(1, len(self._wrong(self._LABELS, "unknown")))

    def test_jobs_that_ended_left_nothing(self) -> None:
        left = f"{self._CLUSTER}-{'0' * 32}-config-map"
        self.assertEqual([f"ConfigMap {left} is left of a job that ended"], list(peers.left_behind([left])))
        kept = (f"{self._CLUSTER}-cluster-config-map", left.replace("-run-", "-"), "kube-root-ca.crt")
        self.assertEqual([], list(peers.left_behind(kept)))


class Counterparts(unittest.TestCase):
    """A table of tests against the tests that there are."""

    def _faults(self, *rows: str) -> list[str]:
        return counterparts.faults("\n".join([f"## T ({len(rows)})", *rows]))

    def test_finds_tests_of_each_language(self) -> None:
        java, rust, python = "HaConfigurationTest", "session::a_stolen_lock_revokes_and_fences", "test_rig.Counterparts"
        row = f"| testIt | `{java}`, `{rust}`, `{python}.test_finds_tests_of_each_language` | |"
        self.assertEqual([], self._faults(row))

    def test_misses_what_is_not_there(self) -> None:
        absent = ["NoSuchTest", "HaConfigurationTest.noSuchMethod"]
        absent += ["session::no_such_test", "test_rig.Counterparts.test_no"]
        for name in absent:
            self.assertEqual([f"{name} does not exist: testIt of T."], self._faults(f"| testIt | `{name}` | |"))
        self.assertEqual(2, len(self._faults("| testIt | | |")))
        self.assertIn("T has 0 rows, not 1.", self._faults("a row of another form"))


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
        self.server_url = f"https://127.0.0.1:{server.server_port}"
        self.proxy = FaultProxy(self.server_url)
        self.addCleanup(self.proxy.close)

    def _connect(self, proxy: FaultProxy | None = None) -> socket.socket:
        port = int((proxy or self.proxy).server.rpartition(":")[2])
        plug = socket.create_connection(("127.0.0.1", port), timeout=1)
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

    def test_silence_takes_the_connections_that_stand(self) -> None:
        standing = self._connect()
        self._ask(standing)
        self.assertEqual(1, self.proxy.silence())
        with self.assertRaises(TimeoutError):
            self._ask(standing)
        self.assertIn(b"200", self._ask(self._connect()))
        self.assertEqual(1, self.proxy.silence())

    def test_several_servers_take_turns_and_one_that_is_gone_is_left_out(self) -> None:
        gone = f"http://127.0.0.1:{free_port()}"
        proxy = FaultProxy([gone, self.server_url, gone])
        self.addCleanup(proxy.close)
        for _ in range(4):
            self.assertIn(b"200", self._ask(self._connect(proxy)))

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

    def test_replies_are_dropped_and_the_connection_is_reset_after_the_request_has_arrived(self) -> None:
        plug = self._connect()
        self._ask(plug)
        self.proxy.drop_replies = 1
        with self.assertRaises(ConnectionError):
            # As long as a request of ours is.
            plug.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 200 + b"\r\n\r\n")
            self.assertEqual(b"", self._hear(plug))
            raise ConnectionError
        self.assertEqual(1, self.proxy.dropped)
        self.proxy.drop_replies = 0
        self.assertIn(b"200", self._ask(self._connect()))

    def test_delay(self) -> None:
        plug = self._connect()
        self._ask(plug)
        self.proxy.delay = 0.7
        with self.assertRaises(TimeoutError):
            self._ask(plug)  # 0.7 s there and 0.7 s back
