//! Orders of events, and the one cause that each ends with.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;
use crate::protocol::contenders::Contenders;
use crate::protocol::elector::{AttemptId, LockWrite};
use crate::protocol::lock_record::LockRecord;

const WALL: WallTime = WallTime::from_micros(1_800_000_000_000_000);
const GRANT: GrantId = GrantId(7);

fn at(millis: u64) -> BootTime {
    BootTime::from_duration(Duration::from_millis(millis))
}

fn write(attempt: u64, kind: LockWriteKind) -> Effect {
    Effect::Write(LockWrite {
        attempt: AttemptId(attempt),
        kind,
        base: Some("1".to_owned()),
        time_limit: Duration::from_secs(5),
        again_after: None,
        transitions: 0,
        keep_acquire_time: None,
        takes_notes_away: false,
        next: None,
    })
}

fn held_by(holder: &str) -> Observation {
    let lock = LockView::Held(LockRecord {
        holder_identity: holder.to_owned(),
        lease_duration: Duration::from_secs(15),
        acquire_time: WALL,
        renew_time: WALL,
        leader_transitions: 0,
    });
    Observation::Present {
        resource_version: "2".to_owned(),
        lock,
        contenders: Contenders::default(),
        pod: None,
    }
}

fn request(answer: Answer) -> Request {
    Request {
        verb: "update",
        config_map: "c-cluster-config-map".to_owned(),
        answer,
        outcome: None,
        version: None,
        took: Duration::from_millis(2),
    }
}

/// A leader since 1 s, whose lock was written at 1.0 s; nothing is under way.
fn leader() -> BlackBox {
    let mut black_box = BlackBox::default();
    black_box.decided(at(1_000), WALL, &[write(0, LockWriteKind::Acquire)]);
    let applied = Input::Applied {
        attempt: AttemptId(0),
        observation: held_by("me"),
    };
    black_box.heard(at(1_002), WALL, &applied);
    let grant = Effect::Grant {
        grant: GRANT,
        valid_until: at(11_000),
    };
    black_box.decided(at(1_002), WALL, &[grant]);
    black_box
}

fn lost(mut black_box: BlackBox, now: u64, revoke: &RevokeCause) -> LossCause {
    black_box.lost(at(now), WALL, GRANT, revoke).cause
}

/// The deadline of a leader passes after these answers.
fn after(answers: &[Answer]) -> LossCause {
    let mut black_box = leader();
    for answer in answers {
        black_box.request(at(6_000), WALL, request(*answer), true);
    }
    lost(black_box, 11_000, &RevokeCause::RenewDeadlinePassed)
}

#[test]
fn what_the_elector_knows_is_the_cause() {
    let stolen = LossCause::Stolen { holder: "b".to_owned() };
    assert_eq!(stolen.to_string(), "stolen by b");
    for (revoke, cause) in [
        (RevokeCause::Stopped, LossCause::Shutdown),
        (RevokeCause::HandedOver { to: None }, LossCause::Switchover),
        (RevokeCause::TakenBy { holder: "b".to_owned() }, stolen),
        (RevokeCause::Released, LossCause::Released),
        (RevokeCause::JvmSilent, LossCause::JvmStall),
        (RevokeCause::CleanedUp, LossCause::Deleted),
    ] {
        assert_eq!(lost(leader(), 5_000, &revoke), cause);
    }
}

#[test]
fn a_deadline_that_passes_is_explained_by_what_failed_last() {
    use Answer::{Code, GivenUp, Malformed, NoCredentials, TimedOut, Tls, Unreachable, Withheld};
    for answer in [TimedOut, Unreachable, Tls] {
        assert_eq!(after(&[answer]), LossCause::ApiUnreachable);
    }
    for answer in [Code(429), Code(500), Code(503), Code(422), Malformed] {
        assert_eq!(after(&[answer]), LossCause::ApiErrors);
    }
    assert_eq!(after(&[Code(401)]), LossCause::Unauthorized);
    assert_eq!(after(&[NoCredentials]), LossCause::Unauthorized);
    assert_eq!(after(&[TimedOut, Code(403)]), LossCause::Forbidden);
    assert_eq!(after(&[Code(403), TimedOut]), LossCause::ApiUnreachable);
    assert_eq!(after(&[Code(404)]), LossCause::Deleted);
    assert_eq!(after(&[Code(404), Code(403)]), LossCause::Deleted);
    assert_eq!(after(&[Code(409), Code(200), Code(409)]), LossCause::Conflict);
    assert_eq!(after(&[TimedOut, Code(409)]), LossCause::ApiUnreachable);
    assert_eq!(after(&[Code(200), GivenUp, Withheld]), LossCause::Unexplained);
}

#[test]
fn a_renewal_without_an_answer_is_a_server_that_cannot_be_reached() {
    let mut black_box = leader();
    black_box.decided(at(6_000), WALL, &[write(1, LockWriteKind::Renew)]);
    let loss = black_box.lost(at(11_000), WALL, GRANT, &RevokeCause::RenewDeadlinePassed);
    assert_eq!(loss.cause, LossCause::ApiUnreachable);
    assert_eq!(loss.unanswered, Some(Duration::from_secs(5)));
}

#[test]
fn the_last_of_many_conflicts_need_not_have_come_back() {
    let of_a_try_sent_at = |millis| {
        let mut black_box = leader();
        black_box.request(at(5_900), WALL, request(Answer::Code(409)), true);
        black_box.decided(at(millis), WALL, &[write(1, LockWriteKind::Renew)]);
        lost(black_box, 11_000, &RevokeCause::RenewDeadlinePassed)
    };
    assert_eq!(of_a_try_sent_at(10_980), LossCause::Conflict);
    assert_eq!(of_a_try_sent_at(6_000), LossCause::ApiUnreachable);
}

#[test]
fn an_acknowledgement_ends_every_suspicion() {
    let mut black_box = leader();
    black_box.request(at(5_000), WALL, request(Answer::Code(403)), true);
    black_box.decided(at(6_000), WALL, &[write(1, LockWriteKind::Renew)]);
    let applied = Input::Applied {
        attempt: AttemptId(1),
        observation: held_by("me"),
    };
    let renewal = black_box.heard(at(6_004), WALL, &applied).unwrap();
    assert_eq!(
        (renewal.took, renewal.outcome),
        (Duration::from_millis(4), Outcome::Applied)
    );
    let extend = Effect::Extend {
        grant: GRANT,
        valid_until: at(16_000),
    };
    black_box.decided(at(6_004), WALL, &[extend]);
    assert_eq!(
        lost(black_box, 16_000, &RevokeCause::RenewDeadlinePassed),
        LossCause::Unexplained
    );
}

#[test]
fn an_acknowledgement_of_another_write_is_none() {
    let mut black_box = leader();
    black_box.decided(at(6_000), WALL, &[write(1, LockWriteKind::Renew)]);
    let other = Input::Unknown { attempt: AttemptId(0) };
    assert_eq!(black_box.heard(at(6_001), WALL, &other), None);
    let mine = Input::Unknown { attempt: AttemptId(1) };
    assert_eq!(
        black_box.heard(at(6_002), WALL, &mine).unwrap().outcome,
        Outcome::Unknown
    );
}

#[test]
fn a_process_that_stood_still_for_most_of_its_lease_was_frozen() {
    let deadline = RevokeCause::RenewDeadlinePassed;
    let mut frozen = leader();
    frozen.alive(at(3_000), WALL, true);
    // A write that was under way when it froze does not make it an outage.
    frozen.decided(at(3_000), WALL, &[write(1, LockWriteKind::Renew)]);
    assert_eq!(frozen.alive(at(23_000), WALL, true), Some(Duration::from_secs(20)));
    assert_eq!(lost(frozen.clone(), 23_000, &deadline), LossCause::Freeze);
    assert_eq!(lost(frozen, 23_000, &RevokeCause::JvmSilent), LossCause::Freeze);

    let mut late = leader();
    late.alive(at(3_000), WALL, true);
    late.alive(at(5_000), WALL, true);
    late.request(at(6_000), WALL, request(Answer::TimedOut), true);
    assert_eq!(lost(late, 11_000, &deadline), LossCause::ApiUnreachable);
}

#[test]
fn nobody_who_may_sleep_stands_still() {
    let mut black_box = leader();
    black_box.alive(at(3_000), WALL, false);
    assert_eq!(black_box.alive(at(60_000), WALL, true), None);
    assert_eq!(black_box.alive(at(60_900), WALL, true), None);
}

#[test]
fn memory_is_bounded_and_many_checkpoints_do_not_drive_out_the_lease() {
    let mut black_box = leader();
    for number in 0..10_000 {
        black_box.request(at(2_000 + number), WALL, request(Answer::Code(200)), false);
    }
    let entries = black_box.entries();
    assert_eq!(
        entries
            .iter()
            .filter(|entry| matches!(entry.event, Event::Request(_)))
            .count(),
        OTHER_EVENTS
    );
    assert!(entries.iter().any(|entry| matches!(entry.event, Event::Granted { .. })));
    assert!(entries.is_sorted_by_key(|entry| entry.number));
    for number in 0..10_000 {
        black_box.request(at(20_000 + number), WALL, request(Answer::Code(200)), true);
    }
    assert_eq!(black_box.entries().len(), LOCK_EVENTS + OTHER_EVENTS);
    let loss = black_box.lost(at(30_000), WALL, GRANT, &RevokeCause::Stopped);
    // A record of the log holds 16 KiB.
    assert!(loss.to_string().len() < 15_000, "{}", loss.to_string().len());
}

#[test]
fn lines_read_well() {
    let mut black_box = leader();
    let mut unknown = request(Answer::TimedOut);
    unknown.outcome = Some(Outcome::Unknown);
    black_box.request(at(6_000), WALL, unknown, true);
    let stood = Input::Pulse { at: at(2_000) };
    black_box.heard(at(2_000), WALL, &stood);
    black_box.heard(at(7_000), WALL, &Input::Pulse { at: at(7_000) });
    black_box.heard(
        at(8_000),
        WALL,
        &Input::Observed {
            observation: held_by("b\nc"),
            source: crate::protocol::elector::Source::Watch,
            long_dead: false,
        },
    );
    let text = describe(&black_box.entries());
    let lines: Vec<_> = text.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    assert_eq!(
        lines,
        [
            "no lease      the lock is seen to be held by me",
            "lease 0.0 s   leadership granted (grant 7)",
            "lease 5.0 s   update c-cluster-config-map: no answer in time, whether it was applied is not known, 2.0 ms",
            "lease 6.0 s   the JVM gave no sign of life for 5.0 s",
            "lease 7.0 s   the lock is seen to be held by bc",
        ]
    );
    let foreign = Event::Notice("é".repeat(10_000));
    black_box.note(at(9_000), WALL, foreign);
    assert!(
        describe(&black_box.entries())
            .lines()
            .all(|line| line.chars().count() < 250)
    );
}
