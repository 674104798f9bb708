//! A mark of the leader information on the cluster `ConfigMap`, beside the holder that answers for it.
//!
//! While the lock's holder is the one that the mark names, every write of that holder which changes leader information
//! has a new mark: the version that the write replaced, from which only one write can have come. Whoever knows the leader
//! information of a mark needs the metadata alone to know that it still holds, as long as nobody else writes; what
//! others write changes neither the mark nor the time of the renewal. Stock keeps a mark and makes none.

use serde_json::{Value, json};

use super::annotations::{self, CONTENT_MARK};
use super::config_map;
use super::lock_record::LockView;
use super::names::LEADER_KEY_PREFIX;

/// The annotation [`CONTENT_MARK`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContentMark {
    /// Who answers for it.
    pub holder_identity: String,
    /// The resource version that the last change of leader information replaced; empty for a new `ConfigMap`.
    pub replaced: String,
}

impl ContentMark {
    /// What stands on the object, or `None` when there is nothing that this version can read.
    #[must_use]
    pub fn of(object: &Value) -> Option<Self> {
        Self::decode(config_map::annotation(object, CONTENT_MARK)?)
    }

    /// The value of the annotation.
    #[must_use]
    pub fn encode(&self) -> String {
        annotations::encode(&json!({ "holderIdentity": self.holder_identity, "replaced": self.replaced }))
    }

    /// Reads the value; fields that this version does not know are ignored.
    #[must_use]
    pub fn decode(value: &str) -> Option<Self> {
        let content = annotations::decode(value)?;
        Some(Self {
            holder_identity: content.get("holderIdentity")?.as_str()?.to_owned(),
            replaced: content.get("replaced")?.as_str()?.to_owned(),
        })
    }
}

/// Whether somebody holds the lock who makes no marks: stock, or an older version of this library.
#[must_use]
pub fn is_held_by_stranger(object: &Value) -> bool {
    match LockView::of(object) {
        LockView::Held(record) => {
            ContentMark::of(object).is_none_or(|mark| mark.holder_identity != record.holder_identity)
        }
        LockView::Free(_) | LockView::Absent | LockView::Broken { .. } => false,
    }
}

/// Marks an object that the holder is about to write. `replaced` is what it was made of, `None` when the `ConfigMap` is made anew; the first
/// write of a term is `acquiring`.
pub fn mark(object: &mut Value, replaced: Option<&Value>, holder: &str, acquiring: bool) {
    let mark = ContentMark::of(object).filter(|mark| mark.holder_identity == holder);
    let stands = !acquiring
        && mark.is_some()
        && replaced.is_some_and(|replaced| leader_information(replaced) == leader_information(object));
    if !stands {
        let mark = ContentMark {
            holder_identity: holder.to_owned(),
            replaced: replaced
                .and_then(config_map::resource_version)
                .unwrap_or_default()
                .to_owned(),
        };
        config_map::set_annotation(object, CONTENT_MARK, &mark.encode());
    }
}

/// Takes the mark away: nobody answers for what is written now.
pub fn unmark(object: &mut Value) {
    config_map::remove_annotation(object, CONTENT_MARK);
}

fn leader_information(object: &Value) -> Vec<(&str, &str)> {
    config_map::entries_with_prefix(object, LEADER_KEY_PREFIX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]

    use super::*;
    use crate::protocol::names::leader_key;

    fn stored(version: &str, address: &str) -> Value {
        let mut object = json!({ "metadata": { "resourceVersion": version } });
        config_map::set_entry(&mut object, &leader_key("d"), address);
        object
    }

    fn marked(holder: &str, replaced: &str) -> ContentMark {
        ContentMark {
            holder_identity: holder.to_owned(),
            replaced: replaced.to_owned(),
        }
    }

    #[test]
    fn a_mark_has_a_fixed_text() {
        let mark = marked("a", "17");
        let text = r#"v1 {"holderIdentity":"a","replaced":"17"}"#;
        assert_eq!(mark.encode(), text);
        assert_eq!(ContentMark::decode(text), Some(mark));
        for text in [
            "",
            "v1 {}",
            r#"v2 {"holderIdentity":"a","replaced":"17"}"#,
            r#"v1 {"holderIdentity":"a","replaced":17}"#,
        ] {
            assert_eq!(ContentMark::decode(text), None, "{text}");
        }
    }

    #[test]
    fn a_mark_changes_with_leader_information_and_with_nothing_else() {
        let before = stored("7", "x");
        let mut object = before.clone();
        mark(&mut object, Some(&before), "a", true);
        assert_eq!(ContentMark::of(&object), Some(marked("a", "7")));

        let mut before = object;
        before["metadata"]["resourceVersion"] = json!("8");
        let mut object = before.clone();
        config_map::set_entry(&mut object, "executionPlan-1", "p");
        mark(&mut object, Some(&before), "a", false);
        assert_eq!(ContentMark::of(&object), Some(marked("a", "7")));
        config_map::set_entry(&mut object, &leader_key("d"), "y");
        mark(&mut object, Some(&before), "a", false);
        assert_eq!(ContentMark::of(&object), Some(marked("a", "8")));
    }

    #[test]
    fn a_new_term_a_new_holder_and_a_new_config_map_have_a_new_mark() {
        let mut before = stored("7", "x");
        mark(&mut before, None, "a", false);
        assert_eq!(ContentMark::of(&before), Some(marked("a", "")));
        for (holder, acquiring) in [("a", true), ("b", true), ("b", false)] {
            let mut object = before.clone();
            mark(&mut object, Some(&before), holder, acquiring);
            assert_eq!(ContentMark::of(&object), Some(marked(holder, "7")));
        }
        unmark(&mut before);
        assert_eq!(ContentMark::of(&before), None);
    }
}
