//! The notes of the contenders, on the cluster `ConfigMap`: who waits for the lock, and whether everybody who ever held it notes that, too.
//!
//! A leader that cannot reach the API server has to know whether somebody else may take its lock meanwhile. Candidates that wait say so here.
//! Stock does not, and cannot be seen while it waits. But whoever leads has written the lock, and ours sign what they write: a lock without
//! their signature shows a stranger, and what has once been seen stays written down for the life of the `ConfigMap`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::annotations::{self, CONTENDERS};
use super::config_map;
use super::lock_record::{LockRecord, LockView};
use super::time::WallTime;

/// More do not note themselves: one is enough to be reckoned with.
const MOST_NOTES: usize = 50;

/// What the annotation [`CONTENDERS`] says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Contenders {
    waiting: BTreeSet<String>,
    strangers: bool,
    signature: Option<Signature>,
    /// Who is to lead next: said with a lock that is handed over, and signed.
    next: Option<String>,
}

/// A record as one of ours has written it. It changes with the holder and not with a renewal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Signature {
    holder_identity: String,
    acquire_time: WallTime,
}

impl Signature {
    fn of(record: &LockRecord) -> Self {
        Self {
            holder_identity: record.holder_identity.clone(),
            acquire_time: record.acquire_time,
        }
    }
}

impl Contenders {
    /// What stands on the object; nothing where there is no annotation that this version can read.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let value = config_map::annotation(object, CONTENDERS);
        value.and_then(Self::decode).unwrap_or_default()
    }

    /// Whether the record of this lock was written by one of ours.
    #[must_use]
    pub fn signs(&self, lock: &LockView) -> bool {
        match lock {
            LockView::Held(record) | LockView::Free(record) => self.signature == Some(Signature::of(record)),
            LockView::Absent | LockView::Broken { .. } => false,
        }
    }

    /// Whether somebody who leaves no notes has ever held the lock, beside which this stands.
    #[must_use]
    pub fn knows_strangers(&self, lock: &LockView) -> bool {
        let readable = matches!(lock, LockView::Held(_) | LockView::Free(_));
        self.strangers || readable && !self.signs(lock)
    }

    /// Whom the last holder of this lock, which it has handed over, calls to be the next.
    #[must_use]
    pub fn called_to(&self, lock: &LockView) -> Option<&str> {
        let free = matches!(lock, LockView::Free(_));
        self.next.as_deref().filter(|_| free && self.signs(lock))
    }

    /// Whether this one has noted that it waits.
    #[must_use]
    pub fn has_note_of(&self, identity: &str) -> bool {
        self.waiting.contains(identity)
    }

    /// Whether anybody else has.
    #[must_use]
    pub fn has_note_of_others(&self, identity: &str) -> bool {
        self.waiting.iter().any(|other| other != identity)
    }

    /// Everybody who has, in the order of the identities.
    pub fn waiting(&self) -> impl Iterator<Item = &str> {
        self.waiting.iter().map(String::as_str)
    }

    /// Whether there is room for another note.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.waiting.len() < MOST_NOTES
    }

    /// With a note of this one.
    #[must_use]
    pub fn with(mut self, identity: &str) -> Self {
        self.waiting.insert(identity.to_owned());
        self
    }

    /// Without the note of this one.
    #[must_use]
    pub fn without(mut self, identity: &str) -> Self {
        self.waiting.remove(identity);
        self
    }

    /// Without any note: whoever is alive puts its own back.
    #[must_use]
    pub fn emptied(mut self) -> Self {
        self.waiting.clear();
        self
    }

    /// The signature of this record, which takes the place of that lock.
    #[must_use]
    pub fn signing(self, former: &LockView, record: &LockRecord) -> Self {
        Self {
            strangers: self.knows_strangers(former),
            signature: Some(Signature::of(record)),
            waiting: self.waiting,
            next: None,
        }
    }

    /// With the name of whoever is to lead next, beside a record that was signed as one that is handed over.
    #[must_use]
    pub fn calling(mut self, next: Option<&str>) -> Self {
        self.next = next.map(str::to_owned);
        self
    }

    /// The value of the annotation.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut content = Map::from_iter([("waiting".to_owned(), json!(self.waiting))]);
        if let Some(Signature {
            holder_identity,
            acquire_time,
        }) = &self.signature
        {
            let lock = json!({ "holderIdentity": holder_identity, "acquireTime": acquire_time.to_string() });
            content.insert("lock".to_owned(), lock);
        }
        if self.strangers {
            content.insert("strangers".to_owned(), json!(true));
        }
        if let Some(next) = &self.next {
            content.insert("next".to_owned(), json!(next));
        }
        annotations::encode(&content.into())
    }

    /// Reads the value; fields that this version does not know are ignored.
    #[must_use]
    pub fn decode(value: &str) -> Option<Self> {
        let content = annotations::decode(value)?;
        let waiting = content.get("waiting")?.as_array()?.iter();
        let waiting = waiting.map(|note| note.as_str().map(str::to_owned));
        let signature = |lock: &Value| {
            Some(Signature {
                holder_identity: lock.get("holderIdentity")?.as_str()?.to_owned(),
                acquire_time: WallTime::parse(lock.get("acquireTime")?.as_str()?)?,
            })
        };
        Some(Self {
            waiting: waiting.collect::<Option<_>>()?,
            strangers: content
                .get("strangers")
                .is_some_and(|strangers| *strangers != json!(false)),
            signature: content.get("lock").and_then(signature),
            next: content.get("next").and_then(Value::as_str).map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::annotations::CONTENDERS;

    fn record(holder: &str, acquired: i64, renewed: i64) -> LockRecord {
        LockRecord {
            holder_identity: holder.to_owned(),
            lease_duration: Duration::from_secs(15),
            acquire_time: WallTime::from_micros(acquired),
            renew_time: WallTime::from_micros(renewed),
            leader_transitions: 3,
        }
    }

    fn signed(record: &LockRecord) -> Contenders {
        Contenders::default().signing(&LockView::Absent, record)
    }

    #[test]
    fn a_value_has_a_fixed_text() {
        let contenders = signed(&record("a", 0, 5)).with("c").with("b");
        let text =
            r#"v1 {"lock":{"acquireTime":"1970-01-01T00:00:00.000000Z","holderIdentity":"a"},"waiting":["b","c"]}"#;
        assert_eq!(contenders.encode(), text);
        assert_eq!(Contenders::decode(text), Some(contenders));
    }

    #[test]
    fn a_value_of_another_version_or_form_counts_as_absent() {
        for text in [
            "",
            "v1 {}",
            "v1 []",
            r#"v2 {"waiting":[]}"#,
            r#"v1 {"waiting":[7]}"#,
            r#"v1 {"waiting":"a"}"#,
        ] {
            let object = json!({ "metadata": { "annotations": { CONTENDERS: text } } });
            assert_eq!(Contenders::of(&object), Contenders::default(), "{text}");
        }
        assert_eq!(Contenders::of(&json!({})), Contenders::default());
    }

    #[test]
    fn a_signature_lasts_for_a_term_and_no_longer() {
        let contenders = signed(&record("a", 1, 5));
        assert!(contenders.signs(&LockView::Held(record("a", 1, 9))));
        for lock in [
            LockView::Held(record("b", 1, 5)),
            LockView::Held(record("a", 2, 5)),
            LockView::Free(record("", 1, 5)),
            LockView::Absent,
            LockView::read("garbage"),
        ] {
            assert!(!contenders.signs(&lock), "{lock:?}");
        }
    }

    #[test]
    fn a_stranger_is_known_from_its_first_record_on_and_never_forgotten() {
        let ours = record("a", 1, 5);
        let contenders = signed(&ours);
        assert!(!contenders.knows_strangers(&LockView::Held(ours)));
        // Damage is nobody's leadership.
        assert!(!contenders.knows_strangers(&LockView::Absent));
        assert!(!contenders.knows_strangers(&LockView::read("garbage")));
        for lock in [LockView::Held(record("stock", 2, 2)), LockView::Free(record("", 3, 3))] {
            assert!(contenders.knows_strangers(&lock));
            let next = record("b", 9, 9);
            let after = contenders.clone().signing(&lock, &next).with("c").emptied();
            assert!(after.knows_strangers(&LockView::Held(next)));
            assert!(
                Contenders::decode(&after.encode())
                    .unwrap()
                    .knows_strangers(&LockView::Absent)
            );
        }
        // A lock of stock that has never been one of ours.
        assert!(Contenders::default().knows_strangers(&LockView::Held(record("stock", 2, 2))));
        assert!(!Contenders::default().knows_strangers(&LockView::Absent));
    }

    #[test]
    fn who_is_called_is_called_to_that_very_lock() {
        let freed = record("", 5, 5);
        let called = signed(&freed).calling(Some("b"));
        let called = Contenders::decode(&called.encode()).unwrap();
        assert_eq!(called.called_to(&LockView::Free(freed.clone())), Some("b"));
        assert_eq!(called.called_to(&LockView::Free(record("", 6, 6))), None, "another one");
        assert_eq!(called.called_to(&LockView::Held(record("a", 5, 5))), None, "not free");
        let taken = called.signing(&LockView::Free(freed.clone()), &freed);
        assert_eq!(taken.called_to(&LockView::Free(freed)), None, "written again");
    }

    #[test]
    fn notes_come_and_go() {
        let contenders = Contenders::default().with("b");
        assert!(contenders.has_note_of("b") && !contenders.has_note_of("a"));
        assert!(contenders.has_note_of_others("a") && !contenders.has_note_of_others("b"));
        assert_eq!(contenders.clone().without("b"), Contenders::default());
        assert_eq!(contenders.emptied(), Contenders::default());
        let many = (0..MOST_NOTES).fold(Contenders::default(), |all, number| all.with(&number.to_string()));
        assert!(!many.has_room() && many.without("7").has_room());
    }

    proptest! {
        #[test]
        fn a_value_is_read_back(
            waiting in btree_set(any::<String>(), 0..4), strangers in any::<bool>(), acquired in 0_i64..1 << 50, next in any::<Option<String>>(),
        ) {
            let signature = Some(Signature::of(&record("a", acquired, 0)));
            let contenders = Contenders { waiting, strangers, signature, next };
            prop_assert_eq!(Contenders::decode(&contenders.encode()), Some(contenders));
        }

        #[test]
        fn no_value_panics(value in "(v1 )?.*") {
            let _ = Contenders::decode(&value);
        }
    }
}
