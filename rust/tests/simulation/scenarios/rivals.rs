//! Others who write the lock.

use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::lock_record::{LOCK_ANNOTATION, LeaseFormat, LockRecord};

use super::*;
use crate::vandal;

#[test]
fn a_leader_whose_lock_is_overwritten_from_outside_gives_way_to_that_name_and_takes_it_when_its_lease_ends() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        scene.edit(&leader, &map, add("checkpointID-1")).await.unwrap().unwrap();
        scene.world.lock().ledger.vandalized = true;
        let overwritten = scene.world.now();
        vandal::change(&scene.world, CLUSTER_MAP, |object| {
            let record = config_map::annotation(object, LOCK_ANNOTATION).unwrap();
            let theirs = LockRecord {
                holder_identity: "theirs".to_owned(),
                ..LockRecord::parse(record).unwrap().unwrap()
            };
            config_map::set_annotation(object, LOCK_ANNOTATION, &theirs.to_json(LeaseFormat::Iso));
        });
        // Its watch tells it, or the next renewal.
        sleep(Duration::from_millis(1200)).await;
        assert_eq!(scene.world.lock().ledger.last_cause, "theirs holds the lock");
        let refused = scene.edit(&leader, &map, add("checkpointID-2")).await.unwrap();
        assert_eq!(refused.unwrap_err().code, ErrorCode::NotLeader);
        scene.until_granted(&leader).await;
        assert!(scene.world.now() >= overwritten + Duration::from_millis(LEASE.0 * 97 / 100));
        // What the handle of the former grant refuses, that of the present one writes.
        let refused = scene.edit(&leader, &map, add("checkpointID-2")).await.unwrap();
        assert_eq!(refused.unwrap_err().code, ErrorCode::NotLeader);
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        scene.edit(&leader, &map, add("checkpointID-2")).await.unwrap().unwrap();
        assert!(scene.stored(JOB_MAP, "checkpointID-1").is_some());
    });
}
