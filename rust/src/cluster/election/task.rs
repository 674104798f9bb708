//! The loop that owns the cluster `ConfigMap`.

use std::sync::Arc;
use std::time::Duration;

use log::{debug, error, info, warn};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;

use super::command::Command;
use super::compose::compose;
use super::requests::{Finished, Requests, Vanished};
use crate::cluster::client::{Answer, ApiError, ApiErrorKind, WriteFailure};
use crate::cluster::config_map::batch::{Batch, not_leader};
use crate::cluster::config_map::leaders::Leaders;
use crate::cluster::config_map::settled_after;
use crate::cluster::config_map::staleness::is_long_dead;
use crate::cluster::config_map::subscribers::Subscribers;
use crate::cluster::config_map::trouble::Trouble;
use crate::cluster::context::Context;
use crate::cluster::events::Event;
use crate::cluster::events::queue::EventQueue;
use crate::cluster::grant::Granted;
use crate::cluster::watch::Seen;
use crate::error::ErrorCode;
use crate::protocol::config_map;
use crate::protocol::contenders::Contenders;
use crate::protocol::elector::{
    AcquireReason, AttemptId, Effect, Elector, GrantId, Input, LockWrite, Notice, Observation, RevokeCause, Source,
};
use crate::protocol::lock_record::LockView;
use crate::protocol::names::LEADER_KEY_PREFIX;
use crate::protocol::time::BootTime;

/// Longest sleep while an elector runs. Timers of the runtime stand still while the machine is suspended and `CLOCK_BOOTTIME` does not,
/// so the clock is looked at this often.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

/// How long a candidate stays away after its cluster was cleaned up: longer than a pod is given to end, so that a JobManager which is on its way
/// out brings nothing back. One that stays is wanted, and contends again.
const REST_AFTER_CLEAN_UP: Duration = Duration::from_secs(60);
/// Longest wait for one request that finds out what is left of a cluster.
const LOOK_LIMIT: Duration = Duration::from_secs(2);

/// What is known of the cluster `ConfigMap`.
enum Known {
    /// Nothing has been read yet.
    Nothing,
    Missing,
    Present(Value),
}

/// What a candidacy that was asked for waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Starting {
    No,
    /// The Role is being checked.
    Checking,
    /// The candidacy before is still stopping.
    AfterStop,
    /// The cluster was cleaned up: until then, or until somebody else makes it anew.
    Resting(BootTime),
}

/// Owns the cluster `ConfigMap` of one session, whether or not the session is a candidate.
pub(crate) struct Election {
    context: Context,
    commands: mpsc::UnboundedReceiver<Command>,
    watch: mpsc::UnboundedReceiver<Seen>,
    events: Arc<EventQueue>,
    requests: Requests,
    subscribers: Subscribers,
    known: Known,
    /// The last object seen, kept when it is deleted: a leader can make it anew.
    last: Option<Value>,
    long_dead: bool,
    elector: Option<Elector>,
    next_grant: GrantId,
    wake: Option<BootTime>,
    /// The sign of life of the JVM that the elector was told of last.
    jvm_heard: Option<BootTime>,
    /// Since when the leadership is held on to through an outage, once that was said.
    holds_on_since: Option<BootTime>,
    /// A write is under way.
    writing: bool,
    /// The `ConfigMap` was deleted while we lead, and what else is gone is being found out.
    vanishing: bool,
    /// What somebody else has taken out of it while we lead, to be put back.
    emptied: Vec<(String, String)>,
    leaders: Leaders,
    batch: Batch,
    stopping: Vec<oneshot::Sender<()>>,
    starting: Starting,
    trouble: Trouble,
}

impl Election {
    pub(crate) fn new(
        context: Context,
        commands: mpsc::UnboundedReceiver<Command>,
        watch: mpsc::UnboundedReceiver<Seen>,
        events: Arc<EventQueue>,
    ) -> Self {
        Self {
            requests: Requests::new(&context.api, context.cluster_map.clone()),
            subscribers: Subscribers::new(Arc::clone(&events)),
            context,
            commands,
            watch,
            events,
            known: Known::Nothing,
            last: None,
            long_dead: false,
            elector: None,
            next_grant: GrantId(1),
            wake: None,
            jvm_heard: None,
            holds_on_since: None,
            writing: false,
            vanishing: false,
            emptied: Vec::new(),
            leaders: Leaders::default(),
            batch: Batch::default(),
            stopping: Vec::new(),
            starting: Starting::No,
            trouble: Trouble::default(),
        }
    }

    /// Runs until it is told to end.
    pub(crate) async fn run(mut self) {
        loop {
            let timer = self.until_wake();
            // The timer comes first: whatever else there is to do, an ended lease is noticed before it.
            tokio::select! {
                biased;
                () = sleep(timer.unwrap_or(LONGEST_SLEEP)), if timer.is_some() => {}
                finished = self.requests.next() => self.finished(finished),
                Some(seen) = self.watch.recv() => self.seen(seen),
                command = self.commands.recv() => match command {
                    Some(Command::End) | None => return,
                    Some(command) => self.command(command),
                },
            }
            self.on_time();
            self.write_what_waits();
        }
    }

    fn until_wake(&self) -> Option<Duration> {
        let rest = match self.starting {
            Starting::Resting(until) => Some(until),
            _ => None,
        };
        let next = [self.wake, self.batch.next_deadline(), rest]
            .into_iter()
            .flatten()
            .min();
        let sleep = next.map(|next| next.saturating_since(self.context.clock.boot()).min(LONGEST_SLEEP));
        // The JVM is listened to all the time.
        sleep.or_else(|| self.elector.is_some().then_some(LONGEST_SLEEP))
    }

    fn on_time(&mut self) {
        let now = self.context.clock.boot();
        if self.wake.is_some_and(|wake| wake <= now) {
            self.wake = None;
            self.step(Input::Tick);
        }
        self.hear_the_jvm();
        if matches!(self.starting, Starting::Resting(until) if until <= now) {
            self.end_rest();
        }
        self.batch.refuse_hopeless(
            &self.context.cluster_map,
            &self.context.grants,
            now,
            self.trouble.last(),
        );
    }

    fn write_what_waits(&mut self) {
        let Known::Present(object) = &self.known else { return };
        // What came in meanwhile is asked for when the outcome is known: asked for now, it would cost a second write.
        if self.writing {
            return;
        }
        if !self.batch.is_empty() || !self.emptied.is_empty() || self.leaders.want_a_write(object) {
            self.step(Input::WriteWanted);
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Start => self.start(),
            Command::Stop(reply) => self.stop(reply),
            Command::Publish {
                grant,
                component,
                value,
            } => {
                if self.context.grants.holds(grant) {
                    self.leaders.publish(&component, value);
                } else {
                    debug!("The leader address of {component} is not published: its leadership has ended.");
                }
            }
            Command::Edit(edit) => self.batch.push(edit),
            Command::Subscribe { id, component } => {
                let object = if let Known::Present(object) = &self.known {
                    Some(object)
                } else {
                    None
                };
                self.subscribers.add(id, component, object);
            }
            Command::Unsubscribe { id } => self.subscribers.remove(id),
            Command::Observed(answer) => self.read(answer, Source::Watch),
            Command::End => debug!("The election task ends."),
        }
    }

    fn start(&mut self) {
        if !self.stopping.is_empty() {
            self.starting = Starting::AfterStop;
        } else if self.elector.is_none() && self.starting == Starting::No {
            self.starting = Starting::Checking;
            self.requests.preflight();
        }
    }

    fn stop(&mut self, reply: oneshot::Sender<()>) {
        if std::mem::replace(&mut self.starting, Starting::No) == Starting::Checking {
            // Its outcome would be taken for that of the next check, and its requests hold places that the next election needs.
            self.requests.forget();
        }
        if self.elector.is_some() {
            self.stopping.push(reply);
            self.step(Input::Stop);
        } else {
            let _ = reply.send(());
        }
    }

    fn finished(&mut self, finished: Finished) {
        match finished {
            Finished::Write { attempt, outcome } => self.written(attempt, outcome),
            Finished::Read(Ok(answer)) => self.read(answer, Source::Read),
            Finished::Read(Err(error)) => {
                self.failing(&error.message);
                self.step(Input::ReadFailed);
            }
            Finished::Preflight(Ok(())) => self.become_candidate(),
            Finished::Preflight(Err(error)) => {
                self.starting = Starting::No;
                self.events.push(Event::Error(error.into()));
            }
            Finished::Vanished(found) => self.vanished(found),
        }
    }

    fn become_candidate(&mut self) {
        self.starting = Starting::No;
        let identity = self.context.identity.clone();
        self.elector = Some(Elector::new(identity, self.context.elector, self.next_grant));
        self.jvm_heard = None;
        self.observe(Source::Watch);
    }

    fn written(&mut self, attempt: AttemptId, outcome: Result<Value, WriteFailure>) {
        // While what is known is still what the elector knows: a renewal may be due.
        self.hear_the_jvm();
        self.writing = false;
        match outcome {
            Ok(object) => {
                self.trouble.succeeded(self.context.clock.boot(), &self.what());
                let observation = observation_of(&object);
                self.leaders.stored(&object);
                self.emptied.clear();
                // The watch may have been faster and shown a later version already.
                if !self.is_older(&object) {
                    self.keep(Known::Present(object));
                }
                // Before the next step, which may apply what waits to another write.
                self.batch.written();
                self.step(Input::Applied { attempt, observation });
            }
            Err(WriteFailure::Refused(error)) => {
                let unusable = is_unusable(error.kind);
                match error.kind {
                    ApiErrorKind::Conflict | ApiErrorKind::NotFound => debug!("{}: {}", self.what(), error.message),
                    // Something that rides along cannot be stored: it must not take the renewals down with it.
                    ApiErrorKind::Invalid if !self.batch.is_empty() => {
                        self.batch.reject(ErrorCode::ApiRefused, &error.message);
                    }
                    _ => self.failing(&error.message),
                }
                if error.kind == ApiErrorKind::Conflict {
                    self.batch.overtaken();
                } else {
                    self.batch.not_written();
                }
                self.leaders.not_stored();
                self.step(Input::Refused { attempt, unusable });
            }
            Err(WriteFailure::Unknown(error)) => {
                self.failing(&error.message);
                self.batch.lost();
                self.leaders.not_stored();
                self.step(Input::Unknown { attempt });
            }
        }
    }

    fn what(&self) -> String {
        format!("Writing ConfigMap {}", self.context.cluster_map)
    }

    fn failing(&mut self, why: &str) {
        let what = self.what();
        self.trouble.failed(self.context.clock.boot(), &what, why);
    }

    fn read(&mut self, answer: Answer<Option<Value>>, source: Source) {
        match answer.value {
            Some(object) if source == Source::Watch && self.elector.is_some() && self.is_older(&object) => {
                debug!("A read that is older than what a reply of our own showed was ignored.");
            }
            Some(object) => {
                if let Some(version) = config_map::resource_version(&object) {
                    self.batch.settle_doubts(&object, version);
                }
                let long_dead = is_long_dead(&object, answer.server_date, self.context.elector.timings.lease_duration);
                self.see(Known::Present(object), source, long_dead);
            }
            None => self.missing(source),
        }
    }

    /// A leader does not make its `ConfigMap` anew before it knows that this is no clean-up of the whole cluster.
    fn missing(&mut self, source: Source) {
        let grant = self.context.grants.current();
        if let (Some(grant), Known::Present(_)) = (grant, &self.known) {
            if !self.vanishing {
                self.look_what_is_left(grant);
            }
            if source == Source::Read {
                self.step(Input::ReadPostponed);
            }
        } else {
            self.see(Known::Missing, source, false);
        }
    }

    fn look_what_is_left(&mut self, grant: GrantId) {
        self.vanishing = true;
        let after = settled_after(self.context.elector.timings.renew_deadline);
        let jobs = self.context.writers.had_by(grant);
        self.requests.vanished(jobs, after, LOOK_LIMIT);
    }

    fn vanished(&mut self, found: Result<Vanished, ApiError>) {
        self.vanishing = false;
        let grant = self.context.grants.current();
        match (found, grant) {
            (Ok(Vanished::Back(answer)), _) => self.read(answer, Source::Watch),
            (Ok(Vanished::Together(jobs)), Some(grant)) => self.cleaned_up(grant, jobs),
            (Ok(Vanished::Alone | Vanished::Together(_)), _) | (Err(_), None) => {
                self.see(Known::Missing, Source::Watch, false);
            }
            (Err(error), Some(grant)) => {
                self.failing(&error.message);
                self.look_what_is_left(grant);
            }
        }
    }

    /// Everything that this leader had is gone: what was asked for is that it stays gone.
    fn cleaned_up(&mut self, grant: GrantId, jobs: usize) {
        warn!(
            "ConfigMap {} and the ConfigMaps of all jobs ({jobs}) have been deleted. This is taken for the clean-up of the cluster: nothing is written again, unless this process still runs in {} s.",
            self.context.cluster_map,
            REST_AFTER_CLEAN_UP.as_secs()
        );
        self.revoke(
            grant,
            "the cluster was cleaned up: its ConfigMaps have been deleted together",
        );
        self.leaders.clear();
        self.forget_candidacy();
        self.keep(Known::Missing);
        self.last = None;
        self.starting = Starting::Resting(self.context.clock.boot() + REST_AFTER_CLEAN_UP);
    }

    fn end_rest(&mut self) {
        self.starting = Starting::No;
        self.start();
    }

    fn seen(&mut self, seen: Seen) {
        match seen {
            // A list that was under way while we made the ConfigMap does not show that it is gone.
            Seen::Listed(answer, version) if answer.value.is_none() && self.is_before(&version) => {
                debug!("A list of the past was ignored.");
            }
            Seen::Listed(answer, _) => self.read(answer, Source::Watch),
            Seen::Changed(object) | Seen::Deleted(object) if self.is_older(&object) => {
                debug!("An event of the past was ignored.");
            }
            Seen::Changed(object) => self.see(Known::Present(object), Source::Watch, false),
            Seen::Deleted(_) => self.missing(Source::Watch),
        }
    }

    /// Whether an event tells of a version before the one that a reply to our own request showed already: a watch may lag behind.
    fn is_older(&self, object: &Value) -> bool {
        config_map::resource_version(object).is_some_and(|version| self.is_before(version))
    }

    fn is_before(&self, version: &str) -> bool {
        let Known::Present(known) = &self.known else {
            return false;
        };
        let known = config_map::resource_version(known).and_then(|known| known.parse::<u64>().ok());
        matches!((version.parse::<u64>().ok(), known), (Some(version), Some(known)) if version < known)
    }

    /// Somebody has taken everything out: not what Flink's operator does, which removes plans and leaves the leaders, but an accident. The
    /// leaders are known; what else there was would be missed at the next recovery. A write of our own that is under way may have done it, too.
    fn note_emptied(&mut self, known: &Known) {
        let (Known::Present(now), Some(before)) = (known, &self.last) else {
            return;
        };
        if self.writing || self.context.grants.current().is_none() || config_map::data(now).is_some() {
            return;
        }
        let entries = config_map::entries_with_prefix(before, "").into_iter();
        let lost: Vec<_> = (entries.filter(|(key, _)| !key.starts_with(LEADER_KEY_PREFIX)))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        if !lost.is_empty() {
            warn!(
                "ConfigMap {} has been emptied from outside. What was in it is written again, {} entries beside the leader addresses.",
                self.context.cluster_map,
                lost.len()
            );
            self.emptied = lost;
        }
    }

    fn see(&mut self, known: Known, source: Source, long_dead: bool) {
        // While what is known is still what the elector knows: a renewal may be due.
        self.hear_the_jvm();
        self.long_dead = long_dead;
        self.note_emptied(&known);
        self.keep(known);
        self.observe(source);
        if matches!((self.starting, &self.known), (Starting::Resting(_), Known::Present(_))) {
            self.end_rest();
        }
    }

    fn keep(&mut self, known: Known) {
        if let Known::Present(object) = &known {
            self.subscribers.tell(object);
            self.last = Some(object.clone());
        }
        self.known = known;
    }

    fn observe(&mut self, source: Source) {
        let observation = match &self.known {
            Known::Nothing => return self.step(Input::Tick),
            Known::Missing => Observation::Missing,
            Known::Present(object) => observation_of(object),
        };
        let long_dead = self.long_dead;
        self.step(Input::Observed {
            observation,
            source,
            long_dead,
        });
    }

    fn step(&mut self, input: Input) {
        // Judged by the newest sign of life.
        self.hear_the_jvm();
        self.tell(input);
    }

    fn hear_the_jvm(&mut self) {
        let heard = self.context.pulse.last();
        if let Some(at) = heard.filter(|_| self.elector.is_some() && heard > self.jvm_heard) {
            self.jvm_heard = heard;
            self.tell(Input::Pulse { at });
        }
    }

    fn tell(&mut self, input: Input) {
        let now = self.context.clock.boot();
        let Some(elector) = &mut self.elector else { return };
        for effect in elector.step(now, input) {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Grant { grant, valid_until } => {
                info!(
                    "Leadership granted to {} (grant {}) in ConfigMap {}.",
                    self.context.identity, grant.0, self.context.cluster_map
                );
                self.next_grant = GrantId(grant.0 + 1);
                self.leaders.clear();
                self.believe(grant, valid_until);
                self.events.push(Event::Grant { grant: grant.0 });
            }
            Effect::Extend { grant, valid_until } => {
                self.believe(grant, valid_until);
                if let Some(since) = self.holds_on_since.take() {
                    info!(
                        "Leadership is confirmed again in ConfigMap {}, after {:.1} s.",
                        self.context.cluster_map,
                        self.context.clock.boot().saturating_since(since).as_secs_f64()
                    );
                }
            }
            Effect::Hold { grant, valid_until } => {
                self.believe(grant, valid_until);
                self.tell_of_hold();
            }
            Effect::Revoke { grant, cause } => {
                self.revoke(grant, &cause.to_string());
                if cause == RevokeCause::Stopped {
                    // Until the next grant: this release may fail, and the lock be released by the candidacy after it.
                    self.leaders.keep_removals();
                } else {
                    self.leaders.clear();
                }
            }
            Effect::Write(write) => self.send(&write),
            Effect::Read { time_limit } => self.requests.read(time_limit),
            Effect::Wake { at } => self.wake = Some(at),
            Effect::Notice(notice @ Notice::Acquiring(AcquireReason::Broken { .. })) => self.warn(&notice),
            Effect::Notice(notice @ Notice::Acquiring(_)) => debug!("ConfigMap {}: {notice}", self.context.cluster_map),
            Effect::Notice(notice) => self.warn(&notice),
            Effect::Stopped => self.stopped(),
        }
    }

    fn believe(&self, grant: GrantId, valid_until: BootTime) {
        let confirmed_until = self.elector.as_ref().and_then(Elector::confirmed_until);
        self.context.grants.set(Some(Granted {
            grant,
            valid_until,
            // A grant that was revoked in the same step is revoked with the next effect.
            confirmed_until: confirmed_until.unwrap_or(valid_until),
        }));
    }

    /// Once the belief would have ended without it.
    fn tell_of_hold(&mut self) {
        let confirmed_until = self.elector.as_ref().and_then(Elector::confirmed_until);
        let now = self.context.clock.boot();
        if self.holds_on_since.is_none() && confirmed_until.is_some_and(|until| now >= until) {
            self.holds_on_since = confirmed_until;
            warn!(
                "Leadership is held on to without the API server, because nobody else is known to wait for it: for {:?} at most, and nothing is written meanwhile. {}",
                self.context.elector.outage_hold.duration,
                self.trouble.last().unwrap_or_default()
            );
        }
    }

    fn revoke(&mut self, grant: GrantId, cause: &str) {
        self.context.grants.set(None);
        self.emptied.clear();
        self.holds_on_since = None;
        self.events.push(Event::Revoke {
            grant: grant.0,
            cause: cause.to_owned(),
        });
        info!(
            "Leadership of {} (grant {}) ended: {cause}.",
            self.context.identity, grant.0
        );
        self.batch
            .fail(ErrorCode::NotLeader, &not_leader(&self.context.cluster_map));
    }

    fn warn(&self, notice: &Notice) {
        warn!("ConfigMap {}: {notice}.", self.context.cluster_map);
    }

    fn send(&mut self, write: &LockWrite) {
        let known = match &self.known {
            Known::Present(object) => config_map::resource_version(object),
            Known::Nothing | Known::Missing => None,
        };
        if known != write.base.as_deref() {
            error!(
                "A write decided on version {:?} was not sent: version {known:?} is known. This is a bug.",
                write.base
            );
            let attempt = write.attempt;
            self.step(Input::Refused {
                attempt,
                unusable: false,
            });
            return;
        }
        let object = compose(
            &self.context,
            write,
            self.last.as_ref(),
            &self.emptied,
            &mut self.leaders,
            &mut self.batch,
        );
        self.batch.sent(write.base.as_deref().unwrap_or_default());
        self.writing = true;
        self.requests
            .write(write.attempt, write.base.is_some(), object, write.time_limit);
    }

    fn forget_candidacy(&mut self) {
        self.elector = None;
        self.wake = None;
        // The next elector counts its writes from the beginning: an outcome of this one would be taken for one of its own.
        self.requests.forget();
        self.writing = false;
        self.vanishing = false;
    }

    fn stopped(&mut self) {
        self.forget_candidacy();
        for reply in self.stopping.drain(..) {
            // Whoever waited may have given up.
            let _ = reply.send(());
        }
        if std::mem::replace(&mut self.starting, Starting::No) == Starting::AfterStop {
            self.start();
        }
    }
}

/// Whether this refusal is one of everybody, and not of this write.
fn is_unusable(kind: ApiErrorKind) -> bool {
    !matches!(
        kind,
        ApiErrorKind::Conflict | ApiErrorKind::NotFound | ApiErrorKind::NamespaceMissing | ApiErrorKind::Invalid
    )
}

fn observation_of(object: &Value) -> Observation {
    Observation::Present {
        resource_version: config_map::resource_version(object).unwrap_or_default().to_owned(),
        lock: LockView::of(object),
        contenders: Contenders::of(object),
    }
}
