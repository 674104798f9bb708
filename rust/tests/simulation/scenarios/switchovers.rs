//! Leaders that are asked to hand over.

use flinkkubeha::protocol::annotations::SWITCHOVER;
use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::lock_record::LockView;
use flinkkubeha::protocol::switchover::{Switchover, SwitchoverState};
use serde_json::Value;

use super::*;
use crate::vandal;

impl Scene {
    fn asks_for(&self, to: Option<&str>) {
        let to = to.map(str::to_owned);
        vandal::change(&self.world, CLUSTER_MAP, |object| {
            let LockView::Held(record) = LockView::of(object) else {
                panic!("{object}")
            };
            let asked = Switchover {
                id: "1".to_owned(),
                holder_identity: record.holder_identity,
                acquire_time: record.acquire_time,
                to,
                state: SwitchoverState::Asked,
            };
            config_map::set_annotation(object, SWITCHOVER, &asked.encode());
        });
    }

    fn cluster_map(&self) -> Value {
        self.world.lock().store.get(CLUSTER_MAP).unwrap().clone()
    }

    fn grant_of(&self, identity: &str) -> Option<u64> {
        self.world.lock().ledger.told(identity)
    }
}

#[test]
fn a_leader_that_is_asked_gives_way_to_its_standby_and_stands_by() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let standby = scene.candidate(1);
        sleep(Duration::from_secs(1)).await;
        let asked = scene.world.now();
        scene.asks_for(Some("jm1"));
        scene.until_granted(&standby).await;
        assert!(scene.world.now() < asked + Duration::from_millis(LEASE.2));
        assert_eq!(scene.grant_of("jm0"), None);
        assert_eq!(
            scene.world.lock().ledger.last_cause,
            "it is handed over to jm1, as was asked for"
        );
        let object = scene.cluster_map();
        assert_eq!(config_map::annotation(&object, SWITCHOVER), None);
        // And back, to whoever is there.
        sleep(Duration::from_secs(2)).await;
        scene.asks_for(None);
        scene.until_granted(&leader).await;
        assert_eq!(scene.grant_of("jm1"), None);
    });
}

#[test]
fn a_leader_that_works_gives_way_after_a_checkpoint_and_with_its_stores_closed() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let standby = scene.candidate(1);
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        sleep(Duration::from_secs(1)).await;
        scene.asks_for(None);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(scene.grant_of("jm0"), Some(1), "no checkpoint yet");
        scene.edit(&leader, &map, add("checkpointID-1")).await.unwrap().unwrap();
        sleep(Duration::from_millis(500)).await;
        assert_eq!(
            (scene.grant_of("jm0"), scene.grant_of("jm1")),
            (None, None),
            "a store is open still"
        );
        drop(map);
        sleep(Duration::from_millis(200)).await;
        assert!(scene.grant_of("jm1").is_some());
        scene.until_granted(&standby).await;
    });
}

#[test]
fn a_leader_goes_on_where_nobody_is_there() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        scene.asks_for(Some("gone"));
        sleep(Duration::from_secs(1)).await;
        let note = |object: &Value| Switchover::of(object).unwrap().state;
        assert_eq!(note(&scene.cluster_map()), SwitchoverState::Accepted);
        sleep(Duration::from_secs(12)).await;
        assert!(matches!(note(&scene.cluster_map()), SwitchoverState::Refused { .. }));
        assert_eq!(scene.grant_of(&leader.identity), Some(1));
    });
}
