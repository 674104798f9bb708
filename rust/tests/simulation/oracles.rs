//! What must hold at every moment, by the names of the invariants. The fake server knows who sent what, and candidates tell what they were told.

mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use flinkkubeha::error::{ErrorCode, HaError};
use flinkkubeha::protocol::edit::{Edit, EditAnswer};
use flinkkubeha::protocol::lock_record::LockView;
use flinkkubeha::protocol::names::COUNTER_KEY;
use flinkkubeha::protocol::state_handle::StateHandle;
use serde_json::Value;

use crate::CLUSTER_MAP;
use crate::promises::Promises;
use crate::store::Store;

pub const ONE_LEADER: &str = "at most one candidate believes";
pub const ALTERNATE: &str = "grants and revokes alternate";
pub const REVOKE_IN_TIME: &str = "a belief that ended is told at once";
pub const OWN_WRITE: &str = "no grant without our own acknowledged write";
pub const FENCE: &str = "an older grant never changes what a newer leader has claimed";
pub const GRANT_CHECKED: &str = "every write checks its grant";
pub const COUNTER: &str = "checkpoint ids rise, and the stored counter is above them";
pub const FILES: &str = "no live pointer without its file, no key taken away before its file";
pub const SUCCESS: &str = "what was answered with success is in the store";
pub const REFUSAL: &str = "what was refused is never applied";
pub const EXPLAINED: &str = "every change was asked for";
pub const UNKNOWN: &str = "an unknown outcome only where an answer was lost";
pub const AFTER_STOP: &str = "after stop nothing but the release";
pub const IN_TIME: &str = "every call ends within its deadline, and at once at a revoke";
pub const CONDITIONAL: &str = "every write is conditional";
pub const FLUSHED: &str = "what a leader took back before it left is gone with its release";
pub const OPENED: &str = "what a leader reads from a map that it has opened, no older grant can change any more";
pub const REPAIRED: &str = "a deleted map comes back with everything that its leader knew";
pub const NEEDED: &str = "no leader is revoked that need not be";
pub const CAUSE: &str = "every loss of leadership has one cause";
pub const JVM: &str = "a process whose JVM hangs does not lead for long";
pub const CONVERGES: &str = "when the faults end there is one leader, and it is published";
pub const SANE: &str = "no error, and no loop";

/// How the cause of the revoke of a leader begins that gives way because somebody asked for it.
const HANDED_OVER: &str = "it is handed over to ";
/// The cause of the revoke of a leader that leaves in order.
const STOPPED: &str = "the election was stopped";

/// Handed out for a call; its outcome is reported under the same number.
pub type EditId = usize;
pub type WriteId = usize;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Pending,
    Answered(EditAnswer),
    Refused(ErrorCode),
    Unknown,
    /// The process died with it.
    Gone,
}

struct CalledEdit {
    identity: String,
    grant: u64,
    map: String,
    edit: Edit,
    called: Duration,
    /// The highest checkpoint id of the map that was handed out before, by this grant or an older one.
    highest: i64,
    outcome: Outcome,
    /// The values before and after each application.
    applied: Vec<(Option<String>, Option<String>)>,
}

impl CalledEdit {
    /// Whether a write that is applied now may carry it. A removal that was answered leaves with some later write.
    fn may_be_applied(&self) -> bool {
        match &self.outcome {
            Outcome::Pending | Outcome::Unknown | Outcome::Gone => true,
            Outcome::Answered(_) => matches!(self.edit, Edit::RemovePointer { .. }) && self.map != CLUSTER_MAP,
            Outcome::Refused(_) => false,
        }
    }
}

struct SentWrite {
    identity: String,
    map: String,
    sent: Duration,
    /// When the first copy of it was sent, whose time its record bears: a belief counts from then.
    first_sent: Duration,
    under_a_grant: bool,
    /// It was applied, and left the lock with its sender.
    elects: bool,
    /// When an answer arrived that says for certain what happened.
    settled: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Idle,
    Running,
    Stopping { since: Duration },
}

/// All that was published of each component, in order.
type Published = BTreeMap<String, Vec<Option<String>>>;

struct Candidate {
    phase: Phase,
    /// A stop was called and is not answered yet.
    releasing: bool,
    /// It was told that its leadership ended because another one was asked for, and has led no more since.
    hands_over: bool,
    granted: Option<u64>,
    last_grant: Option<u64>,
    /// A lock write that it sent without a grant was applied since its last grant.
    own_write: bool,
    /// When the last acknowledged write of the lock was sent.
    confirmed: Duration,
    /// When the last one was sent that was acknowledged while it did not lead.
    elected: Duration,
    published: Published,
    /// What it published before, and until when that counted: a write that is under way for long brings it late.
    formerly: Vec<(Duration, Published)>,
}

impl Candidate {
    fn forget_published(&mut self, now: Duration) {
        let published = std::mem::take(&mut self.published);
        if !published.is_empty() {
            self.formerly.push((now, published));
        }
    }

    fn has_published(&self, component: &str, value: Option<&str>, sent: Duration) -> bool {
        let formerly = self.formerly.iter().filter(|(until, _)| sent <= *until);
        let all = formerly.map(|(_, published)| published).chain([&self.published]);
        let values = all.filter_map(|published| published.get(component)).flatten();
        values.into_iter().any(|published| published.as_deref() == value)
    }
}

#[derive(Default)]
pub struct Ledger {
    pub now: Duration,
    pub violations: Vec<String>,
    /// Somebody with an axe was at the maps: what it did explains more.
    pub vandalized: bool,
    candidates: BTreeMap<String, Candidate>,
    /// Grants in the order in which they began.
    order: BTreeMap<(String, u64), u64>,
    begun: u64,
    edits: Vec<CalledEdit>,
    by_key: BTreeMap<(String, String), Vec<EditId>>,
    clears: Vec<EditId>,
    pending: BTreeSet<EditId>,
    /// Edits of unknown outcome, and when they were answered so.
    unknown: Vec<(EditId, Duration)>,
    writes: Vec<SentWrite>,
    newest_claim: BTreeMap<String, u64>,
    last_lock_write: BTreeMap<String, Value>,
    /// Checkpoint ids of each map, with the order of the grant that they were handed out under.
    handed_out: BTreeMap<String, BTreeMap<i64, u64>>,
    pub promises: Promises,
    advances: BTreeMap<String, Vec<(String, i64, i64)>>,
    pub deletions: BTreeMap<String, Duration>,
    /// Maps that somebody with an axe has deleted, as they were.
    destroyed: BTreeMap<String, Value>,
    pub finished: BTreeSet<String>,
    pub unknown_outcomes: u64,
    pub grants: u64,
    /// Why a leader was revoked last.
    pub last_cause: String,
}

impl Ledger {
    pub fn violation(&mut self, invariant: &str, what: impl AsRef<str>) {
        let seconds = self.now.as_secs_f64();
        self.violations
            .push(format!("{seconds:.3} s: {invariant}: {}", what.as_ref()));
    }

    // What candidates do and are told.

    pub fn starts(&mut self, identity: &str) {
        let candidate = self.candidates.entry(identity.to_owned()).or_insert(Candidate {
            phase: Phase::Idle,
            releasing: false,
            hands_over: false,
            granted: None,
            last_grant: None,
            own_write: false,
            confirmed: Duration::ZERO,
            elected: Duration::ZERO,
            published: BTreeMap::new(),
            formerly: Vec::new(),
        });
        candidate.phase = Phase::Running;
    }

    pub fn stops(&mut self, identity: &str) {
        let since = self.now;
        let candidate = self.candidates.get_mut(identity).unwrap();
        candidate.phase = Phase::Stopping { since };
        candidate.releasing = true;
    }

    pub fn stopped(&mut self, identity: &str) {
        let candidate = self.candidates.get_mut(identity).unwrap();
        candidate.releasing = false;
        if matches!(candidate.phase, Phase::Stopping { .. }) {
            candidate.phase = Phase::Idle;
        }
    }

    /// The process believes in this grant, whether or not it was told.
    pub fn begins(&mut self, identity: &str, grant: u64) {
        let begun = &mut self.begun;
        self.order.entry((identity.to_owned(), grant)).or_insert_with(|| {
            *begun += 1;
            *begun
        });
    }

    /// `late`: more may have happened since, or the process does not know what time it is.
    pub fn granted(&mut self, identity: &str, grant: u64, store: &Store, late: bool) {
        let now = self.now;
        self.grants += 1;
        self.begins(identity, grant);
        let candidate = self.candidates.get_mut(identity).unwrap();
        let (phase, before, last, own_write) = (
            candidate.phase,
            candidate.granted,
            candidate.last_grant,
            candidate.own_write,
        );
        // Of several grants that it is told of at once the writes were all seen before.
        candidate.own_write &= late;
        candidate.confirmed = candidate.confirmed.max(candidate.elected);
        candidate.granted = Some(grant);
        candidate.hands_over = false;
        candidate.last_grant = Some(grant);
        candidate.forget_published(now);
        if before.is_some() || last.is_some_and(|last| grant <= last) {
            self.violation(
                ALTERNATE,
                format!("{identity} was granted {grant} after {last:?}, with {before:?} still held"),
            );
        }
        if phase == Phase::Idle {
            self.violation(
                AFTER_STOP,
                format!("{identity} was granted {grant} after its election was stopped"),
            );
        }
        let holder = match store.get(CLUSTER_MAP).map(LockView::of) {
            Some(LockView::Held(record)) => record.holder_identity,
            _ => String::new(),
        };
        if !own_write || (holder != identity && !self.vandalized && !late) {
            self.violation(
                OWN_WRITE,
                format!("{identity} was granted {grant}, own write {own_write}, holder {holder:?}"),
            );
        }
    }

    /// A leader is told that it was revoked: it must have been without an acknowledged renewal for so long.
    pub fn check_need(&mut self, identity: &str, cause: &str, needed: Duration) {
        let without = self.now.saturating_sub(self.candidates[identity].confirmed);
        if without < needed {
            let text = format!("{identity} was revoked {without:?} after its last renewal: {cause}");
            self.violation(NEEDED, text);
        }
    }

    pub fn revoked(&mut self, identity: &str, grant: u64, cause: &str) {
        let now = self.now;
        cause.clone_into(&mut self.last_cause);
        let candidate = self.candidates.get_mut(identity).unwrap();
        candidate.hands_over = cause.starts_with(HANDED_OVER);
        if cause != STOPPED {
            // Nothing of it holds any more, nor will be taken back.
            candidate.forget_published(now);
        }
        if candidate.granted.take() != Some(grant) {
            self.violation(
                ALTERNATE,
                format!("{identity} was revoked {grant}, which it did not have"),
            );
        }
    }

    /// The grant that its events told of.
    pub fn told(&self, identity: &str) -> Option<u64> {
        self.candidates.get(identity)?.granted
    }

    pub fn phase(&self, identity: &str) -> Phase {
        self.candidates
            .get(identity)
            .map_or(Phase::Idle, |candidate| candidate.phase)
    }

    pub fn publishes(&mut self, identity: &str, component: &str, value: Option<&str>) {
        let candidate = self.candidates.get_mut(identity).unwrap();
        let values = candidate.published.entry(component.to_owned()).or_default();
        values.push(value.map(str::to_owned));
    }

    /// What this leader wants to be published, by component.
    pub fn published(&self, identity: &str) -> Vec<(String, Option<String>)> {
        let published = &self.candidates[identity].published;
        let last = |values: &Vec<Option<String>>| values.last().cloned().flatten();
        published
            .iter()
            .map(|(component, values)| (component.clone(), last(values)))
            .collect()
    }

    pub fn died(&mut self, identity: &str) {
        for id in self.pending.clone() {
            let edit = &mut self.edits[id];
            if edit.identity == identity {
                edit.outcome = Outcome::Gone;
                self.pending.remove(&id);
            }
        }
    }

    pub fn calls(&mut self, identity: &str, grant: u64, map: &str, edit: &Edit) -> EditId {
        let id = self.edits.len();
        match key_of(edit) {
            Some(key) => {
                let key = (map.to_owned(), key.to_owned());
                self.by_key.entry(key).or_default().push(id);
            }
            None => self.clears.push(id),
        }
        self.pending.insert(id);
        let highest = self.highest(identity, grant, map);
        self.edits.push(CalledEdit {
            highest,
            identity: identity.to_owned(),
            grant,
            map: map.to_owned(),
            edit: edit.clone(),
            called: self.now,
            outcome: Outcome::Pending,
            applied: Vec::new(),
        });
        id
    }

    /// Edits of this process that wait for longer than this, or whose grant has ended.
    pub fn overdue(&mut self, identity: &str, patience: Duration) {
        self.check_unknown();
        let told = self.told(identity);
        let late: Vec<_> = (self.pending.iter().map(|id| &self.edits[*id]))
            .filter(|edit| edit.identity == identity)
            .filter(|edit| self.now > edit.called + patience || told != Some(edit.grant) && self.now > edit.called)
            .map(|edit| {
                format!(
                    "{identity}, grant {} of {told:?}, waits since {:?} for {}",
                    edit.grant,
                    edit.called,
                    brief(&edit.edit)
                )
            })
            .collect();
        for late in late {
            self.violation(IN_TIME, late);
        }
    }

    /// Nobody waits for it any more.
    pub fn gives_up(&mut self, id: EditId) {
        self.pending.remove(&id);
        self.edits[id].outcome = Outcome::Gone;
    }

    pub fn answered(&mut self, id: EditId, answer: &Result<EditAnswer, HaError>, store: &Store) {
        self.pending.remove(&id);
        let edit = &mut self.edits[id];
        edit.outcome = match answer {
            Ok(answer) => Outcome::Answered(answer.clone()),
            Err(error) if error.code == ErrorCode::UnknownOutcome => Outcome::Unknown,
            Err(error) => Outcome::Refused(error.code),
        };
        match answer {
            Ok(answer) => self.check_success(id, answer, store),
            Err(error) if error.code == ErrorCode::UnknownOutcome => self.unknown_outcomes += 1,
            Err(error) => {
                let edit = &self.edits[id];
                // An id that nobody was given is only skipped.
                if !edit.applied.is_empty() && edit.edit != Edit::NextCounter {
                    let text = format!(
                        "{} answered {:?} and was applied: {:?}",
                        edit.identity, error.code, edit.edit
                    );
                    self.violation(REFUSAL, text);
                }
                if error.code == ErrorCode::Internal {
                    self.violation(SANE, error.to_string());
                }
            }
        }
    }

    fn check_success(&mut self, id: EditId, answer: &EditAnswer, store: &Store) {
        let edit = &self.edits[id];
        let (map, since) = (edit.map.clone(), edit.called);
        let had = |key: &str, wanted: Option<&str>| store.had(&map, key, since, |value| value == wanted);
        let fits = match (&edit.edit, answer) {
            (Edit::AddPointer { key, pointer }, EditAnswer::Done | EditAnswer::Unchanged) => {
                !edit.applied.is_empty() && had(key, Some(pointer))
            }
            (Edit::ReplacePointer { key, pointer }, EditAnswer::Replaced { old }) => {
                // Where the cluster's map is made anew from memory, nothing was there before.
                let from_memory = self.vandalized && map == CLUSTER_MAP;
                let applied = (edit.applied.iter()).any(|(before, _)| before.as_ref() == Some(old));
                (applied || from_memory) && had(key, Some(pointer))
            }
            (Edit::ReplacePointer { key, pointer }, EditAnswer::Unchanged) => {
                edit.applied.is_empty() && had(key, Some(pointer))
            }
            (Edit::MarkPointer { key }, EditAnswer::Marked { pointer }) => had(key, Some(pointer)),
            (Edit::RemovePointer { key, pointer }, EditAnswer::Done) if map != CLUSTER_MAP => {
                let ((identity, grant), now) = ((&edit.identity, edit.grant), self.now);
                self.promises.removes(identity, grant, &map, key, pointer, now);
                true
            }
            (Edit::FinishRemovals, EditAnswer::Unchanged) => {
                let (identity, grant) = (&edit.identity, edit.grant);
                self.promises.unfinished(identity, grant, &map, since, store).is_empty()
            }
            (Edit::ReadCounter, EditAnswer::Next(next)) => *next > edit.highest,
            (Edit::MarkPointer { key }, EditAnswer::Absent)
            | (Edit::RemovePointer { key, .. }, EditAnswer::Done | EditAnswer::Unchanged) => had(key, None),
            (Edit::SetCounter(next), EditAnswer::Done | EditAnswer::Unchanged) => {
                let advances = self.advances.get(&map).map(Vec::as_slice).unwrap_or_default();
                // An id may have been handed out by the same write.
                (advances.iter()).any(|(of, from, to)| *of == edit.identity && from < next && next <= to)
                    || store.had(&map, COUNTER_KEY, since, |value| value == Some(&next.to_string()))
            }
            (edit, answer) => matches!(
                (edit, answer),
                (Edit::NextCounter, EditAnswer::Counter(_))
                    | (
                        Edit::ClearPointers { .. },
                        EditAnswer::Cleared(_) | EditAnswer::Unchanged
                    )
            ),
        };
        if !fits {
            let applied = edit.applied.len();
            let answer = brief_answer(&Ok(answer.clone()));
            let text = format!(
                "{} called {} and was answered {answer}; applied {applied} times",
                edit.identity,
                brief(&edit.edit)
            );
            self.violation(SUCCESS, text);
        }
        if let EditAnswer::Counter(value) = answer {
            self.check_counter(id, *value, store);
        }
    }

    /// A leader that has been followed without knowing it, because no clock showed that it stood still, may go on with the id that it has in
    /// reserve: nobody else has that one, and it cannot add its checkpoint.
    fn highest(&self, identity: &str, grant: u64, map: &str) -> i64 {
        let own = self
            .order
            .get(&(identity.to_owned(), grant))
            .copied()
            .unwrap_or_default();
        let handed_out = self.handed_out.get(map).into_iter().flatten();
        let known = handed_out.filter(|(_, order)| **order <= own).map(|(id, _)| *id);
        known.max().unwrap_or_default()
    }

    fn check_counter(&mut self, id: EditId, value: i64, store: &Store) {
        let edit = &self.edits[id];
        let (map, identity, highest) = (edit.map.clone(), edit.identity.clone(), edit.highest);
        let order = self.order[&(identity.clone(), edit.grant)];
        if self.deletions.contains_key(&map) && self.newest_claim.get(&map).is_some_and(|newest| *newest > order) {
            // Out of what it knew of a map that is gone, and whose successor is somebody else's already: nobody can know of that any more.
            return;
        }
        // Who makes a map anew that he does not know begins anew.
        let begun_anew = self.deletions.get(&map).is_some_and(|at| *at >= edit.called);
        let stored = store.entry(&map, COUNTER_KEY).map(|text| text.parse::<i64>().unwrap());
        if value <= highest || stored.is_some_and(|stored| stored <= value && !begun_anew) {
            let text = format!("{value} of {map} was handed out to {identity} after {highest}, stored is {stored:?}");
            self.violation(COUNTER, text);
        }
        let before = self.handed_out.entry(map.clone()).or_default().insert(value, order);
        if before.is_some() {
            self.violation(
                COUNTER,
                format!("{value} of {map} was handed out twice, now to {identity}"),
            );
        }
        let advances = self.advances.get(&map).map(Vec::as_slice).unwrap_or_default();
        if !(advances.iter()).any(|(of, from, to)| *of == identity && *from <= value && value < *to) {
            self.violation(
                SUCCESS,
                format!("{value} of {map} was handed out to {identity} without a write"),
            );
        }
    }

    /// Stock has taken an id: nobody else may get it.
    pub fn handed_out_by_stock(&mut self, map: &str, id: i64) {
        // Only what is granted from now on has to begin behind it.
        let order = self.begun + 1;
        let before = self.handed_out.entry(map.to_owned()).or_default().insert(id, order);
        if before.is_some() {
            self.violation(COUNTER, format!("{id} of {map} was handed out twice, now to stock"));
        }
    }

    /// A write that is decided on, but not sent yet, is sent at the same instant: whether the outcome is really unknown is seen later.
    pub fn check_unknown_later(&mut self, id: EditId, answer: &Result<EditAnswer, HaError>) {
        if matches!(answer, Err(error) if error.code == ErrorCode::UnknownOutcome) {
            self.unknown.push((id, self.now));
        }
    }

    fn check_unknown(&mut self) {
        for (id, answered) in std::mem::take(&mut self.unknown) {
            let edit = &self.edits[id];
            let lost = self.writes.iter().rev().any(|write| {
                let ours = write.identity == edit.identity && write.map == edit.map;
                ours && write.sent >= edit.called
                    && write.sent <= answered
                    && write.settled.is_none_or(|settled| settled >= answered)
            });
            if !lost {
                let text = format!(
                    "{} lost no write of {} from {:?} to {answered:?} for {}",
                    edit.identity,
                    edit.map,
                    edit.called,
                    brief(&edit.edit)
                );
                self.violation(UNKNOWN, text);
            }
        }
    }
}

fn key_of(edit: &Edit) -> Option<&str> {
    match edit {
        Edit::AddPointer { key, .. }
        | Edit::ReplacePointer { key, .. }
        | Edit::MarkPointer { key }
        | Edit::RemovePointer { key, .. } => Some(key),
        Edit::NextCounter | Edit::ReadCounter | Edit::SetCounter(_) => Some(COUNTER_KEY),
        _ => None,
    }
}

/// A value for people.
fn short(text: Option<&str>) -> String {
    let Some(text) = text else { return "nothing".to_owned() };
    StateHandle::decode(text).map_or_else(
        |_| text.to_owned(),
        |handle| format!("{}{}", handle.uri, if handle.marked { " (marked)" } else { "" }),
    )
}

/// An edit for people.
pub fn brief(edit: &Edit) -> String {
    match edit {
        Edit::AddPointer { key, pointer } => format!("add {key} {}", short(Some(pointer))),
        Edit::ReplacePointer { key, pointer } => format!("replace {key} {}", short(Some(pointer))),
        edit => format!("{edit:?}"),
    }
}

pub fn brief_answer(answer: &Result<EditAnswer, HaError>) -> String {
    match answer {
        Ok(EditAnswer::Replaced { old }) => format!("replaced {}", short(Some(old))),
        Ok(EditAnswer::Marked { pointer }) => format!("marked {}", short(Some(pointer))),
        Ok(answer) => format!("{answer:?}"),
        Err(error) => format!("{:?}", error.code),
    }
}
