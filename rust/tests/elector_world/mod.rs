//! What the elector's tests share: a pure API server with one `ConfigMap`, and a referee that knows the rules.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::Duration;

use flinkkubeha::protocol::contenders::Contenders;
use flinkkubeha::protocol::elector::{
    AttemptId, Effect, ElectorSettings, GrantId, Input, LockWrite, LockWriteKind, Observation, RevokeCause, Source,
};
use flinkkubeha::protocol::holder_notes::HolderPod;
use flinkkubeha::protocol::lease::LeaseTimings;
use flinkkubeha::protocol::lock_record::{LeaseFormat, LockView};
use flinkkubeha::protocol::time::{BootTime, WallTime};

/// The API server's view of the one `ConfigMap`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    revision: u64,
    stored: Option<(u64, LockView, Contenders, Option<HolderPod>)>,
    /// When it was written last, on the server's clock.
    pub written: Duration,
}

impl Server {
    pub fn empty() -> Self {
        Self {
            revision: 7,
            stored: None,
            written: Duration::ZERO,
        }
    }

    pub fn observation(&self) -> Observation {
        match &self.stored {
            None => Observation::Missing,
            Some((version, lock, contenders, pod)) => Observation::Present {
                resource_version: version.to_string(),
                lock: lock.clone(),
                contenders: contenders.clone(),
                pod: pod.clone().map(Box::new),
            },
        }
    }

    pub fn lock(&self) -> Option<&LockView> {
        self.stored.as_ref().map(|(_, lock, ..)| lock)
    }

    pub fn version(&self) -> Option<u64> {
        self.stored.as_ref().map(|(version, ..)| *version)
    }

    /// A conditional write: a creation without `base`, otherwise a PUT of that version.
    pub fn write(&mut self, now: Duration, request: &Request) -> Option<Observation> {
        let base = request.write.base.as_ref();
        if base.map(|version| version.parse().unwrap()) != self.version() {
            return None;
        }
        let (_, former, notes, pod) = self
            .stored
            .clone()
            .unwrap_or((0, LockView::Absent, Contenders::default(), None));
        let record = request.write.record(&request.sender, request.lease, request.wall);
        let notes = request
            .write
            .contenders(&request.sender, notes, &former, record.as_ref());
        // The notes of whoever writes the lock stand beside it; a release takes them away.
        let pod = match request.write.kind {
            LockWriteKind::Acquire | LockWriteKind::Renew => request.pod.clone().map(|uid| HolderPod {
                holder_identity: request.sender.clone(),
                uid,
            }),
            LockWriteKind::Release | LockWriteKind::HandOver => None,
            LockWriteKind::Join | LockWriteKind::Leave => pod,
        };
        let lock = record.map_or(former, |record| LockView::read(&record.to_json(request.format)));
        self.put(now, lock, Contenders::decode(&notes.encode()).unwrap(), pod);
        Some(self.observation())
    }

    /// Somebody else's write, which knows no rules.
    pub fn set(&mut self, now: Duration, lock: LockView) {
        let (notes, pod) = self
            .stored
            .take()
            .map(|(.., notes, pod)| (notes, pod))
            .unwrap_or_default();
        self.put(now, lock, notes, pod);
    }

    fn put(&mut self, now: Duration, lock: LockView, notes: Contenders, pod: Option<HolderPod>) {
        self.revision += 1;
        self.written = now;
        self.stored = Some((self.revision, lock, notes, pod));
    }

    pub fn delete(&mut self) {
        self.revision += 1;
        self.stored = None;
    }

    /// What the server's clock says about the record, from its lease on.
    pub fn long_dead(&self, now: Duration) -> bool {
        matches!(self.lock(), Some(LockView::Held(record))
            if now.saturating_sub(self.written) > record.lease_duration + Duration::from_secs(5))
    }
}

/// A write on its way, with everything that goes into the object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    pub sender: String,
    pub write: LockWrite,
    pub lease: Duration,
    pub format: LeaseFormat,
    pub wall: WallTime,
    /// Of the pod whose seat the sender has.
    pub pod: Option<String>,
}

/// The names of the rules; each is the name of a property test.
pub mod rule {
    pub const NO_GRANT: &str = "no_grant_without_own_acknowledged_write";
    pub const ONE_REVOKE: &str = "every_grant_gets_exactly_one_revoke";
    pub const IN_TIME: &str = "revoke_before_the_lease_can_end_on_a_rivals_clock";
    pub const NO_NEEDLESS: &str = "no_revoke_without_a_cause";
    pub const UNKNOWN: &str = "unknown_counts_neither_as_won_nor_as_lost";
    pub const VERSION: &str = "every_write_carries_the_version_it_was_decided_on";
    pub const STOP: &str = "no_effect_after_stop";
    pub const RELEASED: &str = "released_lock_stays_released";
    pub const PATIENCE: &str = "a_running_lease_is_left_alone";
    pub const ONE_REQUEST: &str = "one_request_at_a_time_with_time_for_another";
    pub const HOLD: &str = "a_leader_holds_on_only_where_nobody_else_is_known";
    pub const JVM: &str = "a_jvm_that_stands_still_leads_nothing";
    pub const SWITCHOVER: &str = "a_lock_goes_to_who_is_there_once_its_end_was_handled";
    pub const EVIDENCE: &str = "nobody_waits_for_a_holder_that_has_ended";
    pub const ALIVE: &str = "somebody_leads_once_the_faults_end";
}

/// A broken rule.
#[derive(Clone, Debug)]
pub struct Violation {
    pub rule: &'static str,
    pub detail: String,
}

const BEGINNING: BootTime = BootTime::from_duration(Duration::ZERO);
const NOTES_LAST: Duration = Duration::from_secs(600);

/// What a leader was asked for, and how far it has got.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asked {
    to: Option<String>,
    between_checkpoints: bool,
    until: BootTime,
    /// A renewal that was sent since has taken the notes away, or there were none.
    called: bool,
}

/// A leadership that has ended so that another one begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Handing {
    grant: GrantId,
    to: Option<String>,
    until: BootTime,
    handled: bool,
}

/// Watches one elector from outside, by its inputs and effects alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Referee {
    identity: String,
    settings: ElectorSettings,
    timings: LeaseTimings,
    heard: Option<BootTime>,
    granted: Option<(GrantId, BootTime)>,
    /// Until when an acknowledgement carries the grant.
    confirmed_until: BootTime,
    /// Somebody who has not noted it may wait until then.
    alone_from: BootTime,
    notes_last_until: BootTime,
    next_grant: u64,
    writing: Option<(AttemptId, LockWriteKind, BootTime)>,
    /// The renewal under way was sent after somebody had asked for another leader.
    called: bool,
    /// From then on a renewal that is not answered counts as a failure.
    overdue_from: Option<BootTime>,
    reading: bool,
    read_back: Option<&'static str>,
    known: Option<Observation>,
    /// Our lease, or the longer one of the rival last seen.
    lease: Duration,
    /// Whoever holds the lock may live on it until then.
    taboo_until: Option<BootTime>,
    alarm: Option<BootTime>,
    stop: Option<BootTime>,
    stopped: bool,
    asked: Option<Asked>,
    handing: Option<Handing>,
    /// The lock is not taken before, where it was handed over, or calls somebody else.
    yields_until: Option<BootTime>,
    /// The pod whose seat is ours.
    pod: Option<String>,
    /// Whose process has ended, and the lock that it had then.
    ended: Option<(String, Option<LockView>)>,
}

impl Referee {
    pub fn new(identity: &str, settings: impl Into<ElectorSettings>, first_grant: GrantId) -> Self {
        let settings = settings.into();
        let timings = settings.timings;
        Self {
            identity: identity.to_owned(),
            settings,
            timings,
            heard: None,
            granted: None,
            confirmed_until: BEGINNING,
            alone_from: BEGINNING,
            notes_last_until: BEGINNING,
            next_grant: first_grant.0,
            writing: None,
            called: false,
            overdue_from: None,
            reading: false,
            read_back: None,
            known: None,
            lease: timings.lease_duration,
            taboo_until: None,
            alarm: None,
            stop: None,
            stopped: false,
            asked: None,
            handing: None,
            yields_until: None,
            pod: None,
            ended: None,
        }
    }

    /// Judges one step.
    pub fn judge(&mut self, now: BootTime, input: &Input, effects: &[Effect]) -> Vec<Violation> {
        let mut found = Vec::new();
        let before = self.granted.map(|(grant, until)| (grant, until, self.confirmed_until));
        let mut outcome = None;
        self.note_input(now, input, &mut outcome);
        let lost = self.read_back.is_none() && self.writing.is_none() && !self.reading && !self.holds_the_lock();
        if (self.handing.as_ref()).is_some_and(|handing| now >= handing.until || lost) {
            self.stands_back(now);
        }
        if self.stopped && !effects.is_empty() {
            found.push(violation(rule::STOP, "an effect after Stopped", effects));
        }
        for (index, effect) in effects.iter().enumerate() {
            let mut broken = |rule: &'static str, what: &'static str| {
                found.push(violation(rule, what, effect));
            };
            match effect {
                Effect::Grant { grant, valid_until } => {
                    self.judge_belief(now, outcome, *valid_until, &mut broken);
                    if self.granted.is_some() || grant.0 < self.next_grant {
                        broken(rule::ONE_REVOKE, "granted again");
                    }
                    self.granted = Some((*grant, *valid_until));
                    self.confirmed_until = *valid_until;
                    self.alone_from = now + self.timings.lease_duration;
                    self.notes_last_until = now + NOTES_LAST;
                    self.next_grant = grant.0 + 1;
                }
                Effect::Extend { grant, valid_until } => {
                    self.judge_belief(now, outcome, *valid_until, &mut broken);
                    if self.granted.map(|(granted, _)| granted) != Some(*grant) {
                        broken(rule::ONE_REVOKE, "extended without a grant");
                    }
                    self.granted = Some((*grant, *valid_until));
                    self.confirmed_until = *valid_until;
                }
                Effect::Hold { grant, valid_until } => {
                    if self.granted.map(|(granted, _)| granted) != Some(*grant) {
                        broken(rule::ONE_REVOKE, "held on without a grant");
                    }
                    self.judge_hold(now, input, *valid_until, &mut broken);
                    self.granted = Some((*grant, *valid_until));
                }
                Effect::HandOverRefused { to } => self.judge_refusal(now, to.as_deref(), &mut broken),
                Effect::Revoke { grant, cause } => {
                    if self.granted.map(|(granted, _)| granted) != Some(*grant) {
                        broken(rule::ONE_REVOKE, "revoked without a grant");
                    }
                    // The last condition may come with an acknowledgement, or with the read of a note, which ends what was held on to.
                    let planned = matches!(cause, RevokeCause::HandedOver { .. });
                    let belief = |effect: &Effect| matches!(effect, Effect::Extend { .. } | Effect::Hold { .. });
                    let first = (effects[..index].iter())
                        .all(|effect| matches!(effect, Effect::Notice(_)) || planned && belief(effect));
                    if !first {
                        broken(rule::IN_TIME, "something came before the revoke");
                    }
                    self.judge_cause(now, input, cause, &mut broken);
                    self.ends(cause);
                }
                Effect::Write(write) => {
                    self.judge_request(now, write.again_after.unwrap_or(write.time_limit), &mut broken);
                    self.judge_copies(now, write, &mut broken);
                    self.overdue_from = write.again_after.map(|share| now + share);
                    self.judge_write(now, write, &mut broken);
                    self.called = write.kind == LockWriteKind::Renew && self.asked.is_some();
                    self.writing = Some((write.attempt, write.kind, now));
                }
                Effect::Read { time_limit } => {
                    self.judge_request(now, *time_limit, &mut broken);
                    self.reading = true;
                }
                Effect::Wake { at } => self.alarm = Some(*at),
                Effect::Notice(_) => {
                    if self.stop.is_some() {
                        broken(rule::STOP, "a notice after Stop");
                    }
                }
                Effect::Stopped => {
                    if self.stop.is_none() || self.granted.is_some() {
                        broken(rule::STOP, "stopped without being asked, or with a grant");
                    }
                    self.stopped = true;
                }
            }
        }
        if matches!(input, Input::Unknown { .. })
            && let Some((grant, until, confirmed_until)) = before
            && now < until
            && (self.granted.map(|(grant, _)| grant), self.confirmed_until) != (Some(grant), confirmed_until)
        {
            found.push(violation(
                rule::UNKNOWN,
                "an unknown outcome changed the belief",
                effects,
            ));
        }
        self.judge_rest(now, &mut found);
        found
    }

    fn judge_refusal(&mut self, now: BootTime, to: Option<&str>, broken: &mut dyn FnMut(&'static str, &'static str)) {
        let asked = self.asked.take();
        let due = (asked.as_ref()).is_some_and(|asked| now >= asked.until && asked.to.as_deref() == to);
        if !due || asked.is_some_and(|asked| asked.called && self.is_there(asked.to.as_ref())) {
            broken(rule::SWITCHOVER, "refused too early, or although somebody is there");
        }
    }

    fn ends(&mut self, cause: &RevokeCause) {
        if let (RevokeCause::HandedOver { to }, Some((grant, until))) = (cause, self.granted) {
            self.handing = Some(Handing {
                grant,
                to: to.clone(),
                until,
                handled: false,
            });
        }
        self.asked = None;
        self.granted = None;
    }

    fn note_input(&mut self, now: BootTime, input: &Input, outcome: &mut Option<(LockWriteKind, BootTime)>) {
        match input {
            Input::Tick => self.alarm = None,
            Input::Observed {
                observation,
                source,
                long_dead,
            } => {
                if *source == Source::Read {
                    self.reading = false;
                    self.read_back = None;
                    self.note(now, observation, *long_dead);
                } else if !self.is_old(observation) {
                    self.note(now, observation, *long_dead);
                }
            }
            Input::ReadFailed | Input::ReadPostponed => self.reading = false,
            Input::Applied { attempt, observation } => {
                *outcome = self.take(*attempt);
                if outcome.is_some_and(|(kind, _)| kind == LockWriteKind::HandOver) {
                    self.stands_back(now);
                }
                if outcome.is_some_and(|(kind, _)| matches!(kind, LockWriteKind::Release | LockWriteKind::Leave)) {
                    self.known = None;
                } else if !self.is_old(observation) {
                    self.note(now, observation, false);
                }
                if let Some(asked) = self.asked.as_mut().filter(|_| outcome.is_some() && self.called) {
                    asked.called = true;
                }
            }
            Input::Refused { attempt, .. } => {
                if self.take(*attempt).is_some() {
                    self.read_back = Some(rule::VERSION);
                }
            }
            Input::Unknown { attempt } => {
                if self.take(*attempt).is_some() {
                    self.read_back = Some(rule::UNKNOWN);
                }
            }
            Input::HandOver {
                to,
                between_checkpoints,
            } if self.granted.is_some() => {
                self.asked = Some(Asked {
                    to: to.clone(),
                    between_checkpoints: *between_checkpoints,
                    until: now + Duration::from_secs(10).max(self.timings.retry_period * 3),
                    called: false,
                });
                self.called = false;
            }
            Input::WriteWanted | Input::AskedToWait { .. } | Input::HandOver { .. } | Input::CheckpointStored => {}
            Input::RevokeHandled { grant } => {
                if let Some(handing) = self.handing.as_mut().filter(|handing| handing.grant == *grant) {
                    handing.handled = true;
                }
            }
            Input::Stop => self.stop = self.stop.or(Some(now)),
            Input::Seated { pod_uid } => self.pod = Some(pod_uid.clone()),
            Input::HolderEnded { holder } => {
                let held = self.known.as_ref().and_then(lock);
                if matches!(held, Some(LockView::Held(record)) if record.holder_identity == *holder) {
                    self.ended = Some((holder.clone(), held.cloned()));
                }
            }
            Input::Pulse { at } => self.heard = self.heard.max(Some(*at)),
        }
    }

    /// It has given the lock away, or time has run out for it.
    fn stands_back(&mut self, now: BootTime) {
        if self.handing.take().is_some() {
            self.yields_until = Some(now + self.timings.retry_period);
        }
    }

    fn is_there(&self, who: Option<&String>) -> bool {
        match who {
            Some(who) => self.contenders().is_some_and(|notes| notes.has_note_of(who)),
            None => self.knows_another_contender(),
        }
    }

    /// When the JVM counts as standing still.
    fn silent_from(&self) -> Option<BootTime> {
        Some(self.heard? + self.settings.jvm_stall_timeout?)
    }

    fn is_silent(&self, now: BootTime) -> bool {
        self.silent_from().is_some_and(|from| now >= from)
    }

    fn take(&mut self, outcome_of: AttemptId) -> Option<(LockWriteKind, BootTime)> {
        let (_, kind, sent) = self.writing.take_if(|(attempt, ..)| *attempt == outcome_of)?;
        Some((kind, sent))
    }

    fn is_old(&self, observation: &Observation) -> bool {
        match (self.known.as_ref().and_then(version), version(observation)) {
            (Some(known), Some(seen)) => seen < known,
            _ => false,
        }
    }

    fn note(&mut self, now: BootTime, observation: &Observation, long_dead: bool) {
        let lock = lock(observation);
        let first = self.known.is_none();
        let stamped = matches!(lock, Some(LockView::Held(_) | LockView::Free(_)));
        let same = self.known.as_ref().is_some_and(|known| {
            crate::elector_world::lock(known) == lock && (stamped || version(known) == version(observation))
        });
        if !same {
            let own = self.timings.lease_duration;
            let (lease, waits) = match lock {
                Some(LockView::Held(record)) if record.holder_identity != self.identity => {
                    (own.max(record.lease_duration), !(first && long_dead))
                }
                Some(LockView::Held(_) | LockView::Free(_)) => (own, false),
                Some(LockView::Broken { .. }) => (self.lease, true),
                Some(LockView::Absent) | None => (self.lease, !first),
            };
            self.lease = lease;
            let calls = self.calls_somebody_else(observation);
            let wait = if calls { self.timings.retry_period } else { lease };
            self.taboo_until = (waits || calls).then(|| now + wait);
        }
        // What was told was about that very lock, and another one has stood there since; an answer that was overtaken may still show it.
        self.ended = self.ended.take().filter(|(_, held)| held.as_ref() == lock);
        let others = self.knows_another_contender();
        self.known = Some(observation.clone());
        if others && !self.knows_another_contender() {
            self.alone_from = now + self.timings.lease_duration;
        }
        if others != self.knows_another_contender() {
            self.notes_last_until = now + NOTES_LAST;
        }
    }

    fn calls_somebody_else(&self, observation: &Observation) -> bool {
        let called = match (contenders(observation), lock(observation)) {
            (Some(notes), Some(lock)) => notes.called_to(lock),
            _ => None,
        };
        called.is_some_and(|called| called != self.identity)
    }

    fn contenders(&self) -> Option<&Contenders> {
        self.known.as_ref().and_then(contenders)
    }

    fn knows_another_contender(&self) -> bool {
        self.contenders()
            .is_some_and(|notes| notes.has_note_of_others(&self.identity))
    }

    fn is_noted(&self) -> bool {
        self.contenders().is_some_and(|notes| notes.has_note_of(&self.identity))
    }

    fn knows_a_rival(&self) -> bool {
        let lock = self.known.as_ref().and_then(lock);
        let strangers = matches!((self.contenders(), lock), (Some(notes), Some(lock)) if notes.knows_strangers(lock));
        self.knows_another_contender() || strangers && !self.settings.outage_hold.despite_strangers
    }

    fn judge_hold(
        &self,
        now: BootTime,
        input: &Input,
        valid_until: BootTime,
        broken: &mut impl FnMut(&'static str, &'static str),
    ) {
        let Some((_, former)) = self.granted else { return };
        let longest =
            (now + self.timings.renew_deadline).min(self.confirmed_until + self.settings.outage_hold.duration);
        let overdue = self.writing.is_some() && self.overdue_from.is_some_and(|from| now >= from);
        let failed = overdue
            || matches!(
                input,
                Input::ReadFailed | Input::Unknown { .. } | Input::Refused { unusable: true, .. }
            );
        let ended = valid_until == self.confirmed_until && self.knows_a_rival();
        if valid_until <= former {
            if !ended || now >= valid_until {
                broken(rule::HOLD, "holds on less without a rival");
            }
        } else if !failed || valid_until > longest {
            broken(rule::HOLD, "holds on without a failure, or for too long");
        } else if self.knows_a_rival() || now < self.alone_from || !self.holds_the_lock() {
            broken(rule::HOLD, "holds on although somebody else may be there");
        }
    }

    fn holds_the_lock(&self) -> bool {
        matches!(self.known.as_ref().and_then(lock), Some(LockView::Held(record)) if record.holder_identity == self.identity)
    }

    /// Whoever holds the lock, as far as this one has seen, and whether it was told already that this very lock's holder has ended.
    pub fn sees(&self) -> Option<(&str, bool)> {
        let held = self.known.as_ref().and_then(lock);
        let Some(LockView::Held(record)) = held else {
            return None;
        };
        let told = (self.ended.as_ref()).is_some_and(|(_, lock)| lock.as_ref() == held);
        Some((&record.holder_identity, told))
    }

    /// By the note of our own pod beside the lock of its holder, or by what was told of the very lock that stands there still.
    fn holder_has_ended(&self) -> bool {
        let Some(Observation::Present {
            lock: LockView::Held(record),
            pod,
            ..
        }) = &self.known
        else {
            return false;
        };
        let here = pod
            .as_ref()
            .is_some_and(|pod| pod.holder_identity == record.holder_identity && Some(&pod.uid) == self.pod.as_ref());
        let told = (self.ended.as_ref()).is_some_and(|(holder, lock)| {
            *holder == record.holder_identity && lock.as_ref() == Some(&LockView::Held(record.clone()))
        });
        here || told
    }

    fn judge_belief(
        &self,
        now: BootTime,
        outcome: Option<(LockWriteKind, BootTime)>,
        valid_until: BootTime,
        broken: &mut impl FnMut(&'static str, &'static str),
    ) {
        match outcome {
            Some((LockWriteKind::Acquire | LockWriteKind::Renew, sent)) => {
                if valid_until != sent + self.timings.renew_deadline {
                    broken(rule::IN_TIME, "the belief does not run from the sending of the write");
                }
                if now >= valid_until {
                    broken(rule::IN_TIME, "the belief had ended before it began");
                }
            }
            _ => broken(rule::NO_GRANT, "a belief without an acknowledgement"),
        }
        if !self.holds_the_lock() {
            broken(rule::NO_GRANT, "a belief beside a lock that is not ours");
        }
        if self.stop.is_some() {
            broken(rule::STOP, "a belief after Stop");
        }
        if self.is_silent(now) {
            broken(rule::JVM, "a belief while the JVM stands still");
        }
    }

    /// Whether the belief goes further than an acknowledgement carries it.
    fn holds_on(&self) -> bool {
        self.granted.is_some_and(|(_, until)| until > self.confirmed_until)
    }

    fn judge_cause(
        &self,
        now: BootTime,
        input: &Input,
        cause: &RevokeCause,
        broken: &mut impl FnMut(&'static str, &'static str),
    ) {
        let seen = match input {
            Input::Observed { observation, .. } => lock(observation),
            _ => None,
        };
        let justified = match cause {
            RevokeCause::RenewDeadlinePassed => self.granted.is_some_and(|(_, until)| now >= until && !self.holds_on()),
            RevokeCause::OutageHoldPassed => self.granted.is_some_and(|(_, until)| now >= until && self.holds_on()),
            RevokeCause::NotAloneInOutage => {
                seen.is_some() && self.holds_on() && now >= self.confirmed_until && self.knows_a_rival()
            }
            RevokeCause::TakenBy { holder } => matches!(seen, Some(LockView::Held(record))
                if record.holder_identity == *holder && *holder != self.identity),
            RevokeCause::Released => matches!(seen, Some(LockView::Free(_))),
            RevokeCause::JvmSilent => self.is_silent(now),
            RevokeCause::Stopped => matches!(input, Input::Stop),
            RevokeCause::HandedOver { to } => self.asked.as_ref().is_some_and(|asked| {
                let moment =
                    matches!(input, Input::CheckpointStored) || now >= asked.until || !asked.between_checkpoints;
                asked.to == *to && asked.called && moment && self.is_there(to.as_ref()) && self.holds_the_lock()
            }),
            // Not for the elector to say.
            RevokeCause::CleanedUp => false,
        };
        if !justified {
            broken(rule::NO_NEEDLESS, "a revoke without its cause");
        }
    }

    fn judge_request(&self, now: BootTime, limit: Duration, broken: &mut impl FnMut(&'static str, &'static str)) {
        if self.writing.is_some() || self.reading {
            broken(rule::ONE_REQUEST, "a second request");
        }
        let left = self
            .granted
            .map_or(self.timings.renew_deadline, |(_, until)| until.saturating_since(now));
        let longest = (left / 3).clamp(Duration::from_millis(200), Duration::from_secs(5));
        if limit > longest || limit.is_zero() {
            broken(rule::ONE_REQUEST, "the request may take too long");
        }
    }

    /// A renewal is waited for until shortly before the belief ends, and goes out again beside; nothing else does.
    fn judge_copies(&self, now: BootTime, write: &LockWrite, broken: &mut impl FnMut(&'static str, &'static str)) {
        let renewal = write.kind == LockWriteKind::Renew;
        if renewal != write.again_after.is_some() {
            broken(rule::ONE_REQUEST, "copies of what is no renewal, or none of one");
        }
        let millis = Duration::from_millis;
        let left = self.granted.map(|(_, until)| until.saturating_since(now));
        let longest = left.map(|left| left.saturating_sub(millis(200).min(left / 20)).max(millis(200)));
        if renewal && longest.is_none_or(|longest| write.time_limit > longest) {
            broken(
                rule::ONE_REQUEST,
                "a renewal is waited for longer than its answer counts",
            );
        }
    }

    fn judge_write(&self, now: BootTime, write: &LockWrite, broken: &mut impl FnMut(&'static str, &'static str)) {
        let (kind, base) = (write.kind, write.base.as_deref());
        let may_take_notes = match kind {
            LockWriteKind::Acquire => true,
            LockWriteKind::Renew => {
                let calls = self.asked.as_ref().is_some_and(|asked| !asked.called);
                self.knows_another_contender() && (calls || now >= self.notes_last_until)
            }
            LockWriteKind::Release | LockWriteKind::HandOver | LockWriteKind::Join | LockWriteKind::Leave => false,
        };
        if write.takes_notes_away != may_take_notes {
            broken(rule::HOLD, "the notes of others go, or stay, at the wrong time");
        }
        if let Some(rule) = self.read_back {
            broken(rule, "a write before the last outcome was read back");
        }
        match &self.known {
            None => broken(rule::VERSION, "a write without any knowledge"),
            Some(Observation::Missing) if base.is_none() => {}
            Some(Observation::Present { resource_version, .. }) if base == Some(resource_version) => {}
            Some(_) => broken(rule::VERSION, "a write on another version than the newest known"),
        }
        match kind {
            LockWriteKind::Acquire => {
                if self.granted.is_some() {
                    broken(rule::NO_GRANT, "a leader acquires");
                }
                if self.is_silent(now) {
                    broken(rule::JVM, "an acquisition while the JVM stands still");
                }
                if self.taboo_until.is_some_and(|until| now < until) && !self.holder_has_ended() {
                    broken(rule::PATIENCE, "the rival's lease may still run");
                }
                let given =
                    self.holds_the_lock() || matches!(self.known.as_ref().and_then(lock), Some(LockView::Free(_)));
                if given && self.yields_until.is_some_and(|until| now < until) {
                    broken(rule::SWITCHOVER, "takes back at once what it has handed over");
                }
                if self.handing.is_some() && given {
                    broken(rule::SWITCHOVER, "takes what it is about to hand over");
                }
            }
            LockWriteKind::Renew => {
                if self.granted.is_none() {
                    broken(rule::NO_GRANT, "a renewal without a grant");
                }
            }
            LockWriteKind::Release => {
                if self.stop.is_none() || !self.holds_the_lock() {
                    broken(rule::STOP, "a release of what is not ours, or without Stop");
                }
            }
            LockWriteKind::HandOver => {
                let handing = self
                    .handing
                    .as_ref()
                    .filter(|handing| handing.handled && now < handing.until);
                if handing.is_none_or(|handing| handing.to != write.next) || !self.holds_the_lock() {
                    broken(
                        rule::SWITCHOVER,
                        "the lock goes before its end was handled, or too late",
                    );
                }
            }
            LockWriteKind::Join => {
                let lock = self.known.as_ref().and_then(lock);
                let ours = matches!((self.contenders(), lock), (Some(notes), Some(lock)) if notes.signs(lock));
                if self.granted.is_some() || self.holds_the_lock() || self.is_noted() || !ours || self.is_silent(now) {
                    broken(rule::HOLD, "a note that does not belong there");
                }
            }
            LockWriteKind::Leave => {
                if self.stop.is_none() || !self.is_noted() {
                    broken(rule::STOP, "a note is taken away that is not there, or without Stop");
                }
            }
        }
        if self.stop.is_some() && !matches!(kind, LockWriteKind::Release | LockWriteKind::Leave) {
            broken(rule::RELEASED, "something else than a release after Stop");
        }
    }

    /// What must be so after every step.
    fn judge_rest(&self, now: BootTime, found: &mut Vec<Violation>) {
        let mut broken = |rule, what| found.push(violation(rule, what, self));
        if self.stopped {
            return;
        }
        if self.asked.as_ref().is_some_and(|asked| now >= asked.until) {
            broken(rule::SWITCHOVER, "neither handed over nor refused");
        }
        if let Some(handing) = &self.handing
            && self.stop.is_none()
            && self.alarm.is_none_or(|at| at > handing.until)
        {
            broken(
                rule::SWITCHOVER,
                "no alarm for the end of the lease that is to be handed over",
            );
        }
        if let Some((_, until)) = self.granted {
            if self.holds_on() && self.knows_a_rival() {
                broken(rule::HOLD, "holds on beside a rival");
            }
            if now >= until {
                broken(rule::IN_TIME, "still a leader after the belief has ended");
            }
            if self.alarm.is_none_or(|at| at > until) {
                broken(rule::IN_TIME, "no alarm for the end of the belief");
            }
            if self.is_silent(now) {
                broken(rule::JVM, "still a leader while the JVM stands still");
            }
            if self
                .silent_from()
                .is_some_and(|from| self.alarm.is_none_or(|at| at > from))
            {
                broken(rule::JVM, "no alarm for the end of the JVM's time");
            }
        }
        let yields = self.handing.is_some() || self.yields_until.is_some_and(|until| now < until);
        let lets_go = yields && self.holds_the_lock();
        if self.granted.is_none() && self.stop.is_none() && self.holder_has_ended() && !self.is_silent(now) && !lets_go
        {
            // Nothing else comes first: a write or a read is on its way, or the pause after a failure.
            let pause = self.alarm.is_some_and(|at| at <= now + Duration::from_secs(1));
            if self.writing.is_none() && !self.reading && !pause {
                broken(rule::EVIDENCE, "waits for a lease that protects nobody");
            }
        }
        let waits = self.writing.is_some() || self.reading || self.alarm.is_some();
        if !waits && (self.granted.is_some() || !self.is_silent(now)) {
            broken(rule::ALIVE, "neither a request nor an alarm");
        }
        if let Some(since) = self.stop {
            let until = since + self.timings.renew_deadline.min(Duration::from_secs(5));
            if now >= until {
                broken(rule::STOP, "not stopped in time");
            }
            if self.alarm.is_none_or(|at| at > until) {
                broken(rule::STOP, "no alarm for the end");
            }
        }
    }
}

fn violation(rule: &'static str, what: &str, detail: impl std::fmt::Debug) -> Violation {
    Violation {
        rule,
        detail: format!("{what}: {detail:?}"),
    }
}

pub fn lock(observation: &Observation) -> Option<&LockView> {
    match observation {
        Observation::Missing => None,
        Observation::Present { lock, .. } => Some(lock),
    }
}

fn contenders(observation: &Observation) -> Option<&Contenders> {
    match observation {
        Observation::Missing => None,
        Observation::Present { contenders, .. } => Some(contenders),
    }
}

fn version(observation: &Observation) -> Option<u64> {
    match observation {
        Observation::Missing => None,
        Observation::Present { resource_version, .. } => resource_version.parse().ok(),
    }
}
