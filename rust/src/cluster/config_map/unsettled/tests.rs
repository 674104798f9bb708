use serde_json::json;

use super::*;
use crate::protocol::state_handle::mark;

fn pointer(file: &str) -> String {
    let handle = StateHandle {
        uri: format!("file:/{file}"),
        size: 7,
        marked: false,
    };
    handle.encode()
}

fn object(version: &str, entry: Option<&str>) -> Value {
    let data = entry.map_or_else(|| json!({}), |text| json!({ "checkpointID-1": text }));
    json!({ "metadata": { "resourceVersion": version }, "data": data })
}

fn unsettled() -> Unsettled {
    Unsettled {
        key: "checkpointID-1".to_owned(),
        pointer: pointer("a"),
        base: "7".to_owned(),
    }
}

#[test]
fn only_an_edit_that_brings_a_pointer_to_a_known_version_leaves_something_to_find_out() {
    let key = || "checkpointID-1".to_owned();
    let add = Edit::AddPointer {
        key: key(),
        pointer: pointer("a"),
    };
    let replace = Edit::ReplacePointer {
        key: key(),
        pointer: pointer("a"),
    };
    for edit in [&add, &replace] {
        assert_eq!(Unsettled::of(edit, "7"), Some(unsettled()));
        assert_eq!(Unsettled::of(edit, ""), None);
    }
    for edit in [
        Edit::NextCounter,
        Edit::MarkPointer { key: key() },
        Edit::RemoveKey { key: key() },
    ] {
        assert_eq!(Unsettled::of(&edit, "7"), None);
    }
}

#[test]
fn the_version_that_the_write_was_decided_on_says_nothing_whatever_is_in_it() {
    for entry in [None, Some(pointer("b"))] {
        assert_eq!(unsettled().verdict(Some(&object("7", entry.as_deref()))), Verdict::Open);
    }
}

#[test]
fn another_version_says_whether_the_pointer_is_there() {
    let marked = mark(&pointer("a")).unwrap_or_default();
    for (entry, expected) in [
        (None, Verdict::Unreferenced),
        (Some(pointer("b")), Verdict::Unreferenced),
        (Some(pointer("a")), Verdict::Stays),
        (Some(marked), Verdict::Stays),
        (Some("of another shape".to_owned()), Verdict::Stays),
    ] {
        assert_eq!(
            unsettled().verdict(Some(&object("9", entry.as_deref()))),
            expected,
            "{entry:?}"
        );
    }
}

#[test]
fn an_absent_object_may_come_back_with_the_pointer() {
    assert_eq!(unsettled().verdict(None), Verdict::Stays);
    assert_eq!(unsettled().verdict(Some(&json!({}))), Verdict::Stays);
}
