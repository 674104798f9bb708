"""The API server answers, but with errors."""

import signal
import time
import unittest
from functools import partial
from typing import Any

from rig import certificates
from rig.control_plane import Namespace
from rig.flink import FlinkCluster
from rig.http_proxy import NO_LEADER, TOO_MANY_REQUESTS, UNAVAILABLE, HttpFaultProxy
from rig.kubernetes import write_kubeconfig

from . import base

_SECONDS = 20


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
        fleet = self.fleet(namespace=namespace, settings=_settings(namespace), direct=True)
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


class F09CredentialsAreRefusedForLong(base.FaultTest):
    """For longer than the renew deadline, with a standby, and for both."""

    row = "F-09"

    def test_until_leadership_is_lost(self) -> None:
        namespace = self.namespace()
        fleet = self.fleet(namespace=namespace, settings=_settings(namespace), direct=True)
        fleet.running()
        namespace.allow(())
        fleet.wait(25)
        namespace.allow(base.VERBS)
        fleet.settle()
        fleet.observe()

        leader, _ = fleet.running()
        namespace.revoke_tokens()
        fleet.wait_for_code(leader, 401, 40)
        fleet.wait(20)
        namespace.renew_token()
        fleet.settle()
        fleet.observe()

        fleet.finish()
        for cause, seconds, seen in zip(("403", "401"), (25, 20), fleet.observations):
            # Either may be the first to hear that it is allowed again.
            self.expect(seen, transitions=1, restarts=1, failed_checkpoints=None, causes=[cause])
            self.record(f"{cause} for {seconds} s", seen)


@unittest.skipUnless(certificates.AVAILABLE, "there is no openssl")
class F09AuthorityIsRotated(base.FaultTest):
    """The file has both certificate authorities for a while; then the API server shows a certificate of the new one."""

    row = "F-09"

    def flink(self, *arguments: Any, **options: Any) -> FlinkCluster:
        cluster = super().flink(*arguments, **options)
        self.old, self.new = (certificates.authority(cluster.directory, name) for name in ("old", "new"))
        self.ca_file = cluster.directory / "ca.crt"
        self._trust(self.old)
        access, namespace = base.kubernetes().access, cluster.namespace
        self.paths = []
        for process in cluster.job_managers:
            path = HttpFaultProxy(access, str(self.old.certificate), str(self.old.key))
            self.addCleanup(path.close)
            self.paths.append(path)
            file = cluster.directory / f"{process.name}.kubeconfig"
            token = namespace.token_file
            write_kubeconfig(file, path.server, self.ca_file, token, namespace.name, inline_token=base.STOCK)
            process.settings["kubernetes.config.file"] = str(file)
        return cluster

    def _trust(self, *authorities: certificates.Authority) -> None:
        new = self.ca_file.with_suffix(".new")
        new.write_text("".join(one.ca_file.read_text() for one in authorities))
        new.replace(self.ca_file)

    def test_old_one_is_withdrawn(self) -> None:
        fleet = self.fleet(direct=True)
        fleet.running()
        self._trust(self.old, self.new)
        fleet.wait(20)
        for path in self.paths:
            path.rotate(str(self.new.certificate), str(self.new.key))
        self._trust(self.new)
        fleet.wait(2 * base.LEASE)
        fleet.settle()
        fleet.observe()
        seen = fleet.finish()
        self.expect(seen)
        self.record("certificate authority rotated", seen)
