//! What must hold at every moment, by the names of the invariants. The fake server knows who sent what, and candidates tell what they were told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use flinkkubeha::error::{ErrorCode, HaError};
use flinkkubeha::protocol::annotations::{CONTENDERS, Claim};
use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::contenders::Contenders;
use flinkkubeha::protocol::edit::{Edit, EditAnswer};
use flinkkubeha::protocol::lock_record::LockView;
use flinkkubeha::protocol::names::{COUNTER_KEY, LEADER_KEY_PREFIX, is_checkpoint, leader_key};
use flinkkubeha::protocol::state_handle::{self, StateHandle};
use serde_json::Value;

use crate::CLUSTER_MAP;
use crate::promises::Promises;
use crate::store::{Store, keys};

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
pub const CONVERGES: &str = "when the faults end there is one leader, and it is published";
pub const SANE: &str = "no error, and no loop";

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
    /// The highest checkpoint id of the map that was handed out before.
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
    under_a_grant: bool,
    /// When an answer arrived that says for certain what happened.
    settled: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Idle,
    Running,
    Stopping { since: Duration },
}

struct Candidate {
    phase: Phase,
    /// A stop was called and is not answered yet.
    releasing: bool,
    granted: Option<u64>,
    last_grant: Option<u64>,
    /// A lock write that it sent without a grant was applied since its last grant.
    own_write: bool,
    published: BTreeMap<String, Vec<Option<String>>>,
}

#[derive(Default)]
pub struct Ledger {
    pub now: Duration,
    pub violations: Vec<String>,
    /// Somebody with an axe was at the maps: what it did explains more.
    pub vandalized: bool,
    candidates: BTreeMap<String, Candidate>,
    order: BTreeMap<(String, u64), u64>,
    edits: Vec<CalledEdit>,
    by_key: BTreeMap<(String, String), Vec<EditId>>,
    clears: Vec<EditId>,
    pending: BTreeSet<EditId>,
    /// Edits of unknown outcome, and when they were answered so.
    unknown: Vec<(EditId, Duration)>,
    writes: Vec<SentWrite>,
    newest_claim: BTreeMap<String, u64>,
    last_lock_write: BTreeMap<String, Value>,
    handed_out: BTreeMap<String, BTreeSet<i64>>,
    pub promises: Promises,
    advances: BTreeMap<String, Vec<(String, i64, i64)>>,
    pub deletions: BTreeMap<String, Duration>,
    /// Maps that somebody with an axe has deleted, as they were.
    destroyed: BTreeMap<String, Value>,
    pub finished: BTreeSet<String>,
    pub unknown_outcomes: u64,
    pub grants: u64,
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
            granted: None,
            last_grant: None,
            own_write: false,
            published: BTreeMap::new(),
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

    /// `late`: more may have happened since, or the process does not know what time it is.
    pub fn granted(&mut self, identity: &str, grant: u64, store: &Store, late: bool) {
        self.grants += 1;
        let next = self.order.len() as u64 + 1;
        self.order.insert((identity.to_owned(), grant), next);
        let candidate = self.candidates.get_mut(identity).unwrap();
        let (phase, before, last, own_write) = (
            candidate.phase,
            candidate.granted,
            candidate.last_grant,
            candidate.own_write,
        );
        candidate.own_write = false;
        candidate.granted = Some(grant);
        candidate.last_grant = Some(grant);
        candidate.published.clear();
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

    pub fn revoked(&mut self, identity: &str, grant: u64, cause: &str) {
        let candidate = self.candidates.get_mut(identity).unwrap();
        if cause != STOPPED {
            // Nothing of it holds any more, nor will be taken back.
            candidate.published.clear();
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
        let highest = self.handed_out.get(map).and_then(BTreeSet::last).copied();
        self.edits.push(CalledEdit {
            highest: highest.unwrap_or_default(),
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
                (edit.applied.iter()).any(|(before, _)| before.as_ref() == Some(old)) && had(key, Some(pointer))
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

    fn check_counter(&mut self, id: EditId, value: i64, store: &Store) {
        let edit = &self.edits[id];
        let (map, identity, highest) = (edit.map.clone(), edit.identity.clone(), edit.highest);
        // Who makes a map anew that he does not know begins anew.
        let begun_anew = self.deletions.get(&map).is_some_and(|at| *at >= edit.called);
        let stored = store.entry(&map, COUNTER_KEY).map(|text| text.parse::<i64>().unwrap());
        if value <= highest || stored.is_some_and(|stored| stored <= value && !begun_anew) {
            let text = format!("{value} of {map} was handed out to {identity} after {highest}, stored is {stored:?}");
            self.violation(COUNTER, text);
        }
        if !self.handed_out.entry(map.clone()).or_default().insert(value) {
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
                let ours = write.identity == edit.identity && write.map == edit.map && write.sent >= edit.called;
                ours && write.sent <= answered && write.settled.is_none_or(|settled| settled >= answered)
            });
            // One that is revoked at the instant of the call may be taken back before it has left.
            if !lost && answered > edit.called {
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

    // What the server sees.

    /// A PUT, POST or DELETE that is no dry run leaves the process. `believes` is the grant that the process believes in.
    pub fn sends(
        &mut self,
        identity: &str,
        map: &str,
        object: Option<&Value>,
        believes: Option<u64>,
        thawed_just_now: bool,
    ) -> WriteId {
        let id = self.writes.len();
        self.writes.push(SentWrite {
            identity: identity.to_owned(),
            map: map.to_owned(),
            sent: self.now,
            under_a_grant: believes.is_some(),
            settled: None,
        });
        if let Some(object) = object {
            if map == CLUSTER_MAP {
                self.check_lock_write(identity, object, thawed_just_now);
            } else if let Some(claim) = Claim::of(object) {
                if claim.holder_identity != identity || believes != Some(claim.grant) {
                    let text = format!("{identity} believes {believes:?} and writes {map} under {claim:?}");
                    self.violation(GRANT_CHECKED, text);
                }
            } else {
                self.violation(FENCE, format!("{identity} writes {map} without a claim"));
            }
        }
        id
    }

    fn check_lock_write(&mut self, identity: &str, object: &Value, thawed_just_now: bool) {
        // After a 401 the client reads its token again and repeats the request.
        let repeated = self
            .last_lock_write
            .insert(identity.to_owned(), object.clone())
            .as_ref()
            == Some(object);
        let lock = LockView::of(object);
        if is_note(identity, object) {
            self.check_note(identity, object, thawed_just_now || repeated);
            return;
        }
        let release = matches!(lock, LockView::Free(_));
        if !release && !matches!(&lock, LockView::Held(record) if record.holder_identity == identity) {
            self.violation(
                OWN_WRITE,
                format!("{identity} writes a lock that is not its own: {lock:?}"),
            );
        }
        let fits = match self.phase(identity) {
            _ if release => self.candidates[identity].releasing,
            Phase::Idle => false,
            Phase::Running => !self.candidates[identity].releasing || thawed_just_now,
            // The command to stop is in the queue, or waits for the thaw.
            Phase::Stopping { since } => since == self.now || thawed_just_now,
        };
        if !fits && !repeated {
            let phase = self.phase(identity);
            self.violation(AFTER_STOP, format!("{identity} is {phase:?} and writes {lock:?}"));
        }
    }

    /// That it waits is noted by a candidate, and taken back by one that stops.
    fn check_note(&mut self, identity: &str, object: &Value, late: bool) {
        let joins = Contenders::of(object).has_note_of(identity);
        let fits = match self.phase(identity) {
            Phase::Idle => false,
            // A candidacy that begins while the one before is stopping begins after it.
            Phase::Running => joins != self.candidates[identity].releasing,
            Phase::Stopping { since } => !joins || since == self.now,
        };
        if !fits && !late {
            let phase = self.phase(identity);
            self.violation(
                AFTER_STOP,
                format!("{identity} is {phase:?} and writes its note: {joins}"),
            );
        }
    }

    /// The answer that says for certain what became of the write reached the process.
    pub fn settles(&mut self, id: WriteId) {
        self.writes[id].settled = Some(self.now);
    }

    /// A job's map was opened under this grant.
    pub fn opened(&mut self, identity: &str, grant: u64, map: &str, store: &Store) {
        // A map that is gone again is nobody's.
        let Some(object) = store.get(map) else { return };
        let claim = Claim::of(object);
        let order = |identity: &str, grant: u64| self.order.get(&(identity.to_owned(), grant)).copied();
        let claimed = claim
            .as_ref()
            .and_then(|claim| order(&claim.holder_identity, claim.grant));
        if claimed.is_none() || claimed < order(identity, grant) {
            let text = format!("{identity} opened {map} under grant {grant}, which is claimed by {claim:?}");
            self.violation(OPENED, text);
        }
    }

    /// Somebody with an axe deletes a job's map.
    pub fn destroys(&mut self, map: &str, object: &Value) {
        self.destroyed.insert(map.to_owned(), object.clone());
        self.deletions.insert(map.to_owned(), self.now);
    }

    pub fn blind(&mut self, identity: &str, what: &str) {
        self.violation(CONDITIONAL, format!("{identity} sent {what} without a version"));
    }

    /// A write was applied. `deletes_under` is the newest grant that the sender had when it sent a deletion.
    pub fn applied(
        &mut self,
        identity: &str,
        map: &str,
        old: Option<&Value>,
        new: Option<&Value>,
        sent: WriteId,
        deletes_under: Option<u64>,
    ) {
        if map == CLUSTER_MAP {
            self.lock_applied(identity, old, new, sent);
        } else {
            self.check_fence(identity, map, old, new, sent, deletes_under);
        }
        let Some(new) = new else {
            self.deletions.insert(map.to_owned(), self.now);
            return;
        };
        // A leader makes a cluster map that was deleted or emptied anew, from memory.
        let nothing_left = old.is_none_or(|old| config_map::data(old).is_none());
        let from_memory = map == CLUSTER_MAP && nothing_left && self.vandalized;
        let destroyed = self.destroyed.remove(map).filter(|_| old.is_none());
        let old = match &destroyed {
            // Made by whom it belonged to: as if nothing had happened, but for what it was never told.
            Some(destroyed) if Claim::of(destroyed) == Claim::of(new) => {
                return self.check_repair(identity, map, destroyed, new, false);
            }
            // So it is by the next leader, which had read it and whose claim had not arrived yet; nor need it have seen the last write of the former.
            Some(destroyed) if config_map::data(new).is_some() => {
                return self.check_repair(identity, map, destroyed, new, true);
            }
            // Nobody who knew it is left: the job begins anew.
            Some(_) => {
                self.handed_out.remove(map);
                None
            }
            None => old,
        };
        for key in self.promises.dangling(new) {
            self.violation(FILES, format!("{identity} made {key} of {map} point to nothing"));
        }
        for key in keys(old).union(&keys(Some(new))) {
            let before = old.and_then(|old| config_map::entry(old, key));
            let after = config_map::entry(new, key);
            if before != after {
                if let Some(component) = key.strip_prefix(LEADER_KEY_PREFIX) {
                    self.explain_leader(identity, component, new, after);
                } else if key == COUNTER_KEY {
                    self.explain_counter(identity, map, before, after);
                } else if !self.explain(identity, map, key, before, after) && !from_memory {
                    self.unexplained(identity, map, key, before, after);
                }
            }
        }
    }

    /// What was destroyed and is made anew differs in nothing but what was asked for and not answered, one way or the other.
    fn check_repair(&mut self, identity: &str, map: &str, before: &Value, new: &Value, by_the_next: bool) {
        for key in keys(Some(before)).union(&keys(Some(new))) {
            let (was, is) = (config_map::entry(before, key), config_map::entry(new, key));
            if was == is {
                continue;
            }
            let of_key = self.by_key.get(&(map.to_owned(), key.clone())).into_iter().flatten();
            let clearing = self.clears.iter().filter(|id| clears(&self.edits[**id], map, key));
            let mut edits = of_key.chain(clearing).map(|id| &self.edits[*id]);
            let open = |edit: &CalledEdit| by_the_next || edit.identity == identity && edit.may_be_applied();
            let reserved = key == COUNTER_KEY && (by_the_next || self.reserves(identity, map));
            if !edits.any(open) && !reserved {
                let text = format!(
                    "{identity} made {map} anew with {key}={}, it was {}",
                    short(is),
                    short(was)
                );
                self.violation(REPAIRED, text);
            }
            if key == COUNTER_KEY {
                let number = |text: Option<&str>| text.map_or(1, |text| text.parse::<i64>().unwrap());
                let advances = self.advances.entry(map.to_owned()).or_default();
                advances.push((identity.to_owned(), number(was).min(number(is)), number(is)));
            }
            let change = (was.map(str::to_owned), is.map(str::to_owned));
            for id in self
                .by_key
                .get(&(map.to_owned(), key.clone()))
                .cloned()
                .unwrap_or_default()
            {
                if self.edits[id].identity == identity && self.pending.contains(&id) {
                    self.edits[id].applied.push(change.clone());
                }
            }
        }
    }

    fn lock_applied(&mut self, identity: &str, old: Option<&Value>, new: Option<&Value>, sent: WriteId) {
        let Some(new) = new else { return };
        // A note leaves the lock as it is.
        if old.map(LockView::of) == Some(LockView::of(new)) {
            return;
        }
        if is_note(identity, new) {
            self.violation(OWN_WRITE, format!("{identity} changed the lock with a note"));
        }
        if let LockView::Held(_) = LockView::of(new) {
            let elects = !self.writes[sent].under_a_grant;
            self.candidates.get_mut(identity).unwrap().own_write |= elects;
        } else if !self.vandalized
            && !matches!(old.map(LockView::of), Some(LockView::Held(record)) if record.holder_identity == identity)
        {
            self.violation(AFTER_STOP, format!("{identity} released a lock that was not its own"));
        } else {
            for (component, value) in self.published(identity) {
                let stored = config_map::entry(new, &leader_key(&component));
                if value.is_none() && stored.is_some() {
                    self.violation(FLUSHED, format!("{identity} left {component} at {stored:?}"));
                }
            }
        }
    }

    fn check_fence(
        &mut self,
        identity: &str,
        map: &str,
        old: Option<&Value>,
        new: Option<&Value>,
        sent: WriteId,
        deletes_under: Option<u64>,
    ) {
        let grant = match new {
            Some(new) => Claim::of(new).map(|claim| claim.grant),
            None => deletes_under,
        };
        let order = grant.and_then(|grant| self.order.get(&(identity.to_owned(), grant)).copied());
        let newest = self.newest_claim.get(map).copied().unwrap_or_default();
        match order {
            Some(order) if order >= newest => {
                self.newest_claim.insert(map.to_owned(), order);
            }
            // A creation cannot be conditional on what is no longer there: one that was under way when the map was deleted makes it anew.
            _ if old.is_none() && self.deletions.get(map).is_some_and(|at| self.writes[sent].sent <= *at) => {}
            _ => {
                let what = if new.is_some() { "changed" } else { "deleted" };
                let text = format!("{identity}, grant {grant:?} ({order:?}), {what} {map}, claimed by {newest}");
                self.violation(FENCE, text);
            }
        }
        if new.is_none() && !self.finished.contains(map) {
            self.violation(EXPLAINED, format!("{identity} deleted {map}, whose job runs"));
        }
    }

    fn explain_leader(&mut self, identity: &str, component: &str, new: &Value, after: Option<&str>) {
        let released = matches!(LockView::of(new), LockView::Free(_));
        let values = self.candidates[identity].published.get(component);
        let published = values.is_some_and(|values| values.iter().any(|value| value.as_deref() == after));
        // An election takes the former leader's addresses away; a release may take its own away.
        if after.is_some() && (!published || released) {
            let text = format!("{identity} published {after:?} of {component}, released: {released}");
            self.violation(EXPLAINED, text);
        }
    }

    fn explain_counter(&mut self, identity: &str, map: &str, before: Option<&str>, after: Option<&str>) {
        let number = |text: Option<&str>| text.map_or(1, |text| text.parse::<i64>().unwrap());
        let (from, to) = (number(before), number(after));
        if to > from {
            let advances = self.advances.entry(map.to_owned()).or_default();
            advances.push((identity.to_owned(), from, to));
        } else {
            self.violation(
                COUNTER,
                format!("{identity} set {map} from {before:?} back to {after:?}"),
            );
        }
        let ids = self
            .by_key
            .get(&(map.to_owned(), COUNTER_KEY.to_owned()))
            .cloned()
            .unwrap_or_default();
        let called = ids.iter().any(|id| self.edits[*id].identity == identity);
        if !called && !self.reserves(identity, map) {
            self.violation(EXPLAINED, format!("{identity} changed the counter of {map} unasked"));
        }
        for id in ids {
            let edit = &mut self.edits[id];
            if edit.identity == identity && edit.outcome == Outcome::Pending {
                edit.applied.push((before.map(str::to_owned), after.map(str::to_owned)));
            }
        }
    }

    /// Whether a checkpoint may be added to the map by this process: the next id is reserved with it.
    fn reserves(&self, identity: &str, map: &str) -> bool {
        self.edits.iter().any(|edit| {
            let adds = matches!(&edit.edit, Edit::AddPointer { key, .. } if is_checkpoint(key));
            adds && edit.identity == identity && edit.map == map && edit.may_be_applied()
        })
    }

    /// Finds the edit that was called and not refused, and that leads from one value to the other.
    fn explain(&mut self, identity: &str, map: &str, key: &str, before: Option<&str>, after: Option<&str>) -> bool {
        let fitting = self.fitting(identity, map, key, before, after);
        let allowed = |id: &&EditId| self.edits[**id].may_be_applied();
        let pending = fitting.iter().find(|id| self.pending.contains(id));
        let found = pending.or_else(|| fitting.iter().find(allowed)).copied();
        if let Some(id) = found {
            let change = (before.map(str::to_owned), after.map(str::to_owned));
            self.edits[id].applied.push(change);
            if let Edit::RemovePointer { pointer, .. } = &self.edits[id].edit
                && !self.promises.is_discarded(pointer)
            {
                self.violation(FILES, format!("{identity} took {key} of {map} away before its file"));
            }
        }
        found.is_some()
    }

    fn fitting(&self, identity: &str, map: &str, key: &str, before: Option<&str>, after: Option<&str>) -> Vec<EditId> {
        let of_key = self.by_key.get(&(map.to_owned(), key.to_owned())).into_iter().flatten();
        let clearing = self.clears.iter().filter(|id| clears(&self.edits[**id], map, key));
        let called = of_key.chain(clearing).copied();
        called
            .filter(|id| self.edits[*id].identity == identity && leads(&self.edits[*id].edit, before, after))
            .collect()
    }

    fn unexplained(&mut self, identity: &str, map: &str, key: &str, before: Option<&str>, after: Option<&str>) {
        let fitting = self.fitting(identity, map, key, before, after);
        let outcomes: Vec<_> = fitting.iter().map(|id| &self.edits[*id].outcome).collect();
        let (before, after) = (short(before), short(after));
        let text = format!("{identity} changed {key} of {map} from {before} to {after}: {outcomes:?}");
        let refused = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Refused(_)));
        self.violation(if refused { REFUSAL } else { EXPLAINED }, text);
    }
}

/// Whether this write of the cluster map is a note about the one who sends it, under a lock of somebody else.
fn is_note(identity: &str, object: &Value) -> bool {
    let others = match LockView::of(object) {
        LockView::Held(record) => record.holder_identity != identity,
        LockView::Free(_) => false,
        LockView::Absent | LockView::Broken { .. } => true,
    };
    others && config_map::annotation(object, CONTENDERS).is_some()
}

fn clears(edit: &CalledEdit, map: &str, key: &str) -> bool {
    edit.map == map && matches!(&edit.edit, Edit::ClearPointers { prefix } if key.starts_with(prefix))
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

/// Whether the edit turns this value into that.
fn leads(edit: &Edit, before: Option<&str>, after: Option<&str>) -> bool {
    match edit {
        Edit::AddPointer { pointer, .. } => before.is_none() && after == Some(pointer),
        Edit::ReplacePointer { pointer, .. } => {
            after == Some(pointer) && before.is_some_and(|before| state_handle::is_marked(before) == Ok(false))
        }
        Edit::MarkPointer { .. } => {
            before.is_some_and(|before| state_handle::mark(before).is_ok_and(|marked| Some(marked.as_str()) == after))
        }
        Edit::RemovePointer { pointer, .. } => after.is_none() && before == Some(pointer),
        Edit::ClearPointers { .. } => after.is_none(),
        _ => false,
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
