//! The leader addresses that this process has published under its grant.

use std::collections::BTreeMap;

use log::{info, warn};
use serde_json::Value;

use crate::protocol::config_map;
use crate::protocol::edit::{Edit, EditAnswer};
use crate::protocol::names::LEADER_KEY_PREFIX;

/// What the leader keys have to look like. Publishing only changes this picture; the writer repeats until the `ConfigMap` agrees with it,
/// so Flink never waits for the network under its lock, and a key that somebody else changes is put right without asking Flink.
#[derive(Debug, Default)]
pub(crate) struct Leaders {
    wanted: BTreeMap<String, Option<String>>,
    seen: BTreeMap<String, Option<String>>,
}

impl Leaders {
    /// The component's address, or `None` for "no leader".
    pub(crate) fn publish(&mut self, component: &str, value: Option<String>) {
        self.seen.remove(component);
        self.wanted.insert(component.to_owned(), value);
    }

    /// A grant ended: nothing that was published under it holds any more.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether the object differs from what was published.
    pub(crate) fn differ_from(&self, object: &Value) -> bool {
        self.wanted
            .iter()
            .any(|(component, value)| stored(object, component) != value.as_deref())
    }

    /// Brings the object to what was published.
    pub(crate) fn apply(&self, object: &mut Value) {
        for (component, value) in &self.wanted {
            let edit = Edit::PublishLeader {
                component: component.clone(),
                value: value.clone(),
            };
            match edit.apply(object) {
                Ok(EditAnswer::Unchanged) => {}
                Ok(_) if self.seen.get(component).is_some_and(|seen| seen == value) => {
                    warn!("The leader address of {component} was changed by someone else and is put right.");
                }
                Ok(_) => {}
                Err(refusal) => warn!("The leader address of {component} cannot be published: {refusal}"),
            }
        }
    }

    /// The object was stored.
    pub(crate) fn stored(&mut self, object: &Value) {
        for (component, value) in &self.wanted {
            if stored(object, component) == value.as_deref() && self.seen.get(component) != Some(value) {
                match value {
                    Some(value) => info!(
                        "Published the leader of {component}: {}.",
                        value.split_once(',').map_or("", |(_, address)| address)
                    ),
                    None => info!("Removed the leader address of {component}."),
                }
                self.seen.insert(component.clone(), value.clone());
            }
        }
    }
}

/// The component's value in this object.
pub(crate) fn stored<'a>(object: &'a Value, component: &str) -> Option<&'a str> {
    config_map::data(object)?
        .get(&format!("{LEADER_KEY_PREFIX}{component}"))?
        .as_str()
}
