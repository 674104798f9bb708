//! Fast failover: when a broken connection shows that the process at its other end has ended.
//!
//! The kernel closes the connections and the listening port of a process that ends, however it ends, and answers for it from then on: whoever
//! connects is refused. A process that is stopped, starved or paused keeps both. So a connection that stood, is closed, and cannot be made
//! again because it is *actively refused*, twice within half a second, shows that nobody listens there any more. Nothing else shows anything: no
//! time-out and no unreachable host (a cut cable looks like that), no reset and no end of a connection alone (a proxy in
//! between restarts), no refusal where there never was a connection, and certainly not a connection that can be made.
//!
//! Somebody in between who refuses for a process that lives can still deceive. What follows is the normal conditional write, so the old
//! leader is revoked when it sees it, and fenced until then.

use std::time::Duration;

use super::time::BootTime;

/// Two refusals that are further apart do not belong together: this process may have stood still between them.
const TOGETHER: Duration = Duration::from_millis(500);
/// From one refusal to the next try.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// So many tries without an end are none.
const MOST_TRIES: u32 = 10;
/// Once it was said that somebody has ended, it is tried again: the lock may have been written in between, by what was still on its way.
const CONFIRM_AFTER: Duration = Duration::from_secs(1);
/// Between tries where there is no connection yet, and between connections that do not last.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A connection that held for so long counts as one that lasts.
const LASTING: Duration = Duration::from_secs(10);

/// What happened to the one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Contact {
    /// It was made.
    Made,
    /// It ended, in whatever way.
    Ended,
    /// It could not be made: actively refused.
    Refused,
    /// It could not be made, for any other reason.
    Failed,
}

/// Watches one process over one connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeathWatch {
    state: State,
    pause: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum State {
    /// There has been no connection, or what became of it shows nothing.
    Seeking { at: BootTime },
    /// The connection stands.
    Connected { since: BootTime },
    /// The connection has ended.
    Suspicious {
        at: BootTime,
        refused: Option<BootTime>,
        tries: u32,
    },
}

impl DeathWatch {
    /// A watch that has not connected yet.
    #[must_use]
    pub fn new(now: BootTime) -> Self {
        Self {
            state: State::Seeking { at: now },
            pause: SHORTEST_PAUSE,
        }
    }

    /// When to try to connect; `None` while the connection stands.
    #[must_use]
    pub fn connect_at(&self) -> Option<BootTime> {
        match self.state {
            State::Seeking { at } | State::Suspicious { at, .. } => Some(at),
            State::Connected { .. } => None,
        }
    }

    /// Whether what happens next may show something, so that an answer has to be had soon.
    #[must_use]
    pub fn is_suspicious(&self) -> bool {
        matches!(self.state, State::Suspicious { .. })
    }

    /// Takes note of what happened; true when the process has ended.
    pub fn note(&mut self, now: BootTime, contact: Contact) -> bool {
        match (self.state, contact) {
            (state, Contact::Made) => {
                if matches!(state, State::Seeking { .. }) {
                    self.pause = SHORTEST_PAUSE;
                }
                self.state = State::Connected { since: now };
            }
            (State::Connected { since }, Contact::Ended) => self.suspect(now, since),
            (State::Suspicious { refused, tries, .. }, Contact::Refused) => {
                let before = refused.filter(|before| now.saturating_since(*before) <= TOGETHER);
                let ended = before.is_some();
                let wait = if ended { CONFIRM_AFTER } else { AGAIN_AFTER };
                if tries + 1 < MOST_TRIES {
                    self.state = State::Suspicious {
                        at: now + wait,
                        refused: (!ended).then_some(now),
                        tries: tries + 1,
                    };
                } else {
                    self.seek(now);
                }
                return ended;
            }
            (_, Contact::Refused | Contact::Failed | Contact::Ended) => self.seek(now),
        }
        false
    }

    fn suspect(&mut self, now: BootTime, since: BootTime) {
        // Whoever accepts and closes again and again is not asked again and again.
        let at = if now.saturating_since(since) >= LASTING {
            self.pause = SHORTEST_PAUSE;
            now
        } else {
            now.max(since + self.next_pause())
        };
        self.state = State::Suspicious {
            at,
            refused: None,
            tries: 0,
        };
    }

    fn seek(&mut self, now: BootTime) {
        let at = now + self.next_pause();
        self.state = State::Seeking { at };
    }

    fn next_pause(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn at(millis: u64) -> BootTime {
        BootTime::from_duration(Duration::from_millis(millis))
    }

    /// A watch after these contacts, and what the last one has shown.
    fn after(contacts: &[(u64, Contact)]) -> (DeathWatch, bool) {
        let mut watch = DeathWatch::new(at(0));
        let mut ended = false;
        for (millis, contact) in contacts {
            ended = watch.note(at(*millis), *contact);
        }
        (watch, ended)
    }

    use Contact::{Ended, Failed, Made, Refused};

    #[test]
    fn a_process_that_has_ended_is_found_within_a_quarter_of_a_second() {
        let (watch, ended) = after(&[(0, Made), (60_000, Ended)]);
        assert_eq!((watch.connect_at(), ended), (Some(at(60_000)), false));
        let (watch, ended) = after(&[(0, Made), (60_000, Ended), (60_001, Refused)]);
        assert_eq!((watch.connect_at(), ended), (Some(at(60_101)), false));
        let (_, ended) = after(&[(0, Made), (60_000, Ended), (60_001, Refused), (60_102, Refused)]);
        assert!(ended);
    }

    #[test]
    fn a_port_that_is_closed_a_moment_after_the_connection_is_no_hindrance() {
        let story = [(0, Made), (60_000, Ended), (60_001, Made), (60_002, Ended)];
        let (watch, _) = after(&story);
        assert_eq!(watch.connect_at(), Some(at(60_101)));
        let (_, ended) = after(&[&story[..], &[(60_101, Refused), (60_202, Refused)]].concat());
        assert!(ended);
    }

    #[test]
    fn nothing_else_shows_anything() {
        for story in [
            // Nobody has ever listened there.
            &[(0, Refused), (100, Refused), (300, Refused), (700, Refused)][..],
            // A connection that ends, in whatever way.
            &[(0, Made), (60_000, Ended)],
            // A time-out or an unreachable host, before or between or after.
            &[
                (0, Made),
                (60_000, Ended),
                (60_100, Failed),
                (60_200, Refused),
                (60_300, Refused),
            ],
            &[
                (0, Made),
                (60_000, Ended),
                (60_100, Refused),
                (60_200, Failed),
                (60_300, Refused),
            ],
            // It listens again.
            &[
                (0, Made),
                (60_000, Ended),
                (60_100, Refused),
                (60_200, Made),
                (60_300, Ended),
                (60_400, Refused),
            ],
            // This process stood still in between.
            &[(0, Made), (60_000, Ended), (60_100, Refused), (60_601, Refused)],
        ] {
            assert!(!after(story).1, "{story:?}");
        }
    }

    #[test]
    fn refusals_that_are_late_count_from_the_last_one_on() {
        let story = [(0, Made), (60_000, Ended), (60_100, Refused), (61_000, Refused)];
        assert!(!after(&story).1);
        assert!(after(&[&story[..], &[(61_100, Refused)]].concat()).1);
    }

    #[test]
    fn an_end_is_confirmed_by_two_more_refusals_and_not_for_ever() {
        let (mut watch, _) = after(&[(0, Made), (60_000, Ended), (60_001, Refused)]);
        let mut shown = Vec::new();
        while watch.is_suspicious() {
            let now = watch.connect_at().unwrap();
            shown.push(watch.note(now, Refused));
        }
        assert_eq!(shown, [true, false, true, false, true, false, true, false, true]);
    }

    #[test]
    fn whoever_accepts_and_closes_is_asked_ever_more_rarely() {
        let mut watch = DeathWatch::new(at(0));
        let mut times = Vec::new();
        while let Some(now) = watch.connect_at().filter(|_| times.len() < 8) {
            times.push(u64::try_from(now.since_boot().as_millis()).unwrap());
            watch.note(now, Made);
            watch.note(now, Ended);
        }
        assert_eq!(times, [0, 100, 300, 700, 1500, 3100, 6300, 11_300]);
    }

    #[test]
    fn where_nobody_listens_is_asked_ever_more_rarely() {
        let mut watch = DeathWatch::new(at(0));
        for expected in [0, 100, 300, 700, 1500, 3100, 6300, 11_300] {
            assert_eq!(watch.connect_at(), Some(at(expected)));
            assert!(!watch.note(at(expected), Refused));
        }
    }

    proptest! {
        /// Whatever the story: an end was shown by a connection that ended and two refusals right after each other.
        #[test]
        fn an_end_has_its_evidence(story in vec((0_u64..700, select(vec![Made, Ended, Refused, Refused, Refused, Failed])), 0..40)) {
            let (mut watch, mut now) = (DeathWatch::new(at(0)), 0);
            let mut told: Vec<(u64, Contact)> = Vec::new();
            for (passed, contact) in story {
                now += passed;
                let ended = watch.note(at(now), contact);
                told.push((now, contact));
                if ended {
                    let refused = told.iter().rev().take_while(|(_, contact)| *contact == Refused).count();
                    prop_assert!(refused >= 2, "{told:?}");
                    let before = told.get(told.len() - 2).unwrap().0;
                    prop_assert!(now - before <= 500, "{told:?}");
                    let rest = told.get(..told.len() - refused).unwrap();
                    prop_assert_eq!(rest.last().map(|(_, contact)| *contact), Some(Ended), "{:?}", told);
                    // Whatever came in between was the end of a connection.
                    prop_assert!(rest.iter().any(|(_, contact)| *contact == Made), "{told:?}");
                }
            }
        }

        #[test]
        fn there_is_always_a_next_try_or_a_connection(story in vec((0_u64..700, select(vec![Made, Ended, Refused, Failed])), 0..40)) {
            let (mut watch, mut now) = (DeathWatch::new(at(0)), 0);
            for (passed, contact) in story {
                now += passed;
                watch.note(at(now), contact);
                if let Some(next) = watch.connect_at() {
                    prop_assert!(next <= at(now + 5_100), "{watch:?}");
                } else {
                    prop_assert!(contact == Made || !watch.is_suspicious());
                }
            }
        }
    }
}
