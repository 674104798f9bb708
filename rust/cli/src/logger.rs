//! Warnings of the library, on standard error.

use log::{Level, LevelFilter, Log, Metadata, Record};

struct Warnings;

static WARNINGS: Warnings = Warnings;

pub(crate) fn install() {
    // A second logger cannot be there: nothing ran before.
    if log::set_logger(&WARNINGS).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}

impl Log for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn && metadata.target().starts_with("flinkkubeha")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            anstream::eprintln!("warning: {}", record.args());
        }
    }

    fn flush(&self) {}
}
