"""An API server that does not answer yet is waited for; a command-line client gives up."""

import time

from rig.proxy import FaultProxy, Mode

from . import base


@base.ours_only("ends when the API server does not answer at start")
class ApiServerIsNotReachable(base.ClusterTest):
    """Refused and black-holed connections."""

    def test_a_job_manager_waits_and_says_for_how_long(self) -> None:
        for mode in (Mode.REFUSE, Mode.BLACK_HOLE):
            with self.subTest(mode=mode.value):
                proxy = FaultProxy(base.kubernetes().access.server)
                self.addCleanup(proxy.close)
                proxy.mode = mode
                cluster = self.flink(mode.value, job_managers=1, task_managers=0)
                cluster.settings["kubernetes.config.file"] = cluster.kubeconfig(proxy.server)
                process = cluster.job_managers[0]
                process.start()
                warning = process.wait_for_log(r"(?i)waiting for the API server.* [1-9][\d.]* s\b", 60)
                self.assertEqual("WARN", warning.line.level)
                self.report(warning.line.message)
                proxy.mode = Mode.FORWARD
                healed = time.time()
                granted = process.wait_for_grant(30)
                self.report(f"granted {granted.at - healed:.2f} s after the API server could be reached")
                cluster.stop()

    def test_a_client_gives_up(self) -> None:
        proxy = FaultProxy(base.kubernetes().access.server)
        self.addCleanup(proxy.close)
        cluster = self.flink(job_managers=0, task_managers=0)
        kubeconfig = cluster.kubeconfig(proxy.server)
        for mode in (Mode.REFUSE, Mode.BLACK_HOLE):
            with self.subTest(mode=mode.value):
                proxy.mode = mode
                began = time.monotonic()
                run = cluster.client(
                    "list", settings={"client.timeout": "4 s", "kubernetes.config.file": kubeconfig}, limit=90
                )
                self.report(f"{mode.value}: gave up after {time.monotonic() - began:.1f} s, JVM start included")
                self.assertNotEqual(0, run.exit_code, run.output)
                self.assertRegex(run.output, r"client\.timeout|(?i:time-?d? ?-?out)")
