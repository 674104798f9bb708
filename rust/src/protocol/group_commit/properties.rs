//! What holds for a writer whatever becomes of its writes, and whoever else writes.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::protocol::state_handle::StateHandle;

#[derive(Clone, Debug)]
enum Step {
    Next,
    Add,
    Remove,
    /// A read by the writer, as after a conflict.
    Read,
    /// Somebody else hands out an id.
    Rival,
    /// Somebody sets the counter back.
    Back,
    /// Somebody sets it forward.
    Forward,
    /// The grant ends, and the next one begins.
    Grant,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Applied,
    /// Applied, and nobody hears of it.
    LostAfter,
    LostBefore,
}

fn any_step() -> impl Strategy<Value = (Step, Fate)> {
    let step = prop_oneof![
        6 => Just(Step::Next),
        4 => Just(Step::Add),
        3 => Just(Step::Remove),
        1 => Just(Step::Read),
        1 => Just(Step::Rival),
        1 => Just(Step::Back),
        1 => Just(Step::Forward),
        1 => Just(Step::Grant),
    ];
    let fate = prop_oneof![4 => Just(Fate::Applied), 1 => Just(Fate::LostAfter), 1 => Just(Fate::LostBefore)];
    (step, fate)
}

/// A writer with its own view of an object that others write too.
struct Writer {
    commit: GroupCommit,
    /// `None` when it has to read.
    known: Option<Value>,
}

impl Writer {
    /// Whoever begins to write reads first.
    fn new(object: &Value) -> Self {
        let mut commit = GroupCommit::default();
        commit.seen(object);
        let known = Some(object.clone());
        Self { commit, known }
    }

    /// Answers, writes and reads until the edit is settled. `None` if its write was lost.
    fn edit(&mut self, object: &mut Value, edit: &Edit, fate: Fate) -> Option<EditAnswer> {
        loop {
            if let Some(answer) = self.commit.answer(edit) {
                return Some(answer);
            }
            if self.known.is_none() {
                self.commit.seen(object);
                self.known = Some(object.clone());
            }
            let base = self.known.take().unwrap();
            if base != *object {
                // A conflict.
                self.commit.not_written();
                continue;
            }
            let mut next = base;
            self.commit.prepare(&mut next);
            let answer = edit.apply(&mut next);
            self.commit.reserve(&mut next, std::iter::once((edit, &answer)));
            if !matches!(fate, Fate::LostBefore) {
                *object = next.clone();
            }
            if matches!(fate, Fate::Applied) {
                self.commit.written(&next);
                self.known = Some(next);
                return Some(answer.unwrap());
            }
            self.commit.not_written();
            return None;
        }
    }
}

fn pointer(id: i64) -> String {
    let uri = format!("file:/{id}");
    let (size, marked) = (1, false);
    StateHandle { uri, size, marked }.encode()
}

fn next(object: &Value) -> i64 {
    read_counter(object).unwrap()
}

fn set(object: &mut Value, next: i64) {
    Edit::SetCounter(next).apply(object).unwrap();
}

proptest! {
    #[test]
    fn ids_rise_and_only_marked_keys_leave(steps in prop::collection::vec(any_step(), 1..60)) {
        let mut object = json!({ "data": { "counter": "1" } });
        let mut writer = Writer::new(&object);
        let (mut handed, mut highest, mut set_back) = (BTreeSet::new(), 0, false);
        let (mut completed, mut made) = (Vec::new(), 0);
        for (step, fate) in steps {
            let before = object.clone();
            match step {
                Step::Next => if let Some(answer) = writer.edit(&mut object, &Edit::NextCounter, fate) {
                    let EditAnswer::Counter(id) = answer else { panic!("{answer:?}") };
                    prop_assert!(handed.insert(id) && id > highest, "{id} after {highest}");
                    highest = id;
                    prop_assert!(set_back || next(&object) > id, "{} is stored, {id} is out", next(&object));
                },
                Step::Add => {
                    made += 1;
                    let id = made;
                    let key = format!("checkpointID-{id:019}");
                    let add = Edit::AddPointer { key: key.clone(), pointer: pointer(id) };
                    if writer.edit(&mut object, &add, fate).is_some() {
                        completed.push(key);
                        // Whatever somebody had done to the counter, this write has put it right.
                        set_back = false;
                    }
                }
                Step::Remove => if let Some(key) = completed.first().cloned() {
                    let mark = Edit::MarkPointer { key: key.clone() };
                    let answer = writer.edit(&mut object, &mark, fate);
                    if let Some(EditAnswer::Marked { pointer }) = answer {
                        completed.remove(0);
                        let answer = writer.commit.answer(&Edit::RemovePointer { key, pointer });
                        prop_assert_eq!(answer, Some(EditAnswer::Done));
                    }
                },
                Step::Read => writer.known = None,
                Step::Rival => {
                    // One that obeys the stored counter, as long as that can be obeyed.
                    if !set_back {
                        let Ok(EditAnswer::Counter(id)) = Edit::NextCounter.apply(&mut object) else { panic!() };
                        prop_assert!(handed.insert(id), "{id} was handed out before");
                        // It leads after this: what the writer had in reserve goes with its grant.
                        writer = Writer::new(&object);
                        highest = id;
                    }
                }
                Step::Back => {
                    set(&mut object, 1);
                    set_back = true;
                }
                Step::Forward => if !set_back {
                    let forward = next(&object) + 10;
                    set(&mut object, forward);
                },
                Step::Grant => if !set_back {
                    writer = Writer::new(&object);
                },
            }
            for (key, text) in config_map::entries_with_prefix(&before, "checkpointID-") {
                if config_map::entry(&object, key).is_none() {
                    prop_assert_eq!(state_handle::is_marked(text), Ok(true), "{} was live", key);
                }
            }
            for key in &completed {
                prop_assert!(config_map::entry(&object, key).is_some(), "{} is gone", key);
            }
        }
        writer.commit.seen(&object);
        writer.commit.prepare(&mut object);
        prop_assert!(next(&object) > highest || set_back);
    }
}
