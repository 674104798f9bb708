//! What an API server keeps: objects with versions, conditional writes, and the events of the past up to the last compaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::time::WallTime;
use serde_json::{Value, json};

use crate::clock::EPOCH_SECONDS;

/// Status code, reason and message of a refusal.
pub type Refusal = (u16, &'static str, String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Added,
    Modified,
    Deleted,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// A line of a watch.
pub fn line(kind: &str, object: &str) -> Bytes {
    Bytes::from(format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n"))
}

/// An object at one version, written out once however often it is sent.
pub struct Stored {
    pub object: Value,
    pub text: Bytes,
}

impl Stored {
    fn new(object: Value) -> Arc<Self> {
        let text = Bytes::from(object.to_string());
        Arc::new(Self { object, text })
    }
}

#[derive(Clone)]
pub struct Change {
    pub revision: u64,
    pub name: String,
    kind: Kind,
    stored: Arc<Stored>,
}

impl Change {
    /// As a watch tells of it.
    pub fn line(&self) -> Bytes {
        line(self.kind.name(), std::str::from_utf8(&self.stored.text).unwrap())
    }

    /// As a watch of metadata tells of it.
    pub fn line_of_metadata(&self) -> Bytes {
        let metadata = &self.stored.object["metadata"];
        let object = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata});
        line(self.kind.name(), &object.to_string())
    }
}

type History = Vec<(Duration, Option<String>)>;

#[derive(Default)]
pub struct Store {
    objects: BTreeMap<String, Arc<Stored>>,
    pub revision: u64,
    pub compacted: u64,
    pub changes: Vec<Change>,
    objects_made: u64,
    /// Every value that a key ever had, from when on.
    histories: BTreeMap<(String, String), History>,
}

impl Store {
    pub fn new() -> Self {
        Self {
            revision: 1000,
            compacted: 1000,
            ..Self::default()
        }
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.objects.get(name).map(|stored| &stored.object)
    }

    pub fn stored(&self, name: &str) -> Option<Arc<Stored>> {
        self.objects.get(name).cloned()
    }

    pub fn names(&self) -> Vec<String> {
        self.objects.keys().cloned().collect()
    }

    pub fn entry(&self, name: &str, key: &str) -> Option<&str> {
        config_map::entry(self.get(name)?, key)
    }

    /// What `create` would answer, without doing it.
    pub fn check_create(&self, name: &str) -> Result<(), Refusal> {
        if name.chars().any(char::is_uppercase) || name.is_empty() {
            return Err((422, "Invalid", format!("ConfigMap {name:?} is invalid: metadata.name")));
        }
        if self.objects.contains_key(name) {
            return Err((409, "AlreadyExists", format!("configmaps {name:?} already exists")));
        }
        Ok(())
    }

    pub fn create(&mut self, name: &str, object: &Value, now: Duration) -> Result<Arc<Stored>, Refusal> {
        self.check_create(name)?;
        self.objects_made += 1;
        let mut object = object.clone();
        let metadata = metadata(&mut object);
        metadata.insert("uid".to_owned(), json!(format!("uid-{}", self.objects_made)));
        metadata.insert("creationTimestamp".to_owned(), json!(seconds(now)));
        Ok(self.commit(Kind::Added, name, object, now))
    }

    pub fn check_replace(&self, name: &str, object: &Value) -> Result<&Arc<Stored>, Refusal> {
        let Some(stored) = self.objects.get(name) else {
            return Err((404, "NotFound", format!("configmaps {name:?} not found")));
        };
        let same = |of: fn(&Value) -> Option<&str>| of(object).is_none_or(|sent| Some(sent) == of(&stored.object));
        if !same(config_map::resource_version) || !same(config_map::uid) {
            let message = format!("Operation cannot be fulfilled on configmaps {name:?}: the object has been modified");
            return Err((409, "Conflict", message));
        }
        Ok(stored)
    }

    pub fn replace(&mut self, name: &str, object: &Value, now: Duration) -> Result<Arc<Stored>, Refusal> {
        let stored = self.check_replace(name, object)?;
        let mut object = object.clone();
        for field in ["resourceVersion", "uid", "creationTimestamp", "managedFields"] {
            if let Some(value) = stored.object["metadata"].get(field) {
                metadata(&mut object).insert(field.to_owned(), value.clone());
            }
        }
        // As the API server does: a write that changes nothing makes no new version.
        if object == stored.object {
            return Ok(Arc::clone(stored));
        }
        Ok(self.commit(Kind::Modified, name, object, now))
    }

    pub fn check_delete(&self, name: &str, uid: Option<&str>, version: Option<&str>) -> Result<(), Refusal> {
        let Some(stored) = self.get(name) else {
            return Err((404, "NotFound", format!("configmaps {name:?} not found")));
        };
        let uid_fits = uid.is_none_or(|uid| config_map::uid(stored) == Some(uid));
        let version_fits = version.is_none_or(|version| config_map::resource_version(stored) == Some(version));
        if uid_fits && version_fits {
            return Ok(());
        }
        let message = format!("Operation cannot be fulfilled on configmaps {name:?}: the preconditions failed");
        Err((409, "Conflict", message))
    }

    pub fn delete(
        &mut self,
        name: &str,
        uid: Option<&str>,
        version: Option<&str>,
        now: Duration,
    ) -> Result<(), Refusal> {
        self.check_delete(name, uid, version)?;
        let object = self.objects[name].object.clone();
        self.commit(Kind::Deleted, name, object, now);
        Ok(())
    }

    fn commit(&mut self, kind: Kind, name: &str, mut object: Value, now: Duration) -> Arc<Stored> {
        // Others write to the same etcd, so versions have gaps.
        self.revision += 1 + self.changes.len() as u64 % 3;
        let metadata = metadata(&mut object);
        metadata.insert("resourceVersion".to_owned(), json!(self.revision.to_string()));
        metadata.insert(
            "managedFields".to_owned(),
            json!([{"manager": "flink", "operation": "Update", "time": seconds(now)}]),
        );
        let stored = Stored::new(object);
        let old = if kind == Kind::Deleted {
            self.objects.remove(name)
        } else {
            self.objects.insert(name.to_owned(), Arc::clone(&stored))
        };
        let before = old.as_ref().map(|old| &old.object);
        let after = self.objects.get(name).map(|stored| &stored.object);
        for key in different_keys(before, after) {
            let value = after
                .and_then(|object| config_map::entry(object, &key))
                .map(str::to_owned);
            let history = self.histories.entry((name.to_owned(), key)).or_default();
            history.push((now, value));
        }
        self.changes.push(Change {
            revision: self.revision,
            name: name.to_owned(),
            kind,
            stored: Arc::clone(&stored),
        });
        stored
    }

    /// The first change of this object after a revision.
    pub fn next_change(&self, name: &str, after: u64) -> Option<&Change> {
        let later = self.changes.partition_point(|change| change.revision <= after);
        self.changes[later..].iter().find(|change| change.name == name)
    }

    /// Forgets events, as etcd does every few minutes.
    pub fn compact(&mut self) {
        self.compacted = self.revision;
    }

    /// Whether the key had a value like this at any time since then.
    pub fn had(&self, name: &str, key: &str, since: Duration, wanted: impl Fn(Option<&str>) -> bool) -> bool {
        let history = self.histories.get(&(name.to_owned(), key.to_owned()));
        let history = history.map(Vec::as_slice).unwrap_or_default();
        let later = history.partition_point(|(at, _)| *at <= since);
        let before = later.checked_sub(1).and_then(|last| history[last].1.as_deref());
        wanted(before) || history[later..].iter().any(|(_, value)| wanted(value.as_deref()))
            // What changed at the very instant counts in both ways.
            || history[..later].iter().rev().skip(1).take(1).any(|(_, value)| wanted(value.as_deref()) && history[later - 1].0 == since)
    }
}

/// The keys that have another value here than there.
pub fn different_keys(before: Option<&Value>, after: Option<&Value>) -> BTreeSet<String> {
    let [before, after] = [before, after].map(|object| object.and_then(config_map::data));
    let of = |data: Option<&'_ serde_json::Map<String, Value>>, other: Option<&serde_json::Map<String, Value>>| {
        let entries = data.into_iter().flatten();
        let different = entries.filter(|(key, value)| other.and_then(|other| other.get(*key)) != Some(*value));
        different.map(|(key, _)| key.clone()).collect::<Vec<_>>()
    };
    of(before, after).into_iter().chain(of(after, before)).collect()
}

/// The server's clock, as it stands in an object.
fn seconds(now: Duration) -> String {
    let seconds = i64::try_from(EPOCH_SECONDS + now.as_secs()).unwrap();
    let text = WallTime::from_micros(seconds * 1_000_000).to_string();
    format!("{}Z", text.split('.').next().unwrap())
}

fn metadata(object: &mut Value) -> &mut serde_json::Map<String, Value> {
    object.pointer_mut("/metadata").and_then(Value::as_object_mut).unwrap()
}
