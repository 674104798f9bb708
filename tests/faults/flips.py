"""Takes leadership away from whoever has it, without ending anybody."""

from rig.flink import JobManager
from rig.tampering import Tampering

from .fleet import PATIENCE, Fleet

_ELECTION = "high-availability.kubernetes.leader-election."
LEASE = 6
# There are many hand-overs, and each waits for the lease of a stranger.
SETTINGS: dict[str, str | None] = {
    _ELECTION + "lease-duration": f"{LEASE} s",
    _ELECTION + "renew-deadline": f"{LEASE} s",
    _ELECTION + "retry-period": "1 s",
}


def flip(fleet: Fleet) -> JobManager:
    """The lock is taken by a stranger, who does not renew it; whoever led is the answer."""
    leader = fleet.cluster.wait_for_leader(PATIENCE)
    Tampering(fleet.cluster).put_holder(fleet.cluster.cluster_config_map, "a-stranger")
    return leader


def kill_whoever_leads(fleet: Fleet) -> None:
    """With or without a published address: one whose dispatcher does not come to its end is helped by nothing else."""
    for process in fleet.cluster.job_managers:
        if process.running and process.granted:
            process.kill()
