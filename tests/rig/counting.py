"""Submits the counting job and checks what it wrote."""

from dataclasses import dataclass
from pathlib import Path

from . import prepare
from .flink import COMPLETED, FlinkCluster, JobManager
from .flink_rest import RestFailure
from .waiting import wait_until

KEYS = 16
_END_STATES = ("FINISHED", "CANCELED", "FAILED")


@dataclass(frozen=True)
class Output:
    """What stands in the committed files."""

    records: int
    # Sentences about everything that is not exactly once; empty is good.
    problems: list[str]


def check_output(directory: Path) -> Output:
    """Checks that numbers 0, 1, 2, ... stand there once each, with no gap, each with its right count."""
    rows: list[tuple[int, int, int]] = []
    problems: list[str] = []
    for file in directory.rglob("*"):
        if not file.is_file() or file.name.startswith((".", "_")):
            continue  # not committed yet
        for text in file.read_text().splitlines():
            number, key, count = (int(part) for part in text.split(","))
            rows.append((number, key, count))
    rows.sort()
    expected = 0
    for number, key, count in rows:
        if number < expected:
            problems.append(f"{number} stands there more than once")
            continue
        if number > expected:
            problems.append(f"{expected} to {number - 1} are missing")
        if (key, count) != (number % KEYS, number // KEYS + 1):
            problems.append(f"{number} was counted as number {count} of key {key}: the state was not restored")
        expected = number + 1
    return Output(len(rows), problems[:10])


class CountingJob:
    """One submitted counting job."""

    def __init__(
        self,
        cluster: FlinkCluster,
        rate: float = 1000,
        records: int | None = None,
        fail_at: int | None = None,
        parallelism: int = 2,
        name: str = "counting",
    ) -> None:
        self.cluster = cluster
        self.output = cluster.directory / "output" / name
        self.arguments = ["--output", f"file://{self.output}", "--rate", str(rate), "--keys", str(KEYS)]
        self.arguments += ["--parallelism", str(parallelism), "--name", name]
        if records is not None:
            self.arguments += ["--records", str(records)]
        if fail_at is not None:
            self.arguments += ["--fail-at", str(fail_at)]
        self.id = ""

    def submit(self) -> "CountingJob":
        """Submits it through REST, which spares a JVM."""
        rest = self.cluster.rest
        self.id = rest.run_jar(rest.upload_jar(prepare.counting_job(self.cluster.version)), self.arguments)
        return self

    def state(self) -> str | None:
        """As the leader says it."""
        return self.cluster.rest.job_state(self.id)

    def wait_for(self, state: str, limit: float = 60) -> None:
        """Waits until the job is in that state, and fails at once in another end state."""

        def look() -> bool:
            now = self.state()
            assert now == state or now not in _END_STATES, f"the job is {now}\n{self.cluster.tails()}"
            return now == state

        wait_until(look, f"job {self.id} to be {state}", limit, 0.1, self.cluster.tails)

    def completed_checkpoint(self, job_manager: JobManager) -> int:
        """The last checkpoint that this run of a JobManager has logged as completed; 0 for none."""
        return max((int(hit[1]) for hit in job_manager.log.find(COMPLETED) if hit[2] == self.id), default=0)

    def wait_for_checkpoints(self, job_manager: JobManager, count: int, limit: float = 60) -> int:
        """Waits until `count` more checkpoints were completed there; the last of them."""
        first = self.completed_checkpoint(job_manager)
        return wait_until(
            lambda: last if (last := self.completed_checkpoint(job_manager)) >= first + count else 0,
            f"{count} more completed checkpoints",
            limit,
            0.05,
            self.cluster.tails,
        )

    def cancel(self) -> None:
        """Asks for it; does not wait."""
        self.cluster.rest.request("PATCH", f"/jobs/{self.id}?mode=cancel")

    def stop(self, limit: float = 60) -> Output:
        """Stops it with a savepoint, which commits what it wrote, and checks the output."""
        rest = self.cluster.rest
        trigger = rest.request("POST", f"/jobs/{self.id}/stop", {"drain": False})["request-id"]

        def done() -> bool:
            try:
                answer = rest.request("GET", f"/jobs/{self.id}/savepoints/{trigger}")
            except RestFailure:
                return False
            if answer["status"]["id"] != "COMPLETED":
                return False
            cause = answer["operation"].get("failure-cause")
            assert not cause, f"stopping with a savepoint failed: {cause}"
            return True

        wait_until(done, "the job to stop with a savepoint", limit, 0.1, self.cluster.tails)
        self.wait_for("FINISHED", limit)
        return check_output(self.output)
