"""The bridge alone, by JMH: what a call costs, and how soon Java hears of an event."""

import json
import tempfile
from pathlib import Path

from rig import java_program, maven, prepare
from rig.workspace import CACHE, FLINK_VERSION, TESTS, content_key

from .sides import OURS
from .stage import CLUSTER_ID, Scene, Stage

_JARS = (
    ("org.openjdk.jmh", "jmh-core", "1.37"),
    ("net.sf.jopt-simple", "jopt-simple", "5.0.4"),
    ("org.apache.commons", "commons-math3", "3.6.1"),
)
_PROCESSOR = ("org.openjdk.jmh", "jmh-generator-annprocess", "1.37")
_SOURCES = TESTS / "bench" / "micro"


def bridge(stage: Stage) -> None:
    """A call over the boundary between Java and native code, and the wake-up of the event pump (JMH)."""
    with stage.scene(OURS) as scene:
        leader = scene.program("leader")
        leader.ask("open")
        leader.ask("stand 0")
        leader.ask("led")
        for result in _run(scene, stage.quick):
            name, metric = result["benchmark"].rsplit(".", 1)[1], result["primaryMetric"]
            if name == "wakeUp":
                percentiles = metric["scorePercentiles"]
                for percentile in ("50.0", "99.0", "99.9"):
                    what = f"event of a known leader asked for → in Java, p{percentile.removesuffix('.0')}"
                    stage.add("bridge", what, "µs", OURS, percentiles[percentile])
            else:
                values = [value for fork in metric["rawData"] for value in fork]
                stage.add("bridge", f"call of {name}", "µs", OURS, *values)
        leader.ask("close", 60)
        leader.end()


def _run(scene: Scene, quick: bool) -> list[dict]:  # type: ignore[type-arg]
    home = prepare.flink_home(FLINK_VERSION)
    libraries = [maven.jar(*jar) for jar in _JARS]
    class_path = [*map(str, scene.side.jars), *map(str, libraries), *java_program.class_path(home)]
    classes = _compiled(class_path)
    settings = {
        "cluster-id": CLUSTER_ID,
        "namespace": scene.namespace.name,
        "config-file": str(scene.namespace.kubeconfig(label="micro")),
        "identity": "looks-only",
        "lease-format": "iso",
        "lease-millis": "15000",
        "renew-deadline-millis": "15000",
        "retry-period-millis": "5000",
        "role": "taskmanager",
    }
    session = ",".join(f"{key}={value}" for key, value in settings.items())
    answer = scene.directory / "jmh.json"
    output = ["-rf", "json", "-rff", str(answer), "-o", str(scene.directory / "jmh.log")]
    seconds = "200ms" if quick else "2s"
    # In this JVM: a fork would be given the class path by a file of arguments, and nothing else.
    options = ["-f", "0", "-wi", "2", "-i", "3" if quick else "5", "-w", seconds, "-r", seconds]
    command = [str(prepare.java_home() / "bin" / "java"), f"-Dsession={session}", "-cp", ":".join([str(classes), *class_path])]
    prepare.run([*command, "org.openjdk.jmh.Main", *options, *output], limit=300)
    found: list[dict] = json.loads(answer.read_text())  # type: ignore[type-arg]
    return found


def _compiled(class_path: list[str]) -> Path:
    sources = sorted(_SOURCES.glob("*.java"))
    target = CACHE / "program" / content_key([*sources, prepare.jar()], "jmh")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            classes = Path(scratch) / "classes"
            processor = ":".join([str(maven.jar(*_PROCESSOR)), *map(str, class_path)])
            javac = str(prepare.java_home() / "bin" / "javac")
            command = [javac, "-nowarn", "-cp", ":".join(class_path), "-processorpath", processor, "-d", str(classes)]
            prepare.run([*command, *map(str, sources)], limit=300)
            classes.rename(target)
    return target
