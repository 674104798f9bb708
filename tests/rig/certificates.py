"""Certificate authorities of our own, each with the certificate of one server on loopback; made by openssl."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

AVAILABLE = shutil.which("openssl") is not None
_NEW = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


@dataclass(frozen=True)
class Authority:
    """Files: its own certificate, and key and certificate of the server."""

    ca_file: Path
    certificate: Path
    key: Path


def authority(directory: Path, name: str, server: str = "IP:127.0.0.1") -> Authority:
    """Makes one of that name; `server` is the one server that it knows, as certificates have it."""
    ca_file, ca_key = directory / f"{name}.ca.crt", directory / f"{name}.ca.key"
    _run("-subj", f"/CN={name}", "-keyout", str(ca_key), "-out", str(ca_file))
    made = Authority(ca_file, directory / f"{name}.crt", directory / f"{name}.key")
    signed = ("-CA", str(ca_file), "-CAkey", str(ca_key), "-subj", f"/CN={server.partition(':')[2]}")
    extensions = ("-addext", f"subjectAltName={server}", "-addext", "basicConstraints=critical,CA:FALSE")
    _run(*signed, *extensions, "-keyout", str(made.key), "-out", str(made.certificate))
    return made


def _run(*arguments: str) -> None:
    subprocess.run((*_NEW, *arguments), check=True, capture_output=True)
