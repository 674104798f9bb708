"""What an ELF file says of itself, by readelf, which reads those of other architectures too."""

import re
import subprocess
from pathlib import Path


def _readelf(file: Path, *what: str) -> str:
    return subprocess.run(["readelf", "-W", *what, str(file)], check=True, stdout=subprocess.PIPE, text=True).stdout


def machine(file: Path) -> str:
    """The architecture, as readelf names it."""
    (found,) = re.findall(r"Machine:\s+(.+)", _readelf(file, "-h"))
    return found


def exported(file: Path) -> list[str]:
    """The names of all symbols that other libraries could be linked against."""
    symbols = (line.split() for line in _readelf(file, "--dyn-syms").splitlines())
    return [line[7] for line in symbols if len(line) > 7 and line[4] in ("GLOBAL", "WEAK") and line[6].isdigit()]


def needed(file: Path) -> list[str]:
    """The libraries that the loader has to find."""
    return re.findall(r"\(NEEDED\).*\[(.+)\]", _readelf(file, "-d"))


def dynamic(file: Path) -> str:
    """The dynamic section."""
    return _readelf(file, "-d")


def glibc(file: Path) -> tuple[int, ...]:
    """The newest version of glibc that a symbol is asked for in."""
    versions = re.findall(r"GLIBC_([0-9.]+)", _readelf(file, "-V"))
    return max(tuple(map(int, version.split("."))) for version in versions)


def executable_stack(file: Path) -> bool:
    """Whether it asks for a stack that code can run on."""
    (flags,) = re.findall(r"GNU_STACK(?: +0x\w+){5} +([RWE ]+)", _readelf(file, "-l"))
    return "E" in flags
