//! What real stock of each line has written, and pieces to build other data from.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::lock_record::{LOCK_ANNOTATION, LeaseFormat, LockRecord};
use flinkkubeha::protocol::names;
use flinkkubeha::protocol::state_handle::StateHandle;
use flinkkubeha::protocol::time::WallTime;
use serde_json::Value;

/// The releases that `tests/golden` has samples of.
pub fn releases() -> Vec<String> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let entries = std::fs::read_dir(golden).unwrap().map(|entry| entry.unwrap());
    let mut releases: Vec<String> = entries
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    releases.sort();
    assert!(releases.len() >= 5, "{releases:?}");
    releases
}

/// One of the samples.
pub fn golden(release: &str, name: &str) -> Value {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let text = std::fs::read_to_string(golden.join(release).join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub fn labels(cluster: &str) -> BTreeMap<String, String> {
    [("app", cluster), ("type", "flink-native-kubernetes")]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Longer than any of the tests lasts.
const LEASE: Duration = Duration::from_secs(600);

/// A cluster's `ConfigMap` with a lock that this one holds; nobody does when it is empty.
pub fn cluster_map(cluster: &str, holder: &str) -> Value {
    let mut map = config_map::new_config_map(&names::cluster_config_map(cluster), "any", &labels(cluster));
    let record = LockRecord {
        holder_identity: holder.to_owned(),
        lease_duration: LEASE,
        acquire_time: now(),
        renew_time: now(),
        leader_transitions: 2,
    };
    config_map::set_annotation(&mut map, LOCK_ANNOTATION, &record.to_json(LeaseFormat::Iso));
    map
}

pub fn now() -> WallTime {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    WallTime::from_micros(i64::try_from(since_epoch.as_micros()).unwrap())
}

/// A job's `ConfigMap` without data.
pub fn job_map(cluster: &str, job: &str) -> Value {
    config_map::new_config_map(&names::job_config_map(cluster, job), "any", &labels(cluster))
}

pub fn with(mut map: Value, entries: &[(&str, &str)]) -> Value {
    for (key, value) in entries {
        config_map::set_entry(&mut map, key, value);
    }
    map
}

pub fn pointer(uri: &str, size: i64) -> String {
    let handle = StateHandle {
        uri: uri.to_owned(),
        size,
        marked: false,
    };
    handle.encode()
}

pub fn marked(uri: &str, size: i64) -> String {
    let handle = StateHandle {
        uri: uri.to_owned(),
        size,
        marked: true,
    };
    handle.encode()
}

/// The key of a checkpoint.
pub fn checkpoint(id: u64) -> String {
    format!("checkpointID-{id:019}")
}

/// A job id of one digit.
pub fn job(digit: char) -> String {
    digit.to_string().repeat(32)
}
