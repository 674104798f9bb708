"""Every state that a ConfigMap has ever had, out of etcd itself, through its gateway for JSON.

The API servers store JSON and nobody compacts but `compact`, which reads the history of all ConfigMaps before.
"""

import base64
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

from .kubernetes import Json

_CONFIG_MAPS = "/registry/configmaps/"
# For each piece that etcd sends; the notice that there is no more comes within half a second.
_LIMIT = 20


@dataclass(frozen=True)
class Revision:
    """What one write has made of one ConfigMap."""

    number: int  # etcd's revision: Kubernetes' resourceVersion
    name: str
    config_map: Json | None  # None: it was deleted
    before: Json | None  # None: it was created
    replaced: int = 0  # the number of the revision before, 0 if it was created


class EtcdHistory:
    """The history that lies in one etcd."""

    def __init__(self, url: str) -> None:
        self._url = url
        # What was read before etcd threw it away, and up to which revision that goes.
        self._kept: list[Json] = []
        self._kept_until = 0

    def revisions(self, namespace: str) -> list[Revision]:
        """All revisions of all ConfigMaps of a namespace, in the order in which etcd made them."""
        last: dict[str, tuple[int, Json | None]] = {}
        found = []
        prefix = f"{_CONFIG_MAPS}{namespace}/"
        for event in self._events(prefix):
            pair = event["kv"]
            name = _name(event).removeprefix(prefix)
            value = None if event.get("type") == "DELETE" else json.loads(base64.b64decode(pair["value"]))
            number = int(pair["mod_revision"])
            replaced, before = last.get(name, (0, None))
            found.append(Revision(number, name, value, before, replaced))
            last[name] = (number if value is not None else 0, value)
        return found

    def newest(self) -> int:
        """The newest revision of anything."""
        answer = self._ask("/v3/kv/range", {"key": _key("/"), "count_only": True})
        return int(answer["header"]["revision"])

    def compact(self) -> int:
        """Throws away all history before the newest revision, which is the answer: who wants an older one gets 410."""
        revision = self.newest()
        self._kept = list(self._events(_CONFIG_MAPS))
        self._kept_until = max(revision, int(self._kept[-1]["kv"]["mod_revision"]) if self._kept else 0)
        self._ask("/v3/kv/compaction", {"revision": str(revision), "physical": True})
        return revision

    def _events(self, prefix: str) -> Iterator[Json]:
        """All events until now, and perhaps some more."""
        now = self.newest()
        yield from (event for event in self._kept if _name(event).startswith(prefix))
        # '0' follows '/': all that begins with the prefix.
        keys = {"key": _key(prefix), "range_end": _key(f"{prefix[:-1]}0")}
        create = {**keys, "start_revision": str(self._kept_until + 1), "progress_notify": True}
        with self._open("/v3/watch", {"create_request": create}) as stream:
            for line in stream:
                result = json.loads(line)["result"]
                assert not result.get("canceled"), f"etcd has no whole history of {prefix}: {result}"
                events = result.get("events", [])
                yield from events
                # Without an event it is a notice, sent when there has been nothing new for a while.
                if int(events[-1]["kv"]["mod_revision"]) >= now if events else not result.get("created"):
                    return

    def _ask(self, path: str, body: Json) -> Json:
        with self._open(path, body) as answer:
            parsed: Json = json.loads(answer.read())
            return parsed

    def _open(self, path: str, body: Json):  # type: ignore[no-untyped-def]
        request = urllib.request.Request(self._url + path, json.dumps(body).encode())
        return urllib.request.urlopen(request, timeout=_LIMIT)


def _name(event: Json) -> str:
    return base64.b64decode(event["kv"]["key"]).decode()


def _key(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
