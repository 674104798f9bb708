//! Manifests: what a mirror keeps of a `ConfigMap`, so that one that was deleted by accident can be made anew.
//!
//! A file is written once and never changed: its name bears the uid and the version of the object that it was taken from. So nobody can put older
//! content in the place of newer, a process that stood still least of all: what it writes late is a file beside the newer one, with a name that is
//! older. Whoever reads takes the newest: the latest object of that name, and of that its latest version.
//!
//! There is a manifest only of an object that holds a pointer to something. The plan of a job stands in the `ConfigMap` of the cluster, so the newest
//! manifest of that says which jobs there are: a manifest of any other job is of one that has ended.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};

use super::config_map;
use super::entry::EntryKind;
use super::names;
use super::state_handle;
use super::time::WallTime;

/// The directory of mirrors, below the one that Flink keeps the files of a cluster in. Flink makes no such name there.
const DIRECTORY: &str = "flink-kube-ha-mirror";
const SUFFIX: &str = ".json";
/// The form of the content.
const VERSION: u64 = 1;

/// Where the mirrors of the clusters in this namespace lie, below this root: `<high-availability.storageDir>/<high-availability.cluster-id>` as a URI.
#[must_use]
pub fn directory(root: &str, namespace: &str) -> String {
    format!("{}/{DIRECTORY}/{namespace}", root.trim_end_matches('/'))
}

/// The name of a manifest's file: `<ConfigMap>.<uid>.<resource version>.json`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName {
    /// Name of the `ConfigMap`.
    pub config_map: String,
    /// `metadata.uid` of the object: another one was made anew.
    pub uid: String,
    /// `metadata.resourceVersion`. As a number it orders versions of one object, and nothing else.
    pub version: u64,
}

impl FileName {
    /// Of this object, or `None` when it did not come from an API server that counts its versions.
    #[must_use]
    pub fn of(object: &Value) -> Option<Self> {
        Some(Self {
            config_map: config_map::name(object)?.to_owned(),
            uid: config_map::uid(object).filter(|uid| is_uid(uid))?.to_owned(),
            version: config_map::resource_version(object)?.parse().ok()?,
        })
    }

    /// Reads a name; `None` for one that is not of this form.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (rest, version) = name.strip_suffix(SUFFIX)?.rsplit_once('.')?;
        let (config_map, uid) = rest.rsplit_once('.')?;
        let parsed = Self {
            config_map: config_map.to_owned(),
            uid: uid.to_owned(),
            version: version.parse().ok()?,
        };
        (!config_map.is_empty() && is_uid(uid) && parsed.to_string() == name).then_some(parsed)
    }

    /// Whether the `ConfigMap` belongs to this cluster.
    #[must_use]
    pub fn is_of_cluster(&self, cluster_id: &str) -> bool {
        let of_job = || names::cluster_and_job_of(&self.config_map).map(|(cluster, _)| cluster);
        names::cluster_of(&self.config_map).or_else(of_job) == Some(cluster_id)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}{SUFFIX}", self.config_map, self.uid, self.version)
    }
}

fn is_uid(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Who writes a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Holder identity of the process.
    pub holder_identity: String,
    /// Under which of its grants the object was stored.
    pub grant: u64,
}

/// A `ConfigMap` as it was stored once, without the lock, leader addresses, and what else belonged to the process that led.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Of its file.
    pub name: FileName,
    /// Namespace of the `ConfigMap`.
    pub namespace: String,
    /// `metadata.creationTimestamp`, by the API server's clock: orders objects of one name.
    pub created: String,
    /// Labels of the `ConfigMap`.
    pub labels: BTreeMap<String, String>,
    /// Pointers, the counter, and whatever others have put there.
    pub data: BTreeMap<String, String>,
    /// Who has stored it.
    pub author: Author,
    /// When the manifest was made, by its author's clock; for people.
    pub written: WallTime,
    /// The directory in which results of jobs lie, as a URI; empty where it was not said.
    pub job_results: String,
}

/// Why a file is no manifest that this version reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Not JSON, or cut off.
    NotJson,
    /// Of a later version of this project.
    UnknownVersion(u64),
    /// A field is missing or of another type.
    Incomplete(&'static str),
}

impl Manifest {
    /// What is to be kept of this object; `None` when it points to nothing, or when it did not come from an API server.
    #[must_use]
    pub fn of(object: &Value, author: Author, written: WallTime, job_results: &str) -> Option<Self> {
        if !holds_pointers(object) {
            return None;
        }
        let metadata = |field: &str| object.get("metadata")?.get(field)?.as_str().map(str::to_owned);
        Some(Self {
            name: FileName::of(object)?,
            namespace: metadata("namespace")?,
            created: metadata("creationTimestamp")?,
            labels: texts(config_map::labels(object)),
            data: kept(object)
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            author,
            written,
            job_results: job_results.to_owned(),
        })
    }

    /// The content of the file.
    #[must_use]
    pub fn encode(&self) -> String {
        let content = json!({
            "version": VERSION,
            "what": "A ConfigMap as flink-kube-ha has stored it; 'flink-ha restore --from-storage' makes it anew.",
            "configMap": self.name.config_map,
            "namespace": self.namespace,
            "uid": self.name.uid,
            "resourceVersion": self.name.version.to_string(),
            "created": self.created,
            "labels": self.labels,
            "data": self.data,
            "holderIdentity": self.author.holder_identity,
            "grant": self.author.grant,
            "written": self.written.to_string(),
            "jobResults": self.job_results,
        });
        content.to_string()
    }

    /// Reads the content of a file; fields that this version does not know are ignored.
    pub fn decode(content: &[u8]) -> Result<Self, Unreadable> {
        let content: Value = serde_json::from_slice(content).map_err(|_| Unreadable::NotJson)?;
        let version = content.get("version").and_then(Value::as_u64);
        match version.ok_or(Unreadable::Incomplete("version"))? {
            VERSION => {}
            other => return Err(Unreadable::UnknownVersion(other)),
        }
        let text = |field: &'static str| {
            let value = content.get(field).and_then(Value::as_str);
            value.map(str::to_owned).ok_or(Unreadable::Incomplete(field))
        };
        let map = |field: &'static str| {
            let map = content.get(field).and_then(Value::as_object);
            let map = map.filter(|map| map.values().all(Value::is_string));
            map.map(|map| texts(Some(map))).ok_or(Unreadable::Incomplete(field))
        };
        let number = |text: &str| text.parse().map_err(|_| Unreadable::Incomplete("resourceVersion"));
        Ok(Self {
            name: FileName {
                config_map: text("configMap")?,
                uid: text("uid")?,
                version: number(&text("resourceVersion")?)?,
            },
            namespace: text("namespace")?,
            created: text("created")?,
            labels: map("labels")?,
            data: map("data")?,
            author: Author {
                holder_identity: text("holderIdentity")?,
                grant: content
                    .get("grant")
                    .and_then(Value::as_u64)
                    .ok_or(Unreadable::Incomplete("grant"))?,
            },
            written: WallTime::parse(&text("written")?).ok_or(Unreadable::Incomplete("written"))?,
            job_results: text("jobResults")?,
        })
    }

    /// Orders manifests of one `ConfigMap`: objects of that name by their creation, versions of one object by their number.
    #[must_use]
    pub fn age(&self) -> impl Ord + '_ {
        (&self.created, self.name.version)
    }

    /// Jobs whose plan it has, and is not being removed, in the order of their ids.
    #[must_use]
    pub fn jobs(&self) -> Vec<&str> {
        self.live().filter_map(|(kind, _)| kind.planned_job()).collect()
    }

    /// The newest checkpoint that a recovery would begin with.
    #[must_use]
    pub fn latest_checkpoint(&self) -> Option<u64> {
        let ids = self.live().filter_map(|(kind, _)| match kind {
            EntryKind::Checkpoint(id) => Some(id),
            _ => None,
        });
        ids.max()
    }

    /// Whether another object of this name knows all that this one does: each plan, and as late a checkpoint.
    #[must_use]
    pub fn is_known_by(&self, object: &Value) -> bool {
        let latest = config_map::data(object)
            .into_iter()
            .flatten()
            .filter_map(|(key, _)| names::checkpoint_id(key))
            .max();
        self.live().all(|(kind, key)| match kind {
            EntryKind::Checkpoint(id) => latest.is_some_and(|latest| id <= latest),
            _ => config_map::entry(object, key).is_some(),
        })
    }

    /// The `ConfigMap` that it was made of, to be created.
    #[must_use]
    pub fn to_config_map(&self) -> Value {
        let mut object = config_map::new_config_map(&self.name.config_map, &self.namespace, &self.labels);
        for (key, value) in &self.data {
            config_map::set_entry(&mut object, key, value);
        }
        object
    }

    fn live(&self) -> impl Iterator<Item = (EntryKind<'_>, &str)> {
        let live = self.data.iter().filter(|(key, value)| is_live_pointer(key, value));
        live.map(|(key, _)| (EntryKind::of(key), key.as_str()))
    }
}

/// Whether something would be lost with this object: it points to a plan, an application or a checkpoint, and its removal has not begun.
#[must_use]
pub fn holds_pointers(object: &Value) -> bool {
    kept(object).any(|(key, value)| is_live_pointer(key, value))
}

/// What of the data goes into a manifest, in the order of the keys of the object.
pub fn kept(object: &Value) -> impl Iterator<Item = (&str, &str)> {
    let data = config_map::data(object).into_iter().flatten();
    data.filter(|(key, _)| !matches!(EntryKind::of(key), EntryKind::Leader(_)))
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

/// Of another shape than ours it counts too: Java may be able to read it.
fn is_live_pointer(key: &str, value: &str) -> bool {
    EntryKind::of(key).is_pointer() && !matches!(state_handle::is_marked(value), Ok(true))
}

fn texts(map: Option<&Map<String, Value>>) -> BTreeMap<String, String> {
    let pairs = map.into_iter().flatten();
    pairs
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson => f.write_str("it is not JSON, or cut off"),
            Self::UnknownVersion(version) => write!(
                f,
                "it is of version {version}, and {VERSION} is the newest that is known here"
            ),
            Self::Incomplete(field) => write!(f, "its field {field} is missing or not of its type"),
        }
    }
}

impl std::error::Error for Unreadable {}

#[cfg(test)]
mod tests;
