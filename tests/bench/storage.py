"""The storage behind the pointers: what HA services write and read there, beside Flink's own file systems."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from rig import maven
from rig.s3_gateway import S3Gateway
from rig.stores import make_file

from .sides import OURS, STOCK, Side
from .stage import Stage

# The newest of this line that every mirror has.
_PLUG_IN_VERSION = "2.2.0"
_PLUG_INS = (
    (STOCK, "flink-s3-fs-presto"),
    (Side(f"{STOCK.name}, Hadoop's client", ours=False), "flink-s3-fs-hadoop"),
)
# Size, what to call it, how many in a run and in a quick one.
_SIZES = ((1000, "1 kB", 300, 20), (100_000, "100 kB", 200, 10), (10_000_000, "10 MB", 20, 3))


def storage(stage: Stage) -> None:
    """Metadata and a jar, on S3 beside both of Flink's plug-ins, and in local files."""
    work = stage.directory / "storage"
    work.mkdir()
    jar = work / "jar"
    make_file(jar, (64 if stage.quick else 1024) << 20)
    gateway = S3Gateway(work / "object-store")
    try:
        for _ in range(stage.runs):
            for side, plug_in in _PLUG_INS[-1:] if stage.quick else _PLUG_INS:
                environment = {"FLINK_PLUGINS_DIR": str(_plugins(work, plug_in))}
                _measure(stage, "storage on S3", side, jar, gateway.root, gateway.settings, environment)
            _measure(stage, "storage on S3", OURS, jar, gateway.root, gateway.settings)
            for side in (OURS,) if stage.quick else (STOCK, OURS):
                _measure(stage, "storage in files", side, jar, f"file://{work}/files")
    finally:
        gateway.stop()
        jar.unlink()


def _plugins(work: Path, plug_in: str) -> Path:
    """A directory of plug-ins with that one."""
    directory = work / plug_in
    target = directory / "s3"
    if not target.exists():
        target.mkdir(parents=True)
        jar = maven.flink_jar(plug_in, _PLUG_IN_VERSION)
        (target / jar.name).symlink_to(jar)
    return directory


def _measure(
    stage: Stage,
    group: str,
    side: Side,
    jar: Path,
    root: str,
    settings: Mapping[str, str] = MappingProxyType({}),
    environment: Mapping[str, str] = MappingProxyType({}),
) -> None:
    with stage.scene(side) as scene:
        settings = {**settings, "high-availability.storageDir": root}
        program = scene.program("storage", settings_too=settings, environment=environment)
        program.ask(f"storage {'jar' if side.ours else 'flink'}")
        # Whatever is compiled or connected at the first use is no part of it.
        for size, _, count, quick in _SIZES:
            program.ask(f"objects {size} {(quick if stage.quick else count) // 2}", 300)
        for size, called, count, quick in _SIZES:
            took = program.ask(f"objects {size} {quick if stage.quick else count}", 300)
            for what, key in (("put", "puts"), ("get", "gets"), ("delete", "deletes")):
                stage.add(group, f"{what} {called}", "ms", side, *took[key])
        measured = program.ask(f"blob {jar}", 900)
        size_mib = jar.stat().st_size / 2**20
        called = f"{size_mib / 1024:g} GiB" if size_mib >= 1024 else f"{size_mib:g} MiB"
        for what in ("put", "get"):
            stage.add(group, f"{what} a blob of {called}", "MiB/s", side, size_mib / measured[what] * 1000)
        stage.add(group, f"most resident with a blob of {called}", "MiB", side, measured["peak KiB"] / 2**10)
        held = program.ask("footprint")
        stage.add(group, "heap in use afterwards", "MiB", side, held["heap bytes"] / 2**20)
        stage.add(group, "resident afterwards", "MiB", side, held["resident KiB"] / 2**10)
        program.stop()
