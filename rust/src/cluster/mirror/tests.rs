#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::json;

use super::*;
use crate::cluster::grant::Granted;
use crate::protocol::lock_record::{LOCK_ANNOTATION, LeaseFormat, LockRecord};
use crate::protocol::manifest::{FileName, Manifest};
use crate::protocol::state_handle::StateHandle;
use crate::protocol::time::WallTime;

const JOB: &str = "0123456789abcdef0123456789abcdef";
const JOB_MAP: &str = "c-0123456789abcdef0123456789abcdef-config-map";
const CLUSTER_MAP: &str = "c-cluster-config-map";
const LIMIT: Duration = Duration::from_secs(600);

/// Files in memory, which may be out of reach.
#[derive(Default)]
struct Files {
    by_name: Mutex<BTreeMap<String, String>>,
    writes: AtomicU64,
    broken: AtomicBool,
}

impl Files {
    fn reach(&self) -> Result<std::sync::MutexGuard<'_, BTreeMap<String, String>>, HaError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(HaError::new(ErrorCode::StorageFailed, "It is broken."));
        }
        Ok(self.by_name.lock().unwrap())
    }

    /// Names with the part that tells the version, as in `job 7`.
    fn names(&self) -> Vec<String> {
        let names = self.by_name.lock().unwrap();
        let files = names.keys().map(|name| FileName::parse(name).unwrap());
        files
            .map(|file| {
                let what = if file.config_map == JOB_MAP { "job" } else { "cluster" };
                format!("{what} {} {}", file.uid, file.version)
            })
            .collect()
    }
}

impl Vault for Files {
    fn write(&self, name: &str, content: String) -> Result<(), HaError> {
        self.reach()?.entry(name.to_owned()).or_insert(content);
        self.writes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn list(&self) -> Result<Vec<String>, HaError> {
        Ok(self.reach()?.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, HaError> {
        Ok(self.reach()?.get(name).map(|content| content.clone().into_bytes()))
    }

    fn delete(&self, name: &str, _is_last: bool) -> Result<(), HaError> {
        self.reach()?.remove(name);
        Ok(())
    }
}

/// Seconds that pass when the test says so.
#[derive(Default)]
struct ByHand(AtomicU64);

impl Clock for ByHand {
    fn boot(&self) -> BootTime {
        BootTime::from_duration(Duration::from_secs(self.0.load(Ordering::SeqCst)))
    }

    fn wall(&self) -> WallTime {
        WallTime::from_micros(0)
    }
}

struct Process {
    mirror: Mirror,
    grants: GrantCell,
    clock: Arc<ByHand>,
}

impl Process {
    fn start(files: &Arc<Files>) -> Self {
        let clock = Arc::new(ByHand::default());
        let this = Self {
            mirror: Mirror::default(),
            grants: GrantCell::new(Arc::clone(&clock) as Arc<dyn Clock>),
            clock,
        };
        let leader = Leader {
            clock: Arc::clone(&this.clock) as Arc<dyn Clock>,
            grants: this.grants.clone(),
            identity: "me".to_owned(),
            namespace: "n".to_owned(),
            cluster_map: CLUSTER_MAP.to_owned(),
        };
        let settings = MirrorSettings {
            root: "file:/ha/c".to_owned(),
            job_results: "file:/ha/job-result-store/c".to_owned(),
        };
        let vault = Arc::clone(files) as Arc<dyn Vault>;
        tokio::spawn(this.mirror.task(leader, vault, settings).unwrap().run());
        this.lead(1);
        this
    }

    fn lead(&self, grant: u64) {
        let far = BootTime::from_duration(Duration::from_secs(1_000_000));
        self.grants.set(Some(Granted {
            grant: GrantId(grant),
            valid_until: far,
            confirmed_until: far,
        }));
    }

    async fn flush(&self) {
        self.mirror.flush(LIMIT).await.unwrap();
    }
}

fn object(name: &str, uid: &str, version: u64) -> Value {
    let record = LockRecord {
        holder_identity: "me".to_owned(),
        lease_duration: Duration::from_secs(15),
        acquire_time: WallTime::from_micros(0),
        renew_time: WallTime::from_micros(0),
        leader_transitions: 0,
    };
    json!({"metadata": {
        "name": name, "namespace": "n", "uid": uid, "resourceVersion": version.to_string(),
        "creationTimestamp": format!("2026-11-30T10:00:0{}Z", uid.len()),
        "annotations": {LOCK_ANNOTATION: record.to_json(LeaseFormat::Iso)},
    }})
}

fn with_pointer(mut object: Value, key: &str) -> Value {
    let handle = StateHandle {
        uri: "file:/ha/c/completedCheckpoint0123456789ab".to_owned(),
        size: 3,
        marked: false,
    };
    config_map::set_entry(&mut object, key, &handle.encode());
    object
}

/// The `ConfigMap` of the job with a checkpoint of the number of its version.
fn checkpoint(uid: &str, version: u64) -> Value {
    with_pointer(object(JOB_MAP, uid, version), &format!("checkpointID-{version:019}"))
}

fn plan(uid: &str, version: u64) -> Value {
    with_pointer(object(CLUSTER_MAP, uid, version), &format!("executionPlan-{JOB}"))
}

#[tokio::test(start_paused = true)]
async fn a_config_map_is_mirrored_once_a_second_as_it_is_then() {
    let files = Arc::new(Files::default());
    let process = Process::start(&files);
    process.mirror.stored(GrantId(1), &checkpoint("a", 0));
    process.mirror.stored(GrantId(1), &checkpoint("a", 1));
    tokio::time::sleep(2 * task::SETTLING).await;
    assert_eq!(files.names(), ["job a 1"]);
    for version in 2..=9 {
        process.mirror.stored(GrantId(1), &checkpoint("a", version));
        // The lock alone has changed.
        process.mirror.stored(GrantId(1), &checkpoint("a", version));
    }
    tokio::time::sleep(task::PACE / 2).await;
    assert_eq!(files.names(), ["job a 1"]);
    tokio::time::sleep(task::PACE).await;
    assert_eq!(files.names(), ["job a 9"]);
    assert_eq!(files.writes.load(Ordering::SeqCst), 2);
    let content = files.by_name.lock().unwrap().values().next().unwrap().clone();
    assert_eq!(
        Manifest::decode(content.as_bytes()).unwrap().latest_checkpoint(),
        Some(9)
    );
}

#[tokio::test(start_paused = true)]
async fn what_points_to_nothing_has_no_manifest() {
    let files = Arc::new(Files::default());
    let process = Process::start(&files);
    process.mirror.stored(GrantId(1), &object(JOB_MAP, "a", 1));
    process.mirror.stored(GrantId(1), &plan("b", 2));
    process.flush().await;
    assert_eq!(files.names(), ["cluster b 2"]);
    process.mirror.stored(GrantId(1), &object(CLUSTER_MAP, "b", 3));
    // At once: nobody waits for the second to pass.
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(files.names().is_empty());
}

#[tokio::test(start_paused = true)]
async fn of_a_job_that_has_ended_nothing_is_left() {
    let files = Arc::new(Files::default());
    let (former, process) = (Process::start(&files), Process::start(&files));
    former.mirror.stored(GrantId(1), &checkpoint("a", 1));
    former.flush().await;
    process.mirror.stored(GrantId(1), &checkpoint("a", 2));
    process.mirror.stored(GrantId(1), &plan("b", 3));
    process.flush().await;
    assert_eq!(files.names(), ["job a 2", "cluster b 3"]);
    // It stood still, and what it brings is not the newest.
    former.mirror.stored(GrantId(1), &checkpoint("a", 1));
    former.mirror.stored(
        GrantId(1),
        &with_pointer(checkpoint("a", 1), "checkpointID-0000000000000000000"),
    );
    former.flush().await;
    assert_eq!(files.names(), ["job a 1", "job a 2", "cluster b 3"]);
    process.mirror.stored(GrantId(1), &checkpoint("a", 4));
    process.mirror.forget(JOB_MAP, LIMIT).await.unwrap();
    process.flush().await;
    assert_eq!(files.names(), ["cluster b 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_stood_still_for_long_mirrors_nothing() {
    let files = Arc::new(Files::default());
    let process = Process::start(&files);
    files.broken.store(true, Ordering::SeqCst);
    process.mirror.stored(GrantId(1), &checkpoint("a", 1));
    process.flush().await;
    process.grants.set(None);
    process.clock.0.store(task::TOO_LATE.as_secs() + 1, Ordering::SeqCst);
    files.broken.store(false, Ordering::SeqCst);
    process.flush().await;
    assert!(files.names().is_empty());

    // The last write before a revoke is mirrored.
    process.mirror.stored(GrantId(1), &checkpoint("a", 2));
    process.flush().await;
    assert_eq!(files.names(), ["job a 2"]);
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_fails_is_tried_again() {
    let files = Arc::new(Files::default());
    let process = Process::start(&files);
    files.broken.store(true, Ordering::SeqCst);
    process.mirror.stored(GrantId(1), &checkpoint("a", 1));
    process.mirror.stored(GrantId(1), &plan("b", 2));
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(
        process.mirror.forget(JOB_MAP, LIMIT).await.is_err(),
        "the deletion waits for it"
    );
    process.mirror.stored(GrantId(1), &checkpoint("a", 3));
    files.broken.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(files.names(), ["job a 3", "cluster b 2"]);
}

#[tokio::test(start_paused = true)]
async fn what_another_object_knew_stays_until_this_one_knows_it_too() {
    let files = Arc::new(Files::default());
    let former = Process::start(&files);
    former.mirror.stored(GrantId(1), &plan("a", 7));
    former.mirror.stored(GrantId(1), &checkpoint("a", 9));
    former.flush().await;

    // Both were deleted, and this process begins with nothing. What it writes itself is of other objects.
    let process = Process::start(&files);
    process.mirror.stored(GrantId(1), &object(CLUSTER_MAP, "bb", 20));
    process.mirror.stored(GrantId(1), &object(JOB_MAP, "bb", 21));
    process.flush().await;
    process.mirror.stored(
        GrantId(1),
        &with_pointer(object(JOB_MAP, "bb", 22), "checkpointID-0000000000000000001"),
    );
    process.flush().await;
    assert_eq!(files.names(), ["job a 9", "job bb 22", "cluster a 7"]);

    // Restored, in objects that were made for it.
    let restored = Process::start(&files);
    restored.mirror.stored(GrantId(1), &plan("ccc", 30));
    restored.mirror.stored(GrantId(1), &checkpoint("ccc", 31));
    restored.flush().await;
    assert_eq!(files.names(), ["job ccc 31", "cluster ccc 30"]);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_cleaned_up_takes_along_what_was_there_before() {
    let files = Arc::new(Files::default());
    let (process, next) = (Process::start(&files), Process::start(&files));
    process.mirror.stored(GrantId(1), &plan("a", 7));
    process.mirror.stored(GrantId(1), &checkpoint("a", 9));
    process.flush().await;
    let before = process.mirror.list(LIMIT).await.unwrap();
    next.mirror.stored(GrantId(1), &plan("bb", 20));
    next.flush().await;
    process.mirror.stored(GrantId(1), &checkpoint("a", 10));
    process.mirror.remove(before, LIMIT).await.unwrap();
    process.flush().await;
    assert_eq!(files.names(), ["cluster bb 20"]);
}

#[tokio::test(start_paused = true)]
async fn under_the_next_grant_what_lies_there_is_looked_at_again() {
    let files = Arc::new(Files::default());
    let (process, rival) = (Process::start(&files), Process::start(&files));
    process.mirror.stored(GrantId(1), &checkpoint("a", 1));
    process.flush().await;
    rival.mirror.stored(GrantId(1), &checkpoint("a", 5));
    rival.flush().await;
    assert_eq!(files.names(), ["job a 5"]);
    process.lead(2);
    process.mirror.stored(GrantId(2), &checkpoint("a", 8));
    process.flush().await;
    assert_eq!(files.names(), ["job a 8"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_happens_where_it_was_not_started() {
    let mirror = Mirror::default();
    mirror.stored(GrantId(1), &checkpoint("a", 1));
    mirror.forget(JOB_MAP, LIMIT).await.unwrap();
    assert!(mirror.list(LIMIT).await.unwrap().is_empty());
    mirror.remove(Vec::new(), LIMIT).await.unwrap();
    mirror.flush(LIMIT).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_former_leader_wrote_late_goes_with_the_last_plan() {
    let files = Arc::new(Files::default());
    let (former, process) = (Process::start(&files), Process::start(&files));
    process.mirror.stored(GrantId(1), &plan("a", 7));
    process.flush().await;
    former.mirror.stored(GrantId(1), &plan("a", 5));
    former.flush().await;
    assert_eq!(files.names(), ["cluster a 5", "cluster a 7"]);
    process.mirror.stored(GrantId(1), &object(CLUSTER_MAP, "a", 9));
    process.flush().await;
    assert!(files.names().is_empty());
}
