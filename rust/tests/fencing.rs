//! Who may write the `ConfigMap` of a job, shown on a real API server: sessions against each other, and against a writer that is none of ours.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use flinkkubeha::cluster::events::Event;
use flinkkubeha::error::ErrorCode;
use flinkkubeha::protocol::annotations::Claim;
use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::edit::{Edit, EditAnswer};
use flinkkubeha::protocol::state_handle;
use flinkkubeha::session::{ConfigMapHandle, Session};
use serde_json::{Value, json};
use support::sessions::{CLUSTER_MAP, JOB_MAP, World, add, end, next, next_of, pointer, until};

const SELECTOR: &str = "app=c,type=flink-native-kubernetes";

/// Writes as stock does: reads the whole object, changes what it is about, and puts it back with the version that it read. What it does not know
/// it keeps.
struct Stock<'a> {
    world: &'a World,
    read: Value,
}

impl<'a> Stock<'a> {
    fn reads(world: &'a World) -> Self {
        let read = world.object(JOB_MAP).unwrap();
        Self { world, read }
    }

    fn writes(mut self, key: &str, value: &str) {
        config_map::set_entry(&mut self.read, key, value);
        let namespace = &self.world.tenant.namespace;
        let arguments = ["replace", "--filename=-", "-n", namespace];
        self.world.plane.kubectl(&arguments, Some(&self.read.to_string()));
    }
}

fn claim(world: &World) -> (String, u64) {
    let claim = Claim::of(&world.object(JOB_MAP).unwrap()).unwrap();
    (claim.holder_identity, claim.grant)
}

fn stop(session: &Session) {
    session.stop_election(Duration::from_secs(10)).unwrap();
    next_of(session, |event| matches!(event, Event::Revoke { .. }));
}

fn lead(session: &Session) {
    session.start_election().unwrap();
    next_of(session, |event| matches!(event, Event::Grant { .. }));
}

/// Every kind of write.
fn writes() -> [Edit; 10] {
    let key = || "checkpointID-1".to_owned();
    [
        Edit::AddPointer {
            key: "checkpointID-2".to_owned(),
            pointer: pointer("file:/b"),
        },
        Edit::ReplacePointer {
            key: key(),
            pointer: pointer("file:/b"),
        },
        Edit::MarkPointer { key: key() },
        Edit::RemovePointer {
            key: key(),
            pointer: state_handle::mark(&pointer("file:/a")).unwrap(),
        },
        Edit::RemoveKey { key: key() },
        Edit::ClearPointers {
            prefix: "checkpointID-".to_owned(),
        },
        Edit::NextCounter,
        Edit::SetCounter(99),
        Edit::RemoveCounter,
        Edit::FinishRemovals,
    ]
}

#[track_caller]
fn refuses_every_write(map: &ConfigMapHandle) {
    for edit in writes() {
        let error = map.edit(edit.clone()).unwrap_err();
        assert_eq!(error.code, ErrorCode::NotLeader, "{edit:?}: {error}");
    }
}

#[test]
fn opening_claims_for_the_grant_and_for_nobody_else() {
    let Some(world) = World::new("claims") else { return };
    let (first, second) = (world.leader("first"), world.session("second"));
    let of_first = first.open_config_map(JOB_MAP, true).unwrap();
    assert_eq!(claim(&world), ("first".to_owned(), 1));
    add(&of_first, "checkpointID-1", "file:/a");
    let before = world.object(JOB_MAP);

    // Who does not lead reads, and neither claims nor writes.
    let of_second = second.open_config_map(JOB_MAP, true).unwrap();
    let read = of_second.read().unwrap().unwrap();
    assert_eq!(read["data"], before.as_ref().unwrap()["data"]);
    refuses_every_write(&of_second);
    assert_eq!(world.object(JOB_MAP), before);

    // The next grant of the same process is another one.
    stop(&first);
    lead(&first);
    let again = first.open_config_map(JOB_MAP, true).unwrap();
    assert_eq!(claim(&world), ("first".to_owned(), 2));
    refuses_every_write(&of_first);

    // And so is that of the next process, which has written nothing but its claim.
    stop(&first);
    lead(&second);
    let of_second = second.open_config_map(JOB_MAP, true).unwrap();
    assert_eq!(claim(&world), ("second".to_owned(), 1));
    refuses_every_write(&again);
    let mut after = world.object(JOB_MAP).unwrap();
    assert_eq!(after["data"], before.unwrap()["data"]);
    assert_eq!(of_second.edit(Edit::NextCounter).unwrap(), EditAnswer::Counter(1));
    after = world.object(JOB_MAP).unwrap();
    assert!(config_map::entry(&after, "checkpointID-1").is_some());
    end([first, second]);
}

#[test]
fn stock_keeps_the_claim_and_is_noticed() {
    let Some(world) = World::new("stock") else { return };
    let leader = world.leader("leader");
    let map = leader.open_config_map(JOB_MAP, true).unwrap();
    assert_eq!(map.edit(Edit::NextCounter).unwrap(), EditAnswer::Counter(1));
    Stock::reads(&world).writes("counter", "40");
    Stock::reads(&world).writes("checkpointID-7", &pointer("file:/stock"));
    assert_eq!(claim(&world), ("leader".to_owned(), 1));
    // The next write meets a conflict, is decided anew on what stock wrote, and takes nothing of it away.
    assert_eq!(map.edit(Edit::NextCounter).unwrap(), EditAnswer::Counter(40));
    Stock::reads(&world).writes("checkpointID-8", &pointer("file:/stock"));
    let taken = map.edit(Edit::AddPointer {
        key: "checkpointID-8".to_owned(),
        pointer: pointer("file:/ours"),
    });
    assert_eq!(taken.unwrap_err().code, ErrorCode::AlreadyExists);
    let object = world.object(JOB_MAP).unwrap();
    for key in ["checkpointID-7", "checkpointID-8"] {
        assert_eq!(config_map::entry(&object, key), Some(pointer("file:/stock").as_str()));
    }
    assert_eq!(config_map::entry(&object, "counter"), Some("41"));
    end([leader]);
}

#[test]
fn stock_that_read_before_our_write_is_refused_by_the_api_server() {
    let Some(world) = World::new("stockstale") else { return };
    let leader = world.leader("leader");
    let map = leader.open_config_map(JOB_MAP, true).unwrap();
    let stale = Stock::reads(&world);
    assert_eq!(map.edit(Edit::NextCounter).unwrap(), EditAnswer::Counter(1));
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| stale.writes("counter", "40")));
    let why = *refused.unwrap_err().downcast::<String>().unwrap();
    assert!(why.contains("Conflict") || why.contains("modified"), "{why}");
    assert_eq!(config_map::entry(&world.object(JOB_MAP).unwrap(), "counter"), Some("2"));
    end([leader]);
}

#[test]
fn stock_that_has_taken_the_lock_ends_the_writes_of_the_former_leader() {
    let Some(world) = World::new("stocklock") else { return };
    let leader = world.leader("leader");
    let map = leader.open_config_map(JOB_MAP, true).unwrap();
    assert_eq!(map.edit(Edit::NextCounter).unwrap(), EditAnswer::Counter(1));
    let lock = "control-plane.alpha.kubernetes.io/leader";
    let record = world.object(CLUSTER_MAP).unwrap();
    let record = config_map::annotation(&record, lock)
        .unwrap()
        .replace("leader\"", "stock\"");
    world.patch(CLUSTER_MAP, &json!({"metadata": {"annotations": {lock: record}}}));
    // Right away, most likely before the watch shows it; by then nothing of it may be applied.
    Stock::reads(&world).writes("counter", "40");
    let code = map.edit(Edit::NextCounter).unwrap_err().code;
    assert!(
        matches!(code, ErrorCode::NotLeader | ErrorCode::UnknownOutcome),
        "{code:?}"
    );
    assert_eq!(
        config_map::entry(&world.object(JOB_MAP).unwrap(), "counter"),
        Some("40")
    );
    let Event::Revoke { cause, .. } = next(&leader) else {
        panic!()
    };
    assert!(cause.contains("stock"), "{cause}");
    end([leader]);
}

#[test]
fn a_job_map_that_was_deleted_is_made_anew_with_everything_and_not_after_the_leader_has_left() {
    let Some(world) = World::new("repair") else { return };
    let leader = world.leader("leader");
    let map = leader.open_config_map(JOB_MAP, true).unwrap();
    for _ in 0..3 {
        map.edit(Edit::NextCounter).unwrap();
    }
    add(&map, "checkpointID-3", "file:/c");
    world.patch(JOB_MAP, &json!({"metadata": {"annotations": {"theirs": "kept"}}}));
    map.edit(Edit::NextCounter).unwrap();
    let delete = || {
        let arguments = ["delete", "configmap", JOB_MAP, "-n", &world.tenant.namespace];
        world.plane.kubectl(&arguments, None);
    };
    delete();
    assert_eq!(map.edit(Edit::NextCounter).unwrap(), EditAnswer::Counter(5));
    let object = world.object(JOB_MAP).unwrap();
    assert_eq!(
        config_map::entry(&object, "checkpointID-3"),
        Some(pointer("file:/c").as_str())
    );
    assert_eq!(config_map::entry(&object, "counter"), Some("6"));
    assert_eq!(config_map::annotation(&object, "theirs"), Some("kept"));
    assert_eq!(config_map::labels(&object).unwrap().len(), 2);
    assert_eq!(claim(&world), ("leader".to_owned(), 1));

    delete();
    stop(&leader);
    assert_eq!(map.edit(Edit::NextCounter).unwrap_err().code, ErrorCode::NotLeader);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(world.object(JOB_MAP), None);
    end([leader]);
}

#[test]
fn all_maps_deleted_by_the_operators_selector_stay_deleted() {
    let Some(world) = World::new("cleanup") else { return };
    let leader = world.leader("leader");
    let map = leader.open_config_map(JOB_MAP, true).unwrap();
    map.edit(Edit::NextCounter).unwrap();
    let selector = format!("--selector={SELECTOR}");
    let arguments = ["delete", "configmap", &selector, "-n", &world.tenant.namespace];
    world.plane.kubectl(&arguments, None);
    let code = map.edit(Edit::NextCounter).unwrap_err().code;
    assert_eq!(code, ErrorCode::NotLeader);
    let Event::Revoke { cause, .. } = next(&leader) else {
        panic!()
    };
    assert!(cause.contains("cleaned up"), "{cause}");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!((world.object(JOB_MAP), world.object(CLUSTER_MAP)), (None, None));
    end([leader]);
}

#[test]
fn a_cluster_map_that_is_deleted_beside_a_running_job_is_made_anew_and_the_job_goes_on() {
    let Some(world) = World::new("alone") else { return };
    let leader = world.leader("leader");
    let map = leader.open_config_map(JOB_MAP, true).unwrap();
    map.edit(Edit::NextCounter).unwrap();
    let arguments = ["delete", "configmap", CLUSTER_MAP, "-n", &world.tenant.namespace];
    world.plane.kubectl(&arguments, None);
    assert_eq!(map.edit(Edit::NextCounter).unwrap(), EditAnswer::Counter(2));
    until("the lock is there again", || world.object(CLUSTER_MAP).is_some());
    assert!(leader.has_leadership(1));
    end([leader]);
}
