//! Where the pod's UID comes from.

use log::warn;

use crate::protocol::pod_seat;

/// The environment variable that a pod's UID can be given by, from the downward API (`fieldPath: metadata.uid`). Java reads it.
const POD_UID_VARIABLE: &str = "FLINKKUBEHA_POD_UID";

/// The pod that the variable and the token are about; none where they disagree or neither names one.
pub(crate) fn pod_uid(variable: Option<&str>, bound: Option<String>) -> Option<String> {
    let given = variable.filter(|value| !value.trim().is_empty());
    let Some(given) = given else { return bound };
    let checked = pod_seat::checked(given);
    match (&checked, &bound) {
        (None, _) => {
            warn!("{POD_UID_VARIABLE} is {given:?}, which is no UID of a pod; set it to metadata.uid. It is ignored.");
            bound
        }
        (Some(uid), Some(other)) if uid != other => {
            warn!(
                "{POD_UID_VARIABLE} is {uid}, but the service account token belongs to pod {other}. Neither is used, so a restarted process waits for the lease of its predecessor."
            );
            None
        }
        _ => checked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_and_variable_are_two_ways_to_say_the_same() {
        for (variable, bound, expected) in [
            (None, None, None),
            (None, Some("abc"), Some("abc")),
            (Some(" "), Some("abc"), Some("abc")),
            (Some("abc"), None, Some("abc")),
            (Some("abc\n"), Some("abc"), Some("abc")),
            (Some("a c"), Some("abc"), Some("abc")),
            (Some("def"), Some("abc"), None),
        ] {
            assert_eq!(
                pod_uid(variable, bound.map(str::to_owned)).as_deref(),
                expected,
                "{variable:?} {bound:?}"
            );
        }
    }
}
