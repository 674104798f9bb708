"""The API server answers, but with errors."""

import signal
import time
from functools import partial

from rig.control_plane import Namespace
from rig.http_proxy import NO_LEADER, TOO_MANY_REQUESTS, UNAVAILABLE, HttpFaultProxy

from . import base

_SECONDS = 20


class F08RequestsAreRefused(base.FaultTest):
    """One JobManager, one fault after the other."""

    row = "F-08"
    in_ci = True
    # Variants, and what is answered in place of the API server; without it, etcd stands still.
    faults = {"429 with Retry-After: 2": TOO_MANY_REQUESTS, "etcd stands still": None}
    if base.FULL:
        faults |= {"500 etcdserver: no leader": NO_LEADER, "503": UNAVAILABLE}

    def test_for_20_seconds(self) -> None:
        kubernetes = base.kubernetes()
        certificate, key = map(str, kubernetes.certificate)  # type: ignore[attr-defined]
        fleet = self.fleet(1, path=partial(HttpFaultProxy, kubernetes.access, certificate, key))
        leader, _ = fleet.running()
        fleet.after_first_lease(leader)
        path, answered = fleet.paths[leader.name], []
        for answer in self.faults.values():
            fleet.running()
            before = path.answered
            if answer:
                path.answer = answer
                fleet.wait(_SECONDS)
                path.answer = None
            else:
                kubernetes.etcd.signal(signal.SIGSTOP)  # type: ignore[attr-defined]
                fleet.wait(_SECONDS)
                kubernetes.etcd.signal(signal.SIGCONT)  # type: ignore[attr-defined]
            answered.append(path.answered - before)
            fleet.settle()
            fleet.observe()
        fleet.finish()
        for variant, count, seen in zip(self.faults, answered, fleet.observations):
            self.expect(seen)
            figures = {"requests_refused": count} if count else {}
            self.record(f"{variant}, {_SECONDS} s", seen, **figures)


class F09CredentialsAreRefused(base.FaultTest):
    """For a moment that is shorter than the renew deadline, with a standby."""

    row = "F-09"
    in_ci = True

    def test_for_a_moment(self) -> None:
        namespace = self.namespace()
        fleet = self.fleet(namespace=namespace, settings=self._settings(namespace), direct=True)
        leader, _ = fleet.running()
        fleet.after_renewal()
        fleet.begin()
        namespace.allow(())
        fleet.wait(8)
        namespace.allow(base.VERBS)
        forbidden = fleet.codes(leader, fleet.began).count(403)
        fleet.settle()
        fleet.observe()

        leader, _ = fleet.running()
        namespace.revoke_tokens()
        fleet.wait_for_code(leader, 401, 40)
        fleet.wait(3)
        namespace.renew_token()
        rotated = time.time()
        fleet.after_renewal()
        unknown = fleet.codes(leader, rotated + 1).count(401)
        fleet.settle()
        fleet.observe()

        fleet.finish()
        role, token = fleet.observations
        if not base.STOCK:
            self.assertGreater(forbidden, 0, "nothing was refused")
        self.expect(role)
        self.record("403 for 8 s", role, requests_refused=forbidden)
        self.expect(token)
        self.record("401 for 3 s", token, refused_later_than_a_second_after_the_rotation=unknown)

    @staticmethod
    def _settings(namespace: Namespace) -> dict[str, str | None]:
        """Stock's client knows no `tokenFile` in a kubeconfig; the token of a pod's service account it reads from its file."""
        if not base.STOCK:
            return {}
        access = namespace.kubernetes.access
        properties = {
            "kubernetes.master": access.server,
            "kubernetes.certs.ca.file": access.ca_file,
            "kubernetes.auth.serviceAccount.token": namespace.token_file,
            "kubernetes.auth.tryKubeConfig": "false",
        }
        options = " ".join(f"-D{name}={value}" for name, value in properties.items())
        kinds = ("jobmanager", "taskmanager")
        return {"kubernetes.config.file": None, **{f"env.java.opts.{kind}": options for kind in kinds}}
