"""The command line of the benchmarks."""

import argparse
import datetime
import os
import platform
import shutil
import subprocess
from collections.abc import Callable

from rig import prepare
from rig.processes import end_on_signals
from rig.workspace import FLINK_VERSION, ROOT, RUNS, TESTS, progress

from . import fleets, micro, report, services, stage, storage
from .results import Results

BENCHMARKS: dict[str, Callable[[stage.Stage], None]] = {
    "start": services.start,
    "checkpoints": services.checkpoints,
    "idle": services.idle,
    "release": services.release,
    "many-jobs": services.many_jobs,
    "watchers": services.watchers,
    "clusters": services.clusters,
    "bridge": micro.bridge,
    "storage": storage.storage,
    "stopped": fleets.stopped,
    "killed": fleets.killed,
    "same-pod": fleets.same_pod,
    "restarted": fleets.restarted,
}
# A p99 wants as many; what takes long by itself is measured less often.
_PUBLISHED = 20
_DIRECTORY = RUNS / "bench"
_RESULTS = _DIRECTORY / "results.json"


def facts(command: str) -> dict[str, str]:
    """On what it was measured."""
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    revision = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    java = subprocess.run([str(prepare.java_home() / "bin" / "java"), "-version"], capture_output=True, text=True).stderr
    versions = (TESTS / "control-plane" / "go.mod").read_text()
    kubernetes = versions.split("k8s.io/kubernetes v")[1].split()[0]
    return {
        "Date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "Command": f"`{command}`",
        "Machine": f"{os.cpu_count()} cores of {model}, {platform.system()} {platform.release().split('-')[0]}, with everything on it, load average {os.getloadavg()[2]:.0f}",
        "Versions": f"Flink {FLINK_VERSION}, Kubernetes {kubernetes}, {java.splitlines()[0]}, revision {revision.strip()}",
        "Settings": "Flink's defaults (lease 15 s, renew deadline 15 s, retry period 5 s); storage on the local disk",
    }


def publish() -> None:
    """Puts what was measured into tests/bench and the README."""
    for found in ("FIGURES.md", "plots"):
        source, target = _DIRECTORY / found, TESTS / "bench" / found
        shutil.copytree(source, target, dirs_exist_ok=True) if source.is_dir() else shutil.copy(source, target)
    results = Results(_RESULTS)
    report.write_into(ROOT / "README.md", results, results.facts)


def run(names: list[str], runs: int, quick: bool, command: str) -> None:
    """Runs the named benchmarks, and keeps what earlier runs have measured of the others."""
    prepare.tools()
    prepare.control_plane()
    prepare.flink_home()
    prepare.jar()
    _DIRECTORY.mkdir(parents=True, exist_ok=True)
    scenes = _DIRECTORY / "scenes"
    shutil.rmtree(scenes, ignore_errors=True)
    results = Results(_RESULTS)
    with stage.kubernetes(scenes / "kubernetes") as kubernetes:
        stands = stage.Stage(kubernetes, scenes, results, runs, quick)
        for name in names:
            progress(f"{name}: {(BENCHMARKS[name].__doc__ or '').strip()}")
            results.forget(name)
            stands.benchmark = name
            BENCHMARKS[name](stands)
            results.save(facts(command))
    report.write(results, facts(command), _DIRECTORY)
    progress(f"{_DIRECTORY / 'FIGURES.md'}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="everything once and small")
    parser.add_argument("--runs", type=int, help=f"how often each measurement is made at most (default 5, or {_PUBLISHED} to publish)")
    parser.add_argument("--list", action="store_true", help="name the benchmarks and end")
    parser.add_argument("--publish", action="store_true", help="put what was measured into tests/bench and the README")
    parser.add_argument("name", nargs="*", help="all without one")
    options = parser.parse_args()
    unknown = set(options.name) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; --list names what there is")
    if options.list:
        for name, benchmark in BENCHMARKS.items():
            print(f"{name:12} {(benchmark.__doc__ or '').strip()}")
        return
    end_on_signals()
    runs = 1 if options.quick else options.runs or (_PUBLISHED if options.publish else 5)
    command = "tests/bench/run" + (" --publish" if options.publish else "") + (" --quick" if options.quick else "")
    run(options.name or list(BENCHMARKS), runs, options.quick, command if not options.runs else f"{command} --runs {runs}")
    if options.publish:
        publish()


if __name__ == "__main__":
    main()
