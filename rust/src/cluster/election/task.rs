//! The loop: the first thing that happens is dealt with, then what time asks for, then what waits to be written.

use std::time::Duration;

use log::debug;
use tokio::time::sleep;

use super::Election;
use super::candidacy::Starting;
use super::command::Command;
use super::requests::Finished;
use super::sight::Known;
use super::switchover::CLOSING_STEP;
use crate::cluster::config_map::unsettled::settle_later;
use crate::cluster::events::Event;
use crate::protocol::elector::{Input, Source};

/// Longest sleep while an elector runs. Timers of the runtime stand still while the machine is suspended and `CLOCK_BOOTTIME` does not,
/// so the clock is looked at this often.
const LONGEST_SLEEP: Duration = Duration::from_millis(100);

impl Election {
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
            let unsettled = self.batch.take_unsettled();
            settle_later(&self.context, &self.context.cluster_map, unsettled);
            self.look_after_presence();
            self.look_after_switchover();
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
        let longest = if self.switchover.is_ending() {
            CLOSING_STEP
        } else {
            LONGEST_SLEEP
        };
        let sleep = next.map(|next| next.saturating_since(self.context.clock.boot()).min(longest));
        // The JVM is listened to all the time.
        sleep.or_else(|| self.elector.is_some().then_some(longest))
    }

    fn on_time(&mut self) {
        let now = self.context.clock.boot();
        self.context.recorder.alive(now, self.elector.is_some());
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
            Command::HolderEnded { holder } => self.step(Input::HolderEnded { holder }),
            Command::RevokeHeard { grant } => self.revoke_heard(grant),
            Command::CheckpointStored => self.step(Input::CheckpointStored),
            Command::End => debug!("The election task ends."),
        }
    }

    fn finished(&mut self, finished: Finished) {
        match finished {
            Finished::Write { attempt, outcome } => self.written(attempt, outcome),
            Finished::Read(Ok(answer)) => self.read(answer, Source::Read),
            Finished::Read(Err(error)) => {
                self.failing(&error.message);
                self.asked_to_wait(error.kind);
                self.step(Input::ReadFailed);
            }
            Finished::Preflight(Ok(())) => {
                self.report_start();
                self.become_candidate();
            }
            Finished::Preflight(Err(error)) => {
                self.starting = Starting::No;
                self.context.events.push(Event::Error(error.into()));
            }
            Finished::Vanished(found) => self.vanished(found),
        }
    }
}
