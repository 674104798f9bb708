//! What a holder says about its process beside the lock, each note with the holder identity that it belongs to.
//!
//! Whoever takes the lock without knowing these annotations leaves them as they are: a note of another identity than the
//! lock's says nothing about its holder.

use serde_json::{Value, json};

use super::annotations::{self, FAILOVER_ADDRESS, POD_UID};
use super::config_map;

/// The pod that the holder runs in: the annotation [`POD_UID`]. Only a process that holds its pod's seat writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HolderPod {
    /// Whose pod it is.
    pub holder_identity: String,
    /// `metadata.uid` of the pod.
    pub uid: String,
}

impl HolderPod {
    /// What stands on the object, or `None` when there is nothing that this version can read.
    #[must_use]
    pub fn of(object: &Value) -> Option<Self> {
        Self::decode(config_map::annotation(object, POD_UID)?)
    }

    /// The value of the annotation.
    #[must_use]
    pub fn encode(&self) -> String {
        annotations::encode(&json!({ "holderIdentity": self.holder_identity, "podUid": self.uid }))
    }

    /// Reads the value; fields that this version does not know are ignored.
    #[must_use]
    pub fn decode(value: &str) -> Option<Self> {
        let content = annotations::decode(value)?;
        Some(Self {
            holder_identity: content.get("holderIdentity")?.as_str()?.to_owned(),
            uid: content.get("podUid")?.as_str()?.to_owned(),
        })
    }
}

/// Where the holder can be seen to be alive: the annotation [`FAILOVER_ADDRESS`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FailoverAddress {
    /// Whose address it is.
    pub holder_identity: String,
    /// A host name or an IP address, without brackets.
    pub host: String,
    /// The TCP port that it listens on.
    pub port: u16,
}

impl FailoverAddress {
    /// What stands on the object, or `None` when there is nothing that this version can read.
    #[must_use]
    pub fn of(object: &Value) -> Option<Self> {
        Self::decode(config_map::annotation(object, FAILOVER_ADDRESS)?)
    }

    /// The value of the annotation.
    #[must_use]
    pub fn encode(&self) -> String {
        annotations::encode(&json!({
            "holderIdentity": self.holder_identity,
            "host": self.host,
            "port": self.port,
        }))
    }

    /// Reads the value; fields that this version does not know are ignored.
    #[must_use]
    pub fn decode(value: &str) -> Option<Self> {
        let content = annotations::decode(value)?;
        let port = content.get("port")?.as_u64()?;
        Some(Self {
            holder_identity: content.get("holderIdentity")?.as_str()?.to_owned(),
            host: content.get("host")?.as_str()?.to_owned(),
            port: u16::try_from(port).ok().filter(|port| *port > 0)?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn notes_have_a_fixed_text() {
        let pod = HolderPod {
            holder_identity: "a".to_owned(),
            uid: "6d5c".to_owned(),
        };
        let text = r#"v1 {"holderIdentity":"a","podUid":"6d5c"}"#;
        assert_eq!(pod.encode(), text);
        let address = FailoverAddress {
            holder_identity: "a".to_owned(),
            host: "fd00::7".to_owned(),
            port: 7,
        };
        let listens = r#"v1 {"holderIdentity":"a","host":"fd00::7","port":7}"#;
        assert_eq!(address.encode(), listens);
        let object = json!({ "metadata": { "annotations": { POD_UID: text, FAILOVER_ADDRESS: listens } } });
        assert_eq!(HolderPod::of(&object), Some(pod));
        assert_eq!(FailoverAddress::of(&object), Some(address));
        assert_eq!(HolderPod::of(&json!({})), None);
        assert_eq!(FailoverAddress::of(&json!({})), None);
    }

    #[test]
    fn notes_of_another_version_or_form_count_as_absent() {
        for text in [
            "",
            "v1 {}",
            r#"v2 {"holderIdentity":"a","podUid":"u","host":"h","port":1}"#,
            r#"v1 {"holderIdentity":7,"podUid":"u","host":"h","port":1}"#,
            r#"v1 {"podUid":"u","host":"h","port":1}"#,
            r#"v1 {"holderIdentity":"a","podUid":null,"host":null,"port":1}"#,
            r#"v1 {"holderIdentity":"a","host":"h","port":0}"#,
            r#"v1 {"holderIdentity":"a","host":"h","port":65536}"#,
            r#"v1 {"holderIdentity":"a","host":"h","port":"1"}"#,
        ] {
            assert_eq!(HolderPod::decode(text), None, "{text}");
            assert_eq!(FailoverAddress::decode(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn notes_are_read_back(holder_identity in any::<String>(), text in any::<String>(), port in 1_u16..) {
            let pod = HolderPod { holder_identity: holder_identity.clone(), uid: text.clone() };
            prop_assert_eq!(HolderPod::decode(&pod.encode()), Some(pod));
            let address = FailoverAddress { holder_identity, host: text, port };
            prop_assert_eq!(FailoverAddress::decode(&address.encode()), Some(address));
        }
    }
}
