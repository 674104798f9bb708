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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::cluster::events::Taken;

    fn leader(value: &str) -> Value {
        json!({ "data": { "org.apache.flink.k8s.leader.d": value } })
    }

    fn heard(events: &EventQueue) -> Vec<(u64, Option<String>)> {
        let mut heard = Vec::new();
        while let Taken::Event(Event::Leader { subscription, value }) = events.take(Duration::ZERO) {
            heard.push((subscription, value));
        }
        heard
    }

    const A: &str = "11111111-2222-3333-4444-555555555555,pekko://a";
    const B: &str = "11111111-2222-3333-4444-555555555555,pekko://b";

    #[test]
    fn everybody_is_told_of_a_change_and_of_nothing_else() {
        let events = Arc::new(EventQueue::default());
        let mut subscribers = Subscribers::new(Arc::clone(&events));
        subscribers.add(1, "d".to_owned(), None);
        subscribers.add(2, "other".to_owned(), Some(&leader(A)));
        subscribers.tell(&leader(A));
        // A renewal: the same address in a new version.
        subscribers.tell(&leader(A));
        assert_eq!(heard(&events), [(1, Some(A.to_owned()))]);
        subscribers.tell(&leader(B));
        assert_eq!(heard(&events), [(1, Some(B.to_owned()))]);
        subscribers.tell(&json!({}));
        assert_eq!(heard(&events), [(1, None)]);
    }

    #[test]
    fn who_comes_late_is_told_what_is_known_and_an_absent_leader_is_no_news() {
        let events = Arc::new(EventQueue::default());
        let mut subscribers = Subscribers::new(Arc::clone(&events));
        subscribers.add(1, "d".to_owned(), Some(&leader(A)));
        assert_eq!(heard(&events), [(1, Some(A.to_owned()))]);
        subscribers.add(2, "absent".to_owned(), Some(&leader(A)));
        assert_eq!(heard(&events), []);
        subscribers.remove(1);
        subscribers.tell(&leader(B));
        assert_eq!(heard(&events), []);
    }

    #[test]
    fn what_cannot_be_read_is_no_leader() {
        let events = Arc::new(EventQueue::default());
        let mut subscribers = Subscribers::new(Arc::clone(&events));
        subscribers.add(1, "d".to_owned(), Some(&leader(A)));
        assert_eq!(heard(&events), [(1, Some(A.to_owned()))]);
        subscribers.tell(&leader("garbage"));
        assert_eq!(heard(&events), [(1, None)]);
    }
}
