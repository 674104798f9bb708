#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::super::state_handle::StateHandle;
use super::*;

const JOB: &str = "0123456789abcdef0123456789abcdef";
const UID: &str = "11111111-2222-4333-8444-555555555555";
const RESULTS: &str = "file:/ha/job-result-store/c";

fn pointer(uri: &str, marked: bool) -> String {
    StateHandle {
        uri: uri.to_owned(),
        size: 3,
        marked,
    }
    .encode()
}

fn checkpoint(id: u64) -> String {
    format!("checkpointID-{id:019}")
}

fn object(name: &str, data: &[(&str, &str)]) -> Value {
    let mut object = json!({
        "metadata": {
            "name": name, "namespace": "n", "uid": UID, "resourceVersion": "70", "creationTimestamp": "2026-11-30T10:00:00Z",
            "labels": {"app": "c", "type": "flink-native-kubernetes"},
            "annotations": {"control-plane.alpha.kubernetes.io/leader": "{}", "ha.flinkkubeha.io/claim": "v1 {}"},
        },
    });
    for (key, value) in data {
        config_map::set_entry(&mut object, key, value);
    }
    object
}

fn manifest(object: &Value) -> Option<Manifest> {
    let author = Author {
        holder_identity: "me".to_owned(),
        grant: 4,
    };
    Manifest::of(object, author, WallTime::from_micros(1_764_500_000_000_000), RESULTS)
}

fn of_job(data: &[(&str, &str)]) -> Value {
    object(&format!("c-{JOB}-config-map"), data)
}

fn of_cluster(data: &[(&str, &str)]) -> Value {
    object("c-cluster-config-map", data)
}

fn plan() -> String {
    format!("executionPlan-{JOB}")
}

#[test]
fn what_is_written_is_read_again() {
    let live = pointer("file:/ha/c/completedCheckpoint0123456789ab", false);
    let manifest = manifest(&of_job(&[
        ("counter", "8"),
        (&checkpoint(7), &live),
        ("foreign", "kept"),
    ]))
    .unwrap();
    assert_eq!(Manifest::decode(manifest.encode().as_bytes()).unwrap(), manifest);
    assert_eq!(manifest.latest_checkpoint(), Some(7));
    let made = manifest.to_config_map();
    assert_eq!(
        made["data"],
        of_job(&[("counter", "8"), (&checkpoint(7), &live), ("foreign", "kept")])["data"]
    );
    assert_eq!(made["metadata"]["labels"]["app"], "c");
    assert_eq!(made["metadata"]["namespace"], "n");
}

#[test]
fn the_lock_claims_and_leaders_of_then_are_not_kept() {
    let live = pointer("file:/ha/c/submittedExecutionPlan0123456789ab", false);
    let manifest = manifest(&of_cluster(&[
        ("org.apache.flink.k8s.leader.dispatcher", "s,a"),
        (&plan(), &live),
    ]))
    .unwrap();
    assert_eq!(manifest.data.keys().collect::<Vec<_>>(), [&plan()]);
    assert_eq!(manifest.jobs(), [JOB]);
    assert!(!manifest.encode().contains("leader.dispatcher") && !manifest.encode().contains("claim"));
    assert_eq!(manifest.to_config_map()["metadata"].get("annotations"), None);
}

#[test]
fn there_is_none_of_an_object_that_points_to_nothing() {
    let marked = pointer("file:/ha/c/completedCheckpoint0123456789ab", true);
    for data in [
        &[][..],
        &[("counter", "8")],
        &[("counter", "8"), (&checkpoint(7), &marked)],
    ] {
        assert_eq!(manifest(&of_job(data)), None, "{data:?}");
    }
    assert_eq!(
        manifest(&of_cluster(&[("org.apache.flink.k8s.leader.dispatcher", "s,a")])),
        None
    );
    // Java may be able to read what we cannot.
    assert!(manifest(&of_job(&[(&checkpoint(7), "foreign")])).is_some());
}

#[test]
fn names_are_read_as_they_are_written_and_others_are_refused() {
    let name = FileName::of(&of_job(&[])).unwrap();
    assert_eq!(name.to_string(), format!("c-{JOB}-config-map.{UID}.70.json"));
    assert_eq!(FileName::parse(&name.to_string()), Some(name.clone()));
    assert!(name.is_of_cluster("c") && !name.is_of_cluster("d"));
    let dotted = FileName::parse(&format!("a.b-cluster-config-map.{UID}.7.json")).unwrap();
    assert_eq!(dotted.config_map, "a.b-cluster-config-map");
    assert!(dotted.is_of_cluster("a.b"));
    for other in [
        "",
        ".json",
        "a.json",
        "a.b.json",
        "..7.json",
        "a.b.c.json",
        "a.b.07.json",
        "a.b.7",
        "a..7.json",
        "a.b/c.7.json",
    ] {
        assert_eq!(FileName::parse(other), None, "{other}");
    }
}

#[test]
fn a_later_version_garbage_and_half_a_file_are_told_apart() {
    let live = pointer("file:/ha/c/completedCheckpoint0123456789ab", false);
    let text = manifest(&of_job(&[(&checkpoint(7), &live)])).unwrap().encode();
    let later = text.replacen("\"version\":1", "\"version\":2", 1);
    assert_ne!(later, text);
    assert_eq!(Manifest::decode(later.as_bytes()), Err(Unreadable::UnknownVersion(2)));
    for length in 0..text.len() {
        assert_eq!(
            Manifest::decode(&text.as_bytes()[..length]),
            Err(Unreadable::NotJson),
            "{length}"
        );
    }
    assert_eq!(Manifest::decode(b"\xff\xfe"), Err(Unreadable::NotJson));
    assert_eq!(Manifest::decode(b"{}"), Err(Unreadable::Incomplete("version")));
    let content: Value = serde_json::from_str(&text).unwrap();
    for (field, _) in content
        .as_object()
        .unwrap()
        .iter()
        .filter(|(field, _)| *field != "what")
    {
        let mut less = content.clone();
        less.as_object_mut().unwrap().remove(field);
        assert!(
            matches!(
                Manifest::decode(less.to_string().as_bytes()),
                Err(Unreadable::Incomplete(_))
            ),
            "{field}"
        );
        less[field] = json!([]);
        assert!(
            matches!(
                Manifest::decode(less.to_string().as_bytes()),
                Err(Unreadable::Incomplete(_))
            ),
            "{field}"
        );
    }
}

#[test]
fn the_newest_is_the_latest_version_of_the_latest_object() {
    let live = pointer("file:/ha/c/completedCheckpoint0123456789ab", false);
    let of = |created: &str, version: u64| {
        let mut object = of_job(&[(&checkpoint(7), &live)]);
        object["metadata"]["creationTimestamp"] = json!(created);
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        manifest(&object).unwrap()
    };
    let (early, late) = ("2026-11-30T10:00:00Z", "2026-11-30T11:00:00Z");
    let all = [of(early, 9), of(early, 10), of(late, 3), of(late, 20)];
    assert!(all.is_sorted_by(|one, other| one.age() < other.age()));
}

#[test]
fn another_object_knows_it_all_with_each_plan_and_as_late_a_checkpoint() {
    let live = pointer("file:/ha/c/completedCheckpoint0123456789ab", false);
    let old = manifest(&of_job(&[(&checkpoint(7), &live)])).unwrap();
    for (id, known) in [(6, false), (7, true), (8, true)] {
        assert_eq!(old.is_known_by(&of_job(&[(&checkpoint(id), &live)])), known, "{id}");
    }
    assert!(!old.is_known_by(&of_job(&[("counter", "9")])));
    let old = manifest(&of_cluster(&[(&plan(), &live)])).unwrap();
    assert!(old.is_known_by(&of_cluster(&[(&plan(), "another")])));
    assert!(!old.is_known_by(&of_cluster(&[])));
}
