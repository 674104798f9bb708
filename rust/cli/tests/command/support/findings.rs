//! What a report has found, for tests.

use serde_json::Value;

/// Level, place, key and what it is.
pub type Found = (String, String, String, String);

pub fn findings(of: &Value) -> Vec<Found> {
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    of.as_array()
        .unwrap()
        .iter()
        .map(|one| {
            assert!(!text(one, "remedy").is_empty(), "{one}");
            (
                text(one, "level"),
                text(one, "place"),
                text(one, "key"),
                text(one, "what"),
            )
        })
        .collect()
}

/// It is named, once.
pub fn assert_named(found: &[Found], level: &str, place: &str, key: &str, what: &str) {
    let named = |one: &&Found| one.0 == level && one.1 == place && one.2 == key && one.3.contains(what);
    assert_eq!(
        found.iter().filter(named).count(),
        1,
        "{level} {place} {key}: {what} is not named once in {found:#?}"
    );
}
