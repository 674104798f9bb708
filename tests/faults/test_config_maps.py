"""Others write to the ConfigMaps, or delete them."""

import time
from collections.abc import Callable

from rig.tampering import Annotator, Tampering

from . import base
from .observation import settling_times

_NAME_OF_NOBODY = "somebody-else"


class F07OutsiderAnnotates(base.FaultTest):
    """The cluster ConfigMap and that of the job in turn, so that every other write meets a conflict."""

    row = "F-07"
    in_ci = True

    def test_every_write_lands(self) -> None:
        fleet = self.fleet()
        leader, _ = fleet.running()
        cluster, tampering = fleet.cluster, Tampering(fleet.cluster)
        names = [cluster.cluster_config_map, cluster.job_config_map(fleet.job.id)]
        annotator = Annotator(base.kubernetes().admin, [tampering.path(name) for name in names], 50)
        self.addCleanup(annotator.close)
        fleet.wait(20)
        annotator.close()
        ended = time.time()
        fleet.settle()
        fleet.observe()
        seen = fleet.finish()
        took = settling_times(base.kubernetes().audit, cluster.namespace.user, leader.name, fleet.began, ended)
        self.assertGreater(annotator.done, 100, "too few annotations to show anything")
        self.expect(seen)
        conflicts = fleet.codes(leader, fleet.began).count(409)
        p99 = f"{1000 * took[int(len(took) * 0.99)]:.0f} ms" if took else "unknown"
        self.record("20 s", seen, annotations=annotator.done, conflicts=conflicts, p99_from_first_try_to_success=p99)


class F17ClusterConfigMapIsTamperedWith(base.FaultTest):
    """One JobManager; each damage by itself."""

    row = "F-17"

    def test_deleted(self) -> None:
        self._check("deleted", lambda tampering, name: tampering.delete(name))

    def test_lock_garbled(self) -> None:
        self._check("lock garbled", lambda tampering, name: tampering.put_lock(name, "garbage"))

    def test_emptied(self) -> None:
        # TaskManagers see that there is no leader for a moment, and a job whose leader is gone is restored.
        self._check("emptied", lambda tampering, name: tampering.empty(name), restarts=range(2), failed_checkpoints=None)

    def test_holder_overwritten(self) -> None:
        def overwrite(tampering: Tampering, name: str) -> None:
            tampering.put_holder(name, _NAME_OF_NOBODY)

        self._check("another holder in the lock", overwrite, transitions=1, restarts=1, failed_checkpoints=None, causes=["stolen"])

    def test_everything_deleted(self) -> None:
        """A clean-up: nothing comes back until the process would begin anew."""
        fleet = self.fleet(1)
        leader, _ = fleet.running()
        Tampering(fleet.cluster).delete_all()
        fleet.wait(base.LEASE + 5)
        left = sorted(fleet.cluster.namespace.config_maps())
        revoked = bool(leader.revokes(fleet.began))
        seen = fleet.observe()
        if not base.STOCK:
            self.assertEqual([], left, "made again after a clean-up")
            self.assertTrue(revoked)
        self.expect(seen, failed_checkpoints=None, causes=["deleted"])
        self.record("all of them deleted", seen, config_maps_made_again=len(left), revoked="yes" if revoked else "no")

    def _check(self, variant: str, damage: Callable[[Tampering, str], object], **expected: object) -> None:
        fleet = self.fleet(1)
        fleet.running()
        damage(Tampering(fleet.cluster), fleet.cluster.cluster_config_map)
        fleet.wait(5)
        fleet.settle()
        fleet.observe()
        seen = fleet.finish()
        self.expect(seen, **expected)
        self.record(variant, seen)


class F18JobConfigMapIsDeleted(base.FaultTest):
    """It is written again, and the leader that follows finds everything in it."""

    row = "F-18"

    def test_written_again(self) -> None:
        fleet = self.fleet()
        leader, standby = fleet.running()
        assert standby
        Tampering(fleet.cluster).delete(fleet.cluster.job_config_map(fleet.job.id))
        runs = fleet.settle()
        fleet.observe()
        if runs:
            fleet.running()
            leader.kill()
            standby.wait_for_grant(2 * base.LEASE + 10, fleet.began)
            fleet.settle()
            fleet.observe()
        fleet.finish()
        deleted, *killed = fleet.observations
        self.expect(deleted)
        self.record("", deleted)
        for seen in killed:
            self.expect(seen, transitions=1, restarts=1, failed_checkpoints=None)
            self.record("and the leader killed later", seen)
