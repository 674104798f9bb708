//! The elector's transitions one by one, each test named after the race or the rule behind it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "elector_transitions/evidence.rs"]
mod evidence;

use std::time::Duration;

use flinkkubeha::protocol::contenders::Contenders;
use flinkkubeha::protocol::elector::{
    AcquireReason, AttemptId, Damage, Effect, Elector, ElectorSettings, GrantId, Input, LockWrite, LockWriteKind,
    Notice, Observation, OutageHold, RevokeCause, Source,
};
use flinkkubeha::protocol::lease::{LeaseSettings, LeaseTimings};
use flinkkubeha::protocol::lock_record::{LockRecord, LockView};
use flinkkubeha::protocol::time::{BootTime, WallTime};

const ME: &str = "me";
const RIVAL: &str = "rival";

/// Flink's defaults: 15 s, 13.5 s of them usable, 5 s.
fn timings() -> LeaseTimings {
    LeaseSettings::default().validate().unwrap()
}

fn at(millis: u64) -> BootTime {
    BootTime::from_duration(Duration::from_millis(millis))
}

fn record(holder: &str, renewed: i64) -> LockRecord {
    LockRecord {
        holder_identity: holder.to_owned(),
        lease_duration: Duration::from_secs(15),
        acquire_time: WallTime::from_micros(1),
        renew_time: WallTime::from_micros(renewed),
        leader_transitions: 7,
    }
}

fn held(version: u64, holder: &str, renewed: i64) -> Observation {
    present(version, LockView::Held(record(holder, renewed)))
}

fn free(version: u64) -> Observation {
    present(version, LockView::Free(record("", 1)))
}

fn broken(version: u64, text: &str) -> Observation {
    present(version, LockView::read(text))
}

/// Beside it stands no note, and no signature of ours.
fn present(version: u64, lock: LockView) -> Observation {
    Observation::Present {
        resource_version: version.to_string(),
        lock,
        contenders: Contenders::default(),
        pod: None,
    }
}

/// A lock that one of ours has written, and the notes of some who wait.
fn noted(version: u64, holder: &str, renewed: i64, waiting: &[&str]) -> Observation {
    let record = record(holder, renewed);
    let notes = waiting.iter().fold(Contenders::default(), |notes, who| notes.with(who));
    Observation::Present {
        resource_version: version.to_string(),
        contenders: notes.signing(&LockView::Absent, &record),
        lock: LockView::Held(record),
        pod: None,
    }
}

/// An elector and everything that it asked for in the last step.
#[derive(Clone)]
struct Bench {
    elector: Elector,
    effects: Vec<Effect>,
    newest: AttemptId,
}

impl Bench {
    fn new() -> Self {
        Self::with(timings())
    }

    fn with(settings: impl Into<ElectorSettings>) -> Self {
        let elector = Elector::new(ME.to_owned(), settings, GrantId(1));
        Self {
            elector,
            effects: Vec::new(),
            newest: AttemptId(0),
        }
    }

    /// A candidate that has seen its rival at 0.
    fn follower() -> Self {
        let mut bench = Self::new();
        bench.watch(0, held(10, RIVAL, 1));
        bench
    }

    /// A leader whose acquisition was sent at 0 and answered at 10 ms.
    fn leader() -> Self {
        let mut bench = Self::new();
        bench.watch(0, Observation::Missing);
        bench.applied(10, held(10, ME, 1));
        assert_eq!(bench.elector.is_leader(), Some(GrantId(1)));
        bench
    }

    fn step(&mut self, millis: u64, input: Input) -> &mut Self {
        self.effects = self.elector.step(at(millis), input);
        if let Some(attempt) = self.writes().first().map(|write| write.attempt) {
            self.newest = attempt;
        }
        self
    }

    fn tick(&mut self, millis: u64) -> &mut Self {
        self.step(millis, Input::Tick)
    }

    fn watch(&mut self, millis: u64, observation: Observation) -> &mut Self {
        self.step(
            millis,
            Input::Observed {
                observation,
                source: Source::Watch,
                long_dead: false,
            },
        )
    }

    fn read(&mut self, millis: u64, observation: Observation) -> &mut Self {
        self.step(
            millis,
            Input::Observed {
                observation,
                source: Source::Read,
                long_dead: false,
            },
        )
    }

    /// Outcomes of the newest write.
    fn applied(&mut self, millis: u64, observation: Observation) -> &mut Self {
        let attempt = self.newest;
        self.step(millis, Input::Applied { attempt, observation })
    }

    fn refused(&mut self, millis: u64) -> &mut Self {
        let attempt = self.newest;
        self.step(
            millis,
            Input::Refused {
                attempt,
                unusable: false,
            },
        )
    }

    fn unknown(&mut self, millis: u64) -> &mut Self {
        let attempt = self.newest;
        self.step(millis, Input::Unknown { attempt })
    }

    fn writes(&self) -> Vec<&LockWrite> {
        let mut writes = Vec::new();
        for effect in &self.effects {
            if let Effect::Write(write) = effect {
                writes.push(write);
            }
        }
        writes
    }

    fn write(&self, kind: LockWriteKind) -> &LockWrite {
        let writes = self.writes();
        assert_eq!(writes.len(), 1, "{:?}", self.effects);
        assert_eq!(writes[0].kind, kind);
        writes[0]
    }

    fn wake(&self) -> Option<BootTime> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Wake { at } => Some(*at),
            _ => None,
        })
    }

    fn reads(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Read { .. }))
    }

    fn revoked(&self) -> Option<&RevokeCause> {
        match self.effects.first() {
            Some(Effect::Revoke { cause, .. }) => Some(cause),
            _ => None,
        }
    }

    fn notice(&self) -> Option<&Notice> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Notice(notice) => Some(notice),
            _ => None,
        })
    }

    fn ended(&self) -> bool {
        self.effects.last() == Some(&Effect::Stopped)
    }
}

mod candidate {
    use super::*;

    #[test]
    fn asks_for_what_it_does_not_know() {
        let mut bench = Bench::new();
        assert!(bench.tick(0).reads());
        bench.read(3, held(10, RIVAL, 1));
        assert_eq!(bench.effects, [Effect::Wake { at: at(15_003) }]);
    }

    #[test]
    fn creates_the_config_map_and_is_granted_by_the_answer() {
        let mut bench = Bench::new();
        bench.watch(0, Observation::Missing);
        let write = bench.write(LockWriteKind::Acquire).clone();
        assert_eq!(
            (write.base, write.transitions, write.keep_acquire_time),
            (None, 0, None)
        );
        assert_eq!(write.time_limit, Duration::from_millis(4_500));
        assert_eq!(write.again_after, None);
        bench.applied(10, held(10, ME, 1));
        let grant = Effect::Grant {
            grant: GrantId(1),
            valid_until: at(13_500),
        };
        assert_eq!(bench.effects, [grant, Effect::Wake { at: at(5_000) }]);
    }

    #[test]
    fn takes_a_released_lock_within_the_same_step() {
        let mut bench = Bench::follower();
        bench.watch(3_000, free(11));
        let write = bench.write(LockWriteKind::Acquire);
        assert_eq!((write.base.as_deref(), write.transitions), (Some("11"), 8));
        assert_eq!(write.keep_acquire_time, None);
        assert_eq!(bench.notice(), Some(&Notice::Acquiring(AcquireReason::Released)));
    }

    #[test]
    fn does_not_poll_and_wakes_once_at_the_exact_end_of_the_lease() {
        let mut bench = Bench::new();
        bench.watch(0, held(10, RIVAL, 1));
        assert_eq!(bench.effects, [Effect::Wake { at: at(15_000) }]);
        // A renewal moves the end, an outsider's edit does not.
        bench.watch(5_000, held(11, RIVAL, 2));
        assert_eq!(bench.effects, [Effect::Wake { at: at(20_000) }]);
        bench.watch(6_000, held(12, RIVAL, 2));
        assert_eq!(bench.effects, []);
        // A timer that goes off early is set again.
        bench.tick(19_999);
        assert_eq!(bench.effects, [Effect::Wake { at: at(20_000) }]);
        bench.tick(20_000);
        assert_eq!(bench.write(LockWriteKind::Acquire).base.as_deref(), Some("12"));
        let reason = AcquireReason::LeaseExpired {
            holder: RIVAL.to_owned(),
        };
        assert_eq!(bench.notice(), Some(&Notice::Acquiring(reason)));
    }

    #[test]
    fn waits_out_the_longer_one_of_two_leases() {
        let longer = LockRecord {
            lease_duration: Duration::from_secs(40),
            ..record(RIVAL, 1)
        };
        let mut bench = Bench::new();
        assert_eq!(
            bench.watch(0, present(10, LockView::Held(longer))).wake(),
            Some(at(40_000))
        );
        let shorter = LockRecord {
            lease_duration: Duration::from_secs(2),
            ..record(RIVAL, 1)
        };
        let mut bench = Bench::new();
        assert_eq!(
            bench.watch(0, present(10, LockView::Held(shorter))).wake(),
            Some(at(15_000))
        );
    }

    #[test]
    fn does_not_wait_for_a_predecessor_that_is_long_dead() {
        let mut bench = Bench::new();
        let observation = held(10, RIVAL, 1);
        bench.step(
            0,
            Input::Observed {
                observation,
                source: Source::Watch,
                long_dead: true,
            },
        );
        assert_eq!(bench.write(LockWriteKind::Acquire).base.as_deref(), Some("10"));
        // Lost to another candidate: its record is new, and it is not dead.
        bench.refused(5);
        assert_eq!(
            bench.read(8, held(11, "other", 9)).effects,
            [Effect::Wake { at: at(15_008) }]
        );
    }

    #[test]
    fn believes_in_a_long_death_at_first_sight_only() {
        let mut bench = Bench::follower();
        let observation = held(11, RIVAL, 2);
        bench.step(
            100,
            Input::Observed {
                observation,
                source: Source::Read,
                long_dead: true,
            },
        );
        assert_eq!(bench.effects, [Effect::Wake { at: at(15_100) }]);
    }

    #[test]
    fn lost_the_race_and_waits_for_the_winner() {
        let mut bench = Bench::follower();
        bench.watch(3_000, free(11));
        assert!(bench.refused(3_010).reads());
        bench.read(3_020, held(12, "other", 5));
        assert_eq!(bench.effects, [Effect::Wake { at: at(18_020) }]);
    }

    #[test]
    fn is_not_granted_by_the_sight_of_its_own_late_write() {
        let mut bench = Bench::follower();
        bench.tick(15_000);
        assert!(bench.unknown(19_500).reads());
        bench.read(19_600, held(10, RIVAL, 1));
        bench.write(LockWriteKind::Acquire);
        // The first one lands after all, so the second is refused.
        bench.watch(19_610, held(11, ME, 5));
        assert_eq!(bench.effects, []);
        bench.refused(19_620);
        assert!(bench.tick(20_120).reads());
        bench.read(20_125, held(11, ME, 5));
        let write = bench.write(LockWriteKind::Acquire).clone();
        assert_eq!(bench.notice(), Some(&Notice::Acquiring(AcquireReason::OwnIdentity)));
        assert_eq!((write.base.as_deref(), write.transitions), (Some("11"), 7));
        assert_eq!(write.keep_acquire_time, Some(WallTime::from_micros(1)));
        bench.applied(20_130, held(12, ME, 6));
        let valid_until = at(20_125 + 13_500);
        assert!(bench.effects.contains(&Effect::Grant {
            grant: GrantId(1),
            valid_until
        }));
    }

    #[test]
    fn is_not_granted_by_an_answer_that_waited_out_a_freeze() {
        let mut bench = Bench::follower();
        bench.watch(1_000, free(11));
        bench.applied(1_000 + 6_750, held(12, ME, 2));
        assert_eq!(bench.elector.is_leader(), None);
        let write = bench.write(LockWriteKind::Acquire);
        assert_eq!(write.base.as_deref(), Some("12"));
    }

    #[test]
    fn is_not_granted_by_an_answer_that_somebody_else_has_overtaken() {
        let mut bench = Bench::follower();
        bench.watch(1_000, free(11));
        bench.watch(1_010, held(13, RIVAL, 3));
        bench.applied(1_020, held(12, ME, 2));
        assert_eq!(bench.elector.is_leader(), None);
        assert!(bench.reads());
    }

    #[test]
    fn pauses_before_it_reads_after_a_second_failure() {
        let mut bench = Bench::follower();
        bench.watch(1_000, free(11));
        assert!(bench.unknown(1_010).reads());
        bench.read(1_020, free(11));
        bench.write(LockWriteKind::Acquire);
        assert_eq!(bench.notice(), None, "said once");
        bench.unknown(1_030);
        assert_eq!(bench.effects, [Effect::Wake { at: at(1_530) }]);
        assert!(bench.tick(1_530).reads());
        bench.step(1_600, Input::ReadFailed);
        assert_eq!(bench.effects, [Effect::Wake { at: at(2_100) }]);
    }

    #[test]
    fn waits_a_lease_beside_a_broken_lock_and_then_quotes_it() {
        let mut bench = Bench::new();
        bench.watch(0, broken(10, "garbage"));
        assert!(matches!(bench.notice(), Some(Notice::BrokenLock { text, .. }) if text == "garbage"));
        assert_eq!(bench.wake(), Some(at(15_000)));
        // A foreign elector that lives beside it is left alone for ever.
        assert_eq!(
            bench.watch(10_000, broken(11, "other garbage")).wake(),
            Some(at(25_000))
        );
        bench.tick(25_000);
        let write = bench.write(LockWriteKind::Acquire);
        assert_eq!((write.base.as_deref(), write.transitions), (Some("11"), 0));
        let said = bench.notice().unwrap().to_string();
        assert!(
            said.contains("\"other garbage\"") && said.contains("not a JSON object"),
            "{said}"
        );
    }

    #[test]
    fn leaves_a_removed_lock_to_its_holder_for_a_lease() {
        for removed in [Observation::Missing, present(11, LockView::Absent)] {
            let mut bench = Bench::follower();
            bench.watch(5_000, removed);
            assert_eq!(bench.effects, [Effect::Wake { at: at(20_000) }]);
            bench.tick(20_000);
            assert_eq!(bench.write(LockWriteKind::Acquire).transitions, 0);
        }
    }

    #[test]
    fn does_not_take_a_renewal_for_a_repair_that_it_has_missed() {
        let mut bench = Bench::follower();
        bench.watch(5_000, broken(11, "garbage"));
        // Repaired and garbled again behind a lagging watch.
        bench.tick(20_000);
        assert!(bench.refused(20_010).reads());
        assert_eq!(bench.read(20_020, broken(15, "garbage")).wake(), Some(at(35_020)));
    }

    #[test]
    fn has_nothing_to_write_edits_on() {
        assert_eq!(Bench::follower().step(1, Input::WriteWanted).effects, []);
    }

    #[test]
    fn goes_on_after_the_restore_of_an_older_backup() {
        let mut bench = Bench::follower();
        assert_eq!(bench.watch(1_000, held(3, "ancient", 0)).effects, []);
        bench.tick(15_000);
        assert!(bench.refused(15_010).reads());
        bench.read(15_020, held(3, "ancient", 0));
        assert_eq!(bench.effects, [Effect::Wake { at: at(30_020) }]);
    }

    #[test]
    fn does_not_count_beyond_the_32_bits_of_stock() {
        let last = LockRecord {
            leader_transitions: i32::MAX.into(),
            ..record("", 1)
        };
        let mut bench = Bench::new();
        bench.watch(0, present(10, LockView::Free(last)));
        assert_eq!(bench.write(LockWriteKind::Acquire).transitions, i64::from(i32::MAX));
    }
}

mod leader {
    use super::*;

    #[test]
    fn renews_a_retry_period_after_the_last_acknowledged_sending() {
        let mut bench = Bench::leader();
        bench.tick(5_000);
        let write = bench.write(LockWriteKind::Renew).clone();
        assert_eq!((write.base.as_deref(), write.transitions), (Some("10"), 7));
        assert_eq!(write.keep_acquire_time, Some(WallTime::from_micros(1)));
        // Once more after a third of the 8.5 s that are left, and nearly all of it for the answer.
        assert_eq!(write.again_after, Some(Duration::from_millis(8_500) / 3));
        assert_eq!(write.time_limit, Duration::from_millis(8_300));
        assert_eq!(bench.wake(), Some(at(13_500)));
        bench.applied(6_000, held(11, ME, 2));
        let extended = Effect::Extend {
            grant: GrantId(1),
            valid_until: at(18_500),
        };
        assert_eq!(bench.effects, [extended, Effect::Wake { at: at(10_000) }]);
    }

    #[test]
    fn leaves_a_server_alone_that_asks_for_it_but_not_longer_than_it_can_afford() {
        let seconds = Duration::from_secs;
        let mut bench = Bench::leader();
        bench.tick(5_000).write(LockWriteKind::Renew);
        bench.step(
            5_010,
            Input::AskedToWait {
                retry_after: seconds(1),
            },
        );
        assert!(!bench.refused(5_010).reads());
        assert_eq!(bench.wake(), Some(at(6_010)));
        assert!(bench.tick(6_010).reads());
        bench.step(
            6_020,
            Input::AskedToWait {
                retry_after: seconds(60),
            },
        );
        assert!(!bench.step(6_020, Input::ReadFailed).reads());
        // Two thirds of what is left are for two more tries.
        assert_eq!(bench.wake(), Some(at(6_020) + Duration::from_millis(7_480) / 3));
        // What was asked for once is not asked for ever.
        assert!(bench.tick(8_514).reads());
        bench.step(8_520, Input::ReadFailed);
        assert_eq!(bench.wake(), Some(at(9_020)));
    }

    #[test]
    fn holds_on_when_a_renewal_is_overdue_and_hears_of_it_still() {
        let hold = OutageHold {
            duration: Duration::from_secs(30),
            despite_strangers: false,
        };
        let mut bench = Bench::with(ElectorSettings {
            outage_hold: hold,
            ..timings().into()
        });
        bench.watch(0, Observation::Missing).applied(10, noted(10, ME, 1, &[]));
        for (version, sent) in [(11, 5_000), (12, 10_000), (13, 15_000)] {
            bench.tick(sent).applied(sent + 10, noted(version, ME, 1, &[]));
        }
        bench.tick(20_000).write(LockWriteKind::Renew);
        let overdue = at(20_000) + Duration::from_millis(8_500) / 3;
        assert_eq!(bench.wake(), Some(overdue));
        let held_until = |bench: &mut Bench, millis| {
            bench.tick(millis);
            bench.effects.iter().find_map(|effect| match effect {
                Effect::Hold { valid_until, .. } => Some(*valid_until),
                _ => None,
            })
        };
        assert_eq!(held_until(&mut bench.clone(), 22_834), Some(at(22_834 + 13_500)));
        // Frozen meanwhile, it has seen nothing fail.
        assert_eq!(held_until(&mut bench.clone(), 24_000), None);
        bench.tick(22_834);
        bench.applied(28_000, noted(14, ME, 2, &[]));
        assert!(bench.effects.contains(&Effect::Extend {
            grant: GrantId(1),
            valid_until: at(33_500),
        }));
    }

    #[test]
    fn lets_edits_and_renewals_ride_on_one_write() {
        let mut bench = Bench::leader();
        bench.step(1_000, Input::WriteWanted).write(LockWriteKind::Renew);
        // Queued behind the write under way.
        assert_eq!(bench.step(1_001, Input::WriteWanted).writes().len(), 0);
        bench.applied(1_010, held(11, ME, 2)).write(LockWriteKind::Renew);
        bench.applied(1_020, held(12, ME, 3));
        assert_eq!(bench.writes().len(), 0);
        assert_eq!(bench.wake(), Some(at(6_010)));
    }

    #[test]
    fn reads_after_a_failure_and_retries_soon() {
        let mut bench = Bench::leader();
        bench.tick(5_000);
        assert!(bench.refused(5_010).reads());
        bench.read(5_020, held(11, ME, 1));
        assert_eq!(bench.write(LockWriteKind::Renew).base.as_deref(), Some("11"));
        bench.unknown(7_000);
        assert_eq!(bench.effects, [Effect::Wake { at: at(7_500) }]);
        assert!(bench.tick(7_500).reads());
    }

    #[test]
    fn retries_soon_what_edits_wait_for() {
        let mut bench = Bench::leader();
        bench.step(1_000, Input::WriteWanted);
        assert!(bench.unknown(3_000).reads());
        // No renewal is due before 5 s.
        bench.read(3_010, held(10, ME, 1)).write(LockWriteKind::Renew);
    }

    #[test]
    fn is_revoked_by_the_clock_while_a_request_hangs() {
        let mut bench = Bench::leader();
        bench.tick(5_000);
        bench.tick(13_499);
        assert_eq!(bench.effects, [Effect::Wake { at: at(13_500) }]);
        bench.tick(13_500);
        assert_eq!(bench.revoked(), Some(&RevokeCause::RenewDeadlinePassed));
        assert_eq!(bench.effects.len(), 1);
    }

    #[test]
    fn is_revoked_before_a_late_answer_is_looked_at() {
        let mut bench = Bench::leader();
        bench.tick(5_000);
        bench.applied(13_500, held(11, ME, 2));
        assert_eq!(bench.revoked(), Some(&RevokeCause::RenewDeadlinePassed));
        assert_eq!(bench.write(LockWriteKind::Acquire).base.as_deref(), Some("11"));
    }

    #[test]
    fn is_granted_anew_by_a_fresh_answer_after_the_deadline() {
        let mut bench = Bench::leader();
        bench.tick(5_000);
        bench.unknown(7_000);
        bench.read(7_010, held(10, ME, 1));
        bench.write(LockWriteKind::Renew);
        bench.unknown(9_000);
        bench.tick(9_500);
        bench.read(12_000, held(10, ME, 1));
        bench.write(LockWriteKind::Renew);
        bench.applied(13_600, held(11, ME, 2));
        assert_eq!(bench.revoked(), Some(&RevokeCause::RenewDeadlinePassed));
        let granted = Effect::Grant {
            grant: GrantId(2),
            valid_until: at(25_500),
        };
        assert_eq!(bench.effects[1], granted);
    }

    #[test]
    fn is_revoked_at_once_when_the_lock_is_stolen_or_freed() {
        let mut bench = Bench::leader();
        bench.watch(1_000, held(11, RIVAL, 2));
        let cause = RevokeCause::TakenBy {
            holder: RIVAL.to_owned(),
        };
        assert_eq!(bench.revoked(), Some(&cause));
        assert_eq!(bench.wake(), Some(at(16_000)));
        let mut bench = Bench::leader();
        bench.watch(1_000, free(11));
        assert_eq!(bench.revoked(), Some(&RevokeCause::Released));
        bench.write(LockWriteKind::Acquire);
    }

    #[test]
    fn is_not_revoked_by_a_watch_that_lags_behind_its_own_write() {
        let mut bench = Bench::follower();
        bench.watch(1_000, free(11));
        bench.applied(1_010, held(12, ME, 2));
        assert_eq!(bench.watch(1_020, held(10, RIVAL, 1)).effects, []);
        assert_eq!(bench.watch(1_030, free(11)).effects, []);
        assert_eq!(bench.elector.is_leader(), Some(GrantId(1)));
    }

    #[test]
    fn compares_versions_as_numbers() {
        let mut bench = Bench::new();
        bench.watch(0, free(99));
        bench.applied(10, held(100, ME, 2));
        assert_eq!(bench.watch(20, free(99)).effects, []);
        bench.watch(30, held(1_000, RIVAL, 3));
        assert!(bench.revoked().is_some());
    }

    #[test]
    fn repairs_its_lock_as_the_same_term() {
        for (damage, base) in [
            (Observation::Missing, None),
            (present(11, LockView::Absent), Some("11")),
            (broken(11, "garbage"), Some("11")),
        ] {
            let mut bench = Bench::leader();
            bench.watch(1_000, damage);
            let write = bench.write(LockWriteKind::Renew);
            assert_eq!((write.base.as_deref(), write.transitions), (base, 7));
            assert_eq!(write.keep_acquire_time, Some(WallTime::from_micros(1)));
            assert!(matches!(bench.notice(), Some(Notice::Repairing(_))));
            bench.applied(1_010, held(12, ME, 2));
            assert!(matches!(bench.effects[0], Effect::Extend { valid_until, .. } if valid_until == at(14_500)));
        }
    }

    #[test]
    fn does_not_hammer_a_server_that_garbles_every_write() {
        let mut bench = Bench::leader();
        bench.watch(1_000, present(11, LockView::Absent));
        assert!(bench.applied(1_010, present(12, LockView::Absent)).reads());
        bench.read(1_020, present(12, LockView::Absent));
        bench.write(LockWriteKind::Renew);
        bench.applied(1_030, present(13, LockView::Absent));
        assert_eq!(bench.effects, [Effect::Wake { at: at(1_530) }]);
    }

    #[test]
    fn says_what_it_repairs() {
        let mut bench = Bench::leader();
        bench.watch(1_000, broken(11, &"x".repeat(1_000)));
        let Some(Notice::Repairing(Damage::LockBroken { .. })) = bench.notice() else {
            panic!("{:?}", bench.effects)
        };
        assert!(bench.notice().unwrap().to_string().len() < 400, "a foreign text is cut");
    }
}

mod notes {
    use super::*;

    #[test]
    fn a_candidate_notes_once_that_it_waits() {
        let mut bench = Bench::new();
        bench.watch(0, noted(10, RIVAL, 1, &["other"]));
        let write = bench.write(LockWriteKind::Join).clone();
        assert_eq!((write.base.as_deref(), write.takes_notes_away), (Some("10"), false));
        assert_eq!(
            write.record(ME, Duration::from_secs(15), WallTime::from_micros(7)),
            None
        );
        assert_eq!(
            bench.applied(10, noted(11, RIVAL, 1, &["other", ME])).effects,
            [Effect::Wake { at: at(15_000) }]
        );
        assert_eq!(bench.elector.is_leader(), None);
        // Its lease runs from the last change of the lock, and a note is none.
        assert_eq!(
            bench.watch(5_000, noted(12, RIVAL, 2, &["other", ME])).wake(),
            Some(at(20_000))
        );
    }

    #[test]
    fn puts_back_what_the_leader_has_taken_away() {
        let mut bench = Bench::new();
        bench.watch(0, noted(10, RIVAL, 1, &[ME]));
        assert_eq!(bench.writes().len(), 0);
        bench.watch(5_000, noted(11, RIVAL, 2, &[])).write(LockWriteKind::Join);
    }

    #[test]
    fn leaves_a_lock_of_stock_alone() {
        let mut bench = Bench::follower();
        assert_eq!(bench.writes().len(), 0);
        // Signed once, and taken by somebody who does not sign.
        let Observation::Present { contenders, .. } = noted(10, RIVAL, 1, &[]) else {
            panic!()
        };
        let lock = LockView::Held(record("stock", 2));
        let observation = Observation::Present {
            resource_version: "11".to_owned(),
            lock,
            contenders,
            pod: None,
        };
        assert_eq!(bench.watch(5_000, observation).writes().len(), 0);
    }

    #[test]
    fn does_not_insist_when_it_is_refused() {
        let mut bench = Bench::new();
        bench.watch(0, noted(10, RIVAL, 1, &[])).write(LockWriteKind::Join);
        assert!(bench.refused(10).reads());
        bench.read(20, noted(11, RIVAL, 2, &[]));
        assert_eq!(bench.effects, [Effect::Wake { at: at(5_010) }]);
        bench.tick(5_010).write(LockWriteKind::Join);
        // Nor when it is applied and not there.
        bench.applied(5_020, noted(12, RIVAL, 2, &[]));
        assert_eq!(bench.effects, [Effect::Wake { at: at(10_020) }]);
    }

    #[test]
    fn has_no_time_left_when_the_lock_can_be_taken() {
        let mut bench = Bench::new();
        bench.watch(0, noted(10, RIVAL, 1, &[ME]));
        bench.watch(14_000, noted(11, RIVAL, 1, &[]));
        assert_eq!(bench.write(LockWriteKind::Join).time_limit, Duration::from_secs(1) / 3);
    }

    #[test]
    fn go_with_the_grant() {
        let mut bench = Bench::new();
        bench.watch(0, noted(10, RIVAL, 1, &[ME, "other"]));
        bench.tick(15_000);
        let write = bench.write(LockWriteKind::Acquire).clone();
        let record = write
            .record(ME, Duration::from_secs(15), WallTime::from_micros(3))
            .unwrap();
        let before = Contenders::default().with(ME).with("other");
        let after = write.contenders(ME, before, &LockView::Absent, Some(&record));
        assert!(!after.has_note_of(ME) && !after.has_note_of_others(ME));
        assert!(after.signs(&LockView::Held(record)));
    }

    #[test]
    fn are_taken_away_by_a_leader_every_ten_minutes() {
        let mut bench = Bench::new();
        bench.watch(0, Observation::Missing);
        bench.applied(10, noted(10, ME, 1, &[]));
        let mut sweeps = Vec::new();
        for second in (5..1_400_u64).step_by(5) {
            let write = bench.tick(second * 1_000).write(LockWriteKind::Renew).clone();
            let waiting: &[&str] = if write.takes_notes_away { &[] } else { &["standby"] };
            if write.takes_notes_away {
                sweeps.push(second);
            }
            bench.applied(second * 1_000, noted(10 + second, ME, 2, waiting));
        }
        // The first note came 5 s after the grant, and was put back after each time.
        assert_eq!(sweeps, [605, 1_210]);
    }

    #[test]
    fn are_left_alone_where_there_are_none() {
        let mut bench = Bench::new();
        bench.watch(0, Observation::Missing);
        bench.applied(10, noted(10, ME, 1, &[]));
        for second in (5..1_400_u64).step_by(5) {
            assert!(!bench.tick(second * 1_000).write(LockWriteKind::Renew).takes_notes_away);
            bench.applied(second * 1_000, noted(10 + second, ME, 2, &[]));
        }
    }

    #[test]
    fn a_candidate_that_leaves_takes_its_own_away() {
        let mut bench = Bench::new();
        bench.watch(0, noted(10, RIVAL, 1, &[ME, "other"]));
        let write = bench.step(1_000, Input::Stop).write(LockWriteKind::Leave).clone();
        assert_eq!(write.base.as_deref(), Some("10"));
        let notes = write.contenders(
            ME,
            Contenders::default().with(ME).with("other"),
            &LockView::Absent,
            None,
        );
        assert!(!notes.has_note_of(ME) && notes.has_note_of_others(ME));
        assert!(bench.applied(1_010, noted(11, RIVAL, 1, &["other"])).ended());
        // Also one that was on its way.
        let mut bench = Bench::new();
        bench.watch(0, noted(10, RIVAL, 1, &[])).write(LockWriteKind::Join);
        bench.step(1, Input::Stop);
        bench
            .applied(10, noted(11, RIVAL, 1, &[ME]))
            .write(LockWriteKind::Leave);
    }
}

mod hold {
    use super::*;

    const HOLD: Duration = Duration::from_secs(30);

    fn settings(despite_strangers: bool) -> ElectorSettings {
        ElectorSettings {
            outage_hold: OutageHold {
                duration: HOLD,
                despite_strangers,
            },
            ..timings().into()
        }
    }

    /// A leader that renewed at 15 s, believes until 28.5 s and has nobody to reckon with since 15.01 s. Its next renewal is under way since 20 s.
    fn alone() -> Bench {
        let mut bench = Bench::with(settings(false));
        bench.watch(0, Observation::Missing);
        bench.applied(10, noted(10, ME, 1, &[]));
        for second in [5, 10, 15] {
            bench.tick(second * 1_000);
            bench.applied(second * 1_000 + 10, noted(10 + second, ME, 2, &[]));
        }
        bench.tick(20_000).write(LockWriteKind::Renew);
        bench
    }

    fn held(bench: &Bench) -> Option<u64> {
        bench.effects.iter().find_map(|effect| match effect {
            Effect::Hold { valid_until, .. } => u64::try_from(valid_until.since_boot().as_millis()).ok(),
            _ => None,
        })
    }

    /// Requests fail at once, from the one under way on.
    fn away(bench: &mut Bench, until: u64) {
        let mut now = 22_000;
        bench.unknown(now);
        while now < until {
            assert!(bench.reads() || bench.tick(now + 500).reads(), "{:?}", bench.effects);
            now += 1_000;
            bench.step(now, Input::ReadFailed);
        }
    }

    #[test]
    fn each_failure_carries_the_belief_as_far_as_a_renewal_would() {
        let mut bench = alone();
        assert_eq!(held(bench.unknown(22_000)), Some(35_500));
        assert!(bench.reads());
        assert_eq!(held(bench.step(24_000, Input::ReadFailed)), Some(37_500));
        bench.tick(30_000);
        assert_eq!(bench.elector.is_leader(), Some(GrantId(1)));
        assert_eq!(bench.elector.confirmed_until(), Some(at(28_500)));
        assert_eq!(held(bench.step(31_000, Input::ReadFailed)), Some(44_500));
    }

    #[test]
    fn a_leader_that_is_alone_outlives_the_outage_by_the_hold_and_no_longer() {
        let mut bench = alone();
        away(&mut bench, 58_000);
        assert_eq!(bench.elector.valid_until(), Some(at(58_500)));
        bench.tick(58_499);
        assert_eq!(bench.revoked(), None);
        bench.tick(58_500);
        assert_eq!(bench.revoked(), Some(&RevokeCause::OutageHoldPassed));
    }

    #[test]
    fn reads_before_it_renews_when_the_server_is_back() {
        let mut bench = alone();
        away(&mut bench, 50_000);
        bench.tick(50_500);
        assert!(bench.reads() && bench.writes().is_empty());
        let write = bench
            .read(50_510, noted(25, ME, 2, &[]))
            .write(LockWriteKind::Renew)
            .clone();
        assert_eq!((write.base.as_deref(), write.transitions), (Some("25"), 7));
        bench.applied(50_520, noted(26, ME, 3, &[]));
        let valid_until = at(50_510 + 13_500);
        let grant = GrantId(1);
        assert_eq!(bench.effects[0], Effect::Extend { grant, valid_until });
        assert_eq!(bench.elector.confirmed_until(), Some(valid_until));
    }

    #[test]
    fn ends_when_a_read_shows_another_holder_or_contender() {
        let mut bench = alone();
        away(&mut bench, 50_000);
        bench.tick(50_500);
        bench.read(50_510, noted(30, RIVAL, 9, &[]));
        assert!(matches!(bench.revoked(), Some(RevokeCause::TakenBy { .. })));
        let mut bench = alone();
        away(&mut bench, 50_000);
        bench.tick(50_500);
        bench.read(50_510, noted(30, ME, 2, &[RIVAL]));
        assert_eq!(bench.revoked(), Some(&RevokeCause::NotAloneInOutage));
        // Before the belief would have ended anyway, it is only that long again.
        let mut bench = alone();
        bench.unknown(22_000);
        assert_eq!(held(bench.read(22_500, noted(30, ME, 2, &[RIVAL]))), Some(28_500));
        bench.write(LockWriteKind::Renew);
        bench.tick(28_500);
        assert_eq!(bench.revoked(), Some(&RevokeCause::RenewDeadlinePassed));
    }

    #[test]
    fn does_not_begin_beside_a_contender() {
        let mut bench = alone();
        bench.watch(20_100, noted(30, ME, 2, &[RIVAL]));
        away(&mut bench, 28_000);
        assert_eq!(bench.elector.valid_until(), Some(at(28_500)));
        bench.tick(28_500);
        assert_eq!(bench.revoked(), Some(&RevokeCause::RenewDeadlinePassed));
    }

    #[test]
    fn does_not_begin_within_a_lease_after_the_notes_were_gone() {
        let mut bench = alone();
        bench.watch(20_100, noted(30, ME, 2, &[RIVAL]));
        bench.watch(20_200, noted(31, ME, 2, &[]));
        assert_eq!(held(bench.unknown(22_000)), None);
        // Nor after a grant.
        let mut bench = Bench::with(settings(false));
        bench.watch(0, Observation::Missing);
        bench.applied(10, noted(10, ME, 1, &[]));
        bench.tick(5_000);
        assert_eq!(held(bench.unknown(7_000)), None);
        bench.tick(13_500);
        assert_eq!(bench.revoked(), Some(&RevokeCause::RenewDeadlinePassed));
    }

    #[test]
    fn does_not_begin_where_a_stranger_has_held_the_lock_unless_it_was_asked_for() {
        for asked_for in [false, true] {
            let mut bench = Bench::with(settings(asked_for));
            let after_stock = |version, renewed| {
                let (lock, stock) = (record(ME, renewed), LockView::Held(record("stock", 1)));
                Observation::Present {
                    resource_version: format!("{version}"),
                    contenders: Contenders::default().signing(&stock, &lock),
                    lock: LockView::Held(lock),
                    pod: None,
                }
            };
            bench.watch(0, free(9));
            bench.applied(10, after_stock(10, 1));
            for second in [5, 10, 15] {
                bench.tick(second * 1_000);
                bench.applied(second * 1_000 + 10, after_stock(10 + second, 2));
            }
            bench.tick(20_000);
            assert_eq!(held(bench.unknown(22_000)).is_some(), asked_for);
        }
    }

    #[test]
    fn does_not_begin_with_a_conflict_and_does_with_a_refusal_of_everybody() {
        let mut bench = alone();
        assert_eq!(held(bench.refused(22_000)), None);
        let mut bench = alone();
        let attempt = bench.newest;
        let unusable = true;
        assert_eq!(
            held(bench.step(22_000, Input::Refused { attempt, unusable })),
            Some(35_500)
        );
    }

    #[test]
    fn does_not_begin_with_a_read_that_was_answered() {
        let mut bench = alone();
        assert!(bench.refused(22_000).reads());
        assert_eq!(
            bench.step(22_100, Input::ReadPostponed).effects,
            [Effect::Wake { at: at(22_600) }]
        );
        assert!(bench.tick(22_600).reads());
    }

    #[test]
    fn a_process_that_was_frozen_has_seen_nothing_fail() {
        let mut bench = alone();
        assert_eq!(bench.unknown(60_000).revoked(), Some(&RevokeCause::RenewDeadlinePassed));
        // Also when it had been holding on before.
        let mut bench = alone();
        away(&mut bench, 30_000);
        assert_eq!(
            bench.step(45_000, Input::ReadFailed).revoked(),
            Some(&RevokeCause::OutageHoldPassed)
        );
    }

    #[test]
    fn does_not_begin_where_it_is_switched_off() {
        let mut bench = Bench::new();
        bench.watch(0, Observation::Missing);
        bench.applied(10, noted(10, ME, 1, &[]));
        for second in [5, 10, 15] {
            bench.tick(second * 1_000);
            bench.applied(second * 1_000 + 10, noted(10 + second, ME, 2, &[]));
        }
        bench.tick(20_000);
        assert_eq!(held(bench.unknown(22_000)), None);
    }
}

mod jvm {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(60);

    fn settings() -> ElectorSettings {
        ElectorSettings {
            jvm_stall_timeout: Some(TIMEOUT),
            ..timings().into()
        }
    }

    /// A leader whose acquisition was sent at 0, with a JVM that was heard of then and never again; renewals go on.
    fn forsaken(until: u64) -> Bench {
        let mut bench = Bench::with(settings());
        bench.step(0, Input::Pulse { at: at(0) });
        bench.read(0, Observation::Missing);
        bench.applied(10, held(10, ME, 1));
        for second in (5..until / 1_000).step_by(5) {
            bench.tick(second * 1_000).write(LockWriteKind::Renew);
            bench.applied(second * 1_000, held(10 + second, ME, 2));
        }
        bench
    }

    #[test]
    fn renewals_go_on_through_a_pause() {
        let mut bench = forsaken(60_000);
        bench.step(59_999, Input::Pulse { at: at(59_999) });
        assert_eq!(bench.effects, []);
        bench.tick(60_000).write(LockWriteKind::Renew);
    }

    #[test]
    fn the_end_of_the_jvms_time_has_an_alarm_of_its_own() {
        let mut bench = forsaken(57_000);
        bench.step(57_000, Input::Pulse { at: at(3_000) });
        // The belief goes on until 68.5 s, and this renewal may make that more.
        bench.step(59_000, Input::WriteWanted).write(LockWriteKind::Renew);
        assert_eq!(bench.wake(), Some(at(63_000)));
    }

    #[test]
    fn a_leader_whose_jvm_stands_still_is_revoked_and_lets_its_lease_run_out() {
        let mut bench = forsaken(60_000);
        bench.tick(60_000);
        assert_eq!(bench.revoked(), Some(&RevokeCause::JvmSilent));
        assert_eq!(bench.notice(), Some(&Notice::JvmSilent { timeout: TIMEOUT }));
        assert_eq!(
            bench.effects.len(),
            2,
            "neither a write nor an alarm: {:?}",
            bench.effects
        );
        assert!(bench.notice().unwrap().to_string().contains("60s"));
        // Seen free or expired, the lock is left to others, and said once.
        assert_eq!(bench.watch(70_000, held(99, RIVAL, 3)).effects, []);
        assert_eq!(bench.tick(90_000).effects, []);
    }

    #[test]
    fn a_candidate_again_when_the_jvm_is_heard_of() {
        let mut bench = forsaken(60_000);
        bench.tick(60_000);
        bench.step(66_000, Input::Pulse { at: at(66_000) });
        let write = bench.write(LockWriteKind::Acquire);
        assert_eq!(
            (write.base.as_deref(), write.transitions),
            (Some("65"), 7),
            "the same term"
        );
        bench.applied(66_010, held(70, ME, 9));
        assert_eq!(bench.elector.is_leader(), Some(GrantId(2)));
    }

    #[test]
    fn is_not_granted_what_is_acknowledged_while_the_jvm_stands_still() {
        let mut bench = Bench::with(settings());
        bench.step(0, Input::Pulse { at: at(0) });
        bench.read(59_000, Observation::Missing).write(LockWriteKind::Acquire);
        bench.applied(60_500, held(10, ME, 1));
        assert_eq!(bench.elector.is_leader(), None);
        assert_eq!(bench.notice(), Some(&Notice::JvmSilent { timeout: TIMEOUT }));
        assert_eq!(bench.writes().len(), 0);
    }

    #[test]
    fn an_acknowledgement_that_comes_with_the_silence_does_not_come_before_the_revoke() {
        let mut bench = forsaken(60_000);
        bench.step(59_000, Input::WriteWanted).write(LockWriteKind::Renew);
        bench.applied(60_000, held(70, ME, 3));
        assert_eq!(bench.revoked(), Some(&RevokeCause::JvmSilent));
    }

    #[test]
    fn nothing_is_asked_of_a_jvm_that_was_never_heard_of() {
        let mut bench = Bench::with(settings());
        bench.watch(500_000, Observation::Missing).write(LockWriteKind::Acquire);
    }

    #[test]
    fn gives_the_lock_back_when_it_is_stopped_by_a_jvm_that_was_silent() {
        let mut bench = forsaken(60_000);
        bench.tick(60_000);
        bench.step(61_000, Input::Stop).write(LockWriteKind::Release);
    }
}

mod stopping {
    use super::*;

    #[test]
    fn revokes_then_releases_and_then_nothing() {
        let mut bench = Bench::leader();
        bench.step(1_000, Input::Stop);
        assert_eq!(bench.revoked(), Some(&RevokeCause::Stopped));
        let write = bench.write(LockWriteKind::Release).clone();
        assert_eq!((write.base.as_deref(), write.transitions), (Some("10"), 7));
        let wall = WallTime::from_micros(99);
        let released = write.record(ME, Duration::from_secs(15), wall).unwrap();
        assert!(released.is_free());
        assert_eq!(released.lease_duration, Duration::from_secs(1));
        assert_eq!((released.acquire_time, released.renew_time), (wall, wall));
        assert_eq!(bench.applied(1_010, free(11)).effects, [Effect::Stopped]);
        for input in [Input::Tick, Input::Stop, Input::WriteWanted, Input::ReadFailed] {
            assert_eq!(bench.step(2_000, input).effects, []);
        }
        assert_eq!(bench.watch(3_000, free(11)).effects, []);
    }

    #[test]
    fn ends_at_once_where_there_is_nothing_to_release() {
        assert_eq!(Bench::new().step(0, Input::Stop).effects, [Effect::Stopped]);
        assert_eq!(Bench::follower().step(1, Input::Stop).effects, [Effect::Stopped]);
        // Even while its first read hangs.
        let mut bench = Bench::new();
        bench.tick(0);
        assert!(bench.step(1, Input::Stop).ended());
    }

    #[test]
    fn releases_the_acquisition_that_was_under_way() {
        let mut bench = Bench::follower();
        bench.watch(1_000, free(11));
        assert_eq!(bench.step(1_005, Input::Stop).effects, [Effect::Wake { at: at(6_005) }]);
        bench.applied(1_010, held(12, ME, 2));
        assert_eq!(bench.write(LockWriteKind::Release).base.as_deref(), Some("12"));
        assert_eq!(bench.elector.is_leader(), None);
    }

    #[test]
    fn releases_the_acquisition_that_a_read_finds_landed() {
        let mut bench = Bench::follower();
        bench.watch(1_000, free(11));
        bench.step(1_005, Input::Stop);
        assert!(bench.unknown(1_500).reads());
        bench.read(1_510, held(12, ME, 2)).write(LockWriteKind::Release);
    }

    #[test]
    fn never_acquires_a_lock_that_it_sees_free() {
        let mut bench = Bench::follower();
        bench.watch(1_000, free(11));
        bench.step(1_005, Input::Stop);
        bench.refused(1_010);
        assert_eq!(bench.effects, [Effect::Stopped]);
        let mut bench = Bench::leader();
        bench.step(1_000, Input::Stop);
        assert!(bench.unknown(1_500).reads());
        assert_eq!(bench.read(1_510, free(11)).effects, [Effect::Stopped]);
    }

    #[test]
    fn releases_again_what_is_still_ours() {
        let mut bench = Bench::leader();
        bench.step(1_000, Input::Stop);
        assert!(bench.refused(1_010).reads());
        bench.read(1_020, held(11, ME, 1));
        assert_eq!(bench.write(LockWriteKind::Release).base.as_deref(), Some("11"));
    }

    #[test]
    fn waits_for_the_renewal_under_way() {
        let mut bench = Bench::leader();
        bench.tick(5_000);
        bench.step(5_005, Input::Stop);
        assert_eq!(bench.revoked(), Some(&RevokeCause::Stopped));
        assert_eq!(bench.writes().len(), 0);
        bench.applied(5_010, held(11, ME, 2));
        assert_eq!(bench.write(LockWriteKind::Release).base.as_deref(), Some("11"));
    }

    #[test]
    fn repairs_nothing_any_more() {
        let mut bench = Bench::leader();
        bench.step(1_000, Input::Stop);
        bench.watch(1_005, Observation::Missing);
        assert!(bench.refused(1_010).ended());
    }

    #[test]
    fn ends_in_time_whatever_the_server_does() {
        let mut bench = Bench::leader();
        bench.step(1_000, Input::Stop);
        bench.tick(5_999);
        assert_eq!(bench.effects, [Effect::Wake { at: at(6_000) }]);
        assert_eq!(bench.tick(6_000).effects, [Effect::Stopped]);
    }

    #[test]
    fn revokes_once_when_the_deadline_has_passed_as_well() {
        let mut bench = Bench::leader();
        bench.step(20_000, Input::Stop);
        let revokes = bench
            .effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Revoke { .. }));
        assert_eq!(revokes.count(), 1);
        bench.write(LockWriteKind::Release);
    }

    #[test]
    fn an_elector_that_follows_counts_its_grants_on() {
        let mut bench = Bench::leader();
        bench.step(1_000, Input::Stop);
        assert_eq!(bench.elector.next_grant(), GrantId(2));
    }
}

mod hand_over {
    use super::*;

    /// A leader with a standby that has noted itself, asked at 1 s.
    fn asked(to: Option<&str>, between_checkpoints: bool) -> Bench {
        let mut bench = Bench::leader();
        bench.watch(500, noted(11, ME, 1, &[RIVAL]));
        let to = to.map(str::to_owned);
        bench.step(
            1_000,
            Input::HandOver {
                to,
                between_checkpoints,
            },
        );
        bench
    }

    /// Nobody is noted in the answer to the renewal that calls the roll.
    fn called(to: Option<&str>, between_checkpoints: bool) -> Bench {
        let mut bench = asked(to, between_checkpoints);
        assert!(bench.write(LockWriteKind::Renew).takes_notes_away);
        bench.applied(1_010, noted(12, ME, 2, &[]));
        bench
    }

    /// The leadership has ended, and its end is not handled yet.
    fn ended() -> Bench {
        let mut bench = called(Some(RIVAL), false);
        bench.watch(1_100, noted(13, ME, 2, &[RIVAL]));
        let to = Some(RIVAL.to_owned());
        assert_eq!(bench.revoked(), Some(&RevokeCause::HandedOver { to }));
        assert_eq!(bench.elector.is_leader(), None);
        bench
    }

    fn handled(millis: u64) -> Bench {
        let mut bench = ended();
        let grant = GrantId(1);
        bench.step(millis, Input::RevokeHandled { grant });
        bench
    }

    #[test]
    fn to_who_has_answered_the_roll() {
        let mut bench = called(None, false);
        assert_eq!(bench.revoked(), None, "an old note is no sign of life");
        bench.watch(1_100, noted(13, ME, 2, &["third"]));
        assert_eq!(bench.revoked(), Some(&RevokeCause::HandedOver { to: None }));
    }

    #[test]
    fn to_who_was_named_and_nobody_else() {
        let mut bench = called(Some(RIVAL), false);
        bench.watch(1_100, noted(13, ME, 2, &["third"]));
        assert_eq!(bench.revoked(), None);
        bench.watch(1_200, noted(14, ME, 2, &[RIVAL, "third"]));
        assert!(bench.revoked().is_some());
    }

    #[test]
    fn is_refused_where_nobody_answers() {
        let mut bench = called(Some("gone"), false);
        for millis in [6_000, 11_000] {
            bench.tick(millis).write(LockWriteKind::Renew);
            bench.applied(millis + 5, noted(10 + millis / 1_000, ME, 3, &[RIVAL]));
        }
        // Three retry periods after it was asked for.
        bench.tick(16_000);
        let to = Some("gone".to_owned());
        assert_eq!(bench.effects.first(), Some(&Effect::HandOverRefused { to }));
        assert!(bench.elector.is_leader().is_some());
    }

    #[test]
    fn waits_for_a_checkpoint_and_not_for_ever() {
        let mut bench = called(None, true);
        bench.watch(1_100, noted(13, ME, 2, &[RIVAL]));
        assert_eq!(bench.revoked(), None);
        let mut impatient = bench.clone();
        bench.step(2_000, Input::CheckpointStored);
        assert!(bench.revoked().is_some());
        for millis in [6_000, 11_000] {
            impatient.tick(millis).write(LockWriteKind::Renew);
            impatient.applied(millis + 5, noted(20 + millis / 1_000, ME, 3, &[RIVAL]));
        }
        impatient.tick(16_000);
        assert!(impatient.revoked().is_some(), "{:?}", impatient.effects);
    }

    #[test]
    fn gives_nothing_away_before_its_end_was_handled() {
        let mut bench = ended();
        assert!(bench.writes().is_empty());
        assert!(bench.tick(2_000).writes().is_empty());
        let other = GrantId(0);
        assert!(
            bench
                .step(2_100, Input::RevokeHandled { grant: other })
                .writes()
                .is_empty()
        );
        let grant = GrantId(1);
        bench.step(2_200, Input::RevokeHandled { grant });
        let write = bench.write(LockWriteKind::HandOver);
        assert_eq!(write.next.as_deref(), Some(RIVAL));
        let record = write
            .record(ME, Duration::from_secs(15), WallTime::from_micros(9))
            .unwrap();
        assert_eq!(record.holder_identity, "");
        let notes = Contenders::default().with(RIVAL);
        let notes = write.contenders(ME, notes, &LockView::Held(self::record(ME, 2)), Some(&record));
        assert_eq!(notes.called_to(&LockView::Free(record)), Some(RIVAL));
        assert!(notes.has_note_of(RIVAL));
    }

    #[test]
    fn leaves_the_lock_to_its_lease_where_nobody_handles_its_end() {
        let mut bench = ended();
        // Sent at 1 s, and usable for 13.5 s.
        bench.tick(14_500);
        assert_eq!(bench.notice(), Some(&Notice::NotHandedOver { handled: false }));
        assert!(bench.writes().is_empty(), "nor is it taken back at once");
        assert_eq!(bench.wake(), Some(at(19_500)));
        bench.tick(19_500).write(LockWriteKind::Acquire);
    }

    #[test]
    fn stands_back_from_what_it_has_given_away() {
        let mut bench = handled(1_200);
        bench.applied(1_210, free(14));
        assert!(bench.writes().is_empty());
        assert_eq!(bench.wake(), Some(at(6_210)));
        let mut alone = bench.clone();
        alone.tick(6_210).write(LockWriteKind::Acquire);
        bench.watch(1_220, noted(15, RIVAL, 5, &[]));
        bench.write(LockWriteKind::Join);
    }

    #[test]
    fn settles_a_hand_over_of_unknown_outcome() {
        let mut bench = handled(1_200);
        assert!(bench.unknown(2_000).reads());
        let mut lost = bench.clone();
        bench.read(2_010, free(14));
        assert!(bench.writes().is_empty());
        lost.read(2_010, noted(13, ME, 2, &[RIVAL]))
            .write(LockWriteKind::HandOver);
    }

    #[test]
    fn who_is_not_called_waits_a_moment() {
        let given = record("", 9);
        let lock = LockView::Free(given.clone());
        let called = |who: &str| Observation::Present {
            resource_version: "11".to_owned(),
            contenders: Contenders::default()
                .signing(&LockView::Absent, &given)
                .calling(Some(who)),
            lock: lock.clone(),
            pod: None,
        };
        let mut bench = Bench::follower();
        let mut next = bench.clone();
        next.watch(1_000, called(ME)).write(LockWriteKind::Acquire);
        assert!(bench.watch(1_000, called("third")).writes().is_empty());
        assert_eq!(bench.wake(), Some(at(6_000)));
        bench.tick(6_000).write(LockWriteKind::Acquire);
    }

    #[test]
    fn ends_in_order_when_it_is_stopped_meanwhile() {
        let mut bench = ended();
        bench.step(1_300, Input::Stop).write(LockWriteKind::Release);
    }

    #[test]
    fn asks_nothing_of_a_candidate() {
        let mut bench = Bench::follower();
        let (to, between_checkpoints) = (None, false);
        bench.step(
            1_000,
            Input::HandOver {
                to,
                between_checkpoints,
            },
        );
        assert!(bench.effects.is_empty());
    }
}
