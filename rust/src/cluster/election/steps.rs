//! The elector's inputs and effects.

use log::{debug, info, warn};

use super::Election;
use crate::cluster::events::Event;
use crate::protocol::elector::{AcquireReason, Effect, GrantId, Input, Notice, RevokeCause};

impl Election {
    pub(super) fn step(&mut self, input: Input) {
        // Judged by the newest sign of life.
        self.hear_the_jvm();
        self.tell(input);
    }

    pub(super) fn hear_the_jvm(&mut self) {
        let heard = self.context.pulse.last();
        if let Some(at) = heard.filter(|_| self.elector.is_some() && heard > self.jvm_heard) {
            self.jvm_heard = heard;
            self.tell(Input::Pulse { at });
        }
    }

    fn tell(&mut self, input: Input) {
        let now = self.context.clock.boot();
        let Some(elector) = &mut self.elector else { return };
        self.context.recorder.heard(now, &input);
        let effects = elector.step(now, input);
        self.context.recorder.decided(now, &effects);
        for effect in effects {
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
                self.context.events.push(Event::Grant { grant: grant.0 });
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
                self.revoke(grant, &cause);
                if matches!(cause, RevokeCause::HandedOver { .. }) {
                    self.begin_handing_over(grant);
                }
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
            Effect::HandOverRefused { to } => self.hand_over_refused(to.as_deref()),
            Effect::Notice(notice @ Notice::Acquiring(AcquireReason::Broken { .. })) => self.warn(&notice),
            Effect::Notice(notice @ Notice::Acquiring(AcquireReason::HolderGone { .. })) => {
                info!("ConfigMap {}: {notice}.", self.context.cluster_map);
            }
            Effect::Notice(notice @ Notice::Acquiring(_)) => debug!("ConfigMap {}: {notice}", self.context.cluster_map),
            Effect::Notice(notice) => self.warn(&notice),
            Effect::Stopped => self.stopped(),
        }
    }

    fn warn(&self, notice: &Notice) {
        warn!("ConfigMap {}: {notice}.", self.context.cluster_map);
    }
}
