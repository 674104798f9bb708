//! Every kind of damage: each damaged entry is named with its key by `inspect` and by `verify`, and both say so by their exit code.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flinkkubeha::protocol::config_map as raw;
use flinkkubeha::protocol::lock_record::LOCK_ANNOTATION;
use serde_json::{Value, json};

use crate::support::Tenant;
use crate::support::control_plane::ControlPlane;
use crate::support::findings::{assert_named, findings};
use crate::support::samples::{checkpoint, cluster_map, job, job_map, marked, pointer, with};

const REST: &str = "org.apache.flink.k8s.leader.restserver";
const DISPATCHER: &str = "org.apache.flink.k8s.leader.dispatcher";
const CLUSTER: &str = "c-cluster-config-map";

fn plan(digit: char) -> String {
    format!("executionPlan-{}", job(digit))
}

fn map_of(digit: char) -> String {
    format!("c-{}-config-map", job(digit))
}

fn good() -> String {
    pointer("file:/ha/c/submittedExecutionPlan0123456789ab", 5)
}

/// Stock's wrapper around half of what belongs into it.
fn cut() -> String {
    let mut bytes = STANDARD.decode(good()).unwrap();
    bytes.truncate(bytes.len() - 20);
    STANDARD.encode(bytes)
}

fn of_the_cluster() -> Value {
    let marked = marked("file:/ha/c/submittedExecutionPlan0123456789ac", 5);
    let mut object = with(
        cluster_map("c", ""),
        &[
            (REST, "http://there:8081"),
            (DISPATCHER, "not-a-uuid,there"),
            (&plan('a'), "%%%"),
            (&plan('b'), "cGxhaW4gdGV4dA=="),
            (&plan('c'), &cut()),
            (&plan('d'), &marked),
            ("executionPlan-short", &good()),
            (&checkpoint(3), &good()),
            ("somebody-elses", "text"),
        ],
    );
    raw::set_annotation(&mut object, "ha.flinkkubeha.io/contenders", "v9 {}");
    object
}

/// Of the job that everything has happened to.
fn of_the_job() -> Value {
    let mut object = with(
        job_map("c", &job('a')),
        &[
            ("counter", "7"),
            (
                &checkpoint(7),
                &pointer("file:/ha/c/completedCheckpoint0123456789ab", 0),
            ),
            ("checkpointID-8", &good()),
            ("padding", &"x".repeat(900_000)),
        ],
    );
    object["metadata"]["labels"] = json!({"app": "another", "type": "flink-native-kubernetes"});
    object["metadata"]["finalizers"] = json!(["example.com/hold"]);
    object["metadata"]["namespace"] = json!("zoo");
    object["binaryData"] = json!({"b": "AAAA"});
    object
}

fn expected() -> Vec<(&'static str, String, String, &'static str)> {
    let (plan_a, plan_b, plan_c, plan_d) = (plan('a'), plan('b'), plan('c'), plan('d'));
    let (cluster, job) = (CLUSTER.to_owned(), map_of('a'));
    let (three, seven) = (checkpoint(3), checkpoint(7));
    [
        ("error", &cluster, REST, "it is not '<session id>,<address>' but \"http"),
        ("error", &cluster, DISPATCHER, "the leader cannot be read"),
        ("error", &cluster, &plan_a, "it is not padded standard Base64"),
        (
            "error",
            &cluster,
            &plan_b,
            "it does not begin with the delete-marker wrapper",
        ),
        (
            "error",
            &cluster,
            &plan_c,
            "it wraps something other than the handle of a file",
        ),
        ("note", &cluster, &plan_d, "has begun and is not finished"),
        ("warning", &cluster, "executionPlan-short", "its id is not one"),
        ("warning", &cluster, &three, "does not belong into this ConfigMap"),
        (
            "note",
            &cluster,
            "somebody-elses",
            "Flink writes nothing under this key",
        ),
        ("note", &cluster, "ha.flinkkubeha.io/contenders", "cannot read it"),
        (
            "error",
            &job,
            "counter",
            "the next checkpoint would be 7, and checkpoint 7 is there already",
        ),
        ("warning", &job, "checkpointID-8", "its id is not one"),
        ("warning", &job, &seven, "is said to have 0 bytes"),
        ("warning", &job, "", "it holds 902 kB, 86.0 %"),
        ("warning", &job, "app", "the label is \"another\" instead of \"c\""),
        ("warning", &job, "binaryData", "Flink writes none"),
        ("warning", &job, "", "it is being deleted"),
        (
            "error",
            &map_of('b'),
            "counter",
            "it is not a checkpoint id but \"seven\"",
        ),
        ("warning", &map_of('e'), "counter", "checkpoints and no counter"),
        ("note", &map_of('e'), "", "neither job graph nor execution plan"),
    ]
    .map(|(level, place, key, what)| (level, place.clone(), key.to_owned(), what))
    .to_vec()
}

pub(crate) fn broken_zoo(plane: &ControlPlane) {
    let tenant = Tenant::new(plane, "zoo", &["get", "list"]);
    let uncounted = pointer("file:/ha/c/completedCheckpoint0123456789ac", 5);
    tenant.put(&[
        of_the_cluster(),
        with(job_map("c", &job('b')), &[("counter", "seven")]),
        with(job_map("c", &job('e')), &[(&checkpoint(1), &uncounted)]),
    ]);
    // Too large for the annotation that 'apply' makes.
    plane.kubectl(&["create", "--filename=-"], Some(&of_the_job().to_string()));
    plane.kubectl(
        &["delete", "configmap", &map_of('a'), "-n", "zoo", "--wait=false"],
        None,
    );

    let verified = tenant.run(&["verify", "-o", "json"]);
    assert_eq!(verified.code, 1, "{verified:?}");
    let verification = verified.json();
    let clusters = verification["clusters"].as_array().unwrap();
    assert_eq!(clusters.len(), 1);
    let found = findings(&clusters[0]["findings"]);
    for (level, place, key, what) in expected() {
        assert_named(&found, level, &place, &key, what);
    }
    let dangling = found.iter().filter(|one| one.3.contains("there is no such file"));
    let keys: Vec<&str> = dangling.map(|one| one.2.as_str()).collect();
    assert_eq!(
        keys,
        [checkpoint(3), checkpoint(7), checkpoint(1)],
        "marked ones may have lost theirs"
    );

    // By its label it is another cluster's: 'inspect' asks for it by name, once a plan names its job.
    tenant.put(&[with(cluster_map("c", ""), &[(&plan('a'), &good())])]);
    let inspected = tenant.run(&["inspect", "c", "-o", "json"]);
    assert_eq!(inspected.code, 1, "{inspected:?}");
    let found = findings(&inspected.json()["findings"]);
    assert_named(
        &found,
        "error",
        &map_of('a'),
        "counter",
        "checkpoint 7 is there already",
    );
    let told = tenant.run(&["inspect", "c"]);
    assert!(
        told.out.contains("error: ") && told.out.contains("→ put the id of the newest checkpoint plus one"),
        "{told:?}"
    );
    let release = r#"[{"op":"remove","path":"/metadata/finalizers"}]"#;
    plane.kubectl(
        &[
            "patch",
            "configmap",
            &map_of('a'),
            "-n",
            "zoo",
            "--type=json",
            "-p",
            release,
        ],
        None,
    );
}

pub(crate) fn broken_locks(plane: &ControlPlane) {
    let tenant = Tenant::new(plane, "locks", &["get", "list"]);
    for (id, annotation, reason) in [
        ("none", None, "there is no lock"),
        ("text", Some("garbage"), "it is not a JSON object"),
        ("empty", Some("{}"), "it has no leaseDuration"),
        (
            "extra",
            Some(
                r#"{"holderIdentity":"a","leaseDuration":"PT15S","acquireTime":"2026-11-20T11:00:00.000000Z","renewTime":"2026-11-20T11:00:00.000000Z","leaderTransitions":3,"more":1}"#,
            ),
            "it has the field \"more\"",
        ),
        (
            "time",
            Some(
                r#"{"holderIdentity":"a","leaseDuration":"PT15S","acquireTime":"2026-11-20T11:00:00Z","renewTime":"2026-11-20T11:00:00Z","leaderTransitions":3}"#,
            ),
            "its acquireTime is \"2026-11-20T11:00:00Z\"",
        ),
    ] {
        let mut map = cluster_map(id, "");
        raw::remove_annotation(&mut map, LOCK_ANNOTATION);
        if let Some(annotation) = annotation {
            raw::set_annotation(&mut map, LOCK_ANNOTATION, annotation);
        }
        tenant.put(&[map]);
        let inspected = tenant.run(&["inspect", id, "-o", "json"]);
        assert_eq!(inspected.code, 1, "{inspected:?}");
        let of_cluster = format!("{id}-cluster-config-map");
        assert_named(
            &findings(&inspected.json()["findings"]),
            "error",
            &of_cluster,
            LOCK_ANNOTATION,
            reason,
        );
        let asked = tenant.run(&["who-leads", id]);
        assert_eq!(asked.code, 1);
        assert!(asked.out.starts_with(&format!("Nobody leads {id}: ")), "{asked:?}");
    }
}
