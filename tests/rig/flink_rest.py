"""Flink's REST interface, as much of it as the tests need."""

import http.client
import json
import secrets
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class RestFailure(Exception):
    """No answer, or one other than 2xx."""


class FlinkRest:
    """One JobManager's REST endpoint; a standby answers for the leader."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.port = port
        self.host = host

    def request(self, method: str, path: str, body: Json | None = None, limit: float = 20) -> Json:
        """One request with a JSON body."""
        data = json.dumps(body).encode() if body is not None else None
        return self._send(method, path, data, "application/json", limit)

    def upload_jar(self, jar: Path) -> str:
        """Uploads a job; the id under which to run it."""
        boundary = secrets.token_hex(16)
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="jarfile"; filename="{jar.name}"\r\n'
            "Content-Type: application/x-java-archive\r\n\r\n"
        )
        data = head.encode() + jar.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        answer = self._send("POST", "/jars/upload", data, f"multipart/form-data; boundary={boundary}", 60)
        return str(Path(answer["filename"]).name)

    def run_jar(self, uploaded: str, arguments: list[str]) -> str:
        """Submits a job; its id."""
        answer = self.request("POST", f"/jars/{uploaded}/run", {"programArgsList": arguments}, limit=60)
        return str(answer["jobid"])

    def job_state(self, job: str) -> str | None:
        """RUNNING and so on; None while nobody answers or knows the job."""
        try:
            return str(self.request("GET", f"/jobs/{job}/status")["status"])
        except RestFailure:
            return None

    def job_states(self) -> dict[str, str]:
        """The state of every job by id; empty while nobody answers."""
        try:
            return {job["id"]: job["status"] for job in self.request("GET", "/jobs")["jobs"]}
        except RestFailure:
            return {}

    def checkpoints(self, job: str) -> Json:
        """Statistics of a job's checkpoints; empty while nobody answers."""
        try:
            return self.request("GET", f"/jobs/{job}/checkpoints")
        except RestFailure:
            return {}

    def task_managers(self) -> int:
        """How many are registered; 0 while nobody answers."""
        try:
            return len(self.request("GET", "/taskmanagers")["taskmanagers"])
        except RestFailure:
            return 0

    def _send(self, method: str, path: str, data: bytes | None, kind: str, limit: float) -> Json:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=limit)
        try:
            connection.request(method, path, data, {"Content-Type": kind} if data is not None else {})
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as failure:
            raise RestFailure(str(failure)) from failure
        finally:
            connection.close()
        if answer.status >= 300:
            raise RestFailure(f"{method} {path}: {answer.status}: {text[:2000]}")
        parsed: Json = json.loads(text) if text else {}
        return parsed
