"""Small Java programs of the tests, run as Flink's scripts would run them."""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import prepare
from .workspace import CACHE, content_key


def compiled(sources: Sequence[Path], version: str) -> Path:
    """The classes of these source files, compiled against that Flink."""
    target = CACHE / "program" / content_key(sources, version)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            classes = Path(scratch) / "classes"
            class_path = f"{prepare.flink_home(version)}/lib/*"
            javac = str(prepare.java_home() / "bin" / "javac")
            command = [javac, "--release", "11", "-cp", class_path, "-d", str(classes), *map(str, sources)]
            prepare.run(command, limit=300)
            if not target.exists():
                classes.rename(target)
    return target


def class_path(home: Path) -> list[str]:
    """All of lib/ in the order of Flink's scripts: by name, with flink-dist at the end."""
    jars = sorted((home / "lib").glob("*.jar"), key=lambda jar: (jar.name.startswith("flink-dist"), str(jar)))
    return [str(jar) for jar in jars]


def run(
    entry: str,
    classes: Path,
    home: Path,
    environment: Mapping[str, str],
    arguments: Sequence[str] = (),
    options: Sequence[str] = (),
    limit: float = 300,
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end in a JVM of its own, beside the jars of a Flink home."""
    return subprocess.run(
        [
            str(prepare.java_home() / "bin" / "java"),
            *options,
            "-cp",
            ":".join([*class_path(home), str(classes)]),
            entry,
            *arguments,
        ],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=limit,
    )
