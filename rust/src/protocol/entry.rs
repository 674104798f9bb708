//! What the keys of HA data stand for, told by their names, and what the files behind pointers are called.

use super::names::{self, COUNTER_KEY, LEADER_KEY_PREFIX};

/// What the keys of job graphs begin with: Flink 1.20 and older (`KubernetesJobGraphStoreUtil`).
const JOB_GRAPH_KEY_PREFIX: &str = "jobGraph-";
/// What the keys of execution plans begin with: Flink 2.0 and newer (`KubernetesExecutionPlanStoreUtil`).
const EXECUTION_PLAN_KEY_PREFIX: &str = "executionPlan-";
/// What the keys of applications begin with: Flink 2.3 and newer (`KubernetesApplicationStoreUtil`).
const APPLICATION_KEY_PREFIX: &str = "application-";

/// What the names of files behind pointers begin with, before 12 random hexadecimal digits (`FileSystemStateStorageHelper`).
const FILE_PREFIXES: [&str; 4] = [
    "completedCheckpoint",
    "submittedJobGraph",
    "submittedExecutionPlan",
    "submittedApplication",
];
const RANDOM_DIGITS: usize = 12;
/// A job id, an application id.
const ID_DIGITS: usize = 32;

/// What a key of the data stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind<'a> {
    /// The leader of a component.
    Leader(&'a str),
    /// The checkpoint counter.
    Counter,
    /// A completed checkpoint, with its id.
    Checkpoint(u64),
    /// A job graph of Flink 1.20 and older, with its job id.
    JobGraph(&'a str),
    /// An execution plan of Flink 2.0 and newer, with its job id.
    ExecutionPlan(&'a str),
    /// An application of Flink 2.3 and newer, with its id.
    Application(&'a str),
    /// Nothing that Flink writes.
    Unknown,
}

impl<'a> EntryKind<'a> {
    /// What this key stands for. An id that Flink would not write makes it unknown.
    #[must_use]
    pub fn of(key: &'a str) -> Self {
        if key == COUNTER_KEY {
            Self::Counter
        } else if let Some(id) = names::checkpoint_id(key) {
            Self::Checkpoint(id)
        } else if let Some(component) = key.strip_prefix(LEADER_KEY_PREFIX) {
            Self::Leader(component)
        } else if let Some(id) = id_after(JOB_GRAPH_KEY_PREFIX, key) {
            Self::JobGraph(id)
        } else if let Some(id) = id_after(EXECUTION_PLAN_KEY_PREFIX, key) {
            Self::ExecutionPlan(id)
        } else if let Some(id) = id_after(APPLICATION_KEY_PREFIX, key) {
            Self::Application(id)
        } else {
            Self::Unknown
        }
    }

    /// Whether the value is a pointer to a file.
    #[must_use]
    pub const fn is_pointer(&self) -> bool {
        matches!(
            self,
            Self::Checkpoint(_) | Self::JobGraph(_) | Self::ExecutionPlan(_) | Self::Application(_)
        )
    }

    /// The job whose plan this is.
    #[must_use]
    pub const fn planned_job(&self) -> Option<&'a str> {
        match self {
            Self::JobGraph(id) | Self::ExecutionPlan(id) => Some(id),
            _ => None,
        }
    }
}

fn id_after<'a>(prefix: &str, key: &'a str) -> Option<&'a str> {
    key.strip_prefix(prefix).filter(|id| is_id(id))
}

/// Whether this text is the id of a job or of an application, as Flink writes it.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == ID_DIGITS && is_lower_hexadecimal(text)
}

/// Whether a file of this name is one that Flink has put behind a pointer.
#[must_use]
pub fn is_pointed_to(file_name: &str) -> bool {
    let random = FILE_PREFIXES.iter().find_map(|prefix| file_name.strip_prefix(prefix));
    random.is_some_and(|random| random.len() == RANDOM_DIGITS && is_lower_hexadecimal(random))
}

fn is_lower_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn keys_stand_for_what_flink_writes_under_them() {
        for (key, kind) in [
            ("counter", EntryKind::Counter),
            ("checkpointID-0000000000000000014", EntryKind::Checkpoint(14)),
            (
                "org.apache.flink.k8s.leader.dispatcher",
                EntryKind::Leader("dispatcher"),
            ),
            (&format!("jobGraph-{ID}"), EntryKind::JobGraph(ID)),
            (&format!("executionPlan-{ID}"), EntryKind::ExecutionPlan(ID)),
            (&format!("application-{ID}"), EntryKind::Application(ID)),
        ] {
            assert_eq!(EntryKind::of(key), kind, "{key}");
        }
    }

    #[test]
    fn every_other_key_is_unknown() {
        for key in [
            "",
            "Counter",
            "checkpointID-14",
            "checkpointID-000000000000000001x",
            "jobGraph-",
            "executionPlan-0123456789ABCDEF0123456789ABCDEF",
            "application-0123",
        ] {
            assert_eq!(EntryKind::of(key), EntryKind::Unknown, "{key}");
        }
    }

    #[test]
    fn files_behind_pointers_are_known_by_prefix_and_random_digits() {
        for name in FILE_PREFIXES {
            assert!(is_pointed_to(&format!("{name}0123456789ab")));
        }
        for name in [
            "completedCheckpoint",
            "completedCheckpoint0123456789a",
            "completedCheckpoint0123456789abc",
            "completedCheckpoint0123456789aB",
            "other0123456789ab",
            "job-result-store",
        ] {
            assert!(!is_pointed_to(name), "{name}");
        }
    }
}
