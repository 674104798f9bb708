"""What was asked of the API server, by whom, and what came of it, from its audit log."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

ALLOWED_VERBS = frozenset({"get", "list", "watch", "create", "update", "delete"})


@dataclass(frozen=True)
class Request:
    """One request as the audit log shows it."""

    verb: str
    resource: str  # "configmaps", or the path of a request for no resource
    namespace: str
    name: str
    user: str
    user_agent: str
    code: int
    received: float  # seconds since the epoch
    answered: float
    dry_run: bool = False
    # Resource versions of the ConfigMap in the request and of that in the answer, of a log with bodies; 0 for none.
    decided_on: int = 0
    made: int = 0

    @property
    def is_write(self) -> bool:
        """Whether it would change something, and is no trial run."""
        return self.verb in ("create", "update", "patch", "delete") and not self.dry_run

    @property
    def kind(self) -> str:
        """What the counts are made by, such as `update configmaps 200`."""
        return f"{self.verb} {self.resource} {self.code}"


class AuditLog:
    """The audit logs of the API servers of one cluster; one line of JSON per request and stage."""

    def __init__(self, *files: Path) -> None:
        self._files = files

    def requests(self, user: str | None = None, agent_prefix: str = "", since: float = 0) -> Iterator[Request]:
        """Every answered request once: a watch when it began, everything else when it was done."""
        for file in self._files:
            for request in _requests(file, user or ""):
                if request.received < since:
                    continue
                if (user is None or request.user == user) and request.user_agent.startswith(agent_prefix):
                    yield request

    def counts(self, user: str | None = None, agent_prefix: str = "", since: float = 0) -> Counter[str]:
        """How many requests of each kind."""
        return Counter(request.kind for request in self.requests(user, agent_prefix, since))

    def writes(self, user: str, agent_prefix: str = "", since: float = 0, until: float = float("inf")) -> list[Request]:
        """Every write of a ConfigMap by this account, and by processes whose user agent begins so, in their order. Its code says what came of it."""
        found = [
            request
            for request in self.requests(user, agent_prefix, since)
            if request.is_write and request.resource == "configmaps" and request.received <= until
        ]
        return found if len(self._files) == 1 else sorted(found, key=lambda one: one.received)

    def applied(self, user: str, agent_prefix: str = "", since: float = 0, until: float = float("inf")) -> list[str]:
        """A sentence for each of those writes that the API server has carried out. Of a former leader there must be none."""
        return [
            f"{request.kind} of {request.name} by {request.user_agent} at {request.received:.3f}"
            for request in self.writes(user, agent_prefix, since, until)
            if request.code < 300
        ]

    def authors(self, namespace: str) -> "Authors":
        """Who made which revision of the ConfigMaps in a namespace, of a log with bodies."""
        found = (one for file in self._files for one in _requests(file, f'"{namespace}"'))
        writes = (one for one in found if one.is_write and one.resource == "configmaps" and one.namespace == namespace)
        return Authors(writes)

    def violations(self, user: str, agent_prefix: str = "") -> list[str]:
        """Everything of this user beyond the documented Role: other verbs or resources, and any 401 or 403."""
        return [
            f"{request.kind} {request.namespace}/{request.name} by {request.user_agent}"
            for request in self.requests(user, agent_prefix)
            if request.verb not in ALLOWED_VERBS or request.resource != "configmaps" or request.code in (401, 403)
        ]


class Authors:
    """The user agents behind revisions of ConfigMaps."""

    def __init__(self, writes: Iterable[Request]) -> None:
        self._done: dict[int, str] = {}
        # By ConfigMap and the version that they were decided on: what may have been carried out without an answer.
        self._unanswered: dict[tuple[str, int], set[str]] = {}
        # A patch names no version: among several answers with the same one it would be the one that changed nothing.
        for write in sorted(writes, key=lambda one: (not one.decided_on, one.received)):
            agent = write.user_agent.split("/")[0]
            if 0 < write.code < 300:
                # What changes nothing is answered with the version that there is already.
                if write.made != write.decided_on:
                    self._done.setdefault(write.made, agent)
            elif not 300 <= write.code < 500:
                self._unanswered.setdefault((write.name, write.decided_on), set()).add(agent)

    def of(self, name: str, revision: int, before: int) -> str:
        """The user agent that made the revision of a ConfigMap out of the one before (0: none); empty: not known."""
        if revision in self._done:
            return self._done[revision]
        candidates = self._unanswered.get((name, before), set())
        return next(iter(candidates)) if len(candidates) == 1 else ""


def _requests(file: Path, with_text: str) -> Iterator[Request]:
    with file.open() as lines:
        for line in lines:
            if not line.endswith("\n"):
                return  # still being written
            if with_text not in line:
                continue  # reading the whole of it takes time
            if request := _parse(json.loads(line)):
                yield request


def _parse(event: dict) -> Request | None:  # type: ignore[type-arg]
    stage = event["stage"]
    begun = event["verb"] == "watch" and stage == "ResponseStarted"
    done = event["verb"] != "watch" and stage in ("ResponseComplete", "Panic")
    refused = event["verb"] == "watch" and event.get("responseStatus", {}).get("code", 200) >= 400
    # All that there is of a request with a token that is not accepted.
    unknown = not event["user"].get("username") and stage == "ResponseStarted"
    if not (begun or done or unknown or (refused and stage == "ResponseComplete")):
        return None
    subject = event.get("objectRef", {})
    resource = subject.get("resource") or event["requestURI"].split("?")[0]
    if subject.get("subresource"):
        resource += "/" + subject["subresource"]
    return Request(
        verb=event["verb"],
        resource=resource,
        namespace=subject.get("namespace", ""),
        name=subject.get("name", ""),
        user=event["user"].get("username", ""),
        user_agent=event.get("userAgent", ""),
        code=event.get("responseStatus", {}).get("code", 0),
        received=_seconds(event["requestReceivedTimestamp"]),
        answered=_seconds(event["stageTimestamp"]),
        dry_run="dryRun=" in event["requestURI"],
        decided_on=_resource_version(event.get("requestObject")),
        made=_resource_version(event.get("responseObject")),
    )


def _resource_version(body: dict | None) -> int:  # type: ignore[type-arg]
    # Not every body is an object: a JSON patch is an array.
    metadata = body.get("metadata") if isinstance(body, dict) else None
    return int((metadata or {}).get("resourceVersion") or 0)


def _seconds(stamp: str) -> float:
    return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()
