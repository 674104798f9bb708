//! Points in time, as numbers that are passed in.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

/// A reading of `CLOCK_BOOTTIME`: it goes on in suspend and is never set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootTime(Duration);

impl BootTime {
    /// The reading that stands this long after the boot.
    #[must_use]
    pub const fn from_duration(since_boot: Duration) -> Self {
        Self(since_boot)
    }

    /// Time since the boot.
    #[must_use]
    pub const fn since_boot(self) -> Duration {
        self.0
    }

    /// Time that passed since `earlier`, or zero when `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for BootTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

/// Wall-clock time in microseconds since the Unix epoch: written into records, never compared.
///
/// Its text is the pattern that fabric8's `LeaderElectionRecord` declares, `yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'` in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(i64);

impl WallTime {
    /// The time that stands this many microseconds after the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Reads exactly the form that [`Display`](fmt::Display) writes: six fraction digits and `Z`, as stock insists on.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        const SHAPE: &[u8] = b"0000-00-00T00:00:00.000000Z";
        let fits = text.len() == SHAPE.len()
            && text.bytes().zip(SHAPE).all(|(byte, shape)| {
                if *shape == b'0' {
                    byte.is_ascii_digit()
                } else {
                    byte == *shape
                }
            });
        if !fits {
            return None;
        }
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second, micros) = (number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 26)?);
        let exists = (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        let seconds = days_before(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
        exists.then_some(Self(seconds * MICROS_PER_SECOND + micros))
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.div_euclid(MICROS_PER_SECOND);
        let (year, month, day) = civil_date(seconds.div_euclid(SECONDS_PER_DAY));
        let second_of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
        let micros = self.0.rem_euclid(MICROS_PER_SECOND);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
        )
    }
}

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01. Years are counted from March, so that the leap day is the last day of its year.
const EPOCH_DAY: i64 = 719_468;
const DAYS_PER_ERA: i64 = 146_097;

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the Unix epoch to this date of the proleptic Gregorian calendar.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let (march_year, march_month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = march_year.div_euclid(4) - march_year.div_euclid(100) + march_year.div_euclid(400);
    march_year * 365 + leap_days + days_before_march_month(march_month) + day - 1 - EPOCH_DAY
}

/// Days from the first of March to the first of the month that stands this many months later.
/// Five months from March are 153 days, and so are the next five.
fn days_before_march_month(march_month: i64) -> i64 {
    (153 * march_month + 2) / 5
}

/// The date that stands this many days after the Unix epoch.
fn civil_date(days: i64) -> (i64, i64, i64) {
    let since_march = days + EPOCH_DAY;
    let (era, day_of_era) = (
        since_march.div_euclid(DAYS_PER_ERA),
        since_march.rem_euclid(DAYS_PER_ERA),
    );
    // Every 4th, but not every 100th, and the last of 400 years has a 366th day.
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (year_of_era * 365 + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - days_before_march_month(march_month) + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wall_time_reads_and_writes_the_form_of_the_record() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_795_172_523_123_456, "2026-11-20T11:02:03.123456Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (4_107_542_399_999_999, "2100-02-28T23:59:59.999999Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
            (-62_167_219_200_000_000, "0000-01-01T00:00:00.000000Z"),
            (253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(WallTime::from_micros(micros).to_string(), text);
            assert_eq!(WallTime::parse(text), Some(WallTime::from_micros(micros)), "{text}");
        }
    }

    #[test]
    fn wall_time_refuses_every_other_form() {
        for text in [
            "",
            "2026-11-20T11:02:03Z",
            "2026-11-20T11:02:03.123Z",
            "2026-11-20T11:02:03.123456789Z",
            "2026-11-20T11:02:03.123456",
            "2026-11-20T11:02:03.123456+00:00",
            "2026-11-20T11:02:03.123456z",
            "2026-11-20 11:02:03.123456Z",
            "2026-11-20T11:02:03,123456Z",
            " 2026-11-20T11:02:03.12345Z",
            "+026-11-20T11:02:03.123456Z",
            "2026-13-20T11:02:03.123456Z",
            "2026-00-20T11:02:03.123456Z",
            "2026-02-29T11:02:03.123456Z",
            "2100-02-29T11:02:03.123456Z",
            "2026-11-31T11:02:03.123456Z",
            "2026-11-20T24:00:00.000000Z",
            "2026-11-20T11:60:03.123456Z",
            "2026-11-20T11:02:60.123456Z",
            "2026-11-20T11:02:03.12345Ä",
        ] {
            assert_eq!(WallTime::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn wall_time_survives_the_round_trip(micros in -62_167_219_200_000_000_i64..=253_402_300_799_999_999) {
            let time = WallTime::from_micros(micros);
            prop_assert_eq!(WallTime::parse(&time.to_string()), Some(time));
        }

        #[test]
        fn the_day_after_is_the_next_date(days in -719_000_i64..2_900_000) {
            let (year, month, day) = civil_date(days);
            prop_assert_eq!(days_before(year, month, day), days);
            let next = if day < days_in_month(year, month) { (year, month, day + 1) } else if month < 12 { (year, month + 1, 1) } else { (year + 1, 1, 1) };
            prop_assert_eq!(civil_date(days + 1), next);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in ".*") {
            let _ = WallTime::parse(&text);
        }
    }

    #[test]
    fn boot_time_never_runs_below_zero_or_over() {
        let early = BootTime::from_duration(Duration::from_secs(1));
        let late = early + Duration::from_secs(2);
        assert_eq!(late.saturating_since(early), Duration::from_secs(2));
        assert_eq!(early.saturating_since(late), Duration::ZERO);
        assert_eq!((late + Duration::MAX).since_boot(), Duration::MAX);
    }
}
