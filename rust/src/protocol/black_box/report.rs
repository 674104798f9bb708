//! The black box for people. Names of objects, codes and times: no token, no payload, no path.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::cause::LossCause;
use super::event::Entry;

/// So many events stand in the report of a loss; it has to fit into one record of the log.
const EVENTS_IN_REPORT: usize = 40;
/// Of each line, what is more is cut: some bear the texts of others.
const LONGEST_LINE: usize = 240;

/// A leadership that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Why.
    pub cause: LossCause,
    /// How long a write of the lock has been waiting for its answer.
    pub unanswered: Option<Duration>,
    /// What led to it, oldest first, and the loss itself.
    pub events: Vec<Entry>,
}

impl fmt::Display for Loss {
    /// Lines, each after a line break.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.events.len().min(EVENTS_IN_REPORT);
        for entry in self.events.iter().skip(self.events.len() - shown) {
            write!(f, "\n  {}", line(entry))?;
        }
        if let Some(unanswered) = self.unanswered {
            let seconds = unanswered.as_secs_f64();
            write!(
                f,
                "\n  a write of the lock has been under way for {seconds:.1} s without an answer"
            )?;
        }
        Ok(())
    }
}

/// Everything that was kept, a line for each event.
#[must_use]
pub fn describe(entries: &[Entry]) -> String {
    entries.iter().fold(String::new(), |mut text, entry| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", line(entry));
        text
    })
}

/// `2026-11-21T22:10:01.123456Z  lease 2.3 s  update c-cluster-config-map: 200, version 12, 2.1 ms`
fn line(entry: &Entry) -> String {
    let age = entry.lease_age.map_or_else(
        || "no lease".to_owned(),
        |age| format!("lease {:.1} s", age.as_secs_f64()),
    );
    let mut line = format!("{}  {age:<12}  {}", entry.wall, entry.event);
    line.retain(|c| !c.is_control());
    if let Some((end, _)) = line.char_indices().nth(LONGEST_LINE) {
        line.truncate(end);
        line.push('…');
    }
    line
}
