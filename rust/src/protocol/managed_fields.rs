//! The API server's notes of who wrote which field.
//!
//! They name every key of the data, so with hundreds of leaders they make the metadata as large as the data. What the API server needs them
//! for is server-side apply, which nobody uses on these `ConfigMap`s; their times say when an object was written.

use serde_json::Value;

/// What plain writes are noted under; the notes of server-side apply are left alone.
const UPDATE: &str = "Update";
const DATA: [&str; 2] = ["f:data", "f:binaryData"];

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
}
