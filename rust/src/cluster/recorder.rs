//! What a session notes of itself: the black box and what is counted. Everybody tells it, nobody waits for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::cluster::client::{Ended, Verb, Witness};
use crate::cluster::clock::Clock;
use crate::cluster::grant::GrantCell;
use crate::cluster::pulse::Pulse;
use crate::metrics::{ApiMetrics, Exposition, LeaseMetrics, Write};
use crate::protocol::black_box::{BlackBox, Loss, Outcome, Request, describe};
use crate::protocol::elector::{Effect, GrantId, Input, RevokeCause};
use crate::protocol::time::{BootTime, WallTime};

/// Where the events of one session pass by. Its lock is held for as long as it takes to append one of them or to copy all, never over an await.
pub(crate) struct Recorder {
    clock: Arc<dyn Clock>,
    cluster_map: String,
    black_box: Mutex<BlackBox>,
    api: ApiMetrics,
    lease: LeaseMetrics,
    /// When the watch was heard of last, in nanoseconds since the boot; 0 before the first time.
    watch_heard: AtomicU64,
}

impl Recorder {
    pub(crate) fn new(clock: Arc<dyn Clock>, cluster_map: String) -> Self {
        Self {
            clock,
            cluster_map,
            black_box: Mutex::default(),
            api: ApiMetrics::default(),
            lease: LeaseMetrics::default(),
            watch_heard: AtomicU64::new(0),
        }
    }

    /// The election task runs, and says so again at once if it is `watched`.
    pub(crate) fn alive(&self, now: BootTime, watched: bool) {
        let gap = self.lock().alive(now, self.clock.wall(), watched);
        if let Some(gap) = gap {
            self.lease.stood_still(gap);
        }
    }

    /// What the elector is told, before it is.
    pub(crate) fn heard(&self, now: BootTime, input: &Input) {
        self.alive(now, true);
        let renewal = self.lock().heard(now, self.clock.wall(), input);
        if let Some(renewal) = renewal {
            self.lease.renewed(renewal);
        }
    }

    /// What it has decided, before it is carried out.
    pub(crate) fn decided(&self, now: BootTime, effects: &[Effect]) {
        if effects.is_empty() {
            return;
        }
        self.lock().decided(now, self.clock.wall(), effects);
        for effect in effects {
            if matches!(effect, Effect::Grant { .. }) {
                self.lease.granted();
                self.api.forget_jobs();
            }
        }
    }

    /// A leadership has ended, and everybody who has to know it does.
    pub(crate) fn lost(&self, grant: GrantId, cause: &RevokeCause) -> Loss {
        let now = self.clock.boot();
        let loss = self.lock().lost(now, self.clock.wall(), grant, cause);
        self.lease.lost(&loss.cause);
        self.api.forget_jobs();
        loss
    }

    /// The elector is gone.
    pub(crate) fn candidacy_ended(&self) {
        self.lock().candidacy_ended();
    }

    /// The watch has shown something, if only that it is there.
    pub(crate) fn watch_heard(&self) {
        let nanos = u64::try_from(self.clock.boot().since_boot().as_nanos()).unwrap_or(u64::MAX);
        self.watch_heard.store(nanos, Ordering::Relaxed);
    }

    /// How far the API server's clock was ahead at its last answer, in microseconds.
    pub(crate) fn clock_offset(&self) -> Option<i64> {
        self.api.last_clock_offset()
    }

    /// The black box, a line for each event.
    pub(crate) fn describe(&self) -> String {
        let entries = self.lock().entries();
        describe(&entries)
    }

    /// Everything that is counted or can be said now, in Prometheus' text format.
    pub(crate) fn expose(&self, grants: &GrantCell, pulse: &Pulse) -> String {
        let (mut text, now) = (Exposition::default(), self.clock.boot());
        let left = grants.left();
        text.gauge("info", "The version of the library.").sample(
            &[
                ("version", env!("CARGO_PKG_VERSION")),
                ("config_map", &self.cluster_map),
            ],
            1.0,
        );
        text.gauge("is_leader", "Whether this process leads.")
            .sample(&[], if left.is_some() { 1.0 } else { 0.0 });
        text.gauge(
            "lease_remaining_seconds",
            "How long this process leads on if no further renewal is acknowledged; 0 where it does not lead.",
        )
        .sample(&[], left.unwrap_or_default().as_secs_f64());
        self.lease.expose(&mut text);
        self.api.expose(&mut text);
        let watch_heard = self.watch_heard.load(Ordering::Relaxed);
        if watch_heard > 0 {
            let age = now.saturating_since(BootTime::from_duration(Duration::from_nanos(watch_heard)));
            text.gauge(
                "watch_age_seconds",
                "Since the watch of the cluster's ConfigMap has shown something.",
            )
            .sample(&[], age.as_secs_f64());
        }
        if let Some(heard) = pulse.last() {
            text.gauge(
                "jvm_pulse_age_seconds",
                "Since the last sign of life of the JVM, which gives one every second.",
            )
            .sample(&[], now.saturating_since(heard).as_secs_f64());
        }
        text.into_text()
    }

    fn lock(&self) -> MutexGuard<'_, BlackBox> {
        // An event is in it or not, whoever panicked.
        self.black_box.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Witness for Recorder {
    fn ended(&self, request: &Ended<'_>) {
        let (now, wall) = (self.clock.boot(), self.clock.wall());
        let verb = request.verb.name();
        self.api.request(verb, request.answer, request.took);
        if let Some(outcome) = request.outcome {
            self.api.write(&Write {
                config_map: request.config_map,
                of_cluster: request.config_map == self.cluster_map,
                outcome,
                bytes: request.bytes,
            });
        }
        if let Some(offset) = request
            .server_date
            .and_then(|date| clock_offset(date, wall, request.took))
        {
            self.api.clock_offset(offset);
        }
        let of_lock = request.config_map == self.cluster_map;
        let writes = matches!(request.verb, Verb::Create | Verb::Update | Verb::Delete);
        if !of_lock && !writes {
            return;
        }
        // What a list or a watch shows decides nothing about a lease.
        let decides = of_lock && (writes || request.verb == Verb::Get);
        let entry = Request {
            verb,
            config_map: request.config_map.to_owned(),
            answer: request.answer,
            outcome: request.outcome.filter(|outcome| *outcome != Outcome::Applied),
            version: request.version.clone(),
            took: request.took,
        };
        self.lock().request(now, wall, entry, decides);
    }
}

/// How far the server is ahead, in microseconds: its answer bears the second that had begun, and was given about half-way.
fn clock_offset(date: SystemTime, wall: WallTime, took: Duration) -> Option<i64> {
    let date = i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_micros()).ok()?;
    let half = i64::try_from(took.as_micros() / 2).ok()?;
    Some(date + 500_000 - (wall.as_micros() - half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_are_compared_in_the_middle_of_the_second_and_of_the_request() {
        let date = UNIX_EPOCH + Duration::from_secs(100);
        let offset = |micros, took| clock_offset(date, WallTime::from_micros(micros), Duration::from_millis(took));
        assert_eq!(offset(100_500_000, 0), Some(0));
        assert_eq!(offset(101_500_000, 2_000), Some(0));
        assert_eq!(offset(95_500_000, 0), Some(5_000_000));
        assert_eq!(offset(110_500_000, 0), Some(-10_000_000));
    }
}
