"""A process can be given a wall clock of its own."""

import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from rig import prepare
from rig.clocks import Clock

_SOURCE = """
public class Tell {
    public static void main(String[] args) throws Exception {
        while (System.in.read() >= 0) {
            System.out.println(System.currentTimeMillis() + " " + System.nanoTime());
        }
    }
}
"""


class Clocks(unittest.TestCase):
    """What a JVM says of the time."""

    def test_the_wall_clock_goes_as_it_is_told_and_the_monotonic_one_as_ever(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            (directory / "Tell.java").write_text(_SOURCE)
            home = prepare.java_home() / "bin"
            subprocess.run([home / "javac", "-d", name, directory / "Tell.java"], check=True)
            clock = Clock(directory / "clock")
            java = Path(clock.environment["JAVA_HOME"]) / "bin" / "java"
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            with subprocess.Popen([java, "-cp", name, "Tell"], text=True, **pipes) as process:  # type: ignore[call-overload]

                def wrong_by() -> float:
                    """Seconds; fails where the monotonic clock is wrong too."""
                    before = time.time()
                    process.stdin.write("x")
                    process.stdin.flush()
                    wall, monotonic = process.stdout.readline().split()
                    self.assertAlmostEqual(time.monotonic(), int(monotonic) / 1e9, delta=10)
                    return int(wall) / 1000 - before

                self.assertAlmostEqual(0, wrong_by(), delta=10)
                clock.set(1000)
                self.assertAlmostEqual(1000, wrong_by(), delta=10)
                clock.set(-1000)
                self.assertAlmostEqual(-1000, wrong_by(), delta=10)
                clock.set(rate=1000)
                time.sleep(0.2)
                self.assertGreater(wrong_by(), 100)
                process.stdin.close()
