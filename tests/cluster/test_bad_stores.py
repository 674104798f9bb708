"""Whatever is wrong with a store's settings is one sentence with the key and the store's answer, and nothing is written.

Settings are tried one after the other by the HA services that a JobManager opens; `test_storage_on_s3` has a whole one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rig import stores
from rig.azurite import Azurite
from rig.clocks import Clock
from rig.gcs_server import GcsServer
from rig.object_server import ObjectServer
from rig.processes import free_port
from rig.s3_gateway import S3Gateway
from rig.workspace import progress

from . import base

_STORAGE = "high-availability.storageDir"


@dataclass(frozen=True)
class Row:
    """Something wrong, and what the sentence about it has to hold."""

    name: str
    sentence: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict)


def _keyfile(directory: Path, text: str) -> str:
    file = directory / f"key-{len(text)}.json"
    file.write_text(text)
    return str(file)


@base.ours_only("has sentences of its own")
class BadStores(base.ClusterTest):
    """One program for each store, and one more whose clock is wrong."""

    def test_s3(self) -> None:
        server = self.serve(S3Gateway)
        keys = "check s3.access-key and s3.secret-key"
        rows = [
            Row("wrong secret key", ["SignatureDoesNotMatch", keys], {"s3.secret-key": "wrong"}),
            Row("unknown access key", ["404 Not Found: XAdminUserNotFound", keys], {"s3.access-key": "nobody"}),
            Row("half of the keys", [r"s3\.access-key: has no secret key beside it, set s3.secret-key"], {"s3.secret-key": ""}),
            Row("no such bucket", ["NoSuchBucket", "make it, or name another"], {_STORAGE: "s3://no-such-bucket/ha"}),
            Row("no bucket", [f"{_STORAGE}: s3:/ha.* names no bucket"], {_STORAGE: "s3:///ha"}),
            Row("no address", [r"s3\.endpoint: is not the address of a server"], {"s3.endpoint": "ftp://127.0.0.1"}),
            Row("no truth", [r"s3\.path\.style\.access: 'yes' is neither true nor false"], {"s3.path.style.access": "yes"}),
            Row(
                "native or not at all",
                [r"high-availability\.native\.storage: 'native' cannot be had", r"it cannot honour s3\.proxy\.host"],
                {"high-availability.native.storage": "native", "s3.proxy.host": "proxy"},
            ),
        ]
        if base.FULL:
            # A connection is tried for a minute.
            nobody = {"s3.endpoint": f"http://127.0.0.1:{free_port()}"}
            rows.append(Row("nobody there", ["Connection refused", r"check s3\.endpoint"], nobody))
        self.check(server, rows)

    def test_s3_with_a_wrong_clock(self) -> None:
        clock = Clock(self.directory / "clock")
        clock.set(offset=1800)
        row = Row("clock", ["403 Forbidden: RequestTimeTooSkewed", "set the clock of this machine"])
        self.check(self.serve(S3Gateway), [row], clock.preloaded)

    def test_gs(self) -> None:
        server, other = self.serve(GcsServer), self.serve(GcsServer, "other")
        key = "gs.auth.service.account.json.keyfile"
        hint = f"check {re.escape(key)}"
        self.check(
            server,
            [
                Row("key of another account", ["AuthenticationRequired", hint], {key: other.settings[key]}),
                Row("no such key file", [re.escape(key), "/no/such/key"], {key: "/no/such/key"}),
                Row("no key", [re.escape(key)], {key: _keyfile(self.directory, "no JSON")}),
                Row("another key", [re.escape(key)], {key: _keyfile(self.directory, '{"type": "service_account"}')}),
                Row("no such bucket", ["NoSuchBucket", "make it, or name another"], {_STORAGE: "gs://no-such-bucket/ha"}),
                Row("no bucket", [f"{_STORAGE}: gs:/ha.* names no bucket"], {_STORAGE: "gs:///ha"}),
            ],
        )

    def test_azure(self) -> None:
        server = self.serve(Azurite)
        key = "fs.azure.account.key.flinktests.dfs.core.windows.net"
        sas = {
            key: "",
            "fs.azure.account.auth.type": "SAS",
            "fs.azure.sas.fixed.token": "sv=2021-08-06&ss=b&srt=sco&sp=rwdlac&se=2099-01-01T00:00:00Z&sig=d3Jvbmc%3D",
        }
        self.check(
            server,
            [
                Row("wrong key", ["AuthorizationFailure", r"check the fs\.azure\.account\.key"], {key: "d3Jvbmc="}),
                Row("no Base64", [r"fs\.azure\.account\.key"], {key: "not%base64"}),
                Row("wrong signature", ["Authorization|Authentication", "shared access signature"], sas),
                Row("no such container", ["ContainerNotFound", "make it"], {_STORAGE: server.root.replace("flink@", "other@")}),
                Row("no container", [_STORAGE, "names no"], {_STORAGE: "abfs:///ha"}),
            ],
        )

    def serve(self, make: type[ObjectServer], name: str = "object-store") -> ObjectServer:
        server = make(self.directory / name)
        self.addCleanup(server.stop)
        return server

    def check(self, server: ObjectServer, rows: Sequence[Row], environment: Mapping[str, str] | None = None) -> None:
        """Each row is refused in one line."""
        namespace = self.namespace()
        program = stores.services(
            namespace, self.directory, "services", base.our_jars(), server.root, server.settings, environment or {}
        )
        self.addCleanup(program.stop)
        for row in rows:
            with self.subTest(row.name):
                arguments = " ".join(f"{key}={value}" for key, value in row.settings.items())
                failure = program.refused(f"open {arguments}".strip(), 150)
                parts = ["IllegalConfigurationException", *row.sentence]
                lines = [line for line in failure.splitlines() if all(re.search(part, line) for part in parts)]
                self.assertTrue(lines, f"no line holds all of {parts}\n{failure}")
                progress(f"    {row.name}: {min(lines, key=len)[:500]}")
                for setting, value in {**server.settings, **row.settings}.items():
                    if value and ("secret" in setting or "token" in setting or ".key." in setting):
                        self.assertNotIn(value, failure)
        self.assertEqual({}, namespace.config_maps())
        self.assertEqual([], server.objects())
