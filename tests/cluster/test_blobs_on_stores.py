"""A user's jar, up to a GiB, through Flink's BLOB server into each store and back through another one."""

from collections.abc import Mapping

from rig import stores
from rig.azurite import Azurite
from rig.conversation import Conversation
from rig.gcs_server import GcsServer
from rig.object_server import ObjectServer
from rig.proxy import FaultProxy
from rig.s3_gateway import S3Gateway
from rig.waiting import wait_until

from . import base

_MIB = 1 << 20
_SIZE = 1024 * _MIB if base.FULL else 64 * _MIB
# Both directions of a copy hold less than that, whatever its size; the heap is there before.
_MEMORY_MIB = 160
# For each piece of 64 KiB, so that a copy takes long enough to be broken in its middle.
_DELAY = 0.002


class _Blobs(base.ClusterTest):
    """The heap has 96 MiB."""

    def through_a_server(self, make: type[ObjectServer]) -> None:
        """Undisturbed, and over connections that are reset while a body is on its way."""
        server = make(self.directory / "object-store")
        self.addCleanup(server.stop)
        way = FaultProxy(f"http://{server.address}")
        self.addCleanup(way.close)
        program = self.opened(server.root, server.settings_by_way_of(way.address))
        digest = self.make()
        self.put_and_get(program, digest)
        program.ask("delete", 180)

        way.delay = _DELAY
        before = way.bytes_up
        program.tell(f"put {self.file}")
        self.reset_when(way, lambda: way.bytes_up - before)
        program.hear(600)
        before = way.bytes_down
        program.tell("get")
        self.reset_when(way, lambda: way.bytes_down - before)
        self.assertEqual((_SIZE, digest), self.read(program.hear(600)))
        program.ask("delete", 180)
        self.assertEqual([], [name for name in server.objects() if "/blob/" in name])
        program.ask("close", 60)
        program.end()

    def reset_when(self, way: FaultProxy, passed) -> None:  # type: ignore[no-untyped-def]
        """Resets all connections when a quarter has passed, and again after a half."""
        for part in (0.25, 0.5):
            wait_until(lambda: passed() > part * _SIZE, "a part of the body", 120, 0.005)  # noqa: B023
            self.assertLess(passed(), _SIZE, "the body had passed already")
            self.assertGreater(way.reset(), 0)

    def opened(self, root: str, store: Mapping[str, str]) -> Conversation:
        """HA services there."""
        program = stores.services(self.namespace(), self.directory, "services", base.our_jars(), root, store)
        self.addCleanup(program.stop)
        program.ask("open", 180)
        return program

    def make(self) -> str:
        """The jar; its digest."""
        self.file = self.directory / "jar"
        self.addCleanup(self.file.unlink)
        return stores.make_file(self.file, _SIZE)

    def put_and_get(self, program: Conversation, digest: str) -> None:
        """What comes back is what was put, and memory is bounded."""
        before = program.ask("peak") / 1024
        took = program.ask(f"put {self.file}", 600) / 1000
        up = program.ask("peak") / 1024
        found = program.ask("get", 600)
        down = program.ask("peak") / 1024
        self.assertEqual((_SIZE, digest), self.read(found))
        size = _SIZE // _MIB
        self.report(
            f"{size} MiB: put in {took:.1f} s, got in {found['took'] / 1000:.1f} s; "
            f"resident {before:.0f} MiB, at most {up:.0f} MiB and {down:.0f} MiB"
        )
        self.assertLess(max(up, down) - before, _MEMORY_MIB)

    def read(self, found) -> tuple[int, str]:  # type: ignore[no-untyped-def]
        return found["size"], found["digest"]


@base.ours_only("needs a plug-in")
class BlobsOnStores(_Blobs):
    """On S3 and in files."""

    def test_s3(self) -> None:
        self.through_a_server(S3Gateway)

    def test_file(self) -> None:
        program = self.opened(f"file://{self.directory}/ha", {})
        self.put_and_get(program, self.make())


@base.ours_only("needs a plug-in")
class BlobsOnOtherStores(_Blobs):
    """The tests in Rust have 64 MiB over broken connections for each store."""

    in_ci = False

    def test_gs(self) -> None:
        self.through_a_server(GcsServer)

    def test_azure(self) -> None:
        self.through_a_server(Azurite)
