//! Whoever follows by metadata tells the same leaders as whoever is sent everything, over any history of writes of ours, of stock's and of others.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::protocol::annotations::CONTENDERS;
use crate::protocol::content_mark::{mark, unmark};
use crate::protocol::edit::Edit;
use crate::protocol::lock_record::{LOCK_ANNOTATION, LeaseFormat, LockRecord};
use crate::protocol::names::leader_key;

const STOCK: &str = "stock";

type Address = Option<String>;

#[derive(Clone, Debug)]
enum Write {
    /// One of ours writes: it renews, or takes the lock, whoever has it.
    Ours(String, Option<Address>),
    /// So does stock, which keeps annotations as they are.
    Stock(Option<Address>),
    /// One of ours gives its lock back.
    Release,
    /// Somebody edits a leader and nothing else.
    Edit(Address),
    /// A contender leaves a note.
    Note(u8),
    /// Somebody garbles the lock.
    Garble,
    Delete,
}

fn any_write() -> impl Strategy<Value = Write> {
    let address = || prop::option::of("[xyz]");
    prop_oneof![
        6 => ("[ab]", prop::option::weighted(0.3, address())).prop_map(|(holder, edit)| Write::Ours(holder, edit)),
        6 => prop::option::weighted(0.3, address()).prop_map(|edit| Write::Ours("a".to_owned(), edit)),
        2 => prop::option::weighted(0.5, address()).prop_map(Write::Stock),
        1 => Just(Write::Release),
        1 => address().prop_map(Write::Edit),
        1 => any::<u8>().prop_map(Write::Note),
        1 => Just(Write::Garble),
        1 => Just(Write::Delete),
    ]
}

fn publish(object: &mut Value, address: Option<&Address>) {
    if let Some(value) = address {
        let (component, value) = ("d".to_owned(), value.clone());
        Edit::PublishLeader { component, value }.apply(object).unwrap();
    }
}

fn holder(object: &Value) -> Option<String> {
    match LockView::of(object) {
        LockView::Held(record) => Some(record.holder_identity),
        _ => None,
    }
}

fn hold(object: &mut Value, holder: &str, at: usize) {
    let record = LockRecord {
        holder_identity: holder.to_owned(),
        lease_duration: Duration::from_secs(15),
        acquire_time: WallTime::from_micros(0),
        renew_time: WallTime::from_micros(i64::try_from(at).unwrap()),
        leader_transitions: 0,
    };
    config_map::set_annotation(object, LOCK_ANNOTATION, &record.to_json(LeaseFormat::Iso));
}

/// What the write makes of the object; `None` when it does nothing.
fn written(before: Option<&Value>, write: &Write, at: usize) -> Option<Value> {
    let mut object = before.cloned();
    match (write, &mut object) {
        (Write::Ours(identity, address), _) => {
            let object = object.get_or_insert_with(|| json!({ "metadata": { "uid": at.to_string() } }));
            let acquiring = holder(object).as_ref() != Some(identity);
            hold(object, identity, at);
            if acquiring {
                Edit::ClearLeaders.apply(object).unwrap();
            } else {
                publish(object, address.as_ref());
            }
            mark(object, before, identity, acquiring);
        }
        (Write::Stock(address), Some(object)) => {
            hold(object, STOCK, at);
            publish(object, address.as_ref());
        }
        (Write::Release, Some(object)) if holder(object).is_some_and(|holder| holder != STOCK) => {
            hold(object, "", at);
            Edit::ClearLeaders.apply(object).unwrap();
            unmark(object);
        }
        (Write::Edit(address), Some(object)) => publish(object, Some(address)),
        (Write::Note(note), Some(object)) => config_map::set_annotation(object, CONTENDERS, &note.to_string()),
        (Write::Garble, Some(object)) => config_map::set_annotation(object, LOCK_ANNOTATION, "garbage"),
        _ => return None,
    }
    // A write that changes nothing makes no version.
    object.filter(|object| Some(object) != before)
}

/// Every version, `None` where it was deleted.
fn history(writes: &[Write]) -> Vec<Option<Value>> {
    let mut versions: Vec<Option<Value>> = Vec::new();
    for (at, write) in writes.iter().enumerate() {
        let before = versions.last().and_then(Option::as_ref);
        let next = match write {
            Write::Delete if before.is_some() => None,
            _ => match written(before, write, at) {
                Some(object) => Some(object),
                None => continue,
            },
        };
        let version = (100 + versions.len()).to_string();
        versions.push(next.map(|mut object| {
            object["metadata"]["resourceVersion"] = json!(version);
            object
        }));
    }
    versions
}

fn metadata_of(object: &Value) -> Value {
    json!({ "metadata": object["metadata"] })
}

/// What one component is told of.
#[derive(Debug, Default, PartialEq)]
struct Told(Vec<Address>);

impl Told {
    fn tell(&mut self, object: &Value) {
        let address = config_map::entry(object, &leader_key("d")).map(str::to_owned);
        if self.0.last().cloned().flatten() != address {
            self.0.push(address);
        }
    }
}

fn told_in_full(versions: &[Option<Value>]) -> Told {
    let mut told = Told::default();
    versions.iter().flatten().for_each(|object| told.tell(object));
    told
}

/// Each read shows the version that is so many later than the event.
fn told_by_metadata(versions: &[Option<Value>], mut lag: impl FnMut() -> usize) -> (Told, usize) {
    let (mut told, mut watch, mut whole) = (Told::default(), SlimWatch::default(), 0);
    for (at, version) in versions.iter().enumerate() {
        let Some(object) = version else {
            watch.missing();
            continue;
        };
        let verdict = match watch.form() {
            Form::Whole => Verdict::Follow,
            Form::Metadata => watch.event(&metadata_of(object)),
        };
        let shown = match verdict {
            Verdict::Past | Verdict::Same => continue,
            Verdict::Follow => version.as_ref(),
            Verdict::Read => versions[(at + lag()).min(versions.len() - 1)].as_ref(),
        };
        whole += 1;
        match shown {
            Some(object) => {
                watch.read(object);
                told.tell(object);
            }
            None => watch.missing(),
        }
    }
    (told, whole)
}

proptest! {
    #[test]
    fn reads_at_once_tell_the_same_leaders(writes in prop::collection::vec(any_write(), 0..60)) {
        let versions = history(&writes);
        let (told, _) = told_by_metadata(&versions, || 0);
        prop_assert_eq!(told, told_in_full(&versions));
    }

    #[test]
    fn late_reads_tell_the_same_leader_in_the_end(
        writes in prop::collection::vec(any_write(), 1..60),
        lags in prop::collection::vec(0_usize..5, 60),
    ) {
        let versions = history(&writes);
        let mut lags = lags.into_iter();
        let (told, _) = told_by_metadata(&versions, || lags.next().unwrap_or_default());
        if versions.last().is_some_and(Option::is_some) {
            prop_assert_eq!(told.0.last().cloned().flatten(), told_in_full(&versions).0.last().cloned().flatten());
        }
    }

    #[test]
    fn renewals_are_not_read(renewals in 0_usize..30) {
        let writes = vec![Write::Ours("a".to_owned(), None); renewals + 1];
        prop_assert_eq!(told_by_metadata(&history(&writes), || 0).1, 1);
    }
}
