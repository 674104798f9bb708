//! The note by which an operator asks for another leader, on the cluster `ConfigMap`, and what its leader answers there.
//!
//! It is written by anyone who may update the `ConfigMap`, and addressed to one term of one holder: whoever leads later has nothing to do with it,
//! and takes it away.

use serde_json::{Map, Value, json};

use super::annotations::{self, SWITCHOVER};
use super::config_map;
use super::lock_record::LockRecord;
use super::time::WallTime;

/// What the annotation [`SWITCHOVER`] says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Switchover {
    /// New for each request.
    pub id: String,
    /// Who is asked.
    pub holder_identity: String,
    /// Since when it holds the lock.
    pub acquire_time: WallTime,
    /// Who is to lead next; whoever is first without.
    pub to: Option<String>,
    /// What has become of it.
    pub state: SwitchoverState,
}

/// What has become of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SwitchoverState {
    /// Nothing yet.
    Asked,
    /// The leader has seen it, and waits for the right moment.
    Accepted,
    /// The leader goes on leading.
    Refused {
        /// A sentence.
        why: String,
    },
}

impl Switchover {
    /// What stands on the object, or `None` when there is nothing that this version can read.
    #[must_use]
    pub fn of(object: &Value) -> Option<Self> {
        Self::decode(config_map::annotation(object, SWITCHOVER)?)
    }

    /// Whether the holder of this lock is asked, and not one before it.
    #[must_use]
    pub fn is_addressed_to(&self, record: &LockRecord) -> bool {
        self.holder_identity == record.holder_identity && self.acquire_time == record.acquire_time
    }

    /// The value of the annotation.
    #[must_use]
    pub fn encode(&self) -> String {
        let from = json!({ "holderIdentity": self.holder_identity, "acquireTime": self.acquire_time.to_string() });
        let mut content = Map::from_iter([("id".to_owned(), json!(self.id)), ("from".to_owned(), from)]);
        if let Some(to) = &self.to {
            content.insert("to".to_owned(), json!(to));
        }
        match &self.state {
            SwitchoverState::Asked => None,
            SwitchoverState::Accepted => content.insert("accepted".to_owned(), json!(true)),
            SwitchoverState::Refused { why } => content.insert("refused".to_owned(), json!(why)),
        };
        annotations::encode(&content.into())
    }

    /// Reads the value; fields that this version does not know are ignored.
    #[must_use]
    pub fn decode(value: &str) -> Option<Self> {
        let content = annotations::decode(value)?;
        let from = content.get("from")?;
        let to = match content.get("to") {
            // To somebody who cannot be named is not to anybody.
            Some(to) => Some(to.as_str()?.to_owned()),
            None => None,
        };
        let refused = content.get("refused").and_then(Value::as_str).map(str::to_owned);
        let accepted = content.get("accepted").is_some_and(|accepted| *accepted == json!(true));
        Some(Self {
            id: content.get("id")?.as_str()?.to_owned(),
            holder_identity: from.get("holderIdentity")?.as_str()?.to_owned(),
            acquire_time: WallTime::parse(from.get("acquireTime")?.as_str()?)?,
            to,
            state: match refused {
                Some(why) => SwitchoverState::Refused { why },
                None if accepted => SwitchoverState::Accepted,
                None => SwitchoverState::Asked,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn asked() -> Switchover {
        Switchover {
            id: "7".to_owned(),
            holder_identity: "a".to_owned(),
            acquire_time: WallTime::from_micros(0),
            to: Some("b".to_owned()),
            state: SwitchoverState::Asked,
        }
    }

    #[test]
    fn a_request_has_a_fixed_text() {
        let text =
            r#"v1 {"from":{"acquireTime":"1970-01-01T00:00:00.000000Z","holderIdentity":"a"},"id":"7","to":"b"}"#;
        assert_eq!(asked().encode(), text);
        let object = json!({ "metadata": { "annotations": { SWITCHOVER: text } } });
        assert_eq!(Switchover::of(&object), Some(asked()));
        assert_eq!(Switchover::of(&json!({})), None);
    }

    #[test]
    fn a_value_of_another_version_or_form_counts_as_absent() {
        for text in [
            "",
            "v1 {}",
            r#"v2 {"from":{"acquireTime":"1970-01-01T00:00:00.000000Z","holderIdentity":"a"},"id":"7"}"#,
            r#"v1 {"from":{"acquireTime":"yesterday","holderIdentity":"a"},"id":"7"}"#,
            r#"v1 {"from":{"acquireTime":"1970-01-01T00:00:00.000000Z"},"id":"7"}"#,
            r#"v1 {"from":{"acquireTime":"1970-01-01T00:00:00.000000Z","holderIdentity":"a"},"id":7}"#,
            r#"v1 {"from":{"acquireTime":"1970-01-01T00:00:00.000000Z","holderIdentity":"a"},"id":"7","to":7}"#,
        ] {
            assert_eq!(Switchover::decode(text), None, "{text}");
        }
    }

    #[test]
    fn it_is_addressed_to_one_term_of_one_holder() {
        let record = |holder: &str, acquired| LockRecord {
            holder_identity: holder.to_owned(),
            lease_duration: Duration::from_secs(15),
            acquire_time: WallTime::from_micros(acquired),
            renew_time: WallTime::from_micros(9),
            leader_transitions: 3,
        };
        assert!(asked().is_addressed_to(&record("a", 0)));
        assert!(!asked().is_addressed_to(&record("a", 1)));
        assert!(!asked().is_addressed_to(&record("b", 0)));
    }

    proptest! {
        #[test]
        fn a_value_is_read_back(
            id in any::<String>(), holder_identity in any::<String>(), acquired in 0_i64..1 << 50,
            to in any::<Option<String>>(), why in any::<String>(), state in 0..3,
        ) {
            let state = match state {
                0 => SwitchoverState::Asked,
                1 => SwitchoverState::Accepted,
                _ => SwitchoverState::Refused { why },
            };
            let acquire_time = WallTime::from_micros(acquired);
            let switchover = Switchover { id, holder_identity, acquire_time, to, state };
            prop_assert_eq!(Switchover::decode(&switchover.encode()), Some(switchover));
        }

        #[test]
        fn no_value_panics(value in "(v1 )?.*") {
            let _ = Switchover::decode(&value);
        }
    }
}
