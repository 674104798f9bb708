//! What is wrong with the HA data of a cluster, as far as the `ConfigMaps` themselves show it.

use std::cmp::Reverse;
use std::fmt;

use flinkkubeha::protocol::annotations;
use flinkkubeha::protocol::config_map as raw;
use flinkkubeha::protocol::entry::EntryKind;
use flinkkubeha::protocol::time::WallTime;
use serde::Serialize;

use crate::access::TYPE_LABEL;
use crate::config_map::{ConfigMap, Content};
use crate::lock::LockState;
use crate::snapshot::Cluster;

/// Beyond that, in percent of 1 MiB, new pointers are about to be refused.
const NEARLY_FULL: f64 = 80.0;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Worth knowing.
    Note,
    /// Nothing is lost yet.
    Warning,
    /// Something is lost, or stands in the way of a recovery.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One thing, with the place where it is and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// A `ConfigMap` or a directory.
    pub(crate) place: String,
    /// Key of the data, annotation, label or file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    pub(crate) what: String,
    pub(crate) remedy: String,
}

impl Finding {
    pub(crate) fn new(level: Level, place: &str, key: Option<&str>, what: impl Into<String>, remedy: &str) -> Self {
        Self {
            level,
            place: place.to_owned(),
            key: key.map(str::to_owned),
            what: what.into(),
            remedy: remedy.to_owned(),
        }
    }
}

/// Everything that one cluster's `ConfigMaps` show, worst first.
pub(crate) fn of(cluster: &Cluster, now: Option<WallTime>) -> Vec<Finding> {
    let mut findings = vec![];
    if let Some(map) = &cluster.map {
        of_lock(cluster, map, now, &mut findings);
    } else {
        let name = flinkkubeha::protocol::names::cluster_config_map(&cluster.id);
        findings.push(Finding::new(
            Level::Warning,
            &name,
            None,
            "there is none, and jobs have ConfigMaps",
            "nothing, if the cluster is about to be started or was deleted on purpose; else restore it from a backup before it is started",
        ));
    }
    for map in cluster.maps() {
        of_metadata(cluster, map, &mut findings);
        of_entries(map, &mut findings);
        of_size(map, &mut findings);
    }
    for (job, map) in &cluster.jobs {
        of_job(cluster, job, map, &mut findings);
    }
    findings.sort_by_key(|finding| Reverse(finding.level));
    findings
}

fn of_lock(cluster: &Cluster, map: &ConfigMap, now: Option<WallTime>, findings: &mut Vec<Finding>) {
    let Some(lock) = cluster.lock(now) else { return };
    let key = Some(flinkkubeha::protocol::lock_record::LOCK_ANNOTATION);
    let mut push = |level, what: String, remedy| findings.push(Finding::new(level, &map.name, key, what, remedy));
    match lock.state {
        LockState::Held | LockState::Released => {}
        LockState::Expired => push(
            Level::Warning,
            format!(
                "the lock is held by {}, which has not renewed it for {} s",
                lock.holder_identity.unwrap_or_default(),
                lock.age_seconds.unwrap_or_default()
            ),
            "look at the JobManagers: none of them runs, or none reaches the API server",
        ),
        LockState::Missing => push(
            Level::Error,
            "there is no lock, and Flink's own services never elect a leader beside that".to_owned(),
            "start a JobManager with flink-kube-ha, which writes it, or put a record there by hand",
        ),
        LockState::Broken => push(
            Level::Error,
            format!(
                "the lock cannot be read: {}; Flink's own services never elect a leader beside that",
                lock.reason.unwrap_or_default()
            ),
            "start a JobManager with flink-kube-ha, which writes it anew, or put a record in its place by hand",
        ),
    }
}

fn of_metadata(cluster: &Cluster, map: &ConfigMap, findings: &mut Vec<Finding>) {
    for (label, wanted) in [("app", cluster.id.as_str()), TYPE_LABEL] {
        let found = raw::labels(&map.object).and_then(|labels| labels.get(label)?.as_str());
        if found != Some(wanted) {
            findings.push(Finding::new(
                Level::Warning,
                &map.name,
                Some(label),
                match found {
                    Some(other) => format!("the label is {other:?} instead of {wanted:?}, so that selectors miss it"),
                    None => format!("the label is missing ({wanted:?}), so that selectors miss it"),
                },
                "set it with kubectl label; the Flink Kubernetes Operator finds ConfigMaps by it",
            ));
        }
    }
    if map.object.pointer("/metadata/deletionTimestamp").is_some() {
        findings.push(Finding::new(
            Level::Warning,
            &map.name,
            None,
            "it is being deleted, and a finalizer holds it",
            "take the finalizer away, or find out who waits for it",
        ));
    }
    if map.object.get("binaryData").is_some_and(|data| !data.is_null()) {
        findings.push(Finding::new(
            Level::Warning,
            &map.name,
            Some("binaryData"),
            "Flink writes none, and it takes room",
            "remove it",
        ));
    }
    for note in map.notes.iter().filter(|note| note.content.is_none()) {
        findings.push(Finding::new(
            Level::Note,
            &map.name,
            Some(&note.annotation),
            "this version cannot read it, and JobManagers of this version take it for absent",
            "nothing, if a newer version of the jar runs; else remove it",
        ));
    }
    if map.job_id.is_some() {
        return;
    }
    if raw::annotation(&map.object, annotations::CLAIM).is_some() {
        findings.push(Finding::new(
            Level::Note,
            &map.name,
            Some(annotations::CLAIM),
            "claims stand on ConfigMaps of jobs",
            "remove it",
        ));
    }
}

fn of_entries(map: &ConfigMap, findings: &mut Vec<Finding>) {
    for entry in &map.entries {
        let mut push =
            |level, what: String, remedy| findings.push(Finding::new(level, &map.name, Some(&entry.key), what, remedy));
        match &entry.content {
            Content::Damaged { what, reason } => push(
                Level::Error,
                format!("the {what} cannot be read: {reason}"),
                remedy_of(what),
            ),
            Content::Foreign => {
                let (level, what) = match near_miss(&entry.key) {
                    Some(store) => (
                        Level::Warning,
                        format!("it begins like the key of a {store}, and its id is not one"),
                    ),
                    None => (Level::Note, "Flink writes nothing under this key".to_owned()),
                };
                push(level, what, "remove it, unless something else of yours needs it");
            }
            Content::Pointer(pointer) if pointer.marked_for_deletion => push(
                Level::Note,
                format!("the removal of this {} has begun and is not finished", pointer.what),
                "nothing: Flink does not see it, and a leader with flink-kube-ha finishes it",
            ),
            Content::Pointer(pointer) => {
                let belongs = matches!(EntryKind::of(&entry.key), EntryKind::Checkpoint(_)) == map.job_id.is_some();
                if !belongs {
                    push(
                        Level::Warning,
                        format!("a {} does not belong into this ConfigMap", pointer.what),
                        "move it to where it belongs, after a backup",
                    );
                }
                if pointer.size <= 0 {
                    push(
                        Level::Warning,
                        format!("the {} is said to have {} bytes", pointer.what, pointer.size),
                        "see whether its file can be read: flink-ha verify",
                    );
                }
            }
            Content::Leader { .. } | Content::Counter { .. } => {}
        }
    }
}

fn remedy_of(what: &str) -> &'static str {
    match what {
        "leader" => "remove the key: a leader that lives publishes it again",
        "counter" => "put the id of the newest checkpoint plus one in its place, while no JobManager runs",
        _ => "restore the value from a backup; without one, remove the key, and Flink recovers from what is left",
    }
}

/// What a key was perhaps meant to be.
fn near_miss(key: &str) -> Option<&'static str> {
    [
        ("checkpointID-", "checkpoint"),
        ("jobGraph-", "job graph"),
        ("executionPlan-", "execution plan"),
        ("application-", "application"),
    ]
    .iter()
    .find_map(|(prefix, what)| key.starts_with(prefix).then_some(*what))
}

fn of_size(map: &ConfigMap, findings: &mut Vec<Finding>) {
    if map.share_of_limit_percent >= NEARLY_FULL {
        findings.push(Finding::new(
            Level::Warning,
            &map.name,
            None,
            format!(
                "it holds {}, {:.1} % of what Kubernetes takes",
                crate::units::bytes(map.bytes as u64),
                map.share_of_limit_percent
            ),
            "keep fewer checkpoints or fewer jobs in it: what does not fit is refused",
        ));
    }
}

fn of_job(cluster: &Cluster, job: &str, map: &ConfigMap, findings: &mut Vec<Finding>) {
    let next = map.entries.iter().find_map(|entry| match entry.content {
        Content::Counter { next } => Some(next),
        _ => None,
    });
    let newest = map.latest_checkpoint().map(|(id, _)| id);
    let newest = newest.and_then(|id| i64::try_from(id).ok());
    if let (Some(next), Some(newest)) = (next, newest)
        && next <= newest
    {
        findings.push(Finding::new(
            Level::Error,
            &map.name,
            Some("counter"),
            format!("the next checkpoint would be {next}, and checkpoint {newest} is there already"),
            "put the id of the newest checkpoint plus one in its place, while no JobManager runs",
        ));
    }
    if next.is_none() && newest.is_some() && !map.entries.iter().any(|entry| entry.key == "counter") {
        findings.push(Finding::new(
            Level::Warning,
            &map.name,
            Some("counter"),
            "there are checkpoints and no counter, so that ids begin with 1 again",
            "put the id of the newest checkpoint plus one in its place, while no JobManager runs",
        ));
    }
    let planned = cluster.map.iter().flat_map(ConfigMap::planned_jobs).any(|id| id == job);
    if cluster.map.is_some() && !planned {
        findings.push(Finding::new(
            Level::Note,
            &map.name,
            None,
            "the job has a ConfigMap, and neither job graph nor execution plan",
            "nothing, if an operator or an application will submit it again; else it was left over",
        ));
    }
}
