//! What holds for every edit of every object.

#![allow(clippy::indexing_slicing)]

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::protocol::annotations::CLAIM;
use crate::protocol::names::{COUNTER_KEY, LEADER_KEY_PREFIX, leader_key};
use crate::protocol::state_handle::{StateHandle, mark};

const POINTER_KEYS: &str = "checkpointID-[0-2]|executionPlan-[0-2]";
const COMPONENTS: &str = "dispatcher|restserver";

fn any_pointer() -> impl Strategy<Value = String> {
    ("file:/[ab]", any::<bool>()).prop_map(|(uri, marked)| {
        let size = 1;
        StateHandle { uri, size, marked }.encode()
    })
}

fn any_live_pointer() -> impl Strategy<Value = String> {
    "file:/[ab]".prop_map(|uri| {
        StateHandle {
            uri,
            size: 1,
            marked: false,
        }
        .encode()
    })
}

fn any_claim() -> impl Strategy<Value = Claim> {
    ("[ab]", 0_u64..3).prop_map(|(holder_identity, grant)| Claim { holder_identity, grant })
}

fn any_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (POINTER_KEYS, any_live_pointer()).prop_map(|(key, pointer)| Edit::AddPointer { key, pointer }),
        (POINTER_KEYS, any_live_pointer()).prop_map(|(key, pointer)| Edit::ReplacePointer { key, pointer }),
        POINTER_KEYS.prop_map(|key| Edit::MarkPointer { key }),
        (POINTER_KEYS, any_pointer()).prop_map(|(key, pointer)| Edit::RemovePointer { key, pointer }),
        Just(Edit::FinishRemovals),
        "|checkpointID-|execution|c".prop_map(|prefix| Edit::ClearPointers { prefix }),
        (COMPONENTS, prop::option::of("s,[ab]"))
            .prop_map(|(component, value)| Edit::PublishLeader { component, value }),
        Just(Edit::ClearLeaders),
        Just(Edit::NextCounter),
        Just(Edit::ReadCounter),
        (0_i64..4).prop_map(Edit::SetCounter),
        Just(Edit::RemoveCounter),
        any_claim().prop_map(Edit::Claim),
        POINTER_KEYS.prop_map(|key| Edit::RemoveKey { key }),
    ]
}

fn any_data() -> impl Strategy<Value = Map<String, Value>> {
    let entry = prop_oneof![
        4 => (POINTER_KEYS, any_pointer()),
        1 => (POINTER_KEYS, "AAAA|[?]"),
        1 => (COMPONENTS.prop_map(|component| leader_key(&component)), "s,[ab]"),
        1 => (Just(COUNTER_KEY.to_owned()), "[0-3]|x|9223372036854775807"),
        1 => ("foreign-[ab]", "[xy]"),
    ];
    prop::collection::vec(entry, 0..6).prop_map(|entries| {
        entries
            .into_iter()
            .map(|(key, value)| (key, Value::from(value)))
            .collect()
    })
}

/// A JSON value of whatever form, for fields that we do not know.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..3).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

prop_compose! {
    fn any_config_map()(
        data in prop_oneof![1 => Just(None), 6 => any_data().prop_map(Some)],
        unknown in any_json(),
        unknown_of_metadata in any_json(),
        annotations in prop::option::of((any::<String>(), prop::option::of(any_claim()))),
        immutable in prop::option::of(any::<bool>()),
        binary in any::<bool>(),
    ) -> Value {
        let mut object = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "unknown": unknown,
            "metadata": {
                "name": "c",
                "resourceVersion": "7",
                "managedFields": [{ "fieldsV1": { "f:data": {} } }],
                "unknown": unknown_of_metadata,
            },
        });
        if let Some(data) = data {
            object["data"] = Value::Object(data);
        }
        if let Some((text, claim)) = annotations {
            object["metadata"]["annotations"] = json!({ "foreign": text });
            if let Some(claim) = claim {
                object["metadata"]["annotations"][CLAIM] = Value::from(claim.encode());
            }
        }
        if let Some(immutable) = immutable {
            object["immutable"] = Value::from(immutable);
        }
        if binary {
            object["binaryData"] = json!({ "b": "AAAA" });
        }
        object
    }
}

/// Whether the edit is about this key of the data.
fn is_about(edit: &Edit, key: &str) -> bool {
    match edit {
        Edit::AddPointer { key: own, .. }
        | Edit::ReplacePointer { key: own, .. }
        | Edit::MarkPointer { key: own }
        | Edit::RemovePointer { key: own, .. }
        | Edit::RemoveKey { key: own } => own == key,
        Edit::ClearPointers { prefix } => key.starts_with(prefix.as_str()),
        Edit::PublishLeader { component, .. } => leader_key(component) == key,
        Edit::ClearLeaders => key.starts_with(LEADER_KEY_PREFIX),
        Edit::NextCounter | Edit::SetCounter(_) | Edit::RemoveCounter => key == COUNTER_KEY,
        Edit::ReadCounter | Edit::FinishRemovals | Edit::Claim(_) => false,
    }
}

/// The object without what the edit is about; an absent map and an empty one are the same.
fn rest_of(object: &Value, edit: &Edit) -> Value {
    let mut object = object.clone();
    let prune = |parent: &mut Value, field: &str, about: &dyn Fn(&str) -> bool| {
        let Some(parent) = parent.as_object_mut() else {
            return;
        };
        let map = parent.get_mut(field).and_then(Value::as_object_mut);
        if map.is_some_and(|map| {
            map.retain(|key, _| !about(key));
            map.is_empty()
        }) {
            parent.remove(field);
        }
    };
    prune(&mut object, "data", &|key| is_about(edit, key));
    if matches!(edit, Edit::Claim(_)) {
        prune(&mut object["metadata"], "annotations", &|key| key == CLAIM);
    }
    object
}

fn live_pointers(object: &Value) -> Vec<(&str, &str)> {
    let mut entries = config_map::entries_with_prefix(object, "");
    entries.retain(|(_, text)| StateHandle::decode(text).is_ok_and(|handle| !handle.marked));
    entries
}

proptest! {
    #[test]
    fn nothing_changes_but_what_the_edit_is_about(before in any_config_map(), edit in any_edit()) {
        let mut after = before.clone();
        let _ = edit.apply(&mut after);
        prop_assert_eq!(rest_of(&after, &edit), rest_of(&before, &edit));
    }

    #[test]
    fn an_object_that_need_not_be_written_is_as_it_was(before in any_config_map(), edit in any_edit()) {
        let mut after = before.clone();
        match edit.apply(&mut after) {
            Ok(answer) if answer.needs_write() => {
                let marked_before = matches!(answer, EditAnswer::Marked { .. });
                prop_assert!(after != before || marked_before, "{answer:?}");
            }
            _ => prop_assert_eq!(after, before),
        }
    }

    #[test]
    fn a_repeated_edit_finds_its_own_work(before in any_config_map(), edit in any_edit()) {
        let mut once = before;
        let answer = edit.apply(&mut once);
        let mut twice = once.clone();
        let again = edit.apply(&mut twice);
        match (answer, again) {
            (Ok(EditAnswer::Counter(first)), Ok(EditAnswer::Counter(second))) => prop_assert_eq!(second, first + 1),
            (Ok(EditAnswer::Counter(i64::MAX..)), _) => prop_assert!(false, "nothing comes after it"),
            (Ok(EditAnswer::Counter(_)), Err(EditRefusal::BrokenCounter { .. })) => {}
            (Ok(EditAnswer::Marked { pointer }), again) => {
                prop_assert_eq!(again, Ok(EditAnswer::Marked { pointer }));
                prop_assert_eq!(twice, once);
            }
            (Ok(EditAnswer::Next(next)), again) => prop_assert_eq!(again, Ok(EditAnswer::Next(next))),
            (Ok(EditAnswer::Absent), again) => prop_assert_eq!(again, Ok(EditAnswer::Absent)),
            (Ok(_), again) => {
                prop_assert_eq!(again, Ok(EditAnswer::Unchanged));
                prop_assert_eq!(twice, once);
            }
            (Err(refusal), again) => prop_assert_eq!(again, Err(refusal)),
        }
    }

    #[test]
    fn a_live_pointer_goes_by_replacement_mark_or_clearing_only(
        before in any_config_map(),
        edits in prop::collection::vec(any_edit(), 1..12),
    ) {
        let mut object = before;
        for edit in edits {
            let earlier = object.clone();
            let answer = edit.apply(&mut object);
            for (key, text) in live_pointers(&earlier) {
                if config_map::entry(&object, key) == Some(text) {
                    continue;
                }
                prop_assert!(is_about(&edit, key));
                match &answer {
                    Ok(EditAnswer::Replaced { old }) => prop_assert_eq!(old, text),
                    Ok(EditAnswer::Marked { pointer }) => prop_assert_eq!(mark(text), Ok(pointer.clone())),
                    Ok(EditAnswer::Cleared(_)) => {}
                    other => prop_assert!(false, "{key} was lost by {edit:?}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn no_checkpoint_id_is_handed_out_twice(first in 1_i64..1000, count in 1_usize..20) {
        let mut object = json!({});
        prop_assert!(Edit::SetCounter(first).apply(&mut object).is_ok());
        for expected in (first..).take(count) {
            prop_assert_eq!(read_counter(&object), Ok(expected));
            prop_assert_eq!(Edit::NextCounter.apply(&mut object), Ok(EditAnswer::Counter(expected)));
        }
    }

    #[test]
    fn no_object_makes_an_edit_panic(object in any_json(), data in any_json(), metadata in any_json(), edit in any_edit()) {
        for mut object in [object, json!({ "data": data, "metadata": metadata })] {
            let before = object.clone();
            if edit.apply(&mut object).is_err() {
                prop_assert_eq!(object, before);
            }
        }
    }
}
