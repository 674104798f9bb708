//! The lock: the record in an annotation of the cluster `ConfigMap`, in the forms that stock Flink writes and reads.
//!
//! Stock's record is fabric8's `LeaderElectionRecord`. Stock stops electing beside a record that it cannot read, and an
//! unknown field is enough; so what is written here is stock's text byte for byte, and what stock would refuse is
//! [`LockView::Broken`] here too. (Jackson also coerces a number to a holder and a text to a count, and skips what
//! follows the object; nothing writes such records, and here they are broken.)

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use super::time::WallTime;

/// The annotation that holds the record (`LeaderElectionRecord` under client-go's key).
pub const LOCK_ANNOTATION: &str = "control-plane.alpha.kubernetes.io/leader";

const HOLDER_IDENTITY: &str = "holderIdentity";
const LEASE_DURATION: &str = "leaseDuration";
const ACQUIRE_TIME: &str = "acquireTime";
const RENEW_TIME: &str = "renewTime";
const LEADER_TRANSITIONS: &str = "leaderTransitions";

/// How the running Flink line writes `leaseDuration`. Every line reads both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeaseFormat {
    /// `15.000000000`, written by Flink 1.19 and 1.20.
    Number,
    /// `"PT15S"`, written by Flink 2.x.
    Iso,
}

/// Who holds the lock, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LockRecord {
    /// The holder's identity, a UUID per process; empty for a lock that is free.
    pub holder_identity: String,
    /// The lease that the holder wrote.
    pub lease_duration: Duration,
    /// When the holder took the lock, on its wall clock.
    pub acquire_time: WallTime,
    /// When the holder last renewed it, on its wall clock.
    pub renew_time: WallTime,
    /// How often the lock changed hands since the `ConfigMap` was created: 32 bits in stock.
    pub leader_transitions: i64,
}

impl LockRecord {
    /// Whether nobody holds the lock.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.holder_identity.is_empty()
    }

    /// The text that stock of this line would write, byte for byte.
    #[must_use]
    pub fn to_json(&self, format: LeaseFormat) -> String {
        let holder = Value::from(self.holder_identity.as_str());
        let lease = match format {
            LeaseFormat::Number => format!(
                "{}.{:09}",
                self.lease_duration.as_secs(),
                self.lease_duration.subsec_nanos()
            ),
            LeaseFormat::Iso => format!("\"{}\"", iso_duration(self.lease_duration)),
        };
        let Self {
            acquire_time,
            renew_time,
            leader_transitions,
            ..
        } = self;
        format!(
            "{{\"{HOLDER_IDENTITY}\":{holder},\"{LEASE_DURATION}\":{lease},\"{ACQUIRE_TIME}\":\"{acquire_time}\",\
             \"{RENEW_TIME}\":\"{renew_time}\",\"{LEADER_TRANSITIONS}\":{leader_transitions}}}"
        )
    }

    /// Reads every form that stock reads; `None` for the texts that stock takes for "no record" (empty, `null`).
    ///
    /// # Errors
    /// What makes the text unreadable to stock.
    pub fn parse(text: &str) -> Result<Option<Self>, LockRecordError> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        match serde_json::from_str(text) {
            Ok(Value::Null) => Ok(None),
            Ok(Value::Object(fields)) => Self::from_fields(&fields).map(Some),
            _ => Err(LockRecordError::NotAnObject),
        }
    }

    fn from_fields(fields: &Map<String, Value>) -> Result<Self, LockRecordError> {
        const KNOWN: [&str; 5] = [
            HOLDER_IDENTITY,
            LEASE_DURATION,
            ACQUIRE_TIME,
            RENEW_TIME,
            LEADER_TRANSITIONS,
        ];
        if let Some(unknown) = fields.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(LockRecordError::UnknownField(unknown.clone()));
        }
        // Jackson gives an absent field and a null alike to the constructor, which insists on duration and times.
        let optional = |name| fields.get(name).filter(|value| !value.is_null());
        let required = |name, read: fn(&Value) -> Option<_>| {
            let value = optional(name).ok_or(LockRecordError::Missing(name))?;
            read(value).ok_or_else(|| LockRecordError::unreadable(name, value))
        };
        Ok(Self {
            holder_identity: match optional(HOLDER_IDENTITY) {
                None => String::new(),
                Some(Value::String(holder)) => holder.clone(),
                Some(value) => return Err(LockRecordError::unreadable(HOLDER_IDENTITY, value)),
            },
            lease_duration: match optional(LEASE_DURATION) {
                None => return Err(LockRecordError::Missing(LEASE_DURATION)),
                Some(value) => {
                    read_duration(value).ok_or_else(|| LockRecordError::unreadable(LEASE_DURATION, value))?
                }
            },
            acquire_time: required(ACQUIRE_TIME, read_time)?,
            renew_time: required(RENEW_TIME, read_time)?,
            leader_transitions: match optional(LEADER_TRANSITIONS) {
                None => 0,
                Some(value) => {
                    let transitions = value.as_i64().and_then(|number| i32::try_from(number).ok());
                    transitions
                        .ok_or_else(|| LockRecordError::unreadable(LEADER_TRANSITIONS, value))?
                        .into()
                }
            },
        })
    }
}

/// Why stock could not read a record. [`Display`](fmt::Display) is the reason as the end of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockRecordError {
    /// The text is not a JSON object. Beside such a text stock's election ends without a word.
    NotAnObject,
    /// A field that stock does not know, for which it refuses the whole record.
    UnknownField(String),
    /// A field without which stock refuses the record.
    Missing(&'static str),
    /// A value in a form that stock does not read.
    Unreadable {
        /// The field.
        field: &'static str,
        /// Its value, as JSON.
        value: String,
    },
}

impl LockRecordError {
    fn unreadable(field: &'static str, value: &Value) -> Self {
        Self::Unreadable {
            field,
            value: value.to_string(),
        }
    }
}

impl fmt::Display for LockRecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnObject => write!(f, "it is not a JSON object"),
            Self::UnknownField(name) => {
                write!(f, "it has the field {name:?}, which is not one of Flink's")
            }
            Self::Missing(name) => write!(f, "it has no {name}"),
            Self::Unreadable { field, value } => {
                write!(f, "its {field} is {value}, which Flink does not read")
            }
        }
    }
}

impl std::error::Error for LockRecordError {}

/// What the annotation of an existing `ConfigMap` says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LockView {
    /// There is no annotation, or it stands for "no record".
    Absent,
    /// The last holder released the lock.
    Free(LockRecord),
    /// Somebody holds the lock, or held it when it died.
    Held(LockRecord),
    /// A text that stock could not read either.
    Broken {
        /// The text.
        text: String,
        /// What is wrong with it, as the end of a sentence.
        reason: String,
    },
}

impl LockView {
    /// The view of this `ConfigMap`.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let annotation = object
            .get("metadata")
            .and_then(|metadata| metadata.get("annotations"))
            .and_then(|all| all.get(LOCK_ANNOTATION));
        match annotation {
            None | Some(Value::Null) => Self::Absent,
            Some(Value::String(text)) => Self::read(text),
            Some(other) => Self::Broken {
                text: other.to_string(),
                reason: "it is not a text".to_owned(),
            },
        }
    }

    /// The view of this annotation value.
    #[must_use]
    pub fn read(text: &str) -> Self {
        match LockRecord::parse(text) {
            Ok(None) => Self::Absent,
            Ok(Some(record)) if record.is_free() => Self::Free(record),
            Ok(Some(record)) => Self::Held(record),
            Err(reason) => Self::Broken {
                text: text.to_owned(),
                reason: reason.to_string(),
            },
        }
    }
}

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// `java.time.Duration.toString`: hours, minutes and seconds, each left out when zero, without trailing zeros.
fn iso_duration(duration: Duration) -> String {
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
    let part = |count: u64, unit: char| {
        if count > 0 {
            format!("{count}{unit}")
        } else {
            String::new()
        }
    };
    let whole = format!("PT{}{}", part(seconds / 3600, 'H'), part(seconds / 60 % 60, 'M'));
    if nanos > 0 {
        let fraction = format!("{nanos:09}");
        format!("{whole}{}.{}S", seconds % 60, fraction.trim_end_matches('0'))
    } else if seconds == 0 {
        "PT0S".to_owned()
    } else {
        whole + &part(seconds % 60, 'S')
    }
}

/// A number of seconds or an ISO text; a quoted number is neither. A negative duration, which stock reads and then
/// never looks at, counts as none.
fn read_duration(value: &Value) -> Option<Duration> {
    let nanos = match value {
        Value::Number(number) => decimal_nanos(&number.to_string())?,
        Value::String(text) => iso_nanos(text.trim())?,
        _ => return None,
    };
    let nanos = u128::try_from(nanos).unwrap_or(0);
    let seconds = u64::try_from(nanos / NANOS_PER_SECOND.unsigned_abs()).ok()?;
    u32::try_from(nanos % NANOS_PER_SECOND.unsigned_abs())
        .ok()
        .map(|nanos| Duration::new(seconds, nanos))
}

/// The text of [`WallTime`], or a number of seconds since the epoch, cut off below the microsecond.
fn read_time(value: &Value) -> Option<WallTime> {
    match value {
        Value::Number(number) => i64::try_from(decimal_nanos(&number.to_string())?.div_euclid(1_000))
            .ok()
            .map(WallTime::from_micros),
        Value::String(text) => WallTime::parse(text.trim()),
        _ => None,
    }
}

/// Nanoseconds in `[-+]digits[.digits]` seconds, cut off below the nanosecond.
fn decimal_nanos(text: &str) -> Option<i128> {
    let (negative, digits) = sign(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let nanos = format!("{fraction:0<9}").get(..9)?.parse::<i128>().ok()?;
    let total = i128::from(whole.parse::<i64>().ok()?) * NANOS_PER_SECOND + nanos;
    Some(if negative { -total } else { total })
}

/// Nanoseconds in a text that `java.time.Duration.parse` reads: `[-+]P[nD][T[nH][nM][n[.n]S]]`, in either case.
fn iso_nanos(text: &str) -> Option<i128> {
    let upper = text.to_ascii_uppercase();
    let (negative, rest) = sign(&upper);
    let rest = rest.strip_prefix('P')?;
    let (mut date, mut time) = match rest.split_once('T') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None if rest.is_empty() => return None,
        None => (rest, ""),
    };
    let mut total = take_component(&mut date, 'D', 86_400, 0)?;
    for (unit, seconds, fraction_digits) in [('H', 3_600, 0), ('M', 60, 0), ('S', 1, 9)] {
        total += take_component(&mut time, unit, seconds, fraction_digits)?;
    }
    (date.is_empty() && time.is_empty()).then_some(if negative { -total } else { total })
}

/// Takes the number before `unit` off the text: nothing when the unit does not occur, `None` when it is no number.
fn take_component(text: &mut &str, unit: char, seconds: i128, fraction_digits: usize) -> Option<i128> {
    let Some((number, rest)) = text.split_once(unit) else {
        return Some(0);
    };
    *text = rest;
    let number = if fraction_digits > 0 {
        number.replace(',', ".")
    } else {
        number.to_owned()
    };
    let fits = number
        .split_once('.')
        .is_none_or(|(_, fraction)| fraction_digits > 0 && fraction.len() <= fraction_digits);
    if fits {
        Some(decimal_nanos(&number)? * seconds)
    } else {
        None
    }
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const HOLDER: &str = "a528dd49-41de-4d28-919f-b8c786c312db";
    const NUMBER_GOLDEN: &str = r#"{"holderIdentity":"a528dd49-41de-4d28-919f-b8c786c312db","leaseDuration":15.000000000,"acquireTime":"2026-11-20T11:02:03.123456Z","renewTime":"2026-11-20T11:02:08.123456Z","leaderTransitions":3}"#;
    const ISO_GOLDEN: &str = r#"{"holderIdentity":"a528dd49-41de-4d28-919f-b8c786c312db","leaseDuration":"PT15S","acquireTime":"2026-11-20T11:02:03.123456Z","renewTime":"2026-11-20T11:02:08.123456Z","leaderTransitions":3}"#;
    const RELEASED_GOLDEN: &str = r#"{"holderIdentity":"","leaseDuration":"PT1S","acquireTime":"2026-11-20T11:02:03.123456Z","renewTime":"2026-11-20T11:02:03.123456Z","leaderTransitions":3}"#;

    fn record() -> LockRecord {
        LockRecord {
            holder_identity: HOLDER.to_owned(),
            lease_duration: Duration::from_secs(15),
            acquire_time: WallTime::parse("2026-11-20T11:02:03.123456Z").unwrap(),
            renew_time: WallTime::parse("2026-11-20T11:02:08.123456Z").unwrap(),
            leader_transitions: 3,
        }
    }

    /// The golden record with this field set, or removed.
    fn golden_with(field: &str, value: Option<Value>) -> String {
        let mut fields: Map<String, Value> = serde_json::from_str(ISO_GOLDEN).unwrap();
        match value {
            Some(value) => fields.insert(field.to_owned(), value),
            None => fields.remove(field),
        };
        Value::Object(fields).to_string()
    }

    fn read(field: &str, value: Value) -> LockRecord {
        LockRecord::parse(&golden_with(field, Some(value))).unwrap().unwrap()
    }

    fn reason(text: &str) -> String {
        match LockView::read(text) {
            LockView::Broken { text: kept, reason } => {
                assert_eq!(kept, text);
                reason
            }
            other => panic!("{text} was read as {other:?}"),
        }
    }

    #[test]
    fn writes_what_each_line_of_stock_writes() {
        assert_eq!(record().to_json(LeaseFormat::Number), NUMBER_GOLDEN);
        assert_eq!(record().to_json(LeaseFormat::Iso), ISO_GOLDEN);
        let released = LockRecord {
            holder_identity: String::new(),
            lease_duration: Duration::from_secs(1),
            renew_time: record().acquire_time,
            ..record()
        };
        assert_eq!(released.to_json(LeaseFormat::Iso), RELEASED_GOLDEN);
        assert_eq!(
            released.to_json(LeaseFormat::Number),
            RELEASED_GOLDEN.replace("\"PT1S\"", "1.000000000")
        );
    }

    #[test]
    fn writes_lease_durations_as_java_does() {
        for (millis, number, iso) in [
            (1_500, "1.500000000", "PT1.5S"),
            (1_000, "1.000000000", "PT1S"),
            (250, "0.250000000", "PT0.25S"),
            (60_000, "60.000000000", "PT1M"),
            (90_000, "90.000000000", "PT1M30S"),
            (60_001, "60.001000000", "PT1M0.001S"),
            (3_600_000, "3600.000000000", "PT1H"),
            (3_661_000, "3661.000000000", "PT1H1M1S"),
            (90_000_000, "90000.000000000", "PT25H"),
            (3_600_500, "3600.500000000", "PT1H0.5S"),
        ] {
            let record = LockRecord {
                lease_duration: Duration::from_millis(millis),
                ..record()
            };
            assert!(
                record
                    .to_json(LeaseFormat::Number)
                    .contains(&format!("\"leaseDuration\":{number},")),
                "{number}"
            );
            assert!(
                record
                    .to_json(LeaseFormat::Iso)
                    .contains(&format!("\"leaseDuration\":\"{iso}\",")),
                "{iso}"
            );
        }
        assert_eq!(iso_duration(Duration::ZERO), "PT0S");
        assert_eq!(iso_duration(Duration::from_nanos(1)), "PT0.000000001S");
    }

    #[test]
    fn reads_what_each_line_of_stock_writes() {
        for text in [NUMBER_GOLDEN, ISO_GOLDEN] {
            assert_eq!(LockView::read(text), LockView::Held(record()));
        }
        assert!(
            matches!(LockView::read(RELEASED_GOLDEN), LockView::Free(released) if released.lease_duration == Duration::from_secs(1))
        );
    }

    #[test]
    fn reads_every_form_of_a_lease_duration_that_stock_reads() {
        for (value, millis) in [
            (json!(15), 15_000),
            (json!(15.0), 15_000),
            (json!(1.5), 1_500),
            (json!(0), 0),
            (json!("PT15S"), 15_000),
            (json!("pt15s"), 15_000),
            (json!(" PT15S "), 15_000),
            (json!("PT1.5S"), 1_500),
            (json!("PT1,5S"), 1_500),
            (json!("PT1.S"), 1_000),
            (json!("PT1M30S"), 90_000),
            (json!("PT2H0.25S"), 7_200_250),
            (json!("P1D"), 86_400_000),
            (json!("P1DT1H1M1S"), 90_061_000),
            (json!("+PT15S"), 15_000),
            (json!("PT1M-30S"), 30_000),
            (json!("-PT-15S"), 15_000),
            (json!("PT0S"), 0),
            (json!("PT-15S"), 0),
            (json!(-15), 0),
        ] {
            assert_eq!(
                read(LEASE_DURATION, value.clone()).lease_duration,
                Duration::from_millis(millis),
                "{value}"
            );
        }
    }

    #[test]
    fn reads_times_as_seconds_since_the_epoch() {
        let text = r#"{"holderIdentity":"x","leaseDuration":15.000000000,"acquireTime":1795172523,"renewTime":1795172523.123456789,"leaderTransitions":3}"#;
        let read = LockRecord::parse(text).unwrap().unwrap();
        assert_eq!(read.acquire_time.to_string(), "2026-11-20T11:02:03.000000Z");
        assert_eq!(read.renew_time.to_string(), "2026-11-20T11:02:03.123456Z");
    }

    #[test]
    fn reads_missing_fields_as_stock_does() {
        let without = |field| LockView::read(&golden_with(field, None));
        assert!(matches!(without(LEADER_TRANSITIONS), LockView::Held(record) if record.leader_transitions == 0));
        assert!(matches!(without(HOLDER_IDENTITY), LockView::Free(_)));
        assert!(matches!(
            LockView::read(&golden_with(HOLDER_IDENTITY, Some(Value::Null))),
            LockView::Free(_)
        ));
        for field in [LEASE_DURATION, ACQUIRE_TIME, RENEW_TIME] {
            assert_eq!(reason(&golden_with(field, None)), format!("it has no {field}"));
            assert_eq!(
                reason(&golden_with(field, Some(Value::Null))),
                format!("it has no {field}")
            );
        }
        assert!(reason("{}").starts_with("it has no "));
    }

    #[test]
    fn reads_fields_in_any_order() {
        let text = r#"{"renewTime":"2026-11-20T11:02:08.123456Z","leaderTransitions":3,"leaseDuration":15,"acquireTime":"2026-11-20T11:02:03.123456Z","holderIdentity":"a528dd49-41de-4d28-919f-b8c786c312db"}"#;
        assert_eq!(LockRecord::parse(text), Ok(Some(record())));
    }

    #[test]
    fn an_empty_text_and_null_are_no_record() {
        for text in ["", " \n", "null", " null "] {
            assert_eq!(LockView::read(text), LockView::Absent, "{text:?}");
        }
    }

    #[test]
    fn what_stock_refuses_is_broken_with_a_reason() {
        for value in [
            "15.000000000",
            "15",
            "PT",
            "P",
            "P1DT",
            "PT.5S",
            "PT15",
            "PT1S1M",
            "PT1.5M",
            "PT0.1234567891S",
            "PTS",
            "15S",
            "PT 15S",
        ] {
            assert!(
                reason(&golden_with(LEASE_DURATION, Some(json!(value)))).contains("its leaseDuration is"),
                "{value}"
            );
        }
        for value in [
            "2026-11-20T11:02:03Z",
            "2026-11-20T11:02:03.123Z",
            "2026-11-20T11:02:03.123456789Z",
            "2026-11-20T11:02:03.123456+00:00",
            "1795172523",
        ] {
            assert!(
                reason(&golden_with(RENEW_TIME, Some(json!(value)))).contains("its renewTime is"),
                "{value}"
            );
        }
        assert!(
            reason(&golden_with(LEADER_TRANSITIONS, Some(json!(4_294_967_296_i64))))
                .contains("its leaderTransitions is 4294967296")
        );
        assert!(reason(&golden_with(HOLDER_IDENTITY, Some(json!({})))).contains("its holderIdentity is {}"));
        assert_eq!(
            reason(&golden_with("strategy", Some(json!("x")))),
            "it has the field \"strategy\", which is not one of Flink's"
        );
        let client_go = r#"{"holderIdentity":"x","leaseDurationSeconds":15,"acquireTime":"2026-11-20T11:02:03Z","renewTime":"2026-11-20T11:02:03Z","leaderTransitions":0}"#;
        assert!(reason(client_go).contains("leaseDurationSeconds"));
        for text in ["garbage", "[]", "15", "\"x\"", "true", "{", "holderIdentity: x"] {
            assert_eq!(reason(text), "it is not a JSON object", "{text}");
        }
    }

    #[test]
    fn the_view_of_a_config_map_is_that_of_its_annotation() {
        assert_eq!(LockView::of(&json!({})), LockView::Absent);
        assert_eq!(
            LockView::of(&json!({"metadata": {"annotations": {"other": "x"}}})),
            LockView::Absent
        );
        assert_eq!(
            LockView::of(&json!({"metadata": {"annotations": {LOCK_ANNOTATION: ISO_GOLDEN}}})),
            LockView::Held(record())
        );
        assert!(matches!(
            LockView::of(&json!({"metadata": {"annotations": {LOCK_ANNOTATION: 5}}})),
            LockView::Broken { .. }
        ));
    }

    proptest! {
        #[test]
        fn a_record_survives_the_round_trip(
            holder in "\\PC*", lease_nanos in 0_u64..1_u64 << 50, acquired in 0_i64..4_102_444_800_000_000, renewed in 0_i64..4_102_444_800_000_000,
            transitions in 0_i32..,
        ) {
            let record = LockRecord {
                holder_identity: holder,
                lease_duration: Duration::from_nanos(lease_nanos),
                acquire_time: WallTime::from_micros(acquired),
                renew_time: WallTime::from_micros(renewed),
                leader_transitions: transitions.into(),
            };
            prop_assert_eq!(LockRecord::parse(&record.to_json(LeaseFormat::Iso)), Ok(Some(record.clone())));
            prop_assert_eq!(LockRecord::parse(&record.to_json(LeaseFormat::Number)), Ok(Some(record)));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in ".*") {
            let _ = LockView::read(&text);
            let _ = LockView::read(&golden_with(LEASE_DURATION, Some(json!(text.clone()))));
            let _ = LockView::read(&golden_with(RENEW_TIME, Some(json!(text))));
        }
    }
}
