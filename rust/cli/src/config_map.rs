//! One HA `ConfigMap`, decoded key by key.

use flinkkubeha::protocol::annotations;
use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::edit::read_counter;
use flinkkubeha::protocol::entry::EntryKind;
use flinkkubeha::protocol::leader_information::LeaderInformation;
use flinkkubeha::protocol::managed_fields;
use flinkkubeha::protocol::names;
use flinkkubeha::protocol::state_handle::StateHandle;
use flinkkubeha::protocol::time::WallTime;
use serde::Serialize;
use serde_json::Value;

/// What a key of the data holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub(crate) enum Content {
    /// The leader of a component.
    #[serde(rename_all = "camelCase")]
    Leader {
        component: String,
        session_id: String,
        address: String,
    },
    /// The next checkpoint id.
    Counter { next: i64 },
    /// Where a piece of state lies.
    Pointer(Pointer),
    /// Flink writes something under this key, and this is not it.
    Damaged { what: &'static str, reason: String },
    /// Nothing that Flink writes.
    Foreign,
}

/// Where a piece of state lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pointer {
    /// `checkpoint`, `job graph`, `execution plan`, `application`.
    pub(crate) what: &'static str,
    /// Of the checkpoint, the job or the application.
    pub(crate) id: String,
    pub(crate) uri: String,
    /// As its writer reported it.
    pub(crate) size: i64,
    /// Its removal has begun.
    pub(crate) marked_for_deletion: bool,
}

/// A key of the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Of the value.
    pub(crate) bytes: usize,
    #[serde(flatten)]
    pub(crate) content: Content,
}

/// One of our annotations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Note {
    pub(crate) annotation: String,
    /// `None` where this version cannot read it.
    pub(crate) content: Option<Value>,
}

/// A `ConfigMap`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConfigMap {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job_id: Option<String>,
    /// As Kubernetes counts them.
    pub(crate) bytes: usize,
    pub(crate) share_of_limit_percent: f64,
    /// When it was last written, by the API server's clock.
    #[serde(serialize_with = "as_text")]
    pub(crate) written: Option<WallTime>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) notes: Vec<Note>,
    /// As it was read.
    #[serde(skip)]
    pub(crate) object: Value,
}

/// `null`, or the text of the time.
#[allow(clippy::ref_option)] // serde wants it so.
pub(crate) fn as_text<S: serde::Serializer>(time: &Option<WallTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(time),
        None => serializer.serialize_none(),
    }
}

impl ConfigMap {
    pub(crate) fn decode(object: Value) -> Self {
        let name = config_map::name(&object).unwrap_or_default().to_owned();
        let bytes = config_map::data_bytes(&object);
        let mut entries: Vec<Entry> = config_map::data(&object)
            .into_iter()
            .flatten()
            .map(|(key, value)| Entry {
                key: key.clone(),
                bytes: value.as_str().map_or(0, str::len),
                content: content(&object, key, value),
            })
            .collect();
        entries.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        Self {
            job_id: names::cluster_and_job_of(&name).map(|(_, job)| job.to_owned()),
            name,
            bytes,
            share_of_limit_percent: crate::units::share_of_limit(bytes),
            written: managed_fields::last_change(&object),
            entries,
            notes: notes(&object),
            object,
        }
    }

    /// Pointers with their keys, live and marked.
    pub(crate) fn pointers(&self) -> impl Iterator<Item = (&str, &Pointer)> {
        self.entries.iter().filter_map(|entry| match &entry.content {
            Content::Pointer(pointer) => Some((entry.key.as_str(), pointer)),
            _ => None,
        })
    }

    /// The newest checkpoint that a recovery would begin with.
    pub(crate) fn latest_checkpoint(&self) -> Option<(u64, &Pointer)> {
        let live = self.pointers().filter(|(_, pointer)| !pointer.marked_for_deletion);
        live.filter_map(|(key, pointer)| match EntryKind::of(key) {
            EntryKind::Checkpoint(id) => Some((id, pointer)),
            _ => None,
        })
        .max_by_key(|(id, _)| *id)
    }

    /// The address of a component's leader.
    pub(crate) fn address_of(&self, wanted: &str) -> Option<&str> {
        self.entries.iter().find_map(|entry| match &entry.content {
            Content::Leader { component, address, .. } if component == wanted => Some(address.as_str()),
            _ => None,
        })
    }

    /// Jobs whose job graph or execution plan is stored, and not being removed.
    pub(crate) fn planned_jobs(&self) -> impl Iterator<Item = &str> {
        self.pointers()
            .filter(|(_, pointer)| !pointer.marked_for_deletion)
            .filter_map(|(key, _)| EntryKind::of(key).planned_job())
    }
}

fn content(object: &Value, key: &str, value: &Value) -> Content {
    let damaged = |what, reason: String| Content::Damaged { what, reason };
    let Some(text) = value.as_str() else {
        return damaged("value", "it is not a text".to_owned());
    };
    let (what, id) = match EntryKind::of(key) {
        EntryKind::Leader(component) => {
            return match LeaderInformation::decode(text) {
                Some(information) => Content::Leader {
                    component: component.to_owned(),
                    session_id: information.session_id,
                    address: information.address,
                },
                None => damaged(
                    "leader",
                    format!("it is not '<session id>,<address>' but {}", quoted(text)),
                ),
            };
        }
        EntryKind::Counter => {
            return match read_counter(object) {
                Ok(next) => Content::Counter { next },
                Err(_) => damaged("counter", format!("it is not a checkpoint id but {}", quoted(text))),
            };
        }
        EntryKind::Checkpoint(id) => ("checkpoint", id.to_string()),
        EntryKind::JobGraph(id) => ("job graph", id.to_owned()),
        EntryKind::ExecutionPlan(id) => ("execution plan", id.to_owned()),
        EntryKind::Application(id) => ("application", id.to_owned()),
        EntryKind::Unknown => return Content::Foreign,
    };
    match StateHandle::decode(text) {
        Ok(handle) => Content::Pointer(Pointer {
            what,
            id,
            uri: handle.uri,
            size: handle.size,
            marked_for_deletion: handle.marked,
        }),
        Err(reason) => damaged(what, reason.to_string()),
    }
}

/// The beginning of a text, for messages.
pub(crate) fn quoted(text: &str) -> String {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}…", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

fn notes(object: &Value) -> Vec<Note> {
    let all = config_map::annotations(object).into_iter().flatten();
    let mut notes: Vec<Note> = all
        .filter(|(name, _)| name.starts_with(annotations::PREFIX))
        .map(|(name, value)| Note {
            annotation: name.clone(),
            content: value.as_str().and_then(annotations::decode),
        })
        .collect();
    notes.sort_unstable_by(|one, other| one.annotation.cmp(&other.annotation));
    notes
}
