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
    wanted: BTreeMap<String, Wanted>,
}

#[derive(Debug)]
struct Wanted {
    /// `None` for "no leader".
    value: Option<String>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    /// It is in a write that is under way.
    Sent,
    Stored,
    /// A write that carried it was applied without it. It goes along with every further write, but causes none.
    Futile,
}

impl Leaders {
    /// The component's address, or `None` for "no leader".
    pub(crate) fn publish(&mut self, component: &str, value: Option<String>) {
        let state = State::New;
        self.wanted.insert(component.to_owned(), Wanted { value, state });
    }

    /// A grant ended: no address that was published under it holds any more.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The leader leaves in order: what it has taken back may still be on its way, and goes with the release.
    pub(crate) fn keep_removals(&mut self) {
        self.wanted.retain(|_, wanted| wanted.value.is_none());
    }

    /// Whether the object differs from what was published, and a write could change that.
    pub(crate) fn want_a_write(&self, object: &Value) -> bool {
        self.wanted.iter().any(|(component, wanted)| {
            wanted.state != State::Futile && wanted.value.as_deref() != stored(object, component)
        })
    }

    /// Brings the object, which is about to be written, to what was published.
    pub(crate) fn apply(&mut self, object: &mut Value) {
        for (component, wanted) in &mut self.wanted {
            let edit = Edit::PublishLeader {
                component: component.clone(),
                value: wanted.value.clone(),
            };
            match edit.apply(object) {
                Ok(EditAnswer::Unchanged) => continue,
                Ok(_) if wanted.state == State::Stored => {
                    warn!("The leader address of {component} was changed by someone else and is put right.");
                }
                Err(refusal) if wanted.state != State::Futile => {
                    warn!("The leader address of {component} cannot be published: {refusal}");
                }
                _ => {}
            }
            if wanted.state != State::Futile {
                wanted.state = State::Sent;
            }
        }
    }

    /// The object was stored.
    pub(crate) fn stored(&mut self, object: &Value) {
        for (component, wanted) in &mut self.wanted {
            if wanted.value.as_deref() == stored(object, component) {
                wanted.tell(component);
                wanted.state = State::Stored;
            } else if wanted.state == State::Sent {
                warn!("The leader address of {component} was written, but is not in what the API server has stored.");
                wanted.state = State::Futile;
            }
        }
    }

    /// The write was refused, or its outcome is not known.
    pub(crate) fn not_stored(&mut self) {
        for wanted in self.wanted.values_mut().filter(|wanted| wanted.state == State::Sent) {
            wanted.state = State::New;
        }
    }
}

impl Wanted {
    fn tell(&self, component: &str) {
        match &self.value {
            _ if self.state == State::Stored => {}
            Some(value) => info!(
                "Published the leader of {component}: {}.",
                value.split_once(',').map_or("", |(_, address)| address)
            ),
            None => info!("Removed the leader address of {component}."),
        }
    }
}

/// The component's value in this object.
pub(crate) fn stored<'a>(object: &'a Value, component: &str) -> Option<&'a str> {
    config_map::data(object)?
        .get(&format!("{LEADER_KEY_PREFIX}{component}"))?
        .as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::names::leader_key;

    fn with(address: Option<&str>) -> Value {
        let mut object = json!({ "metadata": {} });
        if let Some(address) = address {
            config_map::set_entry(&mut object, &leader_key("d"), address);
        }
        object
    }

    fn published(address: Option<&str>) -> Leaders {
        let mut leaders = Leaders::default();
        leaders.publish("d", address.map(str::to_owned));
        leaders
    }

    #[test]
    fn what_is_published_is_wanted_until_it_is_stored() {
        let mut leaders = published(Some("s,a"));
        assert!(leaders.want_a_write(&with(None)));
        let mut object = with(None);
        leaders.apply(&mut object);
        assert_eq!(object, with(Some("s,a")));
        leaders.not_stored();
        assert!(leaders.want_a_write(&with(None)));
        leaders.apply(&mut with(None));
        leaders.stored(&object);
        assert!(!leaders.want_a_write(&object));
    }

    #[test]
    fn what_somebody_else_changes_is_put_right() {
        let mut leaders = published(Some("s,a"));
        leaders.stored(&with(Some("s,a")));
        let mut object = with(Some("theirs"));
        assert!(leaders.want_a_write(&object));
        leaders.apply(&mut object);
        assert_eq!(object, with(Some("s,a")));
    }

    #[test]
    fn what_the_server_does_not_store_causes_no_further_write_and_goes_along_with_every_one() {
        let mut leaders = published(Some("s,a"));
        leaders.apply(&mut with(None));
        leaders.stored(&with(None));
        assert!(!leaders.want_a_write(&with(None)));
        let mut object = with(None);
        leaders.apply(&mut object);
        assert_eq!(object, with(Some("s,a")));
        leaders.stored(&object);
        assert!(leaders.want_a_write(&with(None)));
    }

    #[test]
    fn a_leader_that_leaves_takes_its_removals_along_and_nothing_else() {
        let mut leaders = published(None);
        leaders.publish("e", Some("s,a".to_owned()));
        leaders.keep_removals();
        let mut object = with(Some("s,a"));
        leaders.apply(&mut object);
        assert_eq!(stored(&object, "d"), None);
        assert_eq!(stored(&object, "e"), None);
        leaders.clear();
        assert!(!leaders.want_a_write(&with(Some("s,a"))));
    }
}
