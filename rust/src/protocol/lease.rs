//! The three durations of leader election: what is configured, and what is done with it.

use std::fmt;
use std::time::Duration;

/// Flink's key of [`LeaseSettings::lease_duration`].
pub const LEASE_DURATION_KEY: &str = "high-availability.kubernetes.leader-election.lease-duration";
/// Flink's key of [`LeaseSettings::renew_deadline`].
pub const RENEW_DEADLINE_KEY: &str = "high-availability.kubernetes.leader-election.renew-deadline";
/// Flink's key of [`LeaseSettings::retry_period`].
pub const RETRY_PERIOD_KEY: &str = "high-availability.kubernetes.leader-election.retry-period";

/// The least that a leader's belief ends before the lease that it wrote.
const LEAST_MARGIN: Duration = Duration::from_secs(1);

/// Lease settings as Flink's configuration holds them (`KubernetesHighAvailabilityOptions`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseSettings {
    /// How long a candidate waits after the last change of the record before it takes the lock.
    pub lease_duration: Duration,
    /// How long a leader goes on without an acknowledged renewal.
    pub renew_deadline: Duration,
    /// How long a leader waits between renewals.
    pub retry_period: Duration,
}

impl Default for LeaseSettings {
    /// Flink's defaults: 15 s, 15 s, 5 s.
    fn default() -> Self {
        Self {
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(15),
            retry_period: Duration::from_secs(5),
        }
    }
}

/// Lease settings that can work: what the elector goes by.
///
/// The renew deadline is the *effective* one. Flink's default deadline equals the lease, which leaves no time between
/// the end of a leader's belief and the moment a rival may take over; so it is capped at lease − max(1 s, lease / 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseTimings {
    /// As configured.
    pub lease_duration: Duration,
    /// The configured deadline or, where that is too long to be safe, the lease without its margin.
    pub renew_deadline: Duration,
    /// As configured.
    pub retry_period: Duration,
}

impl LeaseSettings {
    /// Caps the deadline, and refuses settings under which no leader could live.
    ///
    /// # Errors
    /// A sentence that names key, value and remedy: a duration of zero, a lease that is all margin, or a retry period
    /// that does not fit into the effective deadline.
    pub fn validate(&self) -> Result<LeaseTimings, LeaseSettingsError> {
        let Self {
            lease_duration,
            renew_deadline,
            retry_period,
        } = *self;
        for (key, duration) in [
            (LEASE_DURATION_KEY, lease_duration),
            (RENEW_DEADLINE_KEY, renew_deadline),
            (RETRY_PERIOD_KEY, retry_period),
        ] {
            if duration.is_zero() {
                return Err(LeaseSettingsError::Zero { key });
            }
        }
        let longest_deadline = lease_duration.saturating_sub(LEAST_MARGIN.max(lease_duration / 10));
        if longest_deadline.is_zero() {
            return Err(LeaseSettingsError::LeaseWithinMargin { lease_duration });
        }
        let effective = renew_deadline.min(longest_deadline);
        if retry_period >= effective {
            return Err(LeaseSettingsError::RetryPeriodTooLong {
                retry_period,
                effective_deadline: effective,
            });
        }
        Ok(LeaseTimings {
            lease_duration,
            renew_deadline: effective,
            retry_period,
        })
    }
}

/// Why lease settings cannot work. [`Display`](fmt::Display) is one sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseSettingsError {
    /// A duration is zero.
    Zero {
        /// The key that holds it.
        key: &'static str,
    },
    /// Nothing of the lease is left once the margin is taken off.
    LeaseWithinMargin {
        /// The configured lease.
        lease_duration: Duration,
    },
    /// The first renewal would come after the deadline.
    RetryPeriodTooLong {
        /// The configured retry period.
        retry_period: Duration,
        /// The deadline that it has to stay below.
        effective_deadline: Duration,
    },
}

impl fmt::Display for LeaseSettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero { key } => write!(
                f,
                "{key} is 0 s, with which no leader can be elected: remove it to get Flink's default, or set a duration above zero."
            ),
            Self::LeaseWithinMargin { lease_duration } => write!(
                f,
                "{LEASE_DURATION_KEY} is {lease_duration:?}, but a leader must step down {LEAST_MARGIN:?} before its lease ends: set it to several seconds, \
                 for example Flink's default of 15 s."
            ),
            Self::RetryPeriodTooLong {
                retry_period,
                effective_deadline,
            } => write!(
                f,
                "{RETRY_PERIOD_KEY} is {retry_period:?}, but a renewal must be possible within {effective_deadline:?} ({RENEW_DEADLINE_KEY}, at most \
                 {LEASE_DURATION_KEY} less its margin): set it to at most {:?}, a third of that, or raise the other two.",
                *effective_deadline / 3
            ),
        }
    }
}

impl std::error::Error for LeaseSettingsError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn settings(lease: u64, deadline: u64, retry: u64) -> LeaseSettings {
        LeaseSettings {
            lease_duration: Duration::from_millis(lease),
            renew_deadline: Duration::from_millis(deadline),
            retry_period: Duration::from_millis(retry),
        }
    }

    #[test]
    fn flinks_defaults_work_with_a_margin() {
        let timings = LeaseSettings::default().validate().unwrap();
        assert_eq!(timings.lease_duration, Duration::from_secs(15));
        assert_eq!(timings.renew_deadline, Duration::from_millis(13_500));
        assert_eq!(timings.retry_period, Duration::from_secs(5));
    }

    #[test]
    fn a_deadline_with_margin_stays_as_configured() {
        assert_eq!(
            settings(15_000, 10_000, 2_000).validate().unwrap().renew_deadline,
            Duration::from_secs(10)
        );
        assert_eq!(
            settings(60_000, 59_000, 2_000).validate().unwrap().renew_deadline,
            Duration::from_secs(54)
        );
        assert_eq!(
            settings(3_000, 3_000, 500).validate().unwrap().renew_deadline,
            Duration::from_secs(2)
        );
        assert_eq!(
            settings(15_000, 40_000, 5_000).validate().unwrap().renew_deadline,
            Duration::from_millis(13_500)
        );
    }

    #[test]
    fn settings_that_cannot_work_are_refused_with_key_value_and_remedy() {
        for (settings, parts) in [
            (
                settings(0, 15_000, 5_000),
                [LEASE_DURATION_KEY, "is 0 s", "set a duration above zero"],
            ),
            (settings(15_000, 0, 5_000), [RENEW_DEADLINE_KEY, "is 0 s", "remove it"]),
            (settings(15_000, 15_000, 0), [RETRY_PERIOD_KEY, "is 0 s", "remove it"]),
            (
                settings(1_000, 1_000, 100),
                [LEASE_DURATION_KEY, "is 1s", "set it to several seconds"],
            ),
            (
                settings(15_000, 15_000, 13_500),
                [RETRY_PERIOD_KEY, "is 13.5s", "set it to at most 4.5s"],
            ),
            (settings(15_000, 5_000, 5_000), [RETRY_PERIOD_KEY, "is 5s", "within 5s"]),
        ] {
            let sentence = settings.validate().unwrap_err().to_string();
            for part in parts {
                assert!(sentence.contains(part), "{part:?} is not in {sentence:?}");
            }
            assert_eq!(sentence.matches(". ").count(), 0, "more than one sentence: {sentence}");
            assert!(sentence.ends_with('.'), "{sentence}");
        }
    }

    proptest! {
        #[test]
        fn accepted_timings_leave_a_margin_and_room_for_a_renewal(lease in 0_u64..100_000, deadline in 0_u64..100_000, retry in 0_u64..100_000) {
            if let Ok(timings) = settings(lease, deadline, retry).validate() {
                prop_assert!(timings.retry_period < timings.renew_deadline);
                prop_assert!(timings.renew_deadline <= Duration::from_millis(deadline));
                let margin = timings.lease_duration.saturating_sub(timings.renew_deadline);
                prop_assert!(margin >= LEAST_MARGIN && margin >= timings.lease_duration / 10);
            }
        }
    }
}
