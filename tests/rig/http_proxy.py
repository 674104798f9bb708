"""The API server with errors of its own: a proxy that ends TLS with its certificate and can answer in its place."""

import contextlib
import http.client
import http.server
import json
import select
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .kubernetes import Access
from .processes import free_port

# Between a client and the API server only, not to be passed on.
_HOP_BY_HOP = ("connection", "host", "keep-alive", "transfer-encoding")


@dataclass(frozen=True)
class Answer:
    """What clients get instead of an answer of the API server, as it would put it."""

    code: int
    reason: str
    message: str
    retry_after: int | None = None  # seconds

    @property
    def body(self) -> bytes:
        """A Status object."""
        status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        status |= {"message": self.message, "reason": self.reason, "code": self.code}
        if self.retry_after is not None:
            status["details"] = {"retryAfterSeconds": self.retry_after}
        return json.dumps(status).encode()


TOO_MANY_REQUESTS = Answer(429, "TooManyRequests", "too many requests, please try again later", 2)
NO_LEADER = Answer(500, "InternalError", "etcdserver: no leader")
UNAVAILABLE = Answer(503, "ServiceUnavailable", "apiserver is shutting down")


@dataclass(frozen=True)
class Asked:
    """One request of a client."""

    method: str
    path: str
    body: bytes
    accept: str = ""  # in which form the answer is wanted


class HttpFaultProxy:
    """Listens on a port of its own. Requests that come while `answer` is set get that; watches that stand go on."""

    def __init__(self, access: Access, certificate: str, key: str) -> None:
        self.answer: Answer | None = None
        self.answered = 0
        self._upstream = urlsplit(access.server)
        self._trust = ssl.create_default_context(cafile=str(access.ca_file))
        self._port = free_port()
        self._lock = threading.Lock()
        # Neither it nor the API server behind a websocket may switch to HTTP/2 here.
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        tls.set_alpn_protocols(["http/1.1"])
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._tls = tls
        self._server = _Server(("127.0.0.1", self._port), Handler, tls)
        threading.Thread(target=self._server.serve_forever, name="http-fault-proxy", daemon=True).start()

    @property
    def server(self) -> str:
        """The URL to put into a kubeconfig."""
        return f"https://127.0.0.1:{self._port}"

    def close(self) -> None:
        """Ends it; connections that stand end with their clients."""
        self._server.shutdown()
        self._server.server_close()

    def rotate(self, certificate: str, key: str) -> None:
        """Shows another certificate from now on, and ends every connection that stands, as a restart does."""
        self._tls.load_cert_chain(certificate, key)
        self._server.cut()

    def instead(self) -> Answer | None:
        """The answer for a request that has just come, if it is not to be passed on."""
        with self._lock:
            answer = self.answer
            self.answered += answer is not None
            return answer

    def passing(self, asked: Asked) -> None:
        """Called before a request is passed on; what this raises ends the connection of the client instead."""

    def passed(self, asked: Asked, code: int) -> None:
        """Called when a request was carried out, before its client is told."""

    def connect(self) -> http.client.HTTPSConnection:
        """A connection to the API server."""
        host, port = self._upstream.hostname or "", self._upstream.port or 443
        return http.client.HTTPSConnection(host, port, context=self._trust)

    def plug(self) -> ssl.SSLSocket:
        """The same without anything that knows HTTP."""
        host, port = self._upstream.hostname or "", self._upstream.port or 443
        return self._trust.wrap_socket(socket.create_connection((host, port)), server_hostname=host)


class _Server(http.server.ThreadingHTTPServer):
    """Each connection, and its handshake, in a thread of its own."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type["_Handler"], tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._lock = threading.Lock()
        self._standing: set[socket.socket] = set()
        super().__init__(address, handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        with self._tls.wrap_socket(request, server_side=True) as encrypted:
            with self._lock:
                self._standing.add(encrypted)
            try:
                super().finish_request(encrypted, client_address)  # type: ignore[arg-type]
            finally:
                with self._lock:
                    self._standing.discard(encrypted)

    def cut(self) -> None:
        """Ends every connection that stands."""
        with self._lock:
            for connection in self._standing:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that break off are what tests are about


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection of a client, and one to the API server for as long as that lasts."""

    owner: HttpFaultProxy
    protocol_version = "HTTP/1.1"
    _behind: http.client.HTTPSConnection | None = None

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        instead = self.owner.instead()
        if instead:
            self._answer(instead)
        elif self.headers.get("Upgrade"):
            self._tunnel()
        else:
            self._pass_on(body)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _serve

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.retry_after is not None:
            self.send_header("Retry-After", str(answer.retry_after))
        self.end_headers()
        self.wfile.write(answer.body)

    def _pass_on(self, body: bytes) -> None:
        self._behind = self._behind or self.owner.connect()
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        asked = Asked(self.command, self.path, body, self.headers.get("Accept", ""))
        self.owner.passing(asked)
        try:
            self._behind.request(self.command, self.path, body or None, headers)
            answer = self._behind.getresponse()
        except (OSError, http.client.HTTPException):
            # As a balancer does whose API server has gone; the next request tries anew.
            self._behind = None
            self.close_connection = True
            return
        self.owner.passed(asked, answer.status)
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while piece := answer.read1(65536):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if answer.chunked else piece)
        answer.close()  # else the connection is not free for the next request
        if answer.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _tunnel(self) -> None:
        """A websocket: bytes to and fro until one side ends it."""
        self.close_connection = True
        lines = [self.requestline, *(f"{name}: {value}" for name, value in self.headers.items()), "", ""]
        with self.owner.plug() as behind:
            behind.sendall("\r\n".join(lines).encode())
            client: ssl.SSLSocket = self.connection  # type: ignore[assignment]
            ways = {client: behind, behind: client}
            while True:
                ready = [one for one in ways if one.pending()] or select.select(list(ways), [], [])[0]
                for one in ready:
                    piece = one.recv(65536)
                    if not piece:
                        return
                    ways[one].sendall(piece)

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        if self._behind:
            self._behind.close()

    def log_message(self, format: str, *args: object) -> None:
        pass
