"""Bad input ends the start with one sentence: the key, the value and what to do about it.

A table; each row is a test of its own, named after what is wrong. A row starts a real JobManager,
waits for its end, and looks for one line of its log that holds all the expressions of the row.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rig import prepare
from rig.control_plane import DOCUMENTED_VERBS
from rig.flink import FlinkCluster

from . import base

Arrange = Callable[[FlinkCluster], None]

_STORAGE = "high-availability.storageDir"
_ELECTION = "high-availability.kubernetes.leader-election."


@dataclass(frozen=True)
class Row:
    """One bad input and what the sentence about it has to hold."""

    name: str
    sentence: Sequence[str]  # regular expressions for one line, in any order and any case
    settings: dict[str, str | None] = field(default_factory=dict)
    verbs: Sequence[str] = DOCUMENTED_VERBS
    arrange: Arrange | None = None


def _cluster_id(name: str, value: str | None, *words: str) -> Row:
    return Row(f"cluster_id_{name}", (r"kubernetes\.cluster-id", *words), {"kubernetes.cluster-id": value})


def _lease(name: str, key: str, value: str, *words: str) -> Row:
    return Row(f"lease_{name}", (re.escape(_ELECTION + key), *words), {_ELECTION + key: value})


def _storage(name: str, value: str | None, *words: str, arrange: Arrange | None = None) -> Row:
    settings = {} if arrange else {_STORAGE: value}
    return Row(f"storage_dir_{name}", (re.escape(_STORAGE), *words), settings, arrange=arrange)


def _kubeconfig(name: str, expression: str, replacement: str, *words: str) -> Row:
    """The cluster's own kubeconfig with something in it replaced."""

    def arrange(cluster: FlinkCluster) -> None:
        text = Path(cluster.settings["kubernetes.config.file"] or "").read_text()
        file = cluster.directory / "edited.kubeconfig"
        file.write_text(re.sub(expression, replacement.replace("DIRECTORY", str(cluster.directory)), text))
        cluster.settings["kubernetes.config.file"] = str(file)

    return Row(name, words, arrange=arrange)


def _below_a_file(cluster: FlinkCluster) -> None:
    (cluster.directory / "file").touch()
    cluster.settings[_STORAGE] = f"file://{cluster.directory}/file/ha"


def _ca_of_somebody_else(cluster: FlinkCluster) -> None:
    program = str(prepare.control_plane())
    command = [program, "kubeadm", "init", "phase", "certs", "ca", "--cert-dir", str(cluster.directory)]
    subprocess.run(command, check=True, capture_output=True)
    row = _kubeconfig("", '"certificate-authority": "[^"]+"', '"certificate-authority": "DIRECTORY/ca.crt"')
    assert row.arrange
    row.arrange(cluster)


def _second_jar(cluster: FlinkCluster) -> None:
    shutil.copyfile(base.our_jars()[0], cluster.home / "lib" / "flink-kube-ha-0.0.1.jar")


TABLE = [
    _cluster_id("missing", None, "not set", "set it"),
    _cluster_id("empty", "", "empty|not set", "set it"),
    _cluster_id("starting_with_a_dash", "-flink", "-flink", "start", "letter|digit|alphanumeric"),
    _cluster_id("with_a_slash", "team/flink", "team/flink", "contain|character", "use"),
    _cluster_id("with_an_underscore", "my_flink", "my_flink", "contain|character", "my-flink|use"),
    _cluster_id("with_upper_case", "myFlink", "myFlink", "contain|character", "lower|write"),
    _cluster_id("ending_with_a_dash", "flink-", "flink-", "end", "letter|digit|alphanumeric"),
    _cluster_id("too_long", "f" * 64, "f{64}", "6[34]", "short"),
    _storage("missing", None, "not set|missing", "set "),
    _storage("without_scheme", "/var/ha", "/var/ha", "scheme", "file:///var/ha"),
    _storage("not_writable", None, "file/ha", "writ|creat", arrange=_below_a_file),
    Row(
        "namespace_that_does_not_exist",
        (r"kubernetes\.namespace", "no-such-namespace", "Role"),
        {"kubernetes.namespace": "no-such-namespace"},
    ),
    Row("role_without_anything", (r"kubernetes\.namespace", "Role", "configmaps"), verbs=["deletecollection"]),
    *(
        Row(
            f"role_without_{verb}",
            ("Role", rf"\b{verb}\b", "configmaps", "namespace", "add|grant"),
            verbs=[other for other in DOCUMENTED_VERBS if other != verb],
        )
        for verb in DOCUMENTED_VERBS
    ),
    Row(
        "kubeconfig_that_does_not_exist",
        (r"kubernetes\.config\.file", "/no/such/kubeconfig", "exist|not a file"),
        {"kubernetes.config.file": "/no/such/kubeconfig"},
    ),
    _kubeconfig(
        "kubeconfig_that_is_none", r"(?s)\A.+\Z", "this: is: not: yaml", "edited.kubeconfig", "not valid|read|parse"
    ),
    Row(
        "context_that_does_not_exist",
        (r"kubernetes\.context", "no-such-context", r"\bflink\b"),
        {"kubernetes.context": "no-such-context"},
    ),
    _kubeconfig(
        "ca_that_does_not_exist",
        '"certificate-authority": "[^"]+"',
        '"certificate-authority": "/no/such/ca.crt"',
        "certificate-authority",
        "/no/such/ca.crt",
    ),
    Row("ca_of_somebody_else", ("certificate", r"edited\.kubeconfig|ca\.crt"), arrange=_ca_of_somebody_else),
    _kubeconfig(
        "token_that_does_not_exist",
        '"tokenFile": "[^"]+"',
        '"tokenFile": "/no/such/token"',
        "token",
        "/no/such/token",
    ),
    _kubeconfig(
        "token_that_is_refused",
        '"tokenFile": "[^"]+"',
        '"token": "nonsense"',
        "401|unauthori[sz]ed",
        "token|credential",
        r"edited\.kubeconfig",
    ),
    _lease("of_zero", "lease-duration", "0 s", r"\b0\b", "set|use|least|more"),
    _lease("with_a_renew_deadline_of_zero", "renew-deadline", "0 s", r"\b0\b", "set|use|least|more"),
    _lease("with_a_retry_period_above_the_renew_deadline", "retry-period", "16 s", "16", "1[35]"),
    Row("two_jars_in_lib", (r"flink-kube-ha-0\.0\.1\.jar", "lib", "one of|remove|leave"), arrange=_second_jar),
]


@base.ours_only("has sentences of its own")
class BadInput(base.ClusterTest):
    """Nothing is written to Kubernetes or to storage before the refusal."""

    # Rows that are started ahead of their turn: the preflight waits most of its time.
    _ahead = 3
    _clusters: dict[str, FlinkCluster] = {}

    @classmethod
    def tearDownClass(cls) -> None:
        for name in list(cls._clusters):
            cls._finish(name)

    @classmethod
    def _begin(cls, row: Row) -> None:
        if row.name in cls._clusters:
            return
        directory = base.directory() / "BadInput" / row.name
        namespace = base.kubernetes().namespace(row.verbs)
        cluster = FlinkCluster(namespace, directory, base.our_jars(), 1, 0, settings=row.settings)
        cls._clusters[row.name] = cluster
        if row.arrange:
            row.arrange(cluster)
        cluster.job_managers[0].start()

    @classmethod
    def _finish(cls, name: str) -> None:
        cluster = cls._clusters.pop(name)
        cluster.stop()
        cluster.namespace.delete()

    def check(self, number: int) -> None:
        """One row of the table in the order of the tests' names."""
        row = _ordered[number]
        for coming in _ordered[number : number + self._ahead]:
            self._begin(coming)
        cluster = self._clusters[row.name]
        self.addCleanup(self._finish, row.name)
        child = cluster.job_managers[0].child
        assert child
        code = child.wait(90)

        text = cluster.job_managers[0].log.text()
        # Flink lists the configuration, which holds key and value but no sentence.
        lines = [line for line in text.splitlines() if "configuration property" not in line]
        found = [line for line in lines if all(re.search(part, line, re.IGNORECASE) for part in row.sentence)]
        self.assertTrue(found, f"no line holds all of {row.sentence}\n{cluster.job_managers[0].log.tail(30)}")
        self.report(min(found, key=len)[:600])
        self.assertNotEqual(0, code)
        self.assertEqual([], list(cluster.namespace.config_maps()))
        self.assertEqual([], cluster.stored_files())


_ordered = sorted(TABLE, key=lambda row: row.name)
for _number, _row in enumerate(_ordered):
    setattr(BadInput, f"test_{_row.name}", lambda self, number=_number: self.check(number))
