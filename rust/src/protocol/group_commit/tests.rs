#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::protocol::state_handle::StateHandle;

fn key(id: u64) -> String {
    format!("checkpointID-{id:019}")
}

fn pointer(marked: bool) -> String {
    StateHandle {
        uri: "file:/ha/c".to_owned(),
        size: 7,
        marked,
    }
    .encode()
}

fn add(key: String) -> Edit {
    let pointer = pointer(false);
    Edit::AddPointer { key, pointer }
}

fn remove(key: String) -> Edit {
    let pointer = pointer(true);
    Edit::RemovePointer { key, pointer }
}

fn counter(next: &str) -> Value {
    json!({ "data": { "counter": next } })
}

fn stored(object: &Value) -> Option<&str> {
    config_map::entry(object, "counter")
}

/// Decides these edits in one write, as the writer does.
fn decide(commit: &mut GroupCommit, object: &mut Value, edits: &[Edit]) {
    for edit in edits {
        assert_eq!(commit.answer(edit), None);
    }
    commit.prepare(object);
    let decided: Vec<_> = edits.iter().map(|edit| (edit, edit.apply(object))).collect();
    commit.reserve(object, decided.iter().map(|(edit, answer)| (*edit, answer)));
}

fn write(commit: &mut GroupCommit, object: &mut Value, edits: &[Edit]) {
    decide(commit, object, edits);
    commit.written(object);
}

/// A commit that has the id 5 in reserve, and the object that says so.
fn reserved() -> (GroupCommit, Value) {
    let (mut commit, mut object) = (GroupCommit::default(), counter("5"));
    write(&mut commit, &mut object, &[add(key(4))]);
    assert_eq!(stored(&object), Some("6"));
    (commit, object)
}

#[test]
fn the_write_that_adds_a_checkpoint_reserves_the_next_id() {
    let (mut commit, _) = reserved();
    assert_eq!(commit.answer(&Edit::ReadCounter), Some(EditAnswer::Next(5)));
    assert_eq!(commit.answer(&Edit::NextCounter), Some(EditAnswer::Counter(5)));
    assert_eq!(commit.answer(&Edit::NextCounter), None);
    assert_eq!(commit.answer(&Edit::ReadCounter), None);
}

#[test]
fn nothing_is_reserved_before_the_write_is_applied_and_nothing_by_one_that_was_lost() {
    let (mut commit, mut object) = (GroupCommit::default(), counter("5"));
    decide(&mut commit, &mut object, &[add(key(4))]);
    assert_eq!(commit.answer(&Edit::NextCounter), None);
    commit.not_written();
    commit.written(&object);
    assert_eq!(commit.answer(&Edit::NextCounter), None);
}

#[test]
fn one_id_is_reserved_at_a_time() {
    let (mut commit, mut object) = reserved();
    write(&mut commit, &mut object, &[add(key(5))]);
    assert_eq!(stored(&object), Some("6"));
    assert_eq!(commit.answer(&Edit::NextCounter), Some(EditAnswer::Counter(5)));
}

#[test]
fn only_a_checkpoint_that_was_added_reserves() {
    let mut there = counter("5");
    add(key(4)).apply(&mut there).unwrap();
    for (mut object, edit) in [
        (counter("5"), add("executionPlan-1".to_owned())),
        (counter("5"), add("checkpointID-4".to_owned())),
        (counter("5"), Edit::MarkPointer { key: key(4) }),
        (there, add(key(4))),
        (json!({}), add(key(4))),
        (counter("x"), add(key(4))),
        (counter(&i64::MAX.to_string()), add(key(4))),
    ] {
        let (mut commit, before) = (GroupCommit::default(), stored(&object).map(str::to_owned));
        write(&mut commit, &mut object, std::slice::from_ref(&edit));
        assert_eq!(stored(&object), before.as_deref(), "{edit:?}");
        assert_eq!(commit.answer(&Edit::NextCounter), None);
    }
}

#[test]
fn who_sets_or_removes_the_counter_drops_the_reserve_and_gets_none_in_the_same_write() {
    for (edit, expected) in [(Edit::SetCounter(3), Some("3")), (Edit::RemoveCounter, None)] {
        let (mut commit, mut object) = reserved();
        write(&mut commit, &mut object, &[edit, add(key(7))]);
        assert_eq!(stored(&object), expected);
        assert_eq!(commit.answer(&Edit::NextCounter), None);
        // It was meant: nothing is put right.
        let before = object.clone();
        commit.prepare(&mut object);
        assert_eq!(object, before);
    }
}

#[test]
fn a_counter_that_somebody_has_set_back_is_put_right() {
    let (mut commit, _) = reserved();
    for back in [counter("2"), json!({})] {
        let mut object = back;
        commit.seen(&object);
        assert_eq!(commit.answer(&Edit::NextCounter), None, "it is not covered any more");
        write(&mut commit, &mut object, &[Edit::MarkPointer { key: key(4) }]);
        assert_eq!(stored(&object), Some("6"));
    }
    let mut broken = counter("x");
    commit.prepare(&mut broken);
    assert_eq!(stored(&broken), Some("x"));
}

#[test]
fn a_counter_that_somebody_has_set_forward_counts() {
    let (mut commit, _) = reserved();
    commit.seen(&counter("40"));
    assert_eq!(commit.answer(&Edit::NextCounter), Some(EditAnswer::Counter(5)));
    let mut object = counter("20");
    commit.prepare(&mut object);
    assert_eq!(stored(&object), Some("40"));
}

#[test]
fn what_was_reserved_in_an_object_that_is_gone_is_not_handed_out() {
    let (mut commit, _) = reserved();
    commit.lost_its_object();
    assert_eq!(commit.answer(&Edit::NextCounter), None);
}

#[test]
fn a_removed_key_leaves_with_the_next_write() {
    let mut commit = GroupCommit::default();
    let mut object = json!({ "data": { "counter": "5", key(3): pointer(true) } });
    assert_eq!(commit.answer(&Edit::FinishRemovals), Some(EditAnswer::Unchanged));
    assert_eq!(commit.answer(&remove(key(3))), Some(EditAnswer::Done));
    assert_eq!(commit.answer(&Edit::FinishRemovals), None);
    // The key is free for whatever comes.
    write(&mut commit, &mut object, &[add(key(3))]);
    assert_eq!(config_map::entry(&object, &key(3)), Some(pointer(false).as_str()));
    assert_eq!(commit.answer(&Edit::FinishRemovals), Some(EditAnswer::Unchanged));
}

#[test]
fn a_removal_is_promised_until_it_is_written_or_seen() {
    let mut commit = GroupCommit::default();
    let object = json!({ "data": { key(3): pointer(true) } });
    commit.answer(&remove(key(3)));
    let mut written = object.clone();
    decide(&mut commit, &mut written, &[]);
    assert_eq!(config_map::entry(&written, &key(3)), None);
    commit.not_written();
    commit.seen(&object);
    assert_eq!(commit.answer(&Edit::FinishRemovals), None);
    commit.seen(&written);
    assert_eq!(commit.answer(&Edit::FinishRemovals), Some(EditAnswer::Unchanged));
}

#[test]
fn nothing_but_the_marked_pointer_itself_is_removed() {
    let mut commit = GroupCommit::default();
    let live = Edit::RemovePointer {
        key: key(3),
        pointer: pointer(false),
    };
    assert_eq!(commit.answer(&live), None);
    commit.answer(&remove(key(3)));
    let before = json!({ "data": { key(3): pointer(false) } });
    let mut object = before.clone();
    commit.prepare(&mut object);
    assert_eq!(object, before);
}
