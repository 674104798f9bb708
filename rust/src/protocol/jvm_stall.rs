//! How long a JVM may stand still before its process leads no more.

use std::fmt;
use std::time::Duration;

/// Our key of the time without a sign of life.
pub const JVM_STALL_TIMEOUT_KEY: &str = "high-availability.native.jvm-stall-timeout";

/// A time without a sign of life that cannot work. [`Display`](fmt::Display) is one sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JvmStallError {
    timeout: Duration,
    lease_duration: Duration,
}

/// Refuses a time that is shorter than the lease: renewals are to outlive the pauses of a JVM, not to end before the lease would.
pub fn checked(timeout: Duration, lease_duration: Duration) -> Result<Duration, JvmStallError> {
    if timeout.is_zero() || timeout < lease_duration {
        return Err(JvmStallError {
            timeout,
            lease_duration,
        });
    }
    Ok(timeout)
}

impl fmt::Display for JvmStallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            timeout,
            lease_duration,
        } = self;
        write!(
            f,
            "{JVM_STALL_TIMEOUT_KEY} is {timeout:?}, but a leader whose JVM pauses must be kept for a lease ({lease_duration:?}) at least: set it to a \
             longer duration, or remove it to get the default of 60 s."
        )
    }
}

impl std::error::Error for JvmStallError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LEASE: Duration = Duration::from_secs(15);

    #[test]
    fn a_lease_or_more_is_accepted() {
        for timeout in [LEASE, Duration::from_secs(60)] {
            assert_eq!(checked(timeout, LEASE), Ok(timeout));
        }
    }

    #[test]
    fn less_is_refused_with_key_value_and_remedy() {
        for (timeout, value) in [(Duration::ZERO, "is 0ns"), (Duration::from_secs(10), "is 10s")] {
            let sentence = checked(timeout, LEASE).unwrap_err().to_string();
            for part in [JVM_STALL_TIMEOUT_KEY, value, "(15s)", "set it to a longer duration"] {
                assert!(sentence.contains(part), "{part:?} is not in {sentence:?}");
            }
            assert!(!sentence.contains(". ") && sentence.ends_with('.'), "{sentence}");
        }
    }
}
