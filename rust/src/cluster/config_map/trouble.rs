//! One log line for a failure that lasts, not one for each attempt.

use std::time::Duration;

use log::{info, warn};

use crate::protocol::time::BootTime;

const FIRST_REPORT: Duration = Duration::from_secs(2);
const NEXT_REPORTS: Duration = Duration::from_secs(30);

/// Follows an operation that is repeated until it succeeds.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    since: Option<BootTime>,
    reported: Option<BootTime>,
    last: Option<String>,
}

impl Trouble {
    /// Notes a failure; warns once it has lasted, and from then on every 30 s.
    pub(crate) fn failed(&mut self, now: BootTime, what: &str, why: &str) {
        let since = *self.since.get_or_insert(now);
        self.last = Some(why.to_owned());
        let lasted = now.saturating_since(since);
        let due = match self.reported {
            None => lasted >= FIRST_REPORT,
            Some(reported) => now.saturating_since(reported) >= NEXT_REPORTS,
        };
        if due {
            self.reported = Some(now);
            warn!(
                "{what} has been failing for {:.1} s and is tried again: {why}",
                lasted.as_secs_f64()
            );
        }
    }

    /// Notes a success; says so if the failure had been reported.
    pub(crate) fn succeeded(&mut self, now: BootTime, what: &str) {
        if let (Some(since), Some(_)) = (self.since, self.reported) {
            info!(
                "{what} works again after {:.1} s.",
                now.saturating_since(since).as_secs_f64()
            );
        }
        *self = Self::default();
    }

    /// The last failure.
    pub(crate) fn last(&self) -> Option<&str> {
        self.last.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> BootTime {
        BootTime::from_duration(Duration::from_secs(seconds))
    }

    #[test]
    fn a_failure_is_reported_once_it_has_lasted_and_then_now_and_then() {
        let mut trouble = Trouble::default();
        let mut reports = Vec::new();
        for second in 0..70 {
            trouble.failed(at(second), "Writing", "refused");
            if trouble.reported == Some(at(second)) {
                reports.push(second);
            }
        }
        assert_eq!(reports, [2, 32, 62]);
        assert_eq!(trouble.last(), Some("refused"));
    }

    #[test]
    fn a_success_is_a_new_beginning() {
        let mut trouble = Trouble::default();
        trouble.failed(at(0), "Writing", "refused");
        trouble.succeeded(at(1), "Writing");
        assert_eq!(trouble.last(), None);
        trouble.failed(at(3), "Writing", "reset");
        assert_eq!(trouble.reported, None);
    }
}
