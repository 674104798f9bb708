//! The API server's notes of who wrote which field.
//!
//! They name every key of the data, so with hundreds of leaders they make the metadata as large as the data. What the API server needs them
//! for is server-side apply, which nobody uses on these `ConfigMap`s; their times say when an object was written.

use serde_json::Value;

use super::time::WallTime;

/// What plain writes are noted under; the notes of server-side apply are left alone.
const UPDATE: &str = "Update";
const DATA: [&str; 2] = ["f:data", "f:binaryData"];

/// When the object was last written, by the API server's clock and in whole seconds.
#[must_use]
pub fn last_change(object: &Value) -> Option<WallTime> {
    let times = object.pointer("/metadata/managedFields")?.as_array()?;
    times
        .iter()
        .filter_map(|entry| parse_seconds(entry.get("time")?.as_str()?))
        .max()
}

/// `2026-11-20T11:02:03Z`, the only form that the API server writes in metadata.
#[must_use]
pub fn parse_seconds(text: &str) -> Option<WallTime> {
    WallTime::parse(&format!("{}.000000Z", text.strip_suffix('Z')?))
}

/// Takes the keys of the data out of the notes about plain writes. The API server notes again what a write changes, and nothing that it leaves
/// as it is.
pub fn forget_data(object: &mut Value) {
    let entries = object
        .pointer_mut("/metadata/managedFields")
        .and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten() {
        if entry.get("operation").and_then(Value::as_str) != Some(UPDATE) {
            continue;
        }
        if let Some(fields) = entry.get_mut("fieldsV1").and_then(Value::as_object_mut) {
            fields.retain(|field, _| !DATA.contains(&field.as_str()));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]

    use serde_json::json;

    use super::*;

    #[test]
    fn keys_of_the_data_go_and_everything_else_stays() {
        let fields = |data: bool| {
            let mut fields = json!({ "f:metadata": { "f:annotations": { "f:a": {} } } });
            if data {
                fields["f:data"] = json!({ ".": {}, "f:k": {} });
                fields["f:binaryData"] = json!({ "f:b": {} });
            }
            fields
        };
        let of = |update: bool| {
            json!({ "metadata": { "managedFields": [
                { "manager": "flink", "operation": "Update", "time": "t", "fieldsV1": fields(update) },
                { "manager": "kubectl", "operation": "Apply", "time": "t", "fieldsV1": fields(true) },
            ] } })
        };
        let mut object = of(true);
        forget_data(&mut object);
        assert_eq!(object, of(false));
        for mut object in [
            json!({}),
            json!({ "metadata": { "managedFields": [{ "operation": "Update" }, 7] } }),
        ] {
            let before = object.clone();
            forget_data(&mut object);
            assert_eq!(object, before);
        }
    }

    #[test]
    fn the_last_change_is_the_newest_of_the_notes() {
        let object = json!({"metadata": {"managedFields": [
            {"time": "2026-11-20T11:02:03Z"}, {"time": "2026-11-20T11:02:05Z"}, {"manager": "m"}, {"time": "never"},
        ]}});
        let expected = WallTime::parse("2026-11-20T11:02:05.000000Z");
        assert_eq!(last_change(&object), expected);
        assert_eq!(last_change(&json!({})), None);
    }
}
