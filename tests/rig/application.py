"""A cluster for one application: standalone-job.sh runs the counting job from usrlib/."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import prepare
from .control_plane import Namespace
from .counting import CountingJob
from .flink import FlinkCluster, JobManager
from .waiting import wait_until

_ENTRY = "io.flinkkubeha.tests.CountingJob"


class ApplicationJobManager(JobManager):
    """Runs main() of the job itself when it is granted leadership."""

    script = "standalone-job.sh"

    def run_job(self, job: CountingJob) -> None:
        """What it runs when it is started."""
        own = ["--job-id", job.id] if job.id else []
        self.arguments = ("start-foreground", "--job-classname", _ENTRY, *own, *job.arguments)


class ApplicationCluster(FlinkCluster):
    """Its JobManagers share one home, whose usrlib/ holds the job."""

    def __init__(
        self, namespace: Namespace, directory: Path, jars: Sequence[Path], job_managers: int = 2, **options: Any
    ) -> None:
        super().__init__(namespace, directory, jars, job_managers=0, **options)
        (self.home / "usrlib").mkdir()
        (self.home / "usrlib" / "counting-job.jar").symlink_to(prepare.counting_job(self.version))
        self.job_managers = [ApplicationJobManager(self, f"jm-{n + 1}", {}) for n in range(job_managers)]

    def run_job(self, job: CountingJob) -> None:
        """What its JobManagers run when they are started."""
        for process in self.job_managers:
            assert isinstance(process, ApplicationJobManager)
            process.run_job(job)

    def wait_for_job(self, job: CountingJob, limit: float = 90) -> None:
        """Waits until a leader knows the job, and notes the id that Flink has given it."""
        job.id = next(iter(wait_until(self.rest.job_states, "the job of the application", limit, 0.1, self.tails)))
