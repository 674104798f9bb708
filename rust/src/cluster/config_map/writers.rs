//! Which job `ConfigMap`s have a writer in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::batch::PendingEdit;
use super::memory::Memory;
use crate::protocol::elector::GrantId;

/// Where the edits of one `ConfigMap` go. Its writer ends with the last of these.
#[derive(Clone)]
pub(crate) struct Writer {
    pub(crate) edits: mpsc::UnboundedSender<PendingEdit>,
    pub(crate) memory: Arc<Memory>,
}

/// All writers of a session, by the name of their `ConfigMap`.
#[derive(Clone, Default)]
pub(crate) struct Writers {
    by_name: Arc<Mutex<HashMap<String, Known>>>,
}

struct Known {
    edits: mpsc::WeakUnboundedSender<PendingEdit>,
    memory: Arc<Memory>,
}

impl Known {
    fn writer(&self) -> Option<Writer> {
        let (edits, memory) = (self.edits.upgrade()?, Arc::clone(&self.memory));
        Some(Writer { edits, memory })
    }
}

impl Writers {
    /// The writer of this `ConfigMap`; `start` starts one if there is none. One that ended before it heard of its claim for the grant that holds now
    /// leaves what it had read: the claim may have been stored, and only this process knows then what was in the `ConfigMap`.
    pub(crate) fn of(
        &self,
        name: &str,
        grant: Option<GrantId>,
        start: impl FnOnce(Arc<Memory>, mpsc::UnboundedReceiver<PendingEdit>),
    ) -> Writer {
        let mut by_name = self.lock();
        if let Some(writer) = by_name.get(name).and_then(Known::writer) {
            return writer;
        }
        let awaits = |known: &Known| grant.is_some_and(|grant| known.memory.awaits_claim_of(grant));
        by_name.retain(|_, known| known.writer().is_some() || awaits(known));
        let (edits, receiver) = mpsc::unbounded_channel();
        let memory = by_name
            .get(name)
            .map_or_else(Arc::default, |left| Arc::clone(&left.memory));
        let known = Known {
            edits: edits.downgrade(),
            memory: Arc::clone(&memory),
        };
        by_name.insert(name.to_owned(), known);
        start(Arc::clone(&memory), receiver);
        Writer { edits, memory }
    }

    /// This `ConfigMap` is about to be deleted on purpose.
    pub(crate) fn give_up(&self, name: &str) {
        if let Some(known) = self.lock().get(name) {
            known.memory.give_up();
        }
    }

    /// The job `ConfigMap`s that this grant has had and not given up, in the order of their names.
    pub(crate) fn had_by(&self, grant: GrantId) -> Vec<String> {
        let by_name = self.lock();
        let had = by_name.iter().filter(|(_, known)| known.memory.is_of(grant));
        let mut names: Vec<String> = had.map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        names
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        // Every change is one call.
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nothing(_: Arc<Memory>, _: mpsc::UnboundedReceiver<PendingEdit>) {}

    #[test]
    fn handles_of_one_name_share_a_writer_that_ends_with_the_last_of_them() {
        let (writers, mut started) = (Writers::default(), 0);
        let mut open = || writers.of("a", None, |_, _| started += 1);
        let (first, second) = (open(), open());
        assert!(first.edits.same_channel(&second.edits));
        drop((first, second));
        let third = open();
        drop(third);
        assert_eq!(started, 2);
    }

    #[test]
    fn what_was_read_before_a_claim_that_was_never_heard_of_outlasts_its_writer() {
        let (writers, object) = (Writers::default(), Arc::new(json!({ "data": { "counter": "3" } })));
        let open = |grant| writers.of("a", Some(GrantId(grant)), nothing).memory;
        open(1).keep_for_claim(GrantId(1), &object);
        assert_eq!(open(1).of(GrantId(1)), Some(Arc::clone(&object)));
        open(1).keep(GrantId(1), &object);
        assert_eq!(open(1).of(GrantId(1)), None);
        open(1).keep_for_claim(GrantId(1), &object);
        assert_eq!(open(2).of(GrantId(1)), None);
    }

    #[test]
    fn what_a_grant_has_had_is_known_by_name_until_it_is_given_up() {
        let writers = Writers::default();
        let opened: Vec<Writer> = ["b", "a", "c"].map(|name| writers.of(name, None, nothing)).into();
        for (writer, grant) in opened.iter().zip([1, 1, 2]) {
            writer.memory.keep(GrantId(grant), &Arc::new(json!({})));
        }
        assert_eq!(writers.had_by(GrantId(1)), ["a", "b"]);
        writers.give_up("a");
        writers.give_up("unknown");
        assert_eq!(writers.had_by(GrantId(1)), ["b"]);
        assert_eq!(writers.had_by(GrantId(3)), [""; 0]);
    }
}
