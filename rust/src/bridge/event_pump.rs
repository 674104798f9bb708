//! `io.flinkkubeha.bridge.EventPump`: the one Java thread that takes what a session and the library have to tell.

use std::time::{Duration, Instant};

use super::log_queue::{LogQueue, LogRecord};
use crate::cluster::events::{Event, Taken};

/// What the pump took.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pulled {
    Event(Event),
    Log(LogRecord),
    /// Nothing within the limit.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

/// Waits for an event or a log record, which ends the wait for an event with nothing. Events come first: a grant or revoke does not stand behind a thousand records.
pub(super) fn pull(take_event: impl Fn(Duration) -> Taken, logs: &LogQueue, limit: Duration) -> Pulled {
    let end = Instant::now() + limit;
    let mut wait = Duration::ZERO;
    loop {
        let taken = match take_event(wait) {
            Taken::Event(event) => return Pulled::Event(event),
            Taken::Nothing => None,
            Taken::Closed => Some(Pulled::Closed),
        };
        if let Some(record) = logs.take() {
            return Pulled::Log(record);
        }
        let left = end.saturating_duration_since(Instant::now());
        match taken {
            Some(closed) => return closed,
            None if left.is_zero() => return Pulled::Nothing,
            None => wait = left,
        }
    }
}

impl Pulled {
    /// The strings that cross; none for [`Pulled::Closed`].
    pub(super) fn into_strings(self) -> Option<Vec<String>> {
        let text = str::to_owned;
        Some(match self {
            Self::Nothing => return None,
            Self::Closed => Vec::new(),
            Self::Event(Event::Grant { grant }) => vec![text("grant"), grant.to_string()],
            Self::Event(Event::Revoke { grant, cause }) => {
                vec![text("revoke"), grant.to_string(), cause]
            }
            Self::Event(Event::Leader { subscription, value }) => {
                vec![text("leader"), subscription.to_string(), value.unwrap_or_default()]
            }
            Self::Event(Event::Unreferenced {
                config_map,
                key,
                pointer,
            }) => {
                vec![text("unreferenced"), config_map, key, pointer]
            }
            Self::Event(Event::Error(error)) => {
                vec![text("error"), error.code.number().to_string(), error.message]
            }
            Self::Log(record) => {
                vec![text("log"), record.level.to_string(), record.target, record.message]
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use log::{Level, Record};

    use super::*;
    use crate::error::{ErrorCode, HaError};

    /// Takes what is given in turn, then nothing, and remembers the waits that it was asked for.
    struct Source {
        left: RefCell<Vec<Taken>>,
        waits: RefCell<Vec<Duration>>,
    }

    impl Source {
        fn of(taken: impl IntoIterator<Item = Taken>) -> Self {
            let mut left: Vec<_> = taken.into_iter().collect();
            left.reverse();
            Self {
                left: left.into(),
                waits: RefCell::default(),
            }
        }

        fn pull(&self, logs: &LogQueue, limit: Duration) -> Pulled {
            let take = |wait| {
                self.waits.borrow_mut().push(wait);
                self.left.borrow_mut().pop().unwrap_or(Taken::Nothing)
            };
            pull(take, logs, limit)
        }
    }

    fn queue_with(messages: &[&str]) -> LogQueue {
        let queue = LogQueue::new(8, || {});
        for message in messages {
            queue.record(
                &Record::builder()
                    .level(Level::Error)
                    .target("flinkkubeha::t")
                    .args(format_args!("{message}"))
                    .build(),
            );
        }
        queue
    }

    fn grant() -> Taken {
        Taken::Event(Event::Grant { grant: 1 })
    }

    #[test]
    fn events_come_before_records_and_the_end_after_them() {
        let source = Source::of([grant(), Taken::Nothing, Taken::Closed, Taken::Closed]);
        let logs = queue_with(&["a", "b"]);
        let limit = Duration::from_secs(60);
        assert_eq!(source.pull(&logs, limit), Pulled::Event(Event::Grant { grant: 1 }));
        for message in ["a", "b"] {
            match source.pull(&logs, limit) {
                Pulled::Log(record) => assert_eq!(record.message, message),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(source.pull(&logs, limit), Pulled::Closed);
        assert!(
            source.waits.borrow().iter().all(Duration::is_zero),
            "nothing had to be waited for"
        );
    }

    #[test]
    fn a_record_ends_the_wait_for_an_event() {
        let queue = crate::cluster::events::queue::EventQueue::default();
        let logs = LogQueue::new(8, || {});
        let limit = Duration::from_secs(60);
        let pulled = std::thread::scope(|scope| {
            let pump = scope.spawn(|| pull(|wait| queue.take(wait), &logs, limit));
            let record = Record::builder();
            logs.record(
                &{ record }
                    .level(Level::Error)
                    .target("flinkkubeha")
                    .args(format_args!("m"))
                    .build(),
            );
            queue.nudge();
            pump.join()
        });
        assert!(matches!(pulled, Ok(Pulled::Log(_))));
    }

    #[test]
    fn a_wait_that_ends_early_is_taken_up_again() {
        let source = Source::of([Taken::Nothing, Taken::Nothing, grant()]);
        let pulled = source.pull(&queue_with(&[]), Duration::from_secs(60));
        assert_eq!(pulled, Pulled::Event(Event::Grant { grant: 1 }));
        assert!(
            source
                .waits
                .borrow()
                .iter()
                .skip(1)
                .all(|wait| *wait > Duration::from_secs(50))
        );
    }

    #[test]
    fn without_time_to_wait_there_is_one_look() {
        let source = Source::of([]);
        assert_eq!(source.pull(&queue_with(&[]), Duration::ZERO), Pulled::Nothing);
        assert_eq!(*source.waits.borrow(), [Duration::ZERO]);
    }

    #[test]
    fn strings_are_those_that_java_reads() {
        let text = str::to_owned;
        let strings = |pulled: Pulled| pulled.into_strings().map(|strings| strings.join("|"));
        let leader = |value: Option<&str>| Event::Leader {
            subscription: 3,
            value: value.map(str::to_owned),
        };
        let error = HaError::new(ErrorCode::Forbidden, "no");
        let revoke = Event::Revoke {
            grant: 2,
            cause: "stolen".to_owned(),
        };
        let unreferenced = Event::Unreferenced {
            config_map: text("c-0-config-map"),
            key: text("k"),
            pointer: text("p"),
        };
        for (pulled, expected) in [
            (Pulled::Event(Event::Grant { grant: 1 }), "grant|1"),
            (Pulled::Event(revoke), "revoke|2|stolen"),
            (Pulled::Event(leader(Some("u,a"))), "leader|3|u,a"),
            (Pulled::Event(leader(None)), "leader|3|"),
            (Pulled::Event(Event::Error(error)), "error|16|no"),
            (Pulled::Event(unreferenced), "unreferenced|c-0-config-map|k|p"),
            (Pulled::Closed, ""),
        ] {
            assert_eq!(strings(pulled).as_deref(), Some(expected));
        }
        assert_eq!(strings(Pulled::Nothing), None);
        let logs = queue_with(&["m"]);
        let log = strings(Source::of([]).pull(&logs, Duration::ZERO));
        assert_eq!(log.as_deref(), Some("log|ERROR|io.flinkkubeha.native.t|m"));
    }
}
