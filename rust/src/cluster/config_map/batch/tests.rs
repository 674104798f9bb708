#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::cluster::clock::Clock;
use crate::cluster::grant::Granted;
use crate::protocol::config_map;
use crate::protocol::state_handle::{StateHandle, mark};
use crate::protocol::time::WallTime;

type Answer = oneshot::Receiver<Result<EditAnswer, HaError>>;

const NAME: &str = "c-0-config-map";
const GRANT: GrantId = GrantId(1);

fn at(millis: u64) -> BootTime {
    BootTime::from_duration(Duration::from_millis(millis))
}

/// A clock that stands still.
struct Still(BootTime);

impl Clock for Still {
    fn boot(&self) -> BootTime {
        self.0
    }

    fn wall(&self) -> WallTime {
        WallTime::from_micros(0)
    }
}

/// What holds at this time: the grant, until an end on the same clock.
fn grants(now: u64, grant: Option<GrantId>, until: u64) -> GrantCell {
    let cell = GrantCell::new(Arc::new(Still(at(now))));
    cell.set(grant.map(|grant| Granted {
        grant,
        valid_until: at(until),
        confirmed_until: at(until),
    }));
    cell
}

fn pointer(file: &str) -> String {
    StateHandle {
        uri: format!("file:/{file}"),
        size: 7,
        marked: false,
    }
    .encode()
}

fn add(key: &str) -> Edit {
    Edit::AddPointer {
        key: key.to_owned(),
        pointer: pointer(key),
    }
}

fn remove(key: &str, pointer: &str) -> Edit {
    Edit::RemovePointer {
        key: key.to_owned(),
        pointer: pointer.to_owned(),
    }
}

fn version(number: u64, data: &Value) -> Value {
    json!({ "metadata": { "name": NAME, "resourceVersion": number.to_string() }, "data": data })
}

/// A batch, and what the callers of its edits have heard.
#[derive(Default)]
struct Bench {
    batch: Batch,
    answers: Vec<Answer>,
}

impl Bench {
    fn of(edits: impl IntoIterator<Item = Edit>) -> Self {
        let mut bench = Self::default();
        for edit in edits {
            bench.push(edit, GRANT, 1000);
        }
        bench
    }

    fn push(&mut self, edit: Edit, grant: GrantId, deadline: u64) {
        let (reply, answer) = oneshot::channel();
        self.batch.push(PendingEdit::new(edit, grant, at(deadline), reply));
        self.answers.push(answer);
    }

    /// Decides everything on this object and lets it go, as both writers do.
    fn send(&mut self, object: &Value) -> Value {
        let mut written = object.clone();
        self.batch.apply(&mut written);
        self.batch.sent(config_map::resource_version(object).unwrap());
        written
    }

    fn refuse_hopeless(&mut self, now: u64, grant: Option<GrantId>, until: u64) {
        self.batch
            .refuse_hopeless(NAME, &grants(now, grant, until), at(now), None);
    }

    /// What the caller of this edit has heard, if anything.
    fn heard(&mut self, edit: usize) -> Option<Result<EditAnswer, ErrorCode>> {
        let answer = self.answers.get_mut(edit).unwrap().try_recv().ok()?;
        Some(answer.map_err(|error| error.code))
    }

    #[track_caller]
    fn waits(&mut self, edit: usize) {
        assert_eq!(self.heard(edit), None);
    }
}

#[test]
fn everybody_gets_the_answer_to_his_own_edit() {
    let mut bench = Bench::of([Edit::NextCounter, add("a"), Edit::NextCounter, add("a")]);
    bench.send(&version(1, &json!({})));
    bench.batch.written();
    assert_eq!(bench.heard(0), Some(Ok(EditAnswer::Counter(1))));
    assert_eq!(bench.heard(1), Some(Ok(EditAnswer::Done)));
    assert_eq!(bench.heard(2), Some(Ok(EditAnswer::Counter(2))));
    assert_eq!(bench.heard(3), Some(Ok(EditAnswer::Unchanged)));
    assert!(bench.batch.is_empty());
}

#[test]
fn what_comes_while_a_write_is_under_way_is_not_answered_by_it() {
    let mut bench = Bench::of([Edit::NextCounter]);
    bench.send(&version(1, &json!({})));
    bench.push(Edit::NextCounter, GRANT, 1000);
    bench.batch.written();
    assert_eq!(bench.heard(0), Some(Ok(EditAnswer::Counter(1))));
    bench.waits(1);
    assert!(!bench.batch.is_empty());
}

#[test]
fn one_refusal_takes_nobody_down_with_it() {
    let mut bench = Bench::of([remove("a", &pointer("a")), Edit::NextCounter]);
    let written = bench.send(&version(1, &json!({ "a": pointer("a") })));
    bench.batch.written();
    assert_eq!(bench.heard(0), Some(Err(ErrorCode::ApiRefused)));
    assert_eq!(bench.heard(1), Some(Ok(EditAnswer::Counter(1))));
    assert_eq!(config_map::entry(&written, "a"), Some(pointer("a").as_str()));
}

#[test]
fn a_refused_write_is_decided_anew() {
    let mut bench = Bench::of([add("a")]);
    bench.send(&version(1, &json!({})));
    bench.batch.not_written();
    bench.waits(0);
    // Somebody else was faster.
    bench.send(&version(2, &json!({ "a": pointer("b") })));
    bench.batch.written();
    assert_eq!(bench.heard(0), Some(Err(ErrorCode::AlreadyExists)));
}

#[test]
fn the_end_of_the_grant_is_a_clean_refusal_for_what_was_never_sent() {
    let mut bench = Bench::of([add("a"), Edit::NextCounter]);
    bench.refuse_hopeless(10, None, 0);
    assert_eq!(bench.heard(0), Some(Err(ErrorCode::NotLeader)));
    assert_eq!(bench.heard(1), Some(Err(ErrorCode::NotLeader)));
    assert!(bench.batch.is_empty());
}

#[test]
fn a_grant_that_the_clock_has_ended_has_ended() {
    let mut bench = Bench::of([add("a")]);
    bench.refuse_hopeless(499, Some(GRANT), 500);
    bench.waits(0);
    bench.refuse_hopeless(500, Some(GRANT), 500);
    assert_eq!(bench.heard(0), Some(Err(ErrorCode::NotLeader)));
}

#[test]
fn an_edit_of_an_older_grant_does_not_ride_with_the_next() {
    let mut bench = Bench::default();
    bench.push(add("a"), GRANT, 1000);
    bench.push(add("b"), GrantId(2), 1000);
    bench.refuse_hopeless(10, Some(GrantId(2)), 500);
    assert_eq!(bench.heard(0), Some(Err(ErrorCode::NotLeader)));
    bench.waits(1);
    assert_eq!(bench.batch.grant(), Some(GrantId(2)));
}

#[test]
fn the_deadline_is_a_clean_refusal_for_what_was_never_sent() {
    let mut bench = Bench::default();
    bench.push(add("a"), GRANT, 100);
    bench.push(add("b"), GRANT, 200);
    assert_eq!(bench.batch.next_deadline(), Some(at(100)));
    bench.refuse_hopeless(99, Some(GRANT), 500);
    bench.waits(0);
    bench.refuse_hopeless(100, Some(GRANT), 500);
    assert_eq!(bench.heard(0), Some(Err(ErrorCode::TimedOut)));
    bench.waits(1);
}

#[test]
fn nobody_is_told_that_nothing_was_written_while_his_write_is_under_way() {
    for fail in [
        |bench: &mut Bench| bench.refuse_hopeless(10, None, 0),
        |bench: &mut Bench| bench.refuse_hopeless(1000, Some(GRANT), 2000),
        |bench: &mut Bench| bench.batch.fail(ErrorCode::NotLeader, "over"),
    ] {
        // The second is refused by the object, so that nothing of it is under way.
        let mut bench = Bench::of([add("a"), add("b")]);
        bench.send(&version(1, &json!({ "b": pointer("c") })));
        fail(&mut bench);
        assert_eq!(bench.heard(0), Some(Err(ErrorCode::UnknownOutcome)));
        let clean = bench.heard(1);
        assert!(
            matches!(clean, Some(Err(ErrorCode::NotLeader | ErrorCode::TimedOut))),
            "{clean:?}"
        );
    }
}

#[test]
fn a_lost_write_stays_in_doubt_until_it_is_read_back() {
    let mut bench = Bench::of([add("a")]);
    bench.send(&version(1, &json!({})));
    bench.batch.lost();
    bench.waits(0);
    bench.refuse_hopeless(10, None, 0);
    assert_eq!(bench.heard(0), Some(Err(ErrorCode::UnknownOutcome)));
}

#[test]
fn what_is_found_where_a_lost_write_would_have_left_it_is_its_success() {
    let key = || "a".to_owned();
    let text = pointer("b");
    let marked = mark(&text).unwrap();
    let before = json!({ "a": pointer("a"), "counter": "3" });
    for (edit, before, after, answer) in [
        (add("a"), json!({}), json!({ "a": pointer("a") }), EditAnswer::Done),
        (
            Edit::ReplacePointer {
                key: key(),
                pointer: text.clone(),
            },
            before,
            json!({ "a": text, "counter": "3" }),
            EditAnswer::Replaced { old: pointer("a") },
        ),
        (
            Edit::MarkPointer { key: key() },
            json!({ "a": text }),
            json!({ "a": marked }),
            EditAnswer::Marked {
                pointer: marked.clone(),
            },
        ),
        (
            remove("a", &marked),
            json!({ "a": marked }),
            json!({}),
            EditAnswer::Done,
        ),
        (
            Edit::RemoveKey { key: key() },
            json!({ "a": "?" }),
            json!({}),
            EditAnswer::Done,
        ),
        (
            Edit::ClearPointers { prefix: "a".to_owned() },
            json!({ "a": text, "ab": text }),
            json!({}),
            EditAnswer::Cleared(2),
        ),
        (
            Edit::SetCounter(7),
            json!({ "counter": "3" }),
            json!({ "counter": "7" }),
            EditAnswer::Done,
        ),
        (
            Edit::RemoveCounter,
            json!({ "counter": "3" }),
            json!({}),
            EditAnswer::Done,
        ),
    ] {
        let mut bench = Bench::of([edit.clone()]);
        bench.send(&version(1, &before));
        bench.batch.lost();
        let found = version(2, &after);
        bench.batch.settle_doubts(&found, "2", false);
        assert_eq!(bench.heard(0), Some(Ok(answer)), "{edit:?}");
        assert!(bench.batch.is_empty());
    }
}

#[test]
fn an_id_that_may_have_been_taken_is_left_out() {
    let mut bench = Bench::of([Edit::NextCounter]);
    bench.send(&version(1, &json!({ "counter": "3" })));
    bench.batch.lost();
    let found = version(2, &json!({ "counter": "4" }));
    bench.batch.settle_doubts(&found, "2", false);
    bench.waits(0);
    bench.send(&found);
    bench.batch.written();
    assert_eq!(bench.heard(0), Some(Ok(EditAnswer::Counter(4))));
}

#[test]
fn a_lost_write_that_can_still_land_is_not_settled() {
    let mut bench = Bench::of([add("a")]);
    let before = version(1, &json!({}));
    bench.send(&before);
    bench.batch.lost();
    bench.batch.settle_doubts(&before, "1", false);
    bench.waits(0);
    bench.refuse_hopeless(10, None, 0);
    assert_eq!(bench.heard(0), Some(Err(ErrorCode::UnknownOutcome)));
}

#[test]
fn a_lost_write_that_did_not_land_is_decided_anew() {
    let mut bench = Bench::of([add("a")]);
    bench.send(&version(1, &json!({})));
    bench.batch.lost();
    let other = version(2, &json!({ "x": "theirs" }));
    bench.batch.settle_doubts(&other, "2", false);
    bench.waits(0);
    // Its outcome is known now, so the end of the grant is a clean refusal again.
    bench.refuse_hopeless(10, None, 0);
    assert_eq!(bench.heard(0), Some(Err(ErrorCode::NotLeader)));
}

#[test]
fn a_lost_write_that_lost_to_another_is_refused_and_not_unknown() {
    let mut bench = Bench::of([add("a")]);
    bench.send(&version(1, &json!({})));
    bench.batch.lost();
    let other = version(2, &json!({ "a": pointer("b") }));
    bench.batch.settle_doubts(&other, "2", false);
    bench.send(&other);
    bench.batch.nothing_to_write(NAME);
    assert_eq!(bench.heard(0), Some(Err(ErrorCode::AlreadyExists)));
}

#[test]
fn a_second_loss_is_a_doubt_of_its_own() {
    let mut bench = Bench::of([add("a")]);
    bench.send(&version(1, &json!({})));
    bench.batch.lost();
    // The first can no longer land; the second is decided on what was read, and lost too.
    let read = version(2, &json!({}));
    bench.batch.settle_doubts(&read, "2", false);
    bench.send(&read);
    bench.batch.lost();
    bench.batch.settle_doubts(&read, "2", false);
    bench.waits(0);
    bench
        .batch
        .settle_doubts(&version(3, &json!({ "a": pointer("a") })), "3", false);
    assert_eq!(bench.heard(0), Some(Ok(EditAnswer::Done)));
}

#[test]
fn a_conflict_with_our_own_write_that_was_delivered_twice_is_its_success() {
    let replace = || Edit::ReplacePointer {
        key: "a".to_owned(),
        pointer: pointer("b"),
    };
    let before = version(1, &json!({ "a": pointer("a") }));
    let mut bench = Bench::of([replace()]);
    bench.send(&before);
    bench.batch.overtaken();
    bench
        .batch
        .settle_doubts(&version(2, &json!({ "a": pointer("b") })), "2", false);
    // What was replaced is still known, so that its file can go.
    let old = pointer("a");
    assert_eq!(bench.heard(0), Some(Ok(EditAnswer::Replaced { old })));
}

#[test]
fn a_pointer_that_somebody_took_away_does_not_show_that_it_was_marked() {
    let mark = Edit::MarkPointer { key: "a".to_owned() };
    let mut bench = Bench::of([mark]);
    bench.send(&version(1, &json!({ "a": pointer("a") })));
    bench.batch.lost();
    bench.batch.settle_doubts(&version(2, &json!({})), "2", false);
    bench.waits(0);
    bench.send(&version(2, &json!({})));
    bench.batch.nothing_to_write(NAME);
    assert_eq!(bench.heard(0), Some(Ok(EditAnswer::Absent)));
}

#[test]
fn a_conflict_is_a_clean_refusal() {
    let mut bench = Bench::of([add("a"), add("b")]);
    bench.send(&version(1, &json!({ "b": pointer("x") })));
    bench.batch.overtaken();
    bench.refuse_hopeless(10, None, 0);
    assert_eq!(bench.heard(0), Some(Err(ErrorCode::NotLeader)));
    assert_eq!(bench.heard(1), Some(Err(ErrorCode::NotLeader)));
    // Unless an earlier write of it was lost.
    let mut bench = Bench::of([add("a")]);
    let before = version(1, &json!({}));
    bench.send(&before);
    bench.batch.lost();
    bench.send(&before);
    bench.batch.overtaken();
    bench.refuse_hopeless(10, None, 0);
    assert_eq!(bench.heard(0), Some(Err(ErrorCode::UnknownOutcome)));
}

#[test]
fn an_applied_write_settles_the_doubts_of_those_before_it() {
    let mut bench = Bench::of([add("a")]);
    let before = version(1, &json!({}));
    bench.send(&before);
    bench.batch.lost();
    // On the same version: only one of the two can land, and this one has.
    bench.send(&before);
    bench.batch.written();
    assert_eq!(bench.heard(0), Some(Ok(EditAnswer::Done)));
}

#[test]
fn a_rejected_content_is_told_to_those_who_sent_it_and_to_nobody_else() {
    let mut bench = Bench::of([add("a")]);
    bench.send(&version(1, &json!({})));
    bench.push(add("b"), GRANT, 1000);
    bench.batch.reject(ErrorCode::ApiRefused, "too long");
    assert_eq!(bench.heard(0), Some(Err(ErrorCode::ApiRefused)));
    bench.waits(1);
}

#[test]
fn a_rejection_does_not_settle_an_older_doubt() {
    let mut bench = Bench::of([add("a")]);
    let before = version(1, &json!({}));
    bench.send(&before);
    bench.batch.lost();
    bench.send(&before);
    bench.batch.reject(ErrorCode::ApiRefused, "too long");
    assert_eq!(bench.heard(0), Some(Err(ErrorCode::UnknownOutcome)));
}

#[test]
fn an_unchanged_object_that_was_read_just_now_is_an_answer() {
    let mut bench = Bench::of([add("a"), Edit::MarkPointer { key: "b".to_owned() }]);
    bench.send(&version(1, &json!({ "a": pointer("a") })));
    bench.batch.nothing_to_write(NAME);
    assert_eq!(bench.heard(0), Some(Ok(EditAnswer::Unchanged)));
    assert_eq!(bench.heard(1), Some(Ok(EditAnswer::Absent)));
}

#[test]
fn opening_is_the_only_edit_that_makes_a_config_map() {
    let claim = Edit::Claim(crate::protocol::annotations::Claim {
        holder_identity: "me".to_owned(),
        grant: 1,
    });
    assert!(Bench::of([add("a"), claim]).batch.opens());
    assert!(
        !Bench::of([add("a"), Edit::NextCounter, Edit::SetCounter(3)])
            .batch
            .opens()
    );
}

#[test]
fn a_caller_that_has_gone_away_is_no_reason_to_stop() {
    let mut bench = Bench::of([add("a"), add("b")]);
    bench.answers.remove(0);
    bench.send(&version(1, &json!({})));
    bench.batch.written();
    assert_eq!(bench.heard(0), Some(Ok(EditAnswer::Done)));
}

#[test]
fn a_lost_write_that_the_next_leader_may_have_undone_stays_in_doubt() {
    let mut bench = Bench::of([add("a"), add("b")]);
    bench.send(&version(1, &json!({ "b": pointer("c") })));
    bench.batch.lost();
    bench.batch.settle_doubts(&version(3, &json!({})), "3", true);
    bench.batch.fail(ErrorCode::NotLeader, "over");
    assert_eq!(bench.heard(0), Some(Err(ErrorCode::UnknownOutcome)));
}
