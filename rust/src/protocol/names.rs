//! Names of `ConfigMap`s and of the keys in them, and what a cluster-id must be to make such names.

use std::fmt;

use super::entry;

/// What the keys of leader information begin with (`KubernetesUtils`, `LEADER_PREFIX`).
pub const LEADER_KEY_PREFIX: &str = "org.apache.flink.k8s.leader.";
/// The key of the checkpoint counter (`Constants.CHECKPOINT_COUNTER_KEY`).
pub const COUNTER_KEY: &str = "counter";
/// What the keys of checkpoints begin with (`KubernetesCheckpointStoreUtil`).
const CHECKPOINT_KEY_PREFIX: &str = "checkpointID-";
/// How many digits follow, with zeros in front.
const CHECKPOINT_ID_DIGITS: usize = 19;
/// The longest value of a label that Kubernetes takes, in characters.
pub const LABEL_VALUE_LIMIT: usize = 63;

const CLUSTER_SUFFIX: &str = "-cluster-config-map";
const JOB_SUFFIX: &str = "-config-map";
const OPTION: &str = "kubernetes.cluster-id";

/// The key under which the leader of this component is published.
#[must_use]
pub fn leader_key(component: &str) -> String {
    format!("{LEADER_KEY_PREFIX}{component}")
}

/// Whether a completed checkpoint stands under this key.
#[must_use]
pub fn is_checkpoint(key: &str) -> bool {
    checkpoint_id(key).is_some()
}

/// The id of the completed checkpoint that stands under this key.
#[must_use]
pub fn checkpoint_id(key: &str) -> Option<u64> {
    let id = key.strip_prefix(CHECKPOINT_KEY_PREFIX)?;
    let fits = id.len() == CHECKPOINT_ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| id.parse().ok())?
}

/// The `ConfigMap` of the cluster: lock, leaders, execution plans (`KubernetesLeaderElectionHaServices`).
#[must_use]
pub fn cluster_config_map(cluster_id: &str) -> String {
    format!("{cluster_id}{CLUSTER_SUFFIX}")
}

/// The cluster whose `ConfigMap` has this name.
#[must_use]
pub fn cluster_of(config_map: &str) -> Option<&str> {
    config_map.strip_suffix(CLUSTER_SUFFIX).filter(|id| !id.is_empty())
}

/// The `ConfigMap` of a job: checkpoints and their counter. The job id is written as 32 hexadecimal digits.
#[must_use]
pub fn job_config_map(cluster_id: &str, job_id: &str) -> String {
    format!("{cluster_id}-{job_id}{JOB_SUFFIX}")
}

/// The cluster and the job whose `ConfigMap` has this name.
#[must_use]
pub fn cluster_and_job_of(config_map: &str) -> Option<(&str, &str)> {
    let (cluster_id, job_id) = config_map.strip_suffix(JOB_SUFFIX)?.rsplit_once('-')?;
    (!cluster_id.is_empty() && entry::is_id(job_id)).then_some((cluster_id, job_id))
}

/// Why `kubernetes.cluster-id` cannot be used. Shown as one sentence with key, value and remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterIdError {
    /// It is not set.
    Missing,
    /// It is set to nothing.
    Empty,
    /// Its first character is not an ASCII letter or digit.
    BadStart {
        /// The value.
        value: String,
    },
    /// It holds a character that no label value can hold.
    BadCharacter {
        /// The value.
        value: String,
        /// The first such character.
        character: char,
    },
    /// It holds a character that label values can hold and object names cannot: `_` or an upper-case letter.
    RefusedByNames {
        /// The value.
        value: String,
        /// The first such character.
        character: char,
    },
    /// It has a `.` beside another `.` or a `-`, which object names cannot have.
    BadDot {
        /// The value.
        value: String,
    },
    /// Its last character is not an ASCII letter or digit.
    BadEnd {
        /// The value.
        value: String,
    },
    /// It is longer than [`LABEL_VALUE_LIMIT`].
    TooLong {
        /// The value.
        value: String,
    },
}

/// Whether this value of `kubernetes.cluster-id` can begin the name of a `ConfigMap` (a DNS-1123 subdomain) and be the
/// value of the label `app`, which Kubernetes both checks at every write.
pub fn validate_cluster_id(cluster_id: Option<&str>) -> Result<(), ClusterIdError> {
    let value = cluster_id.ok_or(ClusterIdError::Missing)?;
    let owned = || value.to_owned();
    let find = |refused: fn(char) -> bool| value.chars().find(|character| refused(*character));
    if value.is_empty() {
        return Err(ClusterIdError::Empty);
    }
    if !value.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(ClusterIdError::BadStart { value: owned() });
    }
    if let Some(character) = find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.')) {
        return Err(ClusterIdError::BadCharacter {
            value: owned(),
            character,
        });
    }
    if let Some(character) = find(|c| c == '_' || c.is_ascii_uppercase()) {
        return Err(ClusterIdError::RefusedByNames {
            value: owned(),
            character,
        });
    }
    if !value.ends_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(ClusterIdError::BadEnd { value: owned() });
    }
    if [".-", "-.", ".."].iter().any(|pair| value.contains(pair)) {
        return Err(ClusterIdError::BadDot { value: owned() });
    }
    if value.len() > LABEL_VALUE_LIMIT {
        return Err(ClusterIdError::TooLong { value: owned() });
    }
    Ok(())
}

impl fmt::Display for ClusterIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(
                f,
                "{OPTION} is not set: set it to a name that no other Flink cluster in the \
                    namespace has, for example my-cluster."
            ),
            Self::Empty => write!(
                f,
                "{OPTION} is empty (''): set it to a name that no other Flink cluster in the \
                    namespace has, for example my-cluster."
            ),
            Self::BadStart { value } => write!(
                f,
                "{OPTION} is {value:?}, which does not start with a letter or a digit: let a \
                    lower-case letter come first."
            ),
            Self::BadCharacter { value, character } => write!(
                f,
                "{OPTION} is {value:?}, which contains {character:?}: use nothing but lower-case \
                    letters, digits, '-' and '.'."
            ),
            Self::RefusedByNames { value, character } => write!(
                f,
                "{OPTION} is {value:?}, which contains {character:?}, and Kubernetes refuses that \
                    in the names of ConfigMaps: write {:?}, for example.",
                value
                    .to_ascii_lowercase()
                    .replace('_', "-")
                    .trim_end_matches(['-', '.'])
            ),
            Self::BadDot { value } => write!(
                f,
                "{OPTION} is {value:?}, and Kubernetes refuses a '.' beside another '.' or a '-' \
                    in the names of ConfigMaps: let a letter or a digit stand on both sides of \
                    every '.'."
            ),
            Self::BadEnd { value } => write!(
                f,
                "{OPTION} is {value:?}, which does not end with a letter or a digit: let one come \
                    last."
            ),
            Self::TooLong { value } => write!(
                f,
                "{OPTION} is {value:?}, which has {} characters, and Kubernetes takes no more \
                    than {LABEL_VALUE_LIMIT} because it becomes the value of the label 'app': \
                    shorten it by {}.",
                value.len(),
                value.len().saturating_sub(LABEL_VALUE_LIMIT)
            ),
        }
    }
}

impl std::error::Error for ClusterIdError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_those_of_stock() {
        assert_eq!(cluster_config_map("my-cluster"), "my-cluster-cluster-config-map");
        assert_eq!(
            job_config_map("my-cluster", "0123456789abcdef0123456789abcdef"),
            "my-cluster-0123456789abcdef0123456789abcdef-config-map"
        );
        assert_eq!(leader_key("dispatcher"), "org.apache.flink.k8s.leader.dispatcher");
    }

    #[test]
    fn names_are_read_back() {
        let job = "0123456789abcdef0123456789abcdef";
        assert_eq!(cluster_of(&cluster_config_map("a-b")), Some("a-b"));
        assert_eq!(cluster_and_job_of(&job_config_map("a-b", job)), Some(("a-b", job)));
        assert_eq!(cluster_and_job_of(&cluster_config_map("a-b")), None);
        for name in ["", "-cluster-config-map", "flink-config-a", "a-0123-config-map"] {
            assert_eq!((cluster_of(name), cluster_and_job_of(name)), (None, None), "{name}");
        }
        assert_eq!(checkpoint_id("checkpointID-0000000000000000042"), Some(42));
        assert_eq!(checkpoint_id("checkpointID-42"), None);
    }

    #[test]
    fn usual_cluster_ids_are_taken() {
        for value in ["a", "my-cluster", "0", "flink.prod-2", "a--b", &"x".repeat(63)] {
            assert_eq!(validate_cluster_id(Some(value)), Ok(()), "{value}");
        }
    }

    #[test]
    fn every_refusal_names_key_value_and_remedy() {
        let long = "x".repeat(70);
        let too_long = format!(
            "kubernetes.cluster-id is \"{long}\", which has 70 characters, and Kubernetes takes no more than 63 because it becomes the value of the label 'app': shorten it by 7."
        );
        let cases: [(Option<&str>, &str); 14] = [
            (
                None,
                "kubernetes.cluster-id is not set: set it to a name that no other Flink cluster in the namespace has, for example my-cluster.",
            ),
            (
                Some(""),
                "kubernetes.cluster-id is empty (''): set it to a name that no other Flink cluster in the namespace has, for example my-cluster.",
            ),
            (
                Some("-a"),
                "kubernetes.cluster-id is \"-a\", which does not start with a letter or a digit: let a lower-case letter come first.",
            ),
            (
                Some(" "),
                "kubernetes.cluster-id is \" \", which does not start with a letter or a digit: let a lower-case letter come first.",
            ),
            (
                Some("\u{e9}t\u{e9}"),
                "kubernetes.cluster-id is \"\u{e9}t\u{e9}\", which does not start with a letter or a digit: let a lower-case letter come first.",
            ),
            (
                Some("a/b"),
                "kubernetes.cluster-id is \"a/b\", which contains '/': use nothing but lower-case letters, digits, '-' and '.'.",
            ),
            (
                Some("a\nB"),
                "kubernetes.cluster-id is \"a\\nB\", which contains '\\n': use nothing but lower-case letters, digits, '-' and '.'.",
            ),
            (
                Some("my_Cluster"),
                "kubernetes.cluster-id is \"my_Cluster\", which contains '_', and Kubernetes refuses that in the names of ConfigMaps: write \"my-cluster\", for example.",
            ),
            (
                Some("Prod"),
                "kubernetes.cluster-id is \"Prod\", which contains 'P', and Kubernetes refuses that in the names of ConfigMaps: write \"prod\", for example.",
            ),
            (
                Some("A_"),
                "kubernetes.cluster-id is \"A_\", which contains 'A', and Kubernetes refuses that in the names of ConfigMaps: write \"a\", for example.",
            ),
            (
                Some("a-"),
                "kubernetes.cluster-id is \"a-\", which does not end with a letter or a digit: let one come last.",
            ),
            (
                Some("a."),
                "kubernetes.cluster-id is \"a.\", which does not end with a letter or a digit: let one come last.",
            ),
            (
                Some("a.-b"),
                "kubernetes.cluster-id is \"a.-b\", and Kubernetes refuses a '.' beside another '.' or a '-' in the names of ConfigMaps: let a letter or a digit stand on both sides of every '.'.",
            ),
            (Some(&long), &too_long),
        ];
        for (value, sentence) in cases {
            assert_eq!(validate_cluster_id(value).unwrap_err().to_string(), sentence);
        }
    }

    /// The two rules of Kubernetes, written down a second time: a DNS-1123 subdomain and a label value.
    fn kubernetes_takes(value: &str) -> bool {
        let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let label = |part: &str| {
            part.starts_with(alphanumeric)
                && part.ends_with(alphanumeric)
                && part.chars().all(|c| c == '-' || alphanumeric(c))
        };
        value.len() <= 63 && value.split('.').all(label)
    }

    proptest! {
        #[test]
        fn takes_what_kubernetes_takes(value in "[a-z0-9._A-]{0,6}|[a-z]{62}[a-z.-]{0,3}|.*") {
            prop_assert_eq!(validate_cluster_id(Some(&value)).is_ok(), kubernetes_takes(&value));
        }
    }
}
