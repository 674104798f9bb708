//! Bytes, shares and spans of time, for people.

use std::time::Duration;

use flinkkubeha::protocol::config_map::DATA_BYTES_LIMIT;

/// For example `814 B`, `12.3 kB`, `1.05 MB`: three digits, in powers of 1,000.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    #[allow(clippy::cast_precision_loss)] // Three digits are shown.
    let mut scaled = count as f64 / 1000.0;
    let mut unit = "kB";
    for larger in &UNITS[1..] {
        if scaled < 999.5 {
            break;
        }
        scaled /= 1000.0;
        unit = larger;
    }
    let digits = if scaled < 9.995 { 2 } else { usize::from(scaled < 99.95) };
    format!("{scaled:.digits$} {unit}")
}

/// How much of what Kubernetes takes, in percent.
pub(crate) fn share_of_limit(bytes: usize) -> f64 {
    #[allow(clippy::cast_precision_loss)] // Of a MiB.
    let share = bytes as f64 * 100.0 / DATA_BYTES_LIMIT as f64;
    (share * 10.0).round() / 10.0
}

/// For example `4 s`, `3 min`, `7 h`, `12 d`: the largest unit that it has two of, cut.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Reads `90s`, `15 min`, `2h`, `1d`.
pub(crate) fn read_span(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let scale = match unit.trim() {
        "s" => 1,
        "min" | "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(format!("{text:?} has no unit: write it like 90s, 15min, 2h or 1d")),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| format!("{text:?} is not a duration: write it like 90s, 15min, 2h or 1d"))?;
    Ok(Duration::from_secs(number.saturating_mul(scale)))
}

/// A duration as Flink's configuration holds it: `15 s`, `15000 ms`, `2 min`, `15` (milliseconds), `PT15S`.
pub(crate) fn read_flink_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (text, is_iso) = match text.strip_prefix("PT") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().ok()?;
    let millis = match (unit.trim(), is_iso) {
        ("" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds", false) => 1,
        ("s" | "sec" | "secs" | "second" | "seconds", false) | ("S", true) => 1_000,
        ("m" | "min" | "minute" | "minutes", false) | ("M", true) => 60_000,
        ("h" | "hour" | "hours", false) | ("H", true) => 3_600_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.checked_mul(millis)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (12_345, "12.3 kB"),
            (999_499, "999 kB"),
            (999_500, "1.00 MB"),
            (1_048_576, "1.05 MB"),
            (9_994_000_000, "9.99 GB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn shares_are_those_of_a_mebibyte() {
        assert!((share_of_limit(1 << 19) - 50.0).abs() < 0.01);
        assert!((share_of_limit(0)).abs() < 0.01);
    }

    #[test]
    fn spans_are_cut_to_their_largest_unit() {
        for (seconds, text) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (200_000, "2 d"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn durations_of_flink_are_read() {
        for (text, millis) in [
            ("15 s", 15_000),
            ("15s", 15_000),
            ("1500", 1_500),
            ("2 min", 120_000),
            ("PT15S", 15_000),
        ] {
            assert_eq!(read_flink_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "15 days ago", "PT15", "-1 s"] {
            assert_eq!(read_flink_duration(text), None, "{text}");
        }
    }

    #[test]
    fn spans_are_read_with_their_unit() {
        for (text, seconds) in [("90s", 90), ("15 min", 900), ("2h", 7_200), ("1d", 86_400)] {
            assert_eq!(read_span(text), Ok(Duration::from_secs(seconds)));
        }
        for text in ["", "5", "h", "1.5h", "-1s"] {
            assert!(read_span(text).is_err(), "{text}");
        }
    }
}
