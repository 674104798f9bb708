//! Views on a `ConfigMap` that stays raw JSON from wire to wire, so that no field is lost that we do not know.
//!
//! Readers answer nothing for a field of the wrong type; [`malformed`] tells such an object apart, and the writers of
//! [`edit`](super::edit) refuse it. The API server never sends one.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The largest content of a `ConfigMap` that Kubernetes takes, in bytes: the values of `data` and `binaryData`, without
/// their keys (`ValidateConfigMap`, `MaxSecretSize`).
pub const DATA_BYTES_LIMIT: usize = 1024 * 1024;

/// Fields of the metadata that the server sets and that must not stand in an object to be created.
const SERVER_FIELDS: [&str; 8] = [
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "selfLink",
];

/// A new `ConfigMap` without data.
#[must_use]
pub fn new_config_map(name: &str, namespace: &str, labels: &BTreeMap<String, String>) -> Value {
    let mut object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": name, "namespace": namespace },
    });
    for (key, value) in labels {
        set_label(&mut object, key, value);
    }
    object
}

/// Takes out what the server sets, so that the object can be created again.
pub fn strip_server_fields(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in SERVER_FIELDS {
            metadata.remove(field);
        }
    }
}

/// What keeps this value from being a `ConfigMap`, or `None` when it is one.
#[must_use]
pub fn malformed(object: &Value) -> Option<&'static str> {
    let metadata = object.get("metadata");
    let field = |name| metadata.and_then(|metadata| metadata.get(name));
    if !object.is_object() {
        Some("it is not a JSON object")
    } else if metadata.is_some_and(|metadata| !metadata.is_object() && !metadata.is_null()) {
        Some("its metadata is not a JSON object")
    } else if !is_text_map(field("annotations")) {
        Some("its annotations are not a map of texts")
    } else if !is_text_map(field("labels")) {
        Some("its labels are not a map of texts")
    } else if !is_text_map(object.get("data")) {
        Some("its data is not a map of texts")
    } else if !is_text_map(object.get("binaryData")) {
        Some("its binaryData is not a map of texts")
    } else {
        None
    }
}

fn is_text_map(field: Option<&Value>) -> bool {
    match field {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.values().all(Value::is_string),
        Some(_) => false,
    }
}

/// `metadata.name`.
#[must_use]
pub fn name(object: &Value) -> Option<&str> {
    metadata_text(object, "name")
}

/// `metadata.resourceVersion`: opaque, compared for equality only.
#[must_use]
pub fn resource_version(object: &Value) -> Option<&str> {
    metadata_text(object, "resourceVersion")
}

/// `metadata.uid`: tells an object from an earlier one of the same name.
#[must_use]
pub fn uid(object: &Value) -> Option<&str> {
    metadata_text(object, "uid")
}

fn metadata_text<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    object.get("metadata")?.get(field)?.as_str()
}

/// All annotations, or `None` when there are none.
#[must_use]
pub fn annotations(object: &Value) -> Option<&Map<String, Value>> {
    object.get("metadata")?.get("annotations")?.as_object()
}

/// One annotation.
#[must_use]
pub fn annotation<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    annotations(object)?.get(key)?.as_str()
}

/// All labels, or `None` when there are none.
#[must_use]
pub fn labels(object: &Value) -> Option<&Map<String, Value>> {
    object.get("metadata")?.get("labels")?.as_object()
}

/// All data, or `None` when there is none: the API server leaves an empty `data` out.
#[must_use]
pub fn data(object: &Value) -> Option<&Map<String, Value>> {
    object.get("data")?.as_object()
}

/// The value of one key of the data.
#[must_use]
pub fn entry<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    data(object)?.get(key)?.as_str()
}

/// Keys and values of the data whose key begins with this prefix, in the order of the keys.
#[must_use]
pub fn entries_with_prefix<'a>(object: &'a Value, prefix: &str) -> Vec<(&'a str, &'a str)> {
    let entries = data(object).into_iter().flatten();
    let mut entries: Vec<_> = entries
        .filter(|(key, _)| key.starts_with(prefix))
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
        .collect();
    entries.sort_unstable();
    entries
}

/// Size of the content in bytes, as Kubernetes counts it against [`DATA_BYTES_LIMIT`].
#[must_use]
pub fn data_bytes(object: &Value) -> usize {
    let texts = |field| {
        let values = object.get(field).and_then(Value::as_object).into_iter();
        values.flatten().filter_map(|(_, value)| value.as_str())
    };
    let text: usize = texts("data").map(str::len).sum();
    let binary: usize = texts("binaryData").map(base64_content_bytes).sum();
    text + binary
}

/// `binaryData` is counted as the bytes behind its Base64.
fn base64_content_bytes(text: &str) -> usize {
    text.trim_end_matches('=').len() * 3 / 4
}

/// Sets an annotation. Does nothing to a value that is not a JSON object.
pub fn set_annotation(object: &mut Value, key: &str, value: &str) {
    set(
        field_mut(object, "metadata").and_then(|metadata| field_of_map_mut(metadata, "annotations")),
        key,
        value,
    );
}

/// Takes an annotation away.
pub fn remove_annotation(object: &mut Value, key: &str) {
    let annotations = object
        .get_mut("metadata")
        .and_then(|metadata| metadata.get_mut("annotations"));
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        annotations.remove(key);
    }
}

/// Sets a label. Does nothing to a value that is not a JSON object.
pub fn set_label(object: &mut Value, key: &str, value: &str) {
    set(
        field_mut(object, "metadata").and_then(|metadata| field_of_map_mut(metadata, "labels")),
        key,
        value,
    );
}

/// Sets a key of the data. Does nothing to a value that is not a JSON object.
pub fn set_entry(object: &mut Value, key: &str, value: &str) {
    set(field_mut(object, "data"), key, value);
}

fn set(map: Option<&mut Map<String, Value>>, key: &str, value: &str) {
    if let Some(map) = map {
        map.insert(key.to_owned(), Value::from(value));
    }
}

fn field_mut<'a>(object: &'a mut Value, name: &str) -> Option<&'a mut Map<String, Value>> {
    field_of_map_mut(object.as_object_mut()?, name)
}

fn field_of_map_mut<'a>(map: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Map<String, Value>> {
    let field = map.entry(name).or_insert(Value::Null);
    if field.is_null() {
        *field = Value::Object(Map::new());
    }
    field.as_object_mut()
}

/// Removes keys of the data and answers how many there were. `data` itself goes with its last key, as stock and the
/// API server leave it out.
pub fn remove_entries(object: &mut Value, remove: impl Fn(&str) -> bool) -> usize {
    let Some(data) = object.get_mut("data").and_then(Value::as_object_mut) else {
        return 0;
    };
    let before = data.len();
    data.retain(|key, _| !remove(key));
    let removed = before - data.len();
    if removed > 0
        && data.is_empty()
        && let Some(fields) = object.as_object_mut()
    {
        fields.remove("data");
    }
    removed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]

    use super::*;

    fn labels_of_stock() -> BTreeMap<String, String> {
        [("app", "my-cluster"), ("type", "flink-native-kubernetes")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    fn stored() -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "immutable": false,
            "metadata": {
                "name": "c",
                "namespace": "ns1",
                "uid": "u",
                "resourceVersion": "42",
                "creationTimestamp": "2026-11-20T12:09:52Z",
                "managedFields": [{ "manager": "kubectl" }],
                "annotations": { "a": "b" },
                "finalizers": ["x/y"],
                "ownerReferences": [{ "uid": "o" }],
            },
            "data": { "k": "v\u{e9}", "counter": "3" },
            "binaryData": { "b0": "", "b1": "AA==", "b2": "AAA=", "b3": "AAAA" },
        })
    }

    #[test]
    fn a_new_config_map_has_no_data() {
        let object = new_config_map("c", "ns1", &labels_of_stock());
        assert_eq!(
            object,
            json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": "c",
                    "namespace": "ns1",
                    "labels": { "app": "my-cluster", "type": "flink-native-kubernetes" },
                },
            })
        );
        assert_eq!(malformed(&object), None);
    }

    #[test]
    fn views_read_what_is_there() {
        let object = stored();
        assert_eq!(name(&object), Some("c"));
        assert_eq!(uid(&object), Some("u"));
        assert_eq!(resource_version(&object), Some("42"));
        assert_eq!(annotation(&object, "a"), Some("b"));
        assert_eq!(annotation(&object, "b"), None);
        assert_eq!(labels(&object), None);
        assert_eq!(entry(&object, "counter"), Some("3"));
        assert_eq!(entries_with_prefix(&object, ""), [("counter", "3"), ("k", "v\u{e9}")]);
        assert_eq!(entries_with_prefix(&object, "c"), [("counter", "3")]);
    }

    #[test]
    fn views_read_nothing_where_nothing_is() {
        for object in [
            Value::Null,
            json!([]),
            json!({}),
            json!({ "metadata": null, "data": null }),
        ] {
            assert_eq!(resource_version(&object), None);
            assert_eq!(annotation(&object, "a"), None);
            assert_eq!(entry(&object, "k"), None);
            assert_eq!(entries_with_prefix(&object, ""), []);
            assert_eq!(data_bytes(&object), 0);
        }
    }

    #[test]
    fn size_is_bytes_of_values_alone() {
        assert_eq!(data_bytes(&stored()), 3 + 1 + (1 + 2 + 3));
    }

    #[test]
    fn re_creation_keeps_all_but_what_the_server_sets() {
        let mut object = stored();
        strip_server_fields(&mut object);
        let mut expected = stored();
        expected["metadata"] = json!({
            "name": "c",
            "namespace": "ns1",
            "annotations": { "a": "b" },
            "finalizers": ["x/y"],
            "ownerReferences": [{ "uid": "o" }],
        });
        assert_eq!(object, expected);
    }

    #[test]
    fn setters_make_the_maps_that_they_need() {
        let mut object = json!({ "data": null });
        set_annotation(&mut object, "a", "1");
        set_label(&mut object, "l", "2");
        set_entry(&mut object, "k", "3");
        let metadata = json!({ "annotations": { "a": "1" }, "labels": { "l": "2" } });
        assert_eq!(object, json!({ "metadata": metadata, "data": { "k": "3" } }));
    }

    #[test]
    fn data_goes_with_its_last_key() {
        let mut object = json!({ "data": { "a": "1", "b": "2" } });
        assert_eq!(remove_entries(&mut object, |key| key == "a"), 1);
        assert_eq!(object, json!({ "data": { "b": "2" } }));
        assert_eq!(remove_entries(&mut object, |key| key == "a"), 0);
        assert_eq!(remove_entries(&mut object, |_| true), 1);
        assert_eq!(object, json!({}));
        assert_eq!(remove_entries(&mut object, |_| true), 0);
    }

    #[test]
    fn a_wrong_type_is_told_apart() {
        assert_eq!(malformed(&stored()), None);
        assert_eq!(malformed(&json!({ "metadata": null, "data": null })), None);
        for object in [
            json!([]),
            json!({ "metadata": 1 }),
            json!({ "metadata": { "annotations": { "a": 1 } } }),
            json!({ "metadata": { "labels": [] } }),
            json!({ "data": { "counter": 3 } }),
            json!({ "binaryData": "AA==" }),
        ] {
            assert!(malformed(&object).is_some(), "{object}");
        }
    }
}
