//! `restore --from-storage`: what a mirror holds, and what of it comes back.

use std::fs;
use std::path::PathBuf;

use flinkkubeha::protocol::config_map as raw;
use flinkkubeha::protocol::lock_record::LockView;
use flinkkubeha::protocol::manifest::{self, Author, Manifest};
use serde_json::{Value, json};

use crate::support::Tenant;
use crate::support::control_plane::ControlPlane;
use crate::support::samples::{checkpoint, cluster_map, job, job_map, marked, now, pointer, with};

const VERBS: [&str; 3] = ["get", "create", "update"];
const MAP: &str = "c-cluster-config-map";

/// The storage of cluster `c`, with a mirror in it.
struct Storage<'a> {
    tenant: &'a Tenant<'a>,
}

impl Storage<'_> {
    fn root(&self) -> String {
        format!("file:{}", self.tenant.path("ha/c").display())
    }

    /// Writes a file behind a pointer.
    fn file(&self, name: &str) -> String {
        let path = self.tenant.path("ha/c").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, b"12345").unwrap();
        pointer(&format!("file:{}", path.display()), 5)
    }

    /// A pointer whose file is gone.
    fn gone(&self, name: &str) -> String {
        pointer(&format!("{}/{name}", self.root()), 5)
    }

    /// Mirrors an object of this uid and version, made at this second.
    fn mirror(&self, mut object: Value, uid: &str, version: u64, second: u8) -> PathBuf {
        object["metadata"]["namespace"] = json!(self.tenant.namespace);
        object["metadata"]["uid"] = json!(uid);
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        object["metadata"]["creationTimestamp"] = json!(format!("2026-11-30T10:00:{second:02}Z"));
        let author = Author {
            holder_identity: "me".to_owned(),
            grant: 1,
        };
        let results = format!("file:{}", self.tenant.path("ha/results").display());
        let manifest = Manifest::of(&object, author, now(), &results).unwrap();
        let directory = manifest::directory("ha/c", &self.tenant.namespace);
        let path = self.tenant.path(&directory).join(manifest.name.to_string());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, manifest.encode()).unwrap();
        path
    }

    fn restore(&self, arguments: &[&str]) -> crate::support::Ended {
        let root = self.root();
        let all: Vec<&str> = ["restore", "--from-storage", &root, "c"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        self.tenant.run(&all)
    }

    fn refused(&self, arguments: &[&str], why: &str) {
        let before = self.tenant.names();
        let refused = self.restore(arguments);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.err.contains(why), "{why}: {refused:?}");
        assert_eq!(self.tenant.names(), before);
    }
}

fn plan(digit: char) -> String {
    format!("executionPlan-{}", job(digit))
}

fn map_of(digit: char) -> String {
    format!("c-{}-config-map", job(digit))
}

pub(crate) fn out_of_the_mirror(plane: &ControlPlane) {
    let tenant = Tenant::new(plane, "mirrored", &VERBS);
    let storage = Storage { tenant: &tenant };
    storage.refused(&[], "There is no mirror of c in");

    // Jobs a and e run, b has a result, the plan of c is gone, d is known to nobody.
    let old = storage.gone("completedCheckpoint000000000001");
    let new = storage.file("completedCheckpoint000000000002");
    let of_a = with(
        job_map("c", &job('a')),
        &[
            ("counter", "3"),
            (&checkpoint(6), &old),
            (&checkpoint(7), &new),
            (&checkpoint(5), &marked(&format!("{}/x", storage.root()), 5)),
        ],
    );
    let execution_plans = with(
        cluster_map("c", "me"),
        &[
            ("org.apache.flink.k8s.leader.dispatcher", "s,a"),
            (&plan('a'), &storage.file("submittedExecutionPlan00000000000a")),
            (&plan('b'), &storage.file("submittedExecutionPlan00000000000b")),
            (&plan('c'), &storage.gone("submittedExecutionPlan00000000000c")),
            (&plan('e'), &storage.file("submittedExecutionPlan00000000000e")),
        ],
    );
    storage.mirror(execution_plans.clone(), "one", 70, 1);
    storage.mirror(of_a.clone(), "two", 90, 1);
    for digit in ['b', 'd'] {
        let checkpoints = with(job_map("c", &job(digit)), &[(&checkpoint(7), &new)]);
        storage.mirror(checkpoints, "two", 80, 1);
    }
    storage.mirror(with(cluster_map("other", "me"), &[(&plan('a'), &new)]), "one", 99, 9);
    // What a process wrote that stood still.
    storage.mirror(with(job_map("c", &job('a')), &[(&checkpoint(6), &old)]), "two", 9, 1);
    fs::create_dir_all(tenant.path("ha/results")).unwrap();
    fs::write(
        tenant.path("ha/results").join(format!("{}_DIRTY.json", job('b'))),
        b"{}",
    )
    .unwrap();

    let dry = storage.restore(&["--dry-run"]);
    assert_eq!((dry.code, tenant.names().len()), (0, 0), "{dry:?}");
    assert!(dry.out.contains("would restore 2 ConfigMaps"), "{dry:?}");
    let restored = storage.restore(&["-o", "json"]);
    assert_eq!(restored.code, 0, "{restored:?}");
    let said = restored.json();
    let mut jobs: Vec<(String, Option<u64>)> = said["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["job"].as_str().unwrap().to_owned(), one["checkpoint"].as_u64()))
        .collect();
    jobs.sort();
    assert_eq!(jobs, [(job('a'), Some(7)), (job('e'), None)]);
    for (what, why) in [
        (job('b'), "there is a result of it"),
        (job('c'), "there is no file:"),
        (checkpoint(6), "there is no file:"),
    ] {
        let left_out = said["leftOut"].as_array().unwrap();
        let found = left_out
            .iter()
            .find(|one| one["what"].as_str().unwrap().contains(&what));
        assert!(found.unwrap()["why"].as_str().unwrap().contains(why), "{said}");
    }
    assert_eq!(tenant.names(), [map_of('a'), MAP.to_owned()]);
    let stored = tenant.stored(MAP);
    let keys: Vec<&String> = stored["data"].as_object().unwrap().keys().collect();
    assert_eq!(keys, [&plan('a'), &plan('e')]);
    assert!(matches!(LockView::of(&stored), LockView::Free(_)), "{stored}");
    let stored = tenant.stored(&map_of('a'));
    assert_eq!(
        raw::entry(&stored, "counter"),
        Some("8"),
        "ids that are used are not used again"
    );
    assert_eq!(raw::entry(&stored, &checkpoint(6)), None);
    assert_eq!(raw::entry(&stored, &checkpoint(7)), Some(new.as_str()));
    assert_eq!(stored["metadata"]["labels"], of_a["metadata"]["labels"]);
    storage.refused(&[], "Nothing of c is missing");

    // One ConfigMap alone is missing, and what is there stays.
    plane.kubectl(&["delete", "configmap", &map_of('a'), "-n", "mirrored"], None);
    let restored = storage.restore(&[]);
    assert_eq!(restored.code, 0, "{restored:?}");
    assert!(restored.out.contains("restored 1 ConfigMaps"), "{restored:?}");
    plane.kubectl(&["delete", "configmap", MAP, "-n", "mirrored"], None);
    let restored = storage.restore(&[]);
    assert!(restored.out.contains("its ConfigMap stays as it is"), "{restored:?}");
}

pub(crate) fn refusals_of_the_mirror(plane: &ControlPlane) {
    let tenant = Tenant::new(plane, "mirror-refused", &VERBS);
    let storage = Storage { tenant: &tenant };
    let execution_plans = with(
        cluster_map("c", ""),
        &[(&plan('a'), &storage.file("submittedExecutionPlan00000000000a"))],
    );
    storage.mirror(execution_plans.clone(), "one", 70, 1);
    let file = storage.file("completedCheckpoint000000000002");
    storage.mirror(with(job_map("c", &job('a')), &[(&checkpoint(7), &file)]), "two", 90, 1);

    // The ConfigMap that somebody led has nothing to lose, but somebody leads.
    tenant.put(&[cluster_map("c", "me")]);
    storage.refused(&["--overwrite"], "c is led by me");
    tenant.put(&[cluster_map("c", "")]);

    let newer = with(
        job_map("c", &job('a')),
        &[(&checkpoint(8), &storage.gone("completedCheckpoint000000000003"))],
    );
    let newer = storage.mirror(newer, "two", 91, 1);
    storage.refused(&[], "The newest checkpoint of job");
    fs::write(&newer, r#"{"version": 2}"#).unwrap();
    storage.refused(&[], "it is of version 2");
    fs::write(&newer, r#"{"version": 1, "confi"#).unwrap();
    storage.refused(&[], "it is not JSON, or cut off");
    fs::remove_file(&newer).unwrap();

    // A leader that has begun with nothing left an empty ConfigMap, in whose place everything may come.
    let restored = storage.restore(&[]);
    assert_eq!(restored.code, 0, "{restored:?}");
    assert!(restored.out.contains("goes on from checkpoint 7"), "{restored:?}");

    // One that goes on with other things is only replaced where that is said, and never by its own mirror.
    let begun_anew = with(
        job_map("c", &job('a')),
        &[
            ("counter", "2"),
            (&checkpoint(1), &storage.file("completedCheckpoint000000000009")),
        ],
    );
    tenant.put(std::slice::from_ref(&begun_anew));
    let uid = raw::uid(&tenant.stored(&map_of('a'))).unwrap().to_owned();
    storage.mirror(begun_anew, &uid, 1000, 59);
    storage.refused(&[], "Nothing of c is missing");
    let restored = storage.restore(&["--overwrite"]);
    assert_eq!(restored.code, 0, "{restored:?}");
    assert!(restored.out.contains("goes on from checkpoint 7"), "{restored:?}");
    assert_eq!(raw::entry(&tenant.stored(&map_of('a')), "counter"), Some("8"));

    for arguments in [
        &["restore"][..],
        &["restore", "c"],
        &["restore", "--from-storage", "file:/x"],
        &["restore", "-f", "x", "--from-storage", "file:/x", "c"],
    ] {
        assert_eq!(tenant.run(arguments).code, 2, "{arguments:?}");
    }
}
