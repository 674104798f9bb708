//! A bounded memory that forgets the oldest.

use std::collections::VecDeque;

use super::event::Entry;

/// The newest entries.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    entries: VecDeque<Entry>,
    capacity: usize,
}

impl Ring {
    pub(super) const fn new(capacity: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            capacity,
        }
    }

    pub(super) fn push(&mut self, entry: Entry) {
        if self.entries.len() >= self.capacity {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }
}
