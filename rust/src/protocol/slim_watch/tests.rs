//! Single events.

#![allow(clippy::indexing_slicing)]

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::protocol::content_mark::mark;
use crate::protocol::lock_record::{LOCK_ANNOTATION, LeaseFormat, LockRecord};
use crate::protocol::names::leader_key;

fn renewed(version: u64, holder: &str, at: i64) -> Value {
    let record = LockRecord {
        holder_identity: holder.to_owned(),
        lease_duration: Duration::from_secs(15),
        acquire_time: WallTime::from_micros(0),
        renew_time: WallTime::from_micros(at),
        leader_transitions: 0,
    };
    let mut object = json!({ "metadata": { "uid": "u", "resourceVersion": version.to_string() } });
    config_map::set_annotation(&mut object, LOCK_ANNOTATION, &record.to_json(LeaseFormat::Iso));
    object
}

fn marked(version: u64, holder: &str, at: i64, replaced: &str) -> Value {
    let mut object = renewed(version, holder, at);
    let before = json!({ "metadata": { "resourceVersion": replaced } });
    mark(&mut object, Some(&before), holder, true);
    object
}

/// One that has read version 10: renewed at 100, content of version 5.
fn reader() -> SlimWatch {
    let mut watch = SlimWatch::default();
    watch.read(&marked(10, "a", 100, "5"));
    watch
}

#[test]
fn a_renewal_with_the_same_mark_is_nothing_to_read() {
    let mut watch = reader();
    assert_eq!(watch.event(&marked(11, "a", 101, "5")), Verdict::Same);
    // The holder's clock was set back.
    assert_eq!(watch.event(&marked(12, "a", 50, "5")), Verdict::Same);
    assert_eq!(watch.form(), Form::Metadata);
}

#[test]
fn what_is_known_from_a_later_read_is_past() {
    assert_eq!(reader().event(&marked(10, "a", 100, "5")), Verdict::Past);
    assert_eq!(reader().event(&renewed(9, "stock", 90)), Verdict::Past);
}

#[test]
fn another_mark_or_no_other_renewal_has_to_be_read() {
    for event in [
        marked(11, "a", 101, "10"),
        marked(11, "b", 101, "5"),
        // Somebody else wrote: neither the renewal nor the mark is another.
        marked(11, "a", 100, "5"),
        // Nobody holds the lock, and nobody answers for anything.
        renewed(11, "", 101),
        json!({ "metadata": { "uid": "u", "resourceVersion": "11" } }),
    ] {
        let mut watch = reader();
        assert_eq!(watch.event(&event), Verdict::Read, "{event}");
        watch.read(&event);
        assert_eq!(watch.form(), Form::Metadata);
    }
}

#[test]
fn a_config_map_made_anew_has_to_be_read() {
    let mut anew = marked(11, "a", 101, "5");
    anew["metadata"]["uid"] = json!("v");
    assert_eq!(reader().event(&anew), Verdict::Read);
    let mut watch = reader();
    watch.missing();
    assert_eq!(watch.event(&marked(11, "a", 101, "5")), Verdict::Read);
}

#[test]
fn a_holder_that_makes_no_marks_is_followed_in_full_until_one_that_does_leads() {
    let mut by_stock = marked(11, "a", 101, "5");
    by_stock["metadata"]["annotations"][LOCK_ANNOTATION] =
        renewed(11, "stock", 101)["metadata"]["annotations"][LOCK_ANNOTATION].clone();
    for event in [by_stock, renewed(11, "stock", 101)] {
        let mut watch = reader();
        assert_eq!(watch.event(&event), Verdict::Follow);
        assert_eq!(watch.form(), Form::Whole);
        watch.read(&event);
        assert_eq!(watch.form(), Form::Whole);
        watch.read(&marked(12, "b", 102, "11"));
        assert_eq!(watch.form(), Form::Metadata);
        assert_eq!(watch.event(&marked(13, "b", 103, "11")), Verdict::Same);
    }
}

#[test]
fn versions_that_are_no_numbers_are_never_past() {
    let mut watch = reader();
    let mut event = marked(1, "a", 101, "5");
    event["metadata"]["resourceVersion"] = json!("opaque");
    assert_eq!(watch.event(&event), Verdict::Same);
    config_map::set_entry(&mut event, &leader_key("d"), "x");
    assert_eq!(watch.event(&event), Verdict::Read);
}
