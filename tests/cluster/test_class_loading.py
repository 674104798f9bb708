"""Flink loads our factory from our jar, by either key, and none of stock's HA classes."""

import re
from pathlib import Path

from . import base

_PACKAGE = "org.apache.flink.kubernetes.highavailability."
_FACTORY = _PACKAGE + "KubernetesHaServicesFactory"


@base.ours_only("loads its own classes")
class ClassLoading(base.ClusterTest):
    """Seen in the class-loading log of every process; with -Xcheck:jni on."""

    def test_only_the_factory_of_that_package_and_it_is_ours(self) -> None:
        cluster = self.flink()
        classes = {}
        for process in (*cluster.job_managers, *cluster.task_managers):
            classes[process.name] = cluster.directory / f"{process.name}.classes"
            options = f"-Xcheck:jni -Xlog:class+load:file={classes[process.name]}"
            process.settings["env.java.opts.jobmanager"] = process.settings["env.java.opts.taskmanager"] = options
        # Set by its older name in one JobManager, by the newer in everything else.
        old = cluster.job_managers[0]
        old.settings |= {"high-availability.type": None, "high-availability": _FACTORY}
        cluster.start()
        cluster.stop()
        for process in (*cluster.job_managers, *cluster.task_managers):
            with self.subTest(process=process.name):
                loaded = self._loaded(classes[process.name])
                self.assertEqual([_FACTORY], sorted(loaded), "classes of stock's HA package")
                self.assertIn(base.our_jars()[0].name, loaded[_FACTORY])
                active = process.log.first(r"(?i)flink-kube-ha.*\d+\.\d+\.\d+")
                self.assertIsNotNone(active, "no INFO line says that it is active")
                complaints = re.findall(r".*(?:in native method|JNI local refs|JNI call).*", process.log.text())
                self.assertEqual([], complaints, "-Xcheck:jni")

    def _loaded(self, file: Path) -> dict[str, str]:
        found = re.findall(r"\] (\S+) source: (\S+)", file.read_text())
        self.assertGreater(len(found), 1000, f"{file} is no class-loading log")
        # Lambdas of the factory are classes too, with no jar to come from.
        return {
            name: source for name, source in found if name.startswith(_PACKAGE) and not name.startswith(_FACTORY + "$$")
        }
