//! Writers that are none of ours.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use flinkkubeha::protocol::annotations::SWITCHOVER;
use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::lock_record::{LOCK_ANNOTATION, LeaseFormat, LockRecord, LockView};
use flinkkubeha::protocol::names::leader_key;
use flinkkubeha::protocol::switchover::{Switchover, SwitchoverState};
use serde_json::{Value, json};

use crate::CLUSTER_MAP;
use crate::candidate::Process;
use crate::random::Random;
use crate::world::World;

/// Somebody with kubectl, or stock Flink, changes an annotation: every version that was known is outdated.
pub fn writes_into_a_map(world: &Arc<World>, random: &mut Random) {
    let names = world.lock().store.names();
    if names.is_empty() {
        return;
    }
    let place = usize::try_from(random.below(names.len() as u64)).unwrap();
    let mark = json!(random.next().to_string());
    change(world, &names[place], |object| {
        object["metadata"]["annotations"]["theirs"] = mark;
    });
}

/// An operator asks whoever leads to hand over, to anyone or to somebody who may not be there.
pub fn asks_for_another_leader(world: &Arc<World>, random: &mut Random) {
    let identities: Vec<String> = {
        let state = world.lock();
        state.processes.iter().map(|process| process.identity.clone()).collect()
    };
    let place = usize::try_from(random.below(2 * identities.len().max(1) as u64)).unwrap();
    let (to, id) = (identities.get(place).cloned(), random.next().to_string());
    change(world, CLUSTER_MAP, |object| {
        if let LockView::Held(record) = LockView::of(object) {
            let asked = Switchover {
                id,
                holder_identity: record.holder_identity,
                acquire_time: record.acquire_time,
                to,
                state: SwitchoverState::Asked,
            };
            config_map::set_annotation(object, SWITCHOVER, &asked.encode());
        }
    });
    world.befalls("switchover asked for");
}

/// Somebody damages the cluster map. What its leader makes of that is the first thing to see; that a newcomer takes what is left of it for a lock
/// that nobody holds is the second, so that for a moment two may believe and only the claims on the jobs' maps keep them apart.
///
/// Not beside a process whose clock stands still: it may be the first to make anew what was deleted, and takes itself for the leader that it was.
/// The fence stands on a lock that nobody takes away.
pub fn damages_the_cluster_map(world: &Arc<World>, random: &mut Random) {
    let standing_still = |process: &Arc<Process>| process.stood_still.load(Ordering::Relaxed);
    if world.lock().processes.iter().any(standing_still) {
        return;
    }
    world.lock().ledger.vandalized = true;
    let now = world.now();
    match random.below(5) {
        0 => {
            world.befalls("cluster map deleted");
            log::debug!("somebody deletes the cluster map");
            let deleted = world.lock().store.delete(CLUSTER_MAP, None, None, now);
            // It may not be there.
            drop(deleted);
            world.changed.notify_waiters();
        }
        1 => {
            world.befalls("lock garbled");
            change(world, CLUSTER_MAP, |object| {
                config_map::set_annotation(object, LOCK_ANNOTATION, "{");
            });
        }
        2 => {
            world.befalls("lock removed");
            change(world, CLUSTER_MAP, |object| {
                object["metadata"]["annotations"]
                    .as_object_mut()
                    .unwrap()
                    .remove(LOCK_ANNOTATION);
            });
        }
        3 => {
            world.befalls("lock overwritten with a holder that does not exist");
            change(world, CLUSTER_MAP, |object| {
                let record = object["metadata"]["annotations"][LOCK_ANNOTATION].as_str();
                if let Ok(Some(record)) = LockRecord::parse(record.unwrap_or_default()) {
                    let theirs = LockRecord {
                        holder_identity: "theirs".to_owned(),
                        ..record
                    };
                    config_map::set_annotation(object, LOCK_ANNOTATION, &theirs.to_json(LeaseFormat::Iso));
                }
            });
        }
        _ => change(world, CLUSTER_MAP, |object| {
            config_map::set_entry(object, &leader_key("dispatcher"), "theirs");
        }),
    }
}

/// An operator cleans up the cluster: its maps and those of its jobs go one after the other.
pub fn cleans_up(world: &Arc<World>) {
    world.befalls("cluster cleaned up");
    world.lock().ledger.vandalized = true;
    let names = world.lock().store.names();
    for name in names {
        deletes(world, &name);
    }
}

/// Somebody deletes the map of a job that runs.
pub fn deletes_a_job_map(world: &Arc<World>, random: &mut Random) {
    let running: Vec<String> = {
        let state = world.lock();
        let running = state.jobs.iter().filter(|job| !job.finished);
        running.map(|job| job.name.clone()).collect()
    };
    if !running.is_empty() {
        let place = usize::try_from(random.below(running.len() as u64)).unwrap();
        deletes(world, &running[place]);
    }
}

pub fn deletes(world: &Arc<World>, name: &str) {
    let now = world.now();
    let mut state = world.lock();
    if let Some(object) = state.store.get(name).cloned() {
        log::debug!("somebody deletes {name}");
        *state.befell.entry("map deleted").or_default() += 1;
        if name != CLUSTER_MAP {
            state.ledger.destroys(name, &object);
        }
        state.store.delete(name, None, None, now).unwrap();
    }
    drop(state);
    world.changed.notify_waiters();
}

pub fn change(world: &Arc<World>, name: &str, change: impl FnOnce(&mut Value)) {
    let now = world.now();
    let mut state = world.lock();
    let Some(mut object) = state.store.get(name).cloned() else {
        return;
    };
    log::debug!("somebody writes {name}");
    change(&mut object);
    state.store.replace(name, &object, now).unwrap();
    drop(state);
    world.changed.notify_waiters();
}
