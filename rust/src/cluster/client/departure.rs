//! Whether a write has left this process, and how one that has not is kept from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// It has not left.
const WAITING: u8 = 0;
/// It is being handed over, and may leave in this very moment.
const LEAVING: u8 = 1;
/// The server may have seen it.
const LEFT: u8 = 2;
/// It will never leave.
const WITHDRAWN: u8 = 3;

/// One write on its way out with all its copies, shared by whoever sends it and by whoever may want it back. In the extensions of each request, so that a service which
/// stands in for a server can tell that it has taken it.
#[derive(Clone, Debug, Default)]
pub struct Departure {
    stage: Arc<AtomicU8>,
}

impl Departure {
    /// Keeps the write from leaving. `false`: it may have left already.
    #[must_use]
    pub fn withdraw(&self) -> bool {
        self.advance(WAITING, WITHDRAWN) || self.stage() == WITHDRAWN
    }

    /// The request was taken: for a service that stands in for a server.
    pub fn leave(&self) {
        self.advance(LEAVING, LEFT);
    }

    pub(super) fn has_left(&self) -> bool {
        self.stage() == LEFT
    }

    /// Whether it may be handed over now. [`Self::handed_over`] follows.
    pub(super) fn may_leave(&self) -> bool {
        self.advance(WAITING, LEAVING) || self.stage() != WITHDRAWN
    }

    /// The attempt to hand it over is made: it has left, or it waits on.
    pub(super) fn handed_over(&self, left: bool) {
        self.advance(LEAVING, if left { LEFT } else { WAITING });
    }

    fn stage(&self) -> u8 {
        self.stage.load(Ordering::SeqCst)
    }

    fn advance(&self, from: u8, to: u8) -> bool {
        let exchanged = self
            .stage
            .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst);
        exchanged.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_can_be_withdrawn_and_never_leaves() {
        let departure = Departure::default();
        assert!(departure.may_leave());
        departure.handed_over(false);
        assert!(departure.withdraw() && departure.withdraw());
        assert!(!departure.may_leave());
        assert!(!departure.has_left());
    }

    #[test]
    fn what_is_leaving_or_has_left_cannot_be_withdrawn() {
        let departure = Departure::default();
        assert!(departure.may_leave());
        assert!(!departure.withdraw());
        departure.handed_over(true);
        assert!(departure.has_left() && !departure.withdraw());
        // A copy of it that waits changes nothing about that.
        assert!(departure.may_leave());
        departure.handed_over(false);
        assert!(departure.has_left() && !departure.withdraw());
    }
}
