//! Our own annotations, all under one prefix, each value with a version in front: `v1 <JSON>`.
//!
//! | annotation | on | says |
//! |---|---|---|
//! | [`CONTENDERS`] | cluster `ConfigMap` | notes of the contenders, by holder identity |
//! | [`POD_UID`] | cluster `ConfigMap` | the pod of the lock's holder, beside the holder identity that it belongs to |
//! | [`FAILOVER_ADDRESS`] | cluster `ConfigMap` | where the lock's holder can be seen to be alive |
//! | [`SWITCHOVER`] | cluster `ConfigMap` | that an operator wants another leader, and what the leader answers |
//! | [`CONTENT_MARK`] | cluster `ConfigMap` | who answers for the leader addresses, and a mark of their last change |
//! | [`CLAIM`] | job `ConfigMap` | the grant whose leader may write it |
//!
//! Stock keeps annotations that it does not know. A value of another version, or one that cannot be read, counts as
//! absent, so that two versions of this library can stand side by side. Stock's lock annotation is not among these.

use serde_json::{Value, json};

use super::config_map;

/// What the names of all our annotations begin with.
pub const PREFIX: &str = "ha.flinkkubeha.io/";
/// Notes of the contenders.
pub const CONTENDERS: &str = "ha.flinkkubeha.io/contenders";
/// The pod of the lock's holder.
pub const POD_UID: &str = "ha.flinkkubeha.io/pod-uid";
/// Where the lock's holder can be seen to be alive.
pub const FAILOVER_ADDRESS: &str = "ha.flinkkubeha.io/failover-address";
/// Who answers for the leader addresses, and a mark of their last change.
pub const CONTENT_MARK: &str = "ha.flinkkubeha.io/content-mark";
/// That another leader is asked for.
pub const SWITCHOVER: &str = "ha.flinkkubeha.io/switchover";
/// The grant whose leader may write the `ConfigMap`.
pub const CLAIM: &str = "ha.flinkkubeha.io/claim";

const VERSION: &str = "v1 ";

/// The value of an annotation: the version, then the content as JSON.
#[must_use]
pub fn encode(content: &Value) -> String {
    format!("{VERSION}{content}")
}

/// The content of an annotation's value, or `None` for another version or for what cannot be read.
#[must_use]
pub fn decode(value: &str) -> Option<Value> {
    serde_json::from_str(value.strip_prefix(VERSION)?).ok()
}

/// Which grant of which holder owns a job's `ConfigMap`. Claims are equal or not; there is no order among them,
/// because leader transitions start again at 0 when the cluster `ConfigMap` is made anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The holder identity of the lock, a UUID per process.
    pub holder_identity: String,
    /// The number of the grant within that process.
    pub grant: u64,
}

impl Claim {
    /// The claim that stands on a `ConfigMap`, or `None` when there is none that this version can read.
    #[must_use]
    pub fn of(object: &Value) -> Option<Self> {
        Self::decode(config_map::annotation(object, CLAIM)?)
    }

    /// The value of the annotation [`CLAIM`].
    #[must_use]
    pub fn encode(&self) -> String {
        encode(&json!({ "holderIdentity": self.holder_identity, "grant": self.grant }))
    }

    /// Reads the value of the annotation [`CLAIM`]; fields that this version does not know are ignored.
    #[must_use]
    pub fn decode(value: &str) -> Option<Self> {
        let content = decode(value)?;
        Some(Self {
            holder_identity: content.get("holderIdentity")?.as_str()?.to_owned(),
            grant: content.get("grant")?.as_u64()?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_name_has_the_prefix_and_a_valid_form() {
        for name in [CONTENDERS, POD_UID, FAILOVER_ADDRESS, CONTENT_MARK, SWITCHOVER, CLAIM] {
            let rest = name.strip_prefix(PREFIX).unwrap();
            assert!(rest.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
        }
    }

    #[test]
    fn a_claim_has_a_fixed_text() {
        let claim = Claim {
            holder_identity: "a528dd49-41de-4d28-919f-b8c786c312db".to_owned(),
            grant: 7,
        };
        let text = r#"v1 {"grant":7,"holderIdentity":"a528dd49-41de-4d28-919f-b8c786c312db"}"#;
        assert_eq!(claim.encode(), text);
        assert_eq!(Claim::decode(text), Some(claim));
    }

    #[test]
    fn a_claim_of_another_version_or_form_is_none() {
        for text in [
            "",
            "v1",
            "v1 ",
            "v1 7",
            "v1 {",
            "v1 {}",
            r#"v2 {"grant":7,"holderIdentity":"a"}"#,
            r#"{"grant":7,"holderIdentity":"a"}"#,
            r#"v1 {"grant":-7,"holderIdentity":"a"}"#,
            r#"v1 {"grant":"7","holderIdentity":"a"}"#,
            r#"v1 {"grant":7,"holderIdentity":null}"#,
        ] {
            assert_eq!(Claim::decode(text), None, "{text}");
        }
    }

    #[test]
    fn a_claim_with_more_fields_is_read() {
        let claim = Claim::decode(r#"v1 {"grant":7,"holderIdentity":"a","since":"x"}"#);
        assert_eq!(claim.unwrap().grant, 7);
    }

    #[test]
    fn a_claim_is_found_on_the_object() {
        let text = r#"v1 {"grant":7,"holderIdentity":"a"}"#;
        let object = json!({ "metadata": { "annotations": { CLAIM: text } } });
        assert_eq!(Claim::of(&object), Claim::decode(text));
        assert_eq!(Claim::of(&json!({ "metadata": {} })), None);
    }

    proptest! {
        #[test]
        fn a_claim_is_read_back(holder_identity in any::<String>(), grant in any::<u64>()) {
            let claim = Claim { holder_identity, grant };
            prop_assert_eq!(Claim::decode(&claim.encode()), Some(claim));
        }

        #[test]
        fn no_value_panics(value in "(v1 )?.*") {
            let _ = Claim::decode(&value);
        }
    }
}
