//! What the leader of a component publishes: `<session id>,<address>`.

use std::fmt;

/// Session and address of a component's leader (Flink's `LeaderInformation`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeaderInformation {
    /// The leader session, a UUID in its usual form of 36 characters.
    pub session_id: String,
    /// Where the leader is reached, for example `pekko.tcp://flink@10.0.0.1:6123/user/rpc/dispatcher_0`. May hold commas.
    pub address: String,
}

impl LeaderInformation {
    /// The value that stock writes (`KubernetesUtils.encodeLeaderInformation`).
    #[must_use]
    pub fn encode(&self) -> String {
        format!("{},{}", self.session_id, self.address)
    }

    /// Reads a value as stock does (`KubernetesUtils.parseLeaderInformationSafely`): split at the first comma, and
    /// `None`, no leader, for what cannot be read. Stricter in one point: `UUID.fromString` also takes shortened groups
    /// such as `1-2-3-4-5`, which nothing writes.
    #[must_use]
    pub fn decode(value: &str) -> Option<Self> {
        let (session_id, address) = value.split_once(',')?;
        is_uuid(session_id).then(|| Self {
            session_id: session_id.to_owned(),
            address: address.to_owned(),
        })
    }
}

impl fmt::Display for LeaderInformation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (session {})", self.address, self.session_id)
    }
}

fn is_uuid(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SESSION: &str = "a528dd49-41de-4d28-919f-b8c786c312db";

    #[test]
    fn writes_and_reads_the_value_of_stock() {
        let value = format!("{SESSION},pekko.tcp://flink@10.0.0.1:6123/user/rpc/dispatcher_0");
        let information = LeaderInformation {
            session_id: SESSION.to_owned(),
            address: "pekko.tcp://flink@10.0.0.1:6123/user/rpc/dispatcher_0".to_owned(),
        };
        assert_eq!(information.encode(), value);
        assert_eq!(LeaderInformation::decode(&value), Some(information));
    }

    #[test]
    fn splits_at_the_first_comma() {
        let information = LeaderInformation::decode(&format!("{SESSION},a,b,"));
        assert_eq!(information.map(|i| i.address).as_deref(), Some("a,b,"));
    }

    #[test]
    fn an_upper_case_session_and_an_empty_address_are_read() {
        let value = format!("{},", SESSION.to_uppercase());
        assert_eq!(LeaderInformation::decode(&value).map(|i| i.encode()), Some(value));
    }

    #[test]
    fn what_cannot_be_read_is_no_leader() {
        for value in [
            "",
            ",",
            SESSION,
            ",http://10.0.0.1:8081",
            "1-2-3-4-5,a",
            "a528dd49-41de-4d28-919f-b8c786c312dg,a",
            "a528dd4941de4d28919fb8c786c312db,a",
            " a528dd49-41de-4d28-919f-b8c786c312db,a",
            "a528dd49-41de-4d28-919f-b8c786c312db-,a",
        ] {
            assert_eq!(LeaderInformation::decode(value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn reads_nothing_that_it_would_not_write(value in "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12},)?.*") {
            if let Some(information) = LeaderInformation::decode(&value) {
                prop_assert_eq!(information.encode(), value);
            }
        }
    }
}
