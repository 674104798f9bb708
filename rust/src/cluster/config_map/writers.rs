//! Which job `ConfigMap`s have a writer in this process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
    /// Somebody waits for a checkpoint to be written down.
    tell_of_checkpoints: Arc<AtomicBool>,
    /// Checkpoints that are being written down.
    under_way: Arc<AtomicUsize>,
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

    /// Whether a job `ConfigMap` of this grant is open.
    pub(crate) fn is_used_by(&self, grant: GrantId) -> bool {
        let by_name = self.lock();
        by_name
            .values()
            .any(|known| known.memory.is_of(grant) && known.edits.strong_count() > 0)
    }

    /// Whether checkpoints that are written down are to be told of.
    pub(crate) fn tell_of_checkpoints(&self, tell: bool) {
        self.tell_of_checkpoints.store(tell, Ordering::Relaxed);
    }

    /// A checkpoint is being written down, for as long as what comes back exists.
    pub(crate) fn checkpoint_under_way(&self) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(&self.under_way))
    }

    /// One has been: whether it is to be told of, because somebody waits for that and no other is under way.
    pub(crate) fn is_the_moment(&self) -> bool {
        self.tell_of_checkpoints.load(Ordering::Relaxed) && self.under_way.load(Ordering::Relaxed) == 0
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

/// See [`Writers::checkpoint_under_way`].
pub(crate) struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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
    fn a_grant_uses_what_is_open_under_it() {
        let writers = Writers::default();
        let writer = writers.of("a", None, nothing);
        writer.memory.keep(GrantId(1), &Arc::new(json!({})));
        assert!(writers.is_used_by(GrantId(1)) && !writers.is_used_by(GrantId(2)));
        drop(writer);
        assert!(!writers.is_used_by(GrantId(1)));
    }

    #[test]
    fn the_moment_is_after_the_last_checkpoint_under_way() {
        let writers = Writers::default();
        assert!(!writers.is_the_moment(), "nobody waits for it");
        writers.tell_of_checkpoints(true);
        let (first, second) = (writers.checkpoint_under_way(), writers.checkpoint_under_way());
        drop(first);
        assert!(!writers.is_the_moment());
        drop(second);
        assert!(writers.is_the_moment());
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
