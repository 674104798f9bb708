//! What real stock of each Flink line has written, in `tests/golden`: read, and written again byte for byte.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::edit::{Edit, EditAnswer, read_counter};
use flinkkubeha::protocol::leader_information::LeaderInformation;
use flinkkubeha::protocol::lock_record::{LOCK_ANNOTATION, LeaseFormat, LockRecord};
use flinkkubeha::protocol::names;
use flinkkubeha::protocol::state_handle::{self, StateHandle};
use serde_json::Value;

const CLUSTER_ID: &str = "exchange";
const JOB_ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const CHECKPOINT_PREFIX: &str = "checkpointID-";
const HELD: &str = "cluster-config-map.held.json";
const RELEASED: &str = "cluster-config-map.released.json";
const JOB: &str = "job-config-map.json";
/// Of what stock marked and could not discard: one checkpoint, two plans, two applications where there are any.
const MARKED: [&str; 5] = [
    "checkpointID-0000000000000000014",
    "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
    "ffffffffffffffffffffffffffffffff",
    "application-22222222222222222222222222222222",
    "application-33333333333333333333333333333333",
];

struct Line {
    directory: PathBuf,
    release: String,
}

impl Line {
    fn read(&self, name: &str) -> Value {
        let file = self.directory.join(name);
        serde_json::from_str(&fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
            .unwrap()
    }

    fn is_before_2(&self) -> bool {
        self.release.starts_with("1.")
    }

    fn lease_format(&self) -> LeaseFormat {
        if self.is_before_2() {
            LeaseFormat::Number
        } else {
            LeaseFormat::Iso
        }
    }

    /// The labels that the adapter of the line gives to native code.
    fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = BTreeMap::from([("app", CLUSTER_ID), ("type", "flink-native-kubernetes")]);
        if self.is_before_2() {
            labels.insert("configmap-type", "high-availability");
        }
        labels
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }
}

/// Runs a check for each line, and says which one it was that failed.
fn on_each_line(check: impl Fn(&Line)) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    let mut releases: Vec<String> = fs::read_dir(&golden)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    releases.sort();
    let lines: Vec<&str> = releases.iter().map(|one| one.rsplit_once('.').unwrap().0).collect();
    assert_eq!(["1.20", "2.0", "2.1", "2.2", "2.3"], lines[..]);
    for release in releases {
        println!("Flink {release}");
        check(&Line {
            directory: golden.join(&release),
            release,
        });
    }
}

fn record(object: &Value) -> &str {
    config_map::annotation(object, LOCK_ANNOTATION).unwrap()
}

fn pointers(object: &Value) -> Vec<(&str, &str)> {
    config_map::entries_with_prefix(object, "")
        .into_iter()
        .filter(|(key, _)| !key.starts_with(names::LEADER_KEY_PREFIX) && *key != names::COUNTER_KEY)
        .collect()
}

fn leaders(object: &Value) -> Vec<(&str, &str)> {
    config_map::entries_with_prefix(object, names::LEADER_KEY_PREFIX)
}

#[test]
fn lock_records_held_and_released() {
    on_each_line(|line| {
        for (name, lease_seconds, free) in [(HELD, 15, false), (RELEASED, 1, true)] {
            let object = line.read(name);
            let read = LockRecord::parse(record(&object)).unwrap().unwrap();
            assert_eq!(
                (free, lease_seconds, 0),
                (read.is_free(), read.lease_duration.as_secs(), read.leader_transitions)
            );
            assert_eq!(record(&object), read.to_json(line.lease_format()));
        }
    });
}

#[test]
fn leaders_of_the_components() {
    on_each_line(|line| {
        let object = line.read(HELD);
        let mut components = vec![];
        for (key, value) in leaders(&object) {
            let component = key.strip_prefix(names::LEADER_KEY_PREFIX).unwrap();
            assert_eq!(key, names::leader_key(component));
            let information = LeaderInformation::decode(value).unwrap();
            assert_eq!(value, information.encode());
            components.push(component.to_owned());
        }
        let job = format!("job-{JOB_ID}");
        assert_eq!(["dispatcher", &job, "resourcemanager", "restserver"], components[..]);
        assert!(leaders(&line.read(RELEASED)).is_empty());
    });
}

#[test]
fn pointers_live_and_marked_for_deletion() {
    on_each_line(|line| {
        let mut marked = 0;
        for name in [HELD, RELEASED, JOB] {
            let object = line.read(name);
            for (key, text) in pointers(&object) {
                let handle = StateHandle::decode(text).unwrap_or_else(|error| panic!("{key}: {error}"));
                assert_eq!(text, handle.encode(), "{key}");
                assert_eq!(MARKED.iter().any(|end| key.ends_with(end)), handle.marked, "{key}");
                assert_eq!(Ok(handle.marked), state_handle::is_marked(text));
                assert!(
                    handle.uri.starts_with("file:/proc/self/cwd/ha/default/"),
                    "{}",
                    handle.uri
                );
                assert!(handle.size > 0);
                let live = StateHandle {
                    marked: false,
                    ..handle.clone()
                };
                let removing = StateHandle { marked: true, ..handle };
                assert_eq!(Ok(removing.encode()), state_handle::mark(&live.encode()), "{key}");
                marked += usize::from(text == removing.encode());
            }
        }
        let in_the_cluster = if line.release.starts_with("2.3.") { 4 } else { 2 };
        assert_eq!(
            1 + 2 * in_the_cluster,
            marked,
            "the cluster's are there twice, held and released"
        );
    });
}

#[test]
fn checkpoint_counter() {
    on_each_line(|line| {
        let mut object = line.read(JOB);
        assert_eq!(Ok(17), read_counter(&object));
        assert_eq!(Ok(EditAnswer::Counter(17)), Edit::NextCounter.apply(&mut object));
        assert_eq!(Some("18"), config_map::entry(&object, names::COUNTER_KEY));
    });
}

/// The edits that native code makes, on an object that it creates, end in the very object that stock has left.
#[test]
fn whole_config_maps() {
    on_each_line(|line| {
        let cluster = names::cluster_config_map(CLUSTER_ID);
        let job = names::job_config_map(CLUSTER_ID, JOB_ID);
        for (file, name) in [(HELD, cluster.as_str()), (RELEASED, &cluster), (JOB, &job)] {
            let stocks = line.read(file);
            let mut ours = config_map::new_config_map(name, "golden", &line.labels());
            if let Some(text) = config_map::annotation(&stocks, LOCK_ANNOTATION) {
                let read = LockRecord::parse(text).unwrap().unwrap();
                config_map::set_annotation(&mut ours, LOCK_ANNOTATION, &read.to_json(line.lease_format()));
            }
            for edit in edits(&stocks) {
                edit.apply(&mut ours)
                    .unwrap_or_else(|refusal| panic!("{edit:?}: {refusal}"));
            }
            assert_eq!(stocks, ours, "{file}");
        }
    });
}

/// What has to be done to leave the data of that object.
fn edits(object: &Value) -> Vec<Edit> {
    let mut edits = vec![];
    for (key, value) in leaders(object) {
        edits.push(Edit::PublishLeader {
            component: key.strip_prefix(names::LEADER_KEY_PREFIX).unwrap().to_owned(),
            value: Some(LeaderInformation::decode(value).unwrap().encode()),
        });
    }
    for (key, text) in pointers(object) {
        let handle = StateHandle::decode(text).unwrap();
        let live = StateHandle {
            marked: false,
            ..handle.clone()
        };
        let key = key.to_owned();
        edits.push(Edit::AddPointer {
            key: key.clone(),
            pointer: live.encode(),
        });
        if handle.marked {
            edits.push(Edit::MarkPointer { key });
        }
    }
    if config_map::entry(object, names::COUNTER_KEY).is_some() {
        edits.push(Edit::SetCounter(read_counter(object).unwrap()));
    }
    edits
}

/// A removal that stock has begun: invisible, in the way of nothing, and finished by us.
#[test]
fn removals_that_stock_has_begun_are_finished() {
    on_each_line(|line| {
        for file in [HELD, JOB] {
            let mut object = line.read(file);
            let keys: Vec<(String, String)> = pointers(&object)
                .into_iter()
                .filter(|(_, text)| state_handle::is_marked(text).unwrap())
                .map(|(key, text)| (key.to_owned(), text.to_owned()))
                .collect();
            assert!(!keys.is_empty());
            for (key, pointer) in keys {
                let answer = Edit::MarkPointer { key: key.clone() }.apply(&mut object);
                assert_eq!(
                    Ok(EditAnswer::Marked {
                        pointer: pointer.clone()
                    }),
                    answer
                );
                let remove = Edit::RemovePointer {
                    key: key.clone(),
                    pointer,
                };
                assert_eq!(Ok(EditAnswer::Done), remove.apply(&mut object));
                assert_eq!(None, config_map::entry(&object, &key));
            }
            let left = pointers(&object);
            assert!(left.iter().all(|(_, text)| !state_handle::is_marked(text).unwrap()));
            assert_eq!(
                2,
                left.iter().filter(|(key, _)| !key.starts_with("application-")).count()
            );
            assert_eq!(
                file == JOB,
                left.iter().any(|(key, _)| key.starts_with(CHECKPOINT_PREFIX))
            );
        }
    });
}
