#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::protocol::config_map::DATA_BYTES_LIMIT;
use crate::protocol::state_handle::{StateHandle, Undecodable, mark};

/// Stock's wrapper around `null`, as JDK 17 writes it.
const FOREIGN: &str = "rO0ABXNyAGNvcmcuYXBhY2hlLmZsaW5rLmt1YmVybmV0ZXMuaGlnaGF2YWlsYWJpbGl0eS5LdWJlcm5ldGVzU3RhdGVIYW5kbGVTdG9yZSRTdGF0ZUhhbmRsZVdpdGhEZWxldGVNYXJrZXIbrUSA74YNfAIAAloAEW1hcmtlZEZvckRlbGV0aW9uTAAFaW5uZXJ0ADdMb3JnL2FwYWNoZS9mbGluay9ydW50aW1lL3N0YXRlL1JldHJpZXZhYmxlU3RhdGVIYW5kbGU7eHAAcA==";

const KEY: &str = "executionPlan-1";

fn pointer(file: &str) -> String {
    StateHandle {
        uri: format!("file:/ha/{file}"),
        size: 7,
        marked: false,
    }
    .encode()
}

fn marked(file: &str) -> String {
    mark(&pointer(file)).unwrap()
}

fn with(value: &str) -> Value {
    json!({ "metadata": { "name": "c" }, "data": { KEY: value, "other": "x" } })
}

fn without() -> Value {
    json!({ "metadata": { "name": "c" }, "data": { "other": "x" } })
}

fn add(file: &str) -> Edit {
    Edit::AddPointer {
        key: KEY.to_owned(),
        pointer: pointer(file),
    }
}

fn replace(file: &str) -> Edit {
    Edit::ReplacePointer {
        key: KEY.to_owned(),
        pointer: pointer(file),
    }
}

fn mark_pointer() -> Edit {
    Edit::MarkPointer { key: KEY.to_owned() }
}

fn remove_pointer(text: &str) -> Edit {
    Edit::RemovePointer {
        key: KEY.to_owned(),
        pointer: text.to_owned(),
    }
}

fn remove_key() -> Edit {
    Edit::RemoveKey { key: KEY.to_owned() }
}

fn publish(value: Option<&str>) -> Edit {
    Edit::PublishLeader {
        component: "dispatcher".to_owned(),
        value: value.map(str::to_owned),
    }
}

fn undecodable(reason: Undecodable) -> EditRefusal {
    EditRefusal::Undecodable {
        key: KEY.to_owned(),
        reason,
    }
}

fn already_exists() -> EditRefusal {
    EditRefusal::AlreadyExists { key: KEY.to_owned() }
}

fn not_marked() -> EditRefusal {
    EditRefusal::NotMarked { key: KEY.to_owned() }
}

fn marked_for_deletion(file: &str) -> EditRefusal {
    EditRefusal::MarkedForDeletion {
        key: KEY.to_owned(),
        pointer: marked(file),
    }
}

#[track_caller]
fn changes(edit: &Edit, mut object: Value, answer: EditAnswer, after: &Value) {
    assert!(answer.needs_write());
    assert_eq!(edit.apply(&mut object), Ok(answer));
    assert_eq!(&object, after);
}

#[track_caller]
fn leaves(edit: &Edit, before: &Value, answer: EditAnswer) {
    assert!(!answer.needs_write());
    let mut object = before.clone();
    assert_eq!(edit.apply(&mut object), Ok(answer));
    assert_eq!(&object, before);
}

#[track_caller]
fn refuses(edit: &Edit, before: &Value, refusal: EditRefusal) {
    let mut object = before.clone();
    assert_eq!(edit.apply(&mut object), Err(refusal));
    assert_eq!(&object, before);
}

#[test]
fn a_pointer_is_added_once() {
    changes(&add("a"), without(), EditAnswer::Done, &with(&pointer("a")));
    leaves(&add("a"), &with(&pointer("a")), EditAnswer::Unchanged);
}

#[test]
fn an_addition_overwrites_nothing() {
    refuses(&add("a"), &with(&pointer("b")), already_exists());
    refuses(&add("a"), &with(&marked("b")), marked_for_deletion("b"));
    refuses(&add("a"), &with(&marked("a")), marked_for_deletion("a"));
    refuses(&add("a"), &with("?"), undecodable(Undecodable::NotBase64));
    refuses(&add("a"), &with("AAAA"), undecodable(Undecodable::NotWrapped));
    refuses(&add("a"), &with(FOREIGN), undecodable(Undecodable::ForeignShape));
}

#[test]
fn a_live_pointer_is_replaced_and_handed_back() {
    let old = pointer("a");
    changes(
        &replace("b"),
        with(&old),
        EditAnswer::Replaced { old: old.clone() },
        &with(&pointer("b")),
    );
    leaves(&replace("a"), &with(&old), EditAnswer::Unchanged);
    let old = FOREIGN.to_owned();
    changes(
        &replace("b"),
        with(&old),
        EditAnswer::Replaced { old: old.clone() },
        &with(&pointer("b")),
    );
}

#[test]
fn a_replacement_needs_a_live_pointer() {
    let key = KEY.to_owned();
    refuses(&replace("b"), &without(), EditRefusal::NotExists { key });
    refuses(&replace("b"), &with(&marked("a")), marked_for_deletion("a"));
    refuses(&replace("b"), &with("?"), undecodable(Undecodable::NotBase64));
}

#[test]
fn a_pointer_is_marked_and_then_removed() {
    let pointer_of = |text: &str| EditAnswer::Marked {
        pointer: text.to_owned(),
    };
    changes(
        &mark_pointer(),
        with(&pointer("a")),
        pointer_of(&marked("a")),
        &with(&marked("a")),
    );
    changes(
        &mark_pointer(),
        with(&marked("a")),
        pointer_of(&marked("a")),
        &with(&marked("a")),
    );
    let remove = remove_pointer(&marked("a"));
    changes(&remove, with(&marked("a")), EditAnswer::Done, &without());
    leaves(&mark_pointer(), &without(), EditAnswer::Absent);
    leaves(&remove, &without(), EditAnswer::Unchanged);
}

#[test]
fn a_foreign_shape_goes_the_same_way() {
    let text = mark(FOREIGN).unwrap();
    let answer = EditAnswer::Marked { pointer: text.clone() };
    changes(&mark_pointer(), with(FOREIGN), answer, &with(&text));
    changes(&remove_pointer(&text), with(&text), EditAnswer::Done, &without());
}

#[test]
fn removal_wants_the_mark() {
    for live in [&pointer("a"), FOREIGN] {
        refuses(&remove_pointer(live), &with(live), not_marked());
    }
    refuses(&remove_pointer("?"), &with("?"), undecodable(Undecodable::NotBase64));
    refuses(&mark_pointer(), &with("?"), undecodable(Undecodable::NotBase64));
}

#[test]
fn what_has_taken_the_place_of_a_removed_pointer_stays() {
    for there in [&pointer("a"), &marked("b"), "?"] {
        leaves(&remove_pointer(&marked("a")), &with(there), EditAnswer::Unchanged);
    }
    leaves(&Edit::FinishRemovals, &with(&marked("a")), EditAnswer::Unchanged);
}

#[test]
fn what_cannot_be_decoded_is_removed_by_name_only() {
    for value in ["?", "AAAA", FOREIGN, &marked("a")] {
        changes(&remove_key(), with(value), EditAnswer::Done, &without());
    }
    leaves(&remove_key(), &without(), EditAnswer::Unchanged);
    refuses(&remove_key(), &with(&pointer("a")), not_marked());
}

#[test]
fn clearing_takes_every_pointer_with_the_prefix() {
    let clear = |prefix: &str| Edit::ClearPointers {
        prefix: prefix.to_owned(),
    };
    let object = json!({ "data": { "checkpointID-1": "?", "checkpointID-2": pointer("a"), "counter": "3" } });
    let after = json!({ "data": { "counter": "3" } });
    changes(&clear("checkpointID-"), object, EditAnswer::Cleared(2), &after);
    leaves(&clear("checkpointID-"), &after, EditAnswer::Unchanged);
    leaves(&clear(""), &after, EditAnswer::Unchanged);
    let leaders = json!({ "data": { "org.apache.flink.k8s.leader.dispatcher": "x" } });
    leaves(&clear("o"), &leaders, EditAnswer::Unchanged);
    leaves(&clear(""), &json!({}), EditAnswer::Unchanged);
}

#[test]
fn leaders_are_published_and_removed() {
    let key = "org.apache.flink.k8s.leader.dispatcher";
    let published = json!({ "data": { "other": "x", key: "s,a" } });
    let object = json!({ "data": { "other": "x" } });
    changes(&publish(Some("s,a")), object.clone(), EditAnswer::Done, &published);
    leaves(&publish(Some("s,a")), &published, EditAnswer::Unchanged);
    let other = json!({ "data": { "other": "x", key: "s,b" } });
    changes(&publish(Some("s,b")), published.clone(), EditAnswer::Done, &other);
    changes(&publish(None), published, EditAnswer::Done, &object);
    leaves(&publish(None), &object, EditAnswer::Unchanged);
}

#[test]
fn all_leaders_are_cleared() {
    let object = json!({ "data": {
        "other": "x",
        "org.apache.flink.k8s.leader.dispatcher": "s,a",
        "org.apache.flink.k8s.leader.job-1": "s,b",
    } });
    let after = json!({ "data": { "other": "x" } });
    changes(&Edit::ClearLeaders, object, EditAnswer::Cleared(2), &after);
    leaves(&Edit::ClearLeaders, &after, EditAnswer::Unchanged);
}

#[test]
fn the_counter_starts_at_one() {
    let counter = |value: &str| json!({ "data": { "counter": value } });
    assert_eq!(read_counter(&json!({})), Ok(1));
    leaves(&Edit::ReadCounter, &json!({}), EditAnswer::Next(1));
    leaves(&Edit::ReadCounter, &counter("7"), EditAnswer::Next(7));
    changes(&Edit::NextCounter, json!({}), EditAnswer::Counter(1), &counter("2"));
    changes(&Edit::NextCounter, counter("2"), EditAnswer::Counter(2), &counter("3"));
    leaves(&Edit::SetCounter(3), &counter("3"), EditAnswer::Unchanged);
    leaves(&Edit::SetCounter(1), &json!({}), EditAnswer::Unchanged);
    changes(&Edit::SetCounter(9), counter("3"), EditAnswer::Done, &counter("9"));
    changes(&Edit::RemoveCounter, counter("9"), EditAnswer::Done, &json!({}));
    leaves(&Edit::RemoveCounter, &json!({}), EditAnswer::Unchanged);
}

#[test]
fn a_broken_counter_is_named_and_can_be_set() {
    let counter = |value: &str| json!({ "data": { "counter": value } });
    for value in ["", "x", " 1", "1.0", "9223372036854775808"] {
        let value = value.to_owned();
        let broken = EditRefusal::BrokenCounter { value: value.clone() };
        assert_eq!(read_counter(&counter(&value)), Err(broken.clone()));
        refuses(&Edit::NextCounter, &counter(&value), broken.clone());
        refuses(&Edit::ReadCounter, &counter(&value), broken);
        let answer = EditAnswer::Replaced { old: value.clone() };
        changes(&Edit::SetCounter(5), counter(&value), answer, &counter("5"));
        changes(&Edit::RemoveCounter, counter(&value), EditAnswer::Done, &json!({}));
    }
}

#[test]
fn the_last_number_is_not_handed_out() {
    let value = i64::MAX.to_string();
    let object = json!({ "data": { "counter": value } });
    assert_eq!(read_counter(&object), Ok(i64::MAX));
    refuses(&Edit::NextCounter, &object, EditRefusal::BrokenCounter { value });
}

#[test]
fn a_claim_is_written_and_found() {
    let mine = Claim {
        holder_identity: "a".to_owned(),
        grant: 2,
    };
    let mut object = json!({ "metadata": { "annotations": { "x": "y" } } });
    assert_eq!(Edit::Claim(mine.clone()).apply(&mut object), Ok(EditAnswer::Done));
    assert_eq!(Claim::of(&object), Some(mine.clone()));
    assert_eq!(config_map::annotation(&object, "x"), Some("y"));
    leaves(&Edit::Claim(mine.clone()), &object, EditAnswer::Unchanged);
    let newer = Claim { grant: 3, ..mine };
    assert_eq!(Edit::Claim(newer.clone()).apply(&mut object), Ok(EditAnswer::Done));
    assert_eq!(Claim::of(&object), Some(newer));
}

/// An object whose content has this size; the key `other` takes what `KEY` leaves.
fn of_size(bytes: usize, value: &str) -> Value {
    let mut object = with(value);
    config_map::set_entry(&mut object, "other", &"x".repeat(bytes - value.len()));
    assert_eq!(config_map::data_bytes(&object), bytes);
    object
}

fn too_large(key: &str, bytes: usize, limit: usize) -> EditRefusal {
    let key = key.to_owned();
    EditRefusal::TooLarge { key, bytes, limit }
}

#[test]
fn pointers_leave_a_reserve() {
    let length = pointer("a").len();
    let fits = of_size(POINTER_BYTES_LIMIT - length, "");
    let mut object = fits.clone();
    config_map::remove_entries(&mut object, |key| key == KEY);
    assert_eq!(add("a").apply(&mut object), Ok(EditAnswer::Done));
    assert_eq!(config_map::data_bytes(&object), POINTER_BYTES_LIMIT);

    let mut object = of_size(POINTER_BYTES_LIMIT - length + 1, "");
    config_map::remove_entries(&mut object, |key| key == KEY);
    refuses(
        &add("a"),
        &object,
        too_large(KEY, POINTER_BYTES_LIMIT + 1, POINTER_BYTES_LIMIT),
    );
}

#[test]
fn a_replacement_that_does_not_grow_always_fits() {
    let old = pointer("a");
    let mut object = of_size(DATA_BYTES_LIMIT, &old);
    refuses(
        &replace("abcdef"),
        &object,
        too_large(
            KEY,
            DATA_BYTES_LIMIT + pointer("abcdef").len() - old.len(),
            POINTER_BYTES_LIMIT,
        ),
    );
    assert_eq!(replace("b").apply(&mut object), Ok(EditAnswer::Replaced { old }));
    let pointer = marked("b");
    assert_eq!(mark_pointer().apply(&mut object), Ok(EditAnswer::Marked { pointer }));
    assert_eq!(config_map::data_bytes(&object), DATA_BYTES_LIMIT);
}

#[test]
fn leaders_and_the_counter_may_use_the_reserve() {
    let mut object = of_size(DATA_BYTES_LIMIT - 4, "");
    assert_eq!(Edit::NextCounter.apply(&mut object), Ok(EditAnswer::Counter(1)));
    assert_eq!(publish(Some("s,a")).apply(&mut object), Ok(EditAnswer::Done));
    assert_eq!(config_map::data_bytes(&object), DATA_BYTES_LIMIT);
    let key = "org.apache.flink.k8s.leader.dispatcher";
    let refusal = too_large(key, DATA_BYTES_LIMIT + 1, DATA_BYTES_LIMIT);
    refuses(&publish(Some("s,aa")), &object, refusal);
}

#[test]
fn an_object_of_another_form_is_refused() {
    for object in [
        json!([]),
        json!({ "data": { "counter": 3 } }),
        json!({ "data": { KEY: null } }),
    ] {
        for edit in [Edit::NextCounter, add("a"), Edit::ClearLeaders] {
            let mut after = object.clone();
            assert!(matches!(edit.apply(&mut after), Err(EditRefusal::Malformed { .. })));
            assert_eq!(after, object);
        }
    }
}

#[test]
fn refusals_are_sentences() {
    let value = "x".repeat(100);
    let quoted = "x".repeat(64);
    for (refusal, sentence) in [
        (already_exists(), "the key executionPlan-1 already points to another state: replace or remove that first".to_owned()),
        (
            EditRefusal::NotExists { key: KEY.to_owned() },
            "the key executionPlan-1 does not exist: add it instead of replacing it".to_owned(),
        ),
        (
            marked_for_deletion("a"),
            "the key executionPlan-1 points to a state whose removal has begun: discard the state and remove the key first".to_owned(),
        ),
        (not_marked(), "the key executionPlan-1 points to a live state: mark it for deletion before it is removed".to_owned()),
        (
            undecodable(Undecodable::NotBase64),
            "the value of the key executionPlan-1 cannot be decoded (it is not padded standard Base64) and was left as it is: remove the key if nothing needs it any more".to_owned(),
        ),
        (
            too_large(KEY, 1_032_193, POINTER_BYTES_LIMIT),
            "with the key executionPlan-1 the values would come to 1032193 bytes, more than the 1032192 that it may fill (Kubernetes takes 1048576 per ConfigMap): retain fewer checkpoints or run fewer jobs in this cluster".to_owned(),
        ),
        (
            EditRefusal::BrokenCounter { value },
            format!("the key counter holds \"{quoted}\", from which no checkpoint id can be counted on: set it to a number above the id of every checkpoint of the job"),
        ),
        (
            EditRefusal::Malformed { reason: "it is not a JSON object" },
            "the object is not a ConfigMap, it is not a JSON object: read it again from the API server".to_owned(),
        ),
    ] {
        assert_eq!(refusal.to_string(), sentence);
    }
}
