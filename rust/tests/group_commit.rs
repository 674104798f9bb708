//! Checkpoints of a job against a real API server: what a checkpoint leaves there, and what it takes.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::{Duration, Instant};

use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::edit::{Edit, EditAnswer};
use flinkkubeha::protocol::state_handle;
use flinkkubeha::session::ConfigMapHandle;
use serde_json::Value;
use support::sessions::{JOB_MAP, World, add, end, next};

const CHECKPOINTS: usize = 50;

fn key(id: i64) -> String {
    format!("checkpointID-{id:019}")
}

fn next_id(map: &ConfigMapHandle) -> i64 {
    match map.edit(Edit::NextCounter).unwrap() {
        EditAnswer::Counter(id) => id,
        other => panic!("{other:?}"),
    }
}

fn subsume(map: &ConfigMapHandle, id: i64) {
    let EditAnswer::Marked { pointer } = map.edit(Edit::MarkPointer { key: key(id) }).unwrap() else {
        panic!("{id} is not marked")
    };
    let removed = map.edit(Edit::RemovePointer { key: key(id), pointer });
    assert_eq!(removed.unwrap(), EditAnswer::Done);
}

/// Live and marked pointers, and the counter.
fn content(object: &Value) -> (usize, usize, i64) {
    let pointers = config_map::entries_with_prefix(object, "checkpointID-");
    let marked = pointers
        .iter()
        .filter(|(_, text)| state_handle::is_marked(text).unwrap())
        .count();
    let counter = config_map::entry(object, "counter").unwrap();
    (pointers.len() - marked, marked, counter.parse().unwrap())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
fn checkpoints_leave_one_marked_key_and_none_when_the_store_closes() {
    let Some(world) = World::new("group-commit") else {
        return;
    };
    let (first, second) = (world.leader("first"), world.session("second"));
    let map = first.open_config_map(JOB_MAP, true).unwrap();
    let mut last = next_id(&map);
    add(&map, &key(last), "file:/first");
    let (mut ids, mut writes) = (Vec::new(), Vec::new());
    for _ in 0..CHECKPOINTS {
        let begun = Instant::now();
        let id = next_id(&map);
        ids.push(begun.elapsed());
        assert_eq!(id, last + 1);
        let begun = Instant::now();
        add(&map, &key(id), &format!("file:/{id}"));
        subsume(&map, last);
        writes.push(begun.elapsed());
        last = id;
    }
    // For the log: how long it takes says nothing about whether it is right.
    println!(
        "median: next id {:?}, add and subsume {:?}",
        median(ids),
        median(writes)
    );
    assert_eq!(content(&world.object(JOB_MAP).unwrap()), (1, 1, last + 2));
    map.edit_within(Edit::FinishRemovals, Duration::from_secs(10)).unwrap();
    assert_eq!(content(&world.object(JOB_MAP).unwrap()), (1, 0, last + 2));

    // Whoever comes next begins behind what was in reserve.
    assert_eq!(map.edit(Edit::ReadCounter).unwrap(), EditAnswer::Next(last + 1));
    first.stop_election(Duration::from_secs(10)).unwrap();
    second.start_election().unwrap();
    next(&second);
    let theirs = second.open_config_map(JOB_MAP, true).unwrap();
    assert_eq!(next_id(&theirs), last + 2);
    assert!(map.edit(Edit::NextCounter).is_err());
    end([first, second]);
}
