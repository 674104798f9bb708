//! Who wants to know which leader.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::leaders::stored;
use crate::cluster::events::Event;
use crate::cluster::events::queue::EventQueue;
use crate::protocol::leader_information::LeaderInformation;

struct Subscriber {
    component: String,
    told: Option<String>,
}

/// The subscriptions of one session.
pub(crate) struct Subscribers {
    by_id: BTreeMap<u64, Subscriber>,
    events: Arc<EventQueue>,
}

impl Subscribers {
    pub(crate) fn new(events: Arc<EventQueue>) -> Self {
        Self {
            by_id: BTreeMap::new(),
            events,
        }
    }

    /// Adds a subscription; a leader that is known already is told at once, an absent one is not (as stock's `onAdded`).
    pub(crate) fn add(&mut self, id: u64, component: String, object: Option<&Value>) {
        self.by_id.insert(id, Subscriber { component, told: None });
        if let Some(object) = object {
            self.tell(object);
        }
    }

    pub(crate) fn remove(&mut self, id: u64) {
        self.by_id.remove(&id);
    }

    /// Tells everyone whose leader differs from what it was told last.
    pub(crate) fn tell(&mut self, object: &Value) {
        for (id, subscriber) in &mut self.by_id {
            // A value that cannot be read counts as no leader, as in stock.
            let value =
                stored(object, &subscriber.component).filter(|value| LeaderInformation::decode(value).is_some());
            if subscriber.told.as_deref() != value {
                subscriber.told = value.map(str::to_owned);
                self.events.push(Event::Leader {
                    subscription: *id,
                    value: subscriber.told.clone(),
                });
            }
        }
    }
}
