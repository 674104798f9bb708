//! What the library logs: errors are bugs, and a failed run can be looked at.

use std::cell::RefCell;

use log::{Level, LevelFilter, Log, Metadata, Record};
use tokio::time::Instant;

thread_local! {
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
}

#[derive(Default)]
struct Run {
    shown: bool,
    start: Option<Instant>,
    wrong: Vec<(Level, String)>,
}

/// Warnings of what happens in no run unless somebody damages the cluster map.
const FALSE_ALARMS: [&str; 3] = [
    "Writing the lock again",
    "was changed by someone else and is put right",
    "is not in what the API server has stored",
];

struct Logger;

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let ours = metadata.target().starts_with("flinkkubeha") || metadata.target().starts_with("simulation");
        ours && (metadata.level() <= Level::Warn || RUN.with_borrow(|run| run.as_ref().is_some_and(|run| run.shown)))
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        RUN.with_borrow_mut(|run| {
            let Some(run) = run else { return };
            if run.shown {
                // Outside a runtime there is no paused time.
                let start = *run.start.get_or_insert_with(Instant::now);
                println!(
                    "{:9.3} {:5} {}",
                    start.elapsed().as_secs_f64(),
                    record.level(),
                    record.args()
                );
            }
            let text = record.args().to_string();
            let false_alarm = FALSE_ALARMS.iter().any(|alarm| text.contains(alarm));
            if record.level() == Level::Error || record.level() == Level::Warn && false_alarm {
                run.wrong.push((record.level(), text));
            }
        });
    }

    fn flush(&self) {}
}

/// Runs with this thread's log records watched; answers what was wrong in them, too: errors, and warnings of what
/// happens only where somebody damages the cluster map.
pub fn watched<T>(shown: bool, work: impl FnOnce() -> T) -> (T, Vec<(Level, String)>) {
    static LOGGER: Logger = Logger;
    // Set by the first run.
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(if shown { LevelFilter::Trace } else { LevelFilter::Warn });
    RUN.set(Some(Run {
        shown,
        ..Run::default()
    }));
    let outcome = work();
    let run = RUN.take().unwrap_or_default();
    (outcome, run.wrong)
}
