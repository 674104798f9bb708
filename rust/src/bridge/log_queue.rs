//! Log records on their way to Java.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::native_bindings;
use crate::error::{ErrorCode, HaError};

/// The crate's own name, with which the targets of its records begin.
const CRATE: &str = "flinkkubeha";
/// What stands in its place in the names of Java's loggers.
const LOGGER: &str = "io.flinkkubeha.native";
/// How many records wait at most.
const CAPACITY: usize = 1_024;
/// Longer messages are cut, so that the memory for waiting records is bounded.
const MESSAGE_BYTES: usize = 16 * 1_024;

/// Records of the whole library. Any session's pump takes them.
pub(super) static LOG_QUEUE: LogQueue = LogQueue::new(CAPACITY, native_bindings::wake_pumps);

/// A record as Java gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogRecord {
    pub(super) level: Level,
    /// The name of a logger.
    pub(super) target: String,
    pub(super) message: String,
}

/// Makes the queue the logger of this library.
pub(super) fn install() {
    // Fails when another class loader has loaded this very copy before: then it is the logger already.
    if log::set_logger(&LOG_QUEUE).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}

/// Sets the most verbose level that is recorded: off, error, warn, info, debug or trace, in any case.
pub(super) fn set_level(level: &str) -> Result<(), HaError> {
    let filter = level.parse().map_err(|_| {
        let message = format!("{level} is no log level; use off, error, warn, info, debug or trace.");
        HaError::new(ErrorCode::InvalidSetting, message)
    })?;
    log::set_max_level(filter);
    Ok(())
}

/// Records a panic, from wherever it happens: when it is inside the queue, it is not recorded.
pub(super) fn record_panic(description: &str) {
    if let Ok(mut state) = LOG_QUEUE.state.try_lock() {
        let (target, message) = (LOGGER.to_owned(), description.to_owned());
        state.push(
            LogRecord {
                level: Level::Error,
                target,
                message,
            },
            CAPACITY,
        );
    }
}

/// A queue that forgets the least important when it is full, and counts that.
pub(super) struct LogQueue {
    capacity: usize,
    /// Called when a record comes into the empty queue.
    wake: fn(),
    state: Mutex<State>,
}

struct State {
    records: VecDeque<LogRecord>,
    dropped: usize,
}

impl LogQueue {
    pub(super) const fn new(capacity: usize, wake: fn()) -> Self {
        let state = State {
            records: VecDeque::new(),
            dropped: 0,
        };
        Self {
            capacity,
            wake,
            state: Mutex::new(state),
        }
    }

    /// Takes a record in, whatever the most verbose level is.
    pub(super) fn record(&self, record: &Record<'_>) {
        let Some(level) = importance(record.metadata()) else {
            return;
        };
        let mut message = record.args().to_string();
        if message.len() > MESSAGE_BYTES {
            let mut ends = (0..=MESSAGE_BYTES).rev();
            let end = ends.find(|end| message.is_char_boundary(*end));
            message.truncate(end.unwrap_or_default());
        }
        let target = logger_name(record.target());
        let mut state = self.lock();
        let was_empty = state.records.is_empty();
        state.push(LogRecord { level, target, message }, self.capacity);
        drop(state);
        if was_empty {
            (self.wake)();
        }
    }

    /// The record that has waited longest, after word of those that were dropped.
    pub(super) fn take(&self) -> Option<LogRecord> {
        let mut state = self.lock();
        let dropped = std::mem::take(&mut state.dropped);
        if dropped == 0 {
            return state.records.pop_front();
        }
        Some(LogRecord {
            level: Level::Warn,
            target: LOGGER.to_owned(),
            message: format!("{dropped} log records were dropped, because they were not taken in time."),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A record is in the queue or not, whoever panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, record: LogRecord, capacity: usize) {
        if self.records.len() >= capacity {
            self.dropped += 1;
            // The oldest of the least important; `Level::Trace` is the greatest.
            let least = self
                .records
                .iter()
                .enumerate()
                .rev()
                .max_by_key(|(_, record)| record.level);
            match least {
                Some((index, least)) if least.level >= record.level => {
                    drop(self.records.remove(index));
                }
                _ => return,
            }
        }
        self.records.push_back(record);
    }
}

impl Log for LogQueue {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        importance(metadata).is_some_and(|level| level <= log::max_level())
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.record(record);
        }
    }

    fn flush(&self) {}
}

/// The level that a record counts as, or `None` when it is never taken. A library's warning is a detail of what our own code copes with
/// or tells with what it means; what libraries tell below that can hold requests and what is in them.
fn importance(metadata: &Metadata<'_>) -> Option<Level> {
    match metadata.level() {
        level if metadata.target().starts_with(CRATE) => Some(level),
        Level::Error | Level::Warn => Some(Level::Debug),
        _ => None,
    }
}

/// `flinkkubeha::cluster::watch` is `io.flinkkubeha.native.cluster.watch`; a library's module follows the prefix as a whole.
fn logger_name(target: &str) -> String {
    let path = target.strip_prefix(CRATE).map(|path| path.trim_start_matches("::"));
    match path.unwrap_or(target).replace("::", ".") {
        path if path.is_empty() => LOGGER.to_owned(),
        path => format!("{LOGGER}.{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(queue: &LogQueue, level: Level, target: &str, message: &str) {
        queue.log(
            &Record::builder()
                .level(level)
                .target(target)
                .args(format_args!("{message}"))
                .build(),
        );
    }

    fn drain(queue: &LogQueue) -> Vec<String> {
        std::iter::from_fn(|| queue.take())
            .map(|record| record.message)
            .collect()
    }

    // One test: the most verbose level belongs to the whole process.
    #[test]
    fn records_are_taken_in_order_and_the_least_important_are_dropped() {
        log::set_max_level(LevelFilter::Debug);
        let queue = LogQueue::new(4, || {});
        let own = "flinkkubeha::a";
        for (level, message) in [(Level::Info, "a"), (Level::Debug, "b"), (Level::Info, "c")] {
            log(&queue, level, own, message);
        }
        log(&queue, Level::Trace, own, "more than was asked for");
        assert_eq!(drain(&queue), ["a", "b", "c"]);

        for (level, message) in [
            (Level::Warn, "a"),
            (Level::Debug, "b"),
            (Level::Info, "c"),
            (Level::Debug, "d"),
            (Level::Info, "e"),
            (Level::Error, "f"),
            (Level::Debug, "g"),
        ] {
            log(&queue, level, own, message);
        }
        let told = "3 log records were dropped, because they were not taken in time.";
        assert_eq!(drain(&queue), [told, "a", "c", "e", "f"]);

        // A library's warning is a detail, and the rest of what it tells is nothing to us.
        log(&queue, Level::Info, "hyper::client", "a payload");
        log(&queue, Level::Warn, "hyper::client", "a warning");
        assert_eq!(drain(&queue), ["a warning"]);

        log(&queue, Level::Info, own, &"\u{1f980}".repeat(MESSAGE_BYTES));
        assert_eq!(queue.take().map(|record| record.message.len()), Some(MESSAGE_BYTES));

        assert_eq!(set_level("WARN"), Ok(()));
        log(&queue, Level::Info, own, "less than was asked for");
        assert_eq!(drain(&queue), [""; 0]);
        let error = set_level("loud").map_err(|error| error.code);
        assert_eq!(error, Err(ErrorCode::InvalidSetting));
        log::set_max_level(LevelFilter::Off);
    }

    #[test]
    fn targets_become_names_of_loggers() {
        for (target, name) in [
            ("flinkkubeha::cluster::watch", "io.flinkkubeha.native.cluster.watch"),
            ("flinkkubeha", "io.flinkkubeha.native"),
            ("kube_client::client", "io.flinkkubeha.native.kube_client.client"),
        ] {
            assert_eq!(logger_name(target), name);
        }
    }
}
