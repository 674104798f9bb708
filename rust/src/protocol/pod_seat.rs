//! Which pod a process runs in, and the name that at most one living process of that pod can hold for a cluster: its seat.
//!
//! A seat is an abstract Unix datagram socket. Its name is known in one network namespace, which the containers of a pod share, and the
//! kernel frees it when the process that bound it has ended: killed, crashed or exited, but not stopped. On a host network many pods share
//! the namespace, therefore the pod's UID is part of the name. Version 1 of the name means this type of socket: names of
//! another type are another space.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Longest UID: of a pod it is a UUID, of a static pod a hash.
const LONGEST_UID: usize = 64;
const PREFIX: &str = "flink-kube-ha/1/";

/// The pod that a service account token is bound to: `kubernetes.io`.`pod`.`uid` of its claims (bound tokens, Kubernetes 1.22 and newer).
/// The token is read, not verified: whom it is from, is for the API server to judge.
#[must_use]
pub fn uid_of_token(token: &str) -> Option<String> {
    let mut parts = token.trim().split('.');
    let (_, claims) = (parts.next()?, parts.next()?);
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    checked(claims.get("kubernetes.io")?.get("pod")?.get("uid")?.as_str()?)
}

/// This UID, if it can be one.
#[must_use]
pub fn checked(uid: &str) -> Option<String> {
    let uid = uid.trim();
    let plain = uid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (!uid.is_empty() && uid.len() <= LONGEST_UID && plain).then(|| uid.to_owned())
}

/// The name of the seat of this pod for this cluster: no longer than the 107 bytes that Linux allows.
#[must_use]
pub fn name(pod_uid: &str, namespace: &str, cluster_id: &str) -> String {
    // A name of a namespace or of a cluster has no zero in it.
    let cluster = fnv_1a(format!("{namespace}\0{cluster_id}").as_bytes());
    format!("{PREFIX}{pod_uid:.LONGEST_UID$}/{cluster:016x}")
}

/// FNV-1a with 64 bits: the same in every version of this library and of the compiler. Two clusters with one hash in one pod would
/// share a seat, and one of them would wait for leases as if it had none.
fn fnv_1a(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const UID: &str = "0b5b5a3e-7d0f-4a53-9a57-1f8fdc6c1e1d";

    fn token(claims: &str) -> String {
        format!("eyJhbGciOiJSUzI1NiJ9.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_bound_token_names_its_pod() {
        let claims = format!(
            r#"{{"aud":["x"],"kubernetes.io":{{"namespace":"n","pod":{{"name":"p","uid":"{UID}"}}}},"sub":"s"}}"#
        );
        assert_eq!(uid_of_token(&token(&claims)).as_deref(), Some(UID));
        assert_eq!(uid_of_token(&format!("{}\n", token(&claims))).as_deref(), Some(UID));
    }

    #[test]
    fn other_tokens_name_none() {
        for claims in [
            "",
            "7",
            "{",
            r#"{"kubernetes.io":{"namespace":"n","serviceaccount":{"uid":"u"}}}"#,
            r#"{"kubernetes.io":{"pod":{"uid":7}}}"#,
            r#"{"kubernetes.io":{"pod":{"uid":""}}}"#,
            r#"{"kubernetes.io":{"pod":{"uid":"a/b"}}}"#,
            r#"{"kubernetes.io/serviceaccount/secret.name":"legacy"}"#,
        ] {
            assert_eq!(uid_of_token(&token(claims)), None, "{claims}");
        }
        assert_eq!(uid_of_token("0123456789abcdef"), None);
        assert_eq!(uid_of_token("a.!.c"), None);
    }

    #[test]
    fn a_seat_has_a_fixed_name() {
        assert_eq!(
            name(UID, "flink", "my-cluster"),
            "flink-kube-ha/1/0b5b5a3e-7d0f-4a53-9a57-1f8fdc6c1e1d/e7c955663d87e9ca"
        );
    }

    #[test]
    fn pods_namespaces_and_clusters_have_seats_of_their_own() {
        let names = [
            name("u", "a", "bc"),
            name("u", "ab", "c"),
            name("v", "a", "bc"),
            name("u", "a", "bd"),
        ];
        for (index, one) in names.iter().enumerate() {
            assert_eq!(names.iter().position(|other| other == one), Some(index), "{names:?}");
        }
    }

    proptest! {
        #[test]
        fn every_name_fits(uid in "[a-z0-9-]{0,200}", namespace in any::<String>(), cluster in any::<String>()) {
            let name = name(&uid, &namespace, &cluster);
            prop_assert!(name.len() <= 107, "{name}");
        }

        #[test]
        fn no_token_panics(text in ".*") {
            let _ = uid_of_token(&text);
            let _ = uid_of_token(&token(&text));
        }
    }
}
