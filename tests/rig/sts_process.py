"""A process for identity.py: the gateway's own service for identities, in a network of its own, and a front before it.

The service fetches an issuer's keys from port 443 of an address that is not loopback, and no machine lets a test have one.
So this process leaves the network and the mounts of the machine, with a socket that still listens there.
Arguments: a JSON file. Everything is logged to standard output, a line of JSON for each request to the front.
"""

import ctypes
import datetime
import fcntl
import hashlib
import http.client
import http.server
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import urllib.parse
from pathlib import Path
from typing import Any

_NEW_NETWORK, _NEW_MOUNTS, _NEW_USER = 0x40000000, 0x00020000, 0x10000000
_BIND, _PRIVATE, _RECURSIVE = 4096, 1 << 18, 16384
_SET_ADDRESS, _SET_FLAGS, _UP = 0x8916, 0x8914, 1
# For documentation only, so nobody else has it.
_ADDRESS = "203.0.113.1"
_SERVICE = ("127.0.0.1", 7078)
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def leave(hosts: Path) -> None:
    """A network with nothing in it but loopback and one address, and these names of hosts."""
    user, group = os.geteuid(), os.getegid()
    if _libc.unshare(_NEW_NETWORK | _NEW_MOUNTS):
        _check(_libc.unshare(_NEW_NETWORK | _NEW_MOUNTS | _NEW_USER))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _check(_libc.mount(b"none", b"/", None, _RECURSIVE | _PRIVATE, None))
    _check(_libc.mount(bytes(hosts), b"/etc/hosts", None, _BIND, None))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        for name, address in ((b"lo", "127.0.0.1"), (b"lo:1", _ADDRESS)):
            fcntl.ioctl(plug, _SET_ADDRESS, struct.pack("16sHH4s8x", name, socket.AF_INET, 0, socket.inet_aton(address)))
            fcntl.ioctl(plug, _SET_FLAGS, struct.pack("16sH14x", name, _UP))


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler: type[http.server.BaseHTTPRequestHandler], certificate: list[str], plug: socket.socket) -> None:
        super().__init__(("127.0.0.1", 0), handler, bind_and_activate=False)
        self.socket.close()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        self.socket = context.wrap_socket(plug, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def issuer(documents: dict[str, Any], certificate: list[str]) -> None:
    """What an issuer of tokens publishes."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(documents[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    plug = socket.create_server((_ADDRESS, 443))
    _Server(Handler, certificate, plug)


def front(plug: socket.socket, certificate: list[str], life: Path) -> None:
    """Passes requests on. Credentials live as the service says, and the answer says the seconds that the file says."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            service = http.client.HTTPConnection(*_SERVICE, timeout=20)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            service.request("POST", self.path, body, headers)
            answer = service.getresponse()
            text = answer.read().decode()
            said = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query or body.decode())
            now = datetime.datetime.now(datetime.timezone.utc)
            until = now + datetime.timedelta(seconds=float(life.read_text()))
            shorter = f"<Expiration>{until.strftime('%Y-%m-%dT%H:%M:%SZ')}</Expiration>"
            lived = re.search(r"<Expiration>(.*?)</Expiration>", text)
            text = re.sub(r"<Expiration>.*?</Expiration>", shorter, text)
            token = said.get("WebIdentityToken", [""])[0]
            record = {
                "action": said.get("Action", [""])[0],
                "status": answer.status,
                "token": hashlib.sha256(token.encode()).hexdigest(),
                "expiration": lived and lived[1],
                "error": "".join(re.findall(r"<Code>(.*?)</Code>", text)),
            }
            print(json.dumps(record), flush=True)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers.get("Content-Type", "text/xml"))
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    _Server(Handler, certificate, plug)


def main() -> None:
    """Until the parent ends."""
    told = json.loads(Path(sys.argv[1]).read_text())
    plug = socket.create_server(("127.0.0.1", told["port"]))
    leave(Path(told["hosts"]))
    issuer(told["documents"], told["issuer"])
    command = [told["gateway"], "--quiet", "--port", f"{_SERVICE[0]}:{_SERVICE[1]}", "iam", "--dir", told["directory"]]
    child = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command, "--private-ports", told["socket"]], stdout=sys.stderr)
    front(plug, told["front"], Path(told["life"]))
    sys.exit(child.wait())


if __name__ == "__main__":
    main()
