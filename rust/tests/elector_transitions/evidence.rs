//! Evidence that the holder has ended: what counts, for whom, and for how long.

use flinkkubeha::protocol::elector::Evidence;
use flinkkubeha::protocol::holder_notes::HolderPod;

use super::*;

const POD: &str = "6d5c";

/// The lock of `holder` with the note of `noted` about its pod.
fn held_in(version: u64, holder: &str, renewed: i64, noted: (&str, &str)) -> Observation {
    let mut observation = held(version, holder, renewed);
    let Observation::Present { pod, .. } = &mut observation else {
        panic!()
    };
    *pod = Some(Box::new(HolderPod {
        holder_identity: noted.0.to_owned(),
        uid: noted.1.to_owned(),
    }));
    observation
}

fn seated() -> Input {
    Input::Seated {
        pod_uid: POD.to_owned(),
    }
}

fn ended(holder: &str) -> Input {
    Input::HolderEnded {
        holder: holder.to_owned(),
    }
}

fn because(evidence: Evidence) -> Notice {
    Notice::Acquiring(AcquireReason::HolderGone {
        holder: RIVAL.to_owned(),
        evidence,
    })
}

/// A candidate that has the seat of its pod, as one that starts has it before it sees anything.
fn candidate_in_its_pod() -> Bench {
    let mut bench = Bench::new();
    bench.step(0, seated());
    bench
}

mod same_pod {
    use super::*;

    #[test]
    fn takes_back_at_once_what_a_process_of_its_pod_has_left() {
        let mut bench = candidate_in_its_pod();
        bench.read(100, held_in(10, RIVAL, 1, (RIVAL, POD)));
        assert_eq!(bench.notice(), Some(&because(Evidence::SamePod)));
        let write = bench.write(LockWriteKind::Acquire).clone();
        // The normal conditional write, as a change of hands.
        assert_eq!((write.base.as_deref(), write.transitions), (Some("10"), 8));
        assert_eq!(write.keep_acquire_time, None);
        bench.applied(110, held(11, ME, 2));
        assert_eq!(bench.elector.is_leader(), Some(GrantId(1)));
    }

    #[test]
    fn waits_while_another_process_has_the_seat_and_goes_on_when_that_one_has_ended() {
        let mut bench = Bench::new();
        bench.watch(0, held_in(10, RIVAL, 1, (RIVAL, POD)));
        assert_eq!(bench.writes().len(), 0);
        // The lease decides…
        assert_eq!(bench.wake(), Some(at(15_000)));
        // … unless the seat becomes free before that.
        bench.step(4_000, seated()).write(LockWriteKind::Acquire);
        assert_eq!(bench.notice(), Some(&because(Evidence::SamePod)));
    }

    #[test]
    fn does_not_go_by_the_note_of_another_holder_or_another_pod_or_none() {
        for noted in [("earlier", POD), (RIVAL, "other"), (ME, POD)] {
            let mut bench = candidate_in_its_pod();
            bench.read(10, held_in(10, RIVAL, 1, noted));
            assert_eq!(bench.writes().len(), 0, "{noted:?}");
            assert_eq!(bench.wake(), Some(at(15_010)));
        }
        let mut bench = candidate_in_its_pod();
        assert_eq!(bench.read(10, held(10, RIVAL, 1)).writes().len(), 0);
    }

    #[test]
    fn a_write_of_the_dead_that_lands_late_changes_nothing() {
        let mut bench = candidate_in_its_pod();
        bench.read(0, held_in(10, RIVAL, 1, (RIVAL, POD)));
        assert!(bench.refused(10).reads());
        bench.read(20, held_in(11, RIVAL, 2, (RIVAL, POD)));
        assert_eq!(bench.write(LockWriteKind::Acquire).base.as_deref(), Some("11"));
    }

    #[test]
    fn waits_for_whoever_was_faster() {
        let mut bench = candidate_in_its_pod();
        bench.read(0, held_in(10, RIVAL, 1, (RIVAL, POD)));
        assert!(bench.refused(10).reads());
        // Its note is the old one: nobody has taken it away.
        bench.read(20, held_in(11, "third", 2, (RIVAL, POD)));
        assert_eq!(bench.writes().len(), 0);
        assert_eq!(bench.wake(), Some(at(15_020)));
    }

    #[test]
    fn is_nothing_to_a_leader_nor_to_one_that_leaves() {
        let mut bench = Bench::leader();
        assert_eq!(bench.step(20, seated()).writes().len(), 0);
        bench.watch(30, held_in(11, ME, 1, (ME, POD)));
        assert_eq!(bench.writes().len(), 0);
        assert_eq!(bench.elector.is_leader(), Some(GrantId(1)));

        let mut bench = candidate_in_its_pod();
        bench.step(5, Input::Stop);
        assert!(bench.ended());
    }

    #[test]
    fn is_left_alone_while_the_jvm_stands_still() {
        let settings = ElectorSettings {
            jvm_stall_timeout: Some(Duration::from_secs(60)),
            ..timings().into()
        };
        let mut bench = Bench::with(settings);
        bench.step(0, Input::Pulse { at: at(0) });
        bench.step(0, seated());
        assert_eq!(
            bench.read(60_000, held_in(10, RIVAL, 1, (RIVAL, POD))).writes().len(),
            0
        );
    }
}

mod over_the_network {
    use super::*;

    #[test]
    fn takes_the_lock_of_a_process_that_was_seen_to_end() {
        let mut bench = Bench::follower();
        bench.step(4_000, ended(RIVAL));
        assert_eq!(bench.notice(), Some(&because(Evidence::Refused)));
        let write = bench.write(LockWriteKind::Acquire);
        assert_eq!((write.base.as_deref(), write.transitions), (Some("10"), 8));
    }

    #[test]
    fn does_not_take_the_lock_of_anybody_else() {
        let mut bench = Bench::follower();
        assert_eq!(bench.step(4_000, ended("other")).writes().len(), 0);
        // Nor later, when that one holds it.
        assert_eq!(bench.watch(5_000, held(11, "other", 2)).writes().len(), 0);
        assert_eq!(bench.step(6_000, ended(RIVAL)).writes().len(), 0);
    }

    #[test]
    fn whoever_has_written_since_lives() {
        let mut bench = Bench::follower();
        bench.step(4_000, ended(RIVAL)).write(LockWriteKind::Acquire);
        assert!(bench.refused(4_010).reads());
        bench.read(4_020, held(11, RIVAL, 2));
        assert_eq!(bench.writes().len(), 0);
        assert_eq!(bench.wake(), Some(at(19_020)));
        // Until it is seen to have ended once more.
        bench.step(5_000, ended(RIVAL)).write(LockWriteKind::Acquire);
    }

    #[test]
    fn a_write_to_the_same_config_map_that_leaves_the_lock_as_it_is_changes_nothing() {
        let mut bench = Bench::follower();
        bench.step(4_000, ended(RIVAL)).write(LockWriteKind::Acquire);
        assert!(bench.refused(4_010).reads());
        bench.read(4_020, held(11, RIVAL, 1));
        assert_eq!(bench.write(LockWriteKind::Acquire).base.as_deref(), Some("11"));
    }

    #[test]
    fn an_unknown_outcome_is_read_back_first() {
        let mut bench = Bench::follower();
        bench.step(4_000, ended(RIVAL)).write(LockWriteKind::Acquire);
        assert!(bench.unknown(9_000).reads());
        assert_eq!(bench.elector.is_leader(), None);
        bench.read(9_010, held(11, ME, 2)).write(LockWriteKind::Acquire);
        bench.applied(9_020, held(12, ME, 3));
        assert_eq!(bench.elector.is_leader(), Some(GrantId(1)));
    }

    #[test]
    fn a_leader_does_not_take_its_own_lock() {
        let mut bench = Bench::leader();
        assert_eq!(bench.step(20, ended(ME)).effects, []);
        assert_eq!(bench.step(30, ended(RIVAL)).effects, []);
    }

    #[test]
    fn before_anything_was_seen_it_says_nothing() {
        let mut bench = Bench::new();
        assert!(bench.step(0, ended(RIVAL)).reads());
        assert_eq!(bench.read(10, held(10, RIVAL, 1)).writes().len(), 0);
    }

    #[test]
    fn a_lock_that_is_damaged_is_waited_for() {
        let mut bench = Bench::follower();
        bench.watch(1_000, broken(11, "garbage"));
        assert_eq!(bench.step(4_000, ended(RIVAL)).writes().len(), 0);
    }
}
