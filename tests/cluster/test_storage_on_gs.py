"""The storage directory lies on Google's object store, and no plug-in for it is installed."""

from rig.gcs_server import GcsServer

from . import base
from .object_storage import OnObjectStore


@base.ours_only("needs a plug-in")
class StorageOnGs(OnObjectStore):
    """Without a plug-in."""

    def setUp(self) -> None:
        super().setUp()
        self.serve(GcsServer)

    def test_leader_is_killed_and_the_job_cancelled(self) -> None:
        self.leader_is_killed_and_the_job_cancelled()
