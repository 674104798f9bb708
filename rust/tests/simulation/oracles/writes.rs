//! What the server sees: who sent what, and whether what was applied had been asked for.

use flinkkubeha::protocol::annotations::{CONTENDERS, Claim};
use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::contenders::Contenders;
use flinkkubeha::protocol::edit::Edit;
use flinkkubeha::protocol::lock_record::LockView;
use flinkkubeha::protocol::names::{COUNTER_KEY, LEADER_KEY_PREFIX, is_checkpoint, leader_key};
use flinkkubeha::protocol::state_handle;
use serde_json::Value;

use super::{
    AFTER_STOP, CONDITIONAL, COUNTER, CalledEdit, EXPLAINED, EditId, FENCE, FILES, FLUSHED, GRANT_CHECKED, Ledger,
    OPENED, OWN_WRITE, Outcome, Phase, REFUSAL, REPAIRED, SentWrite, WriteId, short,
};
use crate::CLUSTER_MAP;
use crate::store::{Store, different_keys};

impl Ledger {
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
        let copied = object.filter(|_| map == CLUSTER_MAP);
        let copied = copied.is_some() && self.last_lock_write.get(identity) == copied;
        let before = self.writes.iter().rev();
        let first = before
            .filter(|write| write.identity == identity && write.map == map)
            .find(|_| copied);
        let first_sent = first.map_or(self.now, |write| write.first_sent);
        self.writes.push(SentWrite {
            first_sent,
            identity: identity.to_owned(),
            map: map.to_owned(),
            sent: self.now,
            under_a_grant: believes.is_some(),
            elects: false,
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
            // One that is handed over goes only when its end was told, and answered.
            _ if release => self.candidates[identity].releasing || self.candidates[identity].hands_over,
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
    pub fn settles(&mut self, id: WriteId, believes: bool) {
        let write = &mut self.writes[id];
        write.settled = Some(self.now);
        // A renewal that is acknowledged when its grant has ended already is where the next one begins.
        if write.elects {
            let candidate = self.candidates.get_mut(&write.identity).unwrap();
            if believes {
                candidate.confirmed = candidate.confirmed.max(write.first_sent);
            } else {
                candidate.own_write = true;
                candidate.elected = write.first_sent;
            }
        }
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

    /// Its leader has deleted a job's map on purpose: what comes back, whoever may have destroyed it before, begins anew.
    pub fn deleted(&mut self, map: &str) {
        if self.destroyed.remove(map).is_some() {
            self.handed_out.remove(map);
        }
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
        for key in self.promises.dangling(new) {
            self.violation(FILES, format!("{identity} made {key} of {map} point to nothing"));
        }
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
        for key in &different_keys(old, Some(new)) {
            let before = old.and_then(|old| config_map::entry(old, key));
            let after = config_map::entry(new, key);
            if let Some(component) = key.strip_prefix(LEADER_KEY_PREFIX) {
                self.explain_leader(identity, component, new, after, sent);
            } else if key == COUNTER_KEY {
                self.explain_counter(identity, map, before, after);
            } else if !self.explain(identity, map, key, before, after) && !from_memory {
                self.unexplained(identity, map, key, before, after);
            }
        }
    }

    /// What was destroyed and is made anew differs in nothing but what was asked for and not answered, one way or the other.
    fn check_repair(&mut self, identity: &str, map: &str, before: &Value, new: &Value, by_the_next: bool) {
        for key in &different_keys(Some(before), Some(new)) {
            let (was, is) = (config_map::entry(before, key), config_map::entry(new, key));
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
            let write = &mut self.writes[sent];
            write.elects = true;
            self.candidates.get_mut(identity).unwrap().own_write |= !write.under_a_grant;
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

    fn explain_leader(&mut self, identity: &str, component: &str, new: &Value, after: Option<&str>, sent: WriteId) {
        let released = matches!(LockView::of(new), LockView::Free(_));
        let published = self.candidates[identity].has_published(component, after, self.writes[sent].sent);
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
