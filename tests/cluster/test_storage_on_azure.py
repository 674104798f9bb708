"""The storage directory lies on Azure's store of blobs, and no plug-in for it is installed."""

from rig.azurite import Azurite

from . import base
from .object_storage import OnObjectStore


@base.ours_only("needs a plug-in")
class StorageOnAzure(OnObjectStore):
    """Without a plug-in."""

    def setUp(self) -> None:
        super().setUp()
        self.serve(Azurite)

    def test_leader_is_killed_and_the_job_cancelled(self) -> None:
        self.leader_is_killed_and_the_job_cancelled()
