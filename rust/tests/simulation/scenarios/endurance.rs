//! What a leader outlives, and what ends it in time: JVMs that stand still, processes that do, requests that hang, an API server that is away.

use flinkkubeha::protocol::contenders::Contenders;
use flinkkubeha::protocol::elector::OutageHold;
use flinkkubeha::protocol::lock_record::LOCK_ANNOTATION;
use serde_json::json;

use super::*;

/// A lease, as the settings ask for at least.
const STALL: Duration = Duration::from_secs(6);
const PULSE: Duration = Duration::from_secs(1);
/// A hanging JVM is looked for every 100 ms, and told of the next time that the events are taken.
const SOON: Duration = Duration::from_millis(300);

impl Scene {
    /// Of a process whose JVM is watched.
    fn candidate_with_jvm(&self, number: usize) -> Arc<Process> {
        let mut machine = machine(&self.world, number, LEASE, PATIENCE);
        machine.elector.jvm_stall_timeout = Some(STALL);
        self.candidate_on(&machine)
    }

    fn told(&self, process: &Process) -> Option<u64> {
        self.world.lock().ledger.told(&process.identity)
    }

    /// The JVM is alive for this long.
    async fn alive(process: &Process, duration: Duration) {
        let ends = tokio::time::Instant::now() + duration;
        while tokio::time::Instant::now() < ends {
            process.services().pulse();
            sleep(PULSE).await;
        }
    }

    async fn until_revoked(&self, process: &Process, limit: Duration) {
        let revoked = async {
            while self.told(process).is_some() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(limit, revoked).await.expect("no revoke");
    }
}

#[test]
fn renewals_go_on_while_the_jvm_pauses() {
    Scene::play(|scene| async move {
        let leader = scene.candidate_with_jvm(0);
        scene.until_granted(&leader).await;
        let standby = scene.candidate(1);
        for _ in 0..5 {
            Scene::alive(&leader, PULSE).await;
            sleep(Duration::from_millis(4700)).await;
            assert_eq!(scene.told(&leader), Some(1));
        }
        assert_eq!(scene.told(&standby), None);
    });
}

#[test]
fn a_jvm_that_hangs_does_not_squat_on_the_lock_and_contends_when_it_is_back() {
    Scene::play(|scene| async move {
        let leader = scene.candidate_with_jvm(0);
        scene.until_granted(&leader).await;
        let standby = scene.candidate(1);
        Scene::alive(&leader, Duration::from_secs(20)).await;
        assert_eq!((scene.told(&leader), scene.told(&standby)), (Some(1), None));
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();

        leader.services().pulse();
        let hangs = scene.world.now();
        scene.until_revoked(&leader, STALL + SOON).await;
        assert!(scene.world.now() >= hangs + STALL * 97 / 100, "by its own clock");
        assert_eq!(scene.told(&standby), None, "the lock is not given back, it ends");
        let late = map.submit(Edit::NextCounter).unwrap_err();
        assert_eq!(late.code, ErrorCode::NotLeader);
        scene.until_granted(&standby).await;

        standby.stop(&scene.world, Duration::from_secs(20)).await;
        sleep(Duration::from_secs(20)).await;
        assert_eq!(scene.told(&leader), None, "it hangs still");
        leader.services().pulse();
        scene.until_granted(&leader).await;
        assert_eq!(scene.told(&leader), Some(2));
    });
}

#[test]
fn a_request_that_hangs_does_not_delay_the_revoke() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let standby = scene.candidate(1);
        sleep(Duration::from_secs(5)).await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        let lost = scene.world.now();
        scene.world.lock().weather.set_path(0, Path::BlackHole);
        let answers: Vec<_> = (0..20)
            .map(|n| scene.edit(&leader, &map, add(&format!("checkpointID-{n}"))))
            .collect();
        scene
            .until_revoked(&leader, leader.machine.timings.renew_deadline * 11 / 10 + SOON)
            .await;
        for answer in answers {
            let code = answer.await.unwrap().unwrap_err().code;
            assert!(
                matches!(code, ErrorCode::NotLeader | ErrorCode::UnknownOutcome),
                "{code:?}"
            );
        }
        assert!(scene.world.now() < lost + leader.machine.timings.lease_duration);
        scene.until_granted(&standby).await;
    });
}

#[test]
fn a_path_that_is_slower_by_less_than_half_the_deadline_costs_no_leadership() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let standby = scene.candidate(1);
        sleep(SETTLED).await;
        // Each way: 1.3 s of the 3.0 s that a renewal may take.
        scene.world.lock().weather.latency = 650;
        sleep(Duration::from_secs(60)).await;
        assert!(scene.told(&leader).is_some());
        scene.world.lock().weather.latency = 0;
        sleep(Duration::from_secs(5)).await;
        assert_eq!((scene.told(&leader).is_some(), scene.told(&standby)), (true, None));
        assert_eq!(scene.world.lock().ledger.grants, 1);
    });
}

#[test]
fn a_path_that_is_slower_than_the_deadline_is_a_clean_loss() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let _standby = scene.candidate(1);
        sleep(SETTLED).await;
        scene.world.lock().weather.latency = 1600;
        scene.until_revoked(&leader, Duration::from_secs(4)).await;
        scene.world.lock().weather.latency = 0;
    });
}

#[test]
fn connections_that_are_dead_cost_no_leadership_where_another_one_works() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let _standby = scene.candidate(1);
        sleep(SETTLED).await;
        for dead in [1, 2, 3] {
            for _ in 0..dead {
                scene.plan_write(CLUSTER_MAP, Fate::dropped(Loss::Hang));
            }
            sleep(Duration::from_secs(8)).await;
            assert!(scene.world.lock().weather.planned.is_empty());
        }
        assert!(scene.told(&leader).is_some());
        assert_eq!(scene.world.lock().ledger.grants, 1);
    });
}

#[test]
fn a_server_that_asks_to_be_left_alone_is_left_alone_and_costs_no_leadership() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let _standby = scene.candidate(1);
        sleep(SETTLED).await;
        // Each refusal comes with the wish for 1 s of peace.
        for code in [429, 503] {
            let before = scene.requests();
            let until = scene.world.now() + Duration::from_millis(1200);
            for _ in 0..20 {
                let world = Arc::clone(&scene.world);
                scene.plan(
                    move |seen| !seen.dry_run && seen.machine == 0 && world.now() < until,
                    Fate::code(code),
                );
            }
            sleep(Duration::from_millis(1200)).await;
            let sent = scene.requests() - before;
            assert!((1..=8).contains(&sent), "{sent} requests");
            scene.world.lock().weather.planned.clear();
            sleep(Duration::from_secs(5)).await;
        }
        assert!(scene.told(&leader).is_some());
        assert_eq!(scene.world.lock().ledger.grants, 1);
    });
}

#[test]
fn a_frozen_leader_is_revoked_within_100_ms_of_its_thaw() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let standby = scene.candidate(1);
        for frozen in [20, 40, 120] {
            let (leader, standby) = if scene.told(&leader).is_some() {
                (&leader, &standby)
            } else {
                (&standby, &leader)
            };
            sleep(Duration::from_secs(10)).await;
            leader.gate.freeze();
            let frozen_since = scene.world.now();
            scene.until_granted(standby).await;
            sleep((frozen_since + Duration::from_secs(frozen)).saturating_sub(scene.world.now())).await;
            assert!(scene.told(leader).is_some());
            leader.gate.thaw();
            // Taken by a loop of 50 ms here; Java's pump waits in the queue.
            scene.until_revoked(leader, Duration::from_millis(100)).await;
            assert_eq!(leader.services().grants().current(), None);
            assert!(scene.told(standby).is_some());
        }
    });
}

#[test]
fn what_a_leader_took_back_in_a_write_that_was_forgotten_is_not_asked_of_the_writes_of_a_standby() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        scene.plan_write(CLUSTER_MAP, Fate::dropped(Loss::Hang));
        leader.stop(&scene.world, Duration::from_millis(50)).await;
        leader.gate.freeze();
        let standby = scene.leader(1).await;
        sleep(Duration::from_secs(10)).await;
        leader.gate.thaw();
        sleep(Duration::from_secs(1)).await;
        // It notes that it waits beside the addresses of the other one.
        leader.contend(&scene.world);
        sleep(Duration::from_secs(10)).await;
        assert!(scene.told(&standby).is_some());
    });
}

#[test]
fn a_write_that_waited_for_its_turn_while_the_process_was_frozen_is_not_sent() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        scene.edit(&leader, &map, Edit::NextCounter).await.unwrap().unwrap();
        // As many reads hang as requests may be in flight at the same time.
        for _ in 0..14 {
            scene.plan(
                |seen| matches!(&seen.call, Call::Get(_)),
                Fate::dropped(Loss::Reset).after(400),
            );
            let (world, process, map) = (Arc::clone(&scene.world), Arc::clone(&leader), map.clone());
            (process.gate.spawn())(Box::pin(async move {
                let _ = map.read().await;
                drop(world);
            }));
        }
        sleep(Duration::from_millis(50)).await;
        let answer = scene.edit(&leader, &map, add("checkpointID-1"));
        sleep(Duration::from_millis(50)).await;
        leader.gate.freeze();
        let standby = scene.candidate(1);
        sleep(Duration::from_secs(60)).await;
        assert!(scene.told(&standby).is_some());
        leader.gate.thaw();
        let code = answer.await.unwrap().unwrap_err().code;
        assert!(
            matches!(code, ErrorCode::NotLeader | ErrorCode::UnknownOutcome),
            "{code:?}"
        );
        sleep(Duration::from_secs(5)).await;
        assert_eq!(scene.stored(JOB_MAP, "checkpointID-1"), None);
    });
}

const HOLD: Duration = Duration::from_secs(30);
/// More than a lease after its grant: whoever waits has noted it by then.
const SETTLED: Duration = Duration::from_secs(6);

impl Scene {
    /// Of a process that holds on for this long.
    fn candidate_with_hold(&self, number: usize, hold: Duration) -> Arc<Process> {
        let mut machine = machine(&self.world, number, LEASE, Duration::from_secs(60));
        machine.elector.outage_hold.duration = hold;
        self.candidate_on(&machine)
    }

    /// Of a leader that is alone, some time after its grant.
    async fn lone_leader(&self) -> Arc<Process> {
        let leader = self.candidate_with_hold(0, HOLD);
        self.until_granted(&leader).await;
        sleep(SETTLED).await;
        leader
    }
}

#[test]
fn a_leader_that_is_alone_outlives_an_outage_and_so_do_the_calls_that_wait() {
    for path in [Path::Refused, Path::BlackHole] {
        Scene::play(|scene| async move {
            let leader = scene.lone_leader().await;
            let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
            scene.edit(&leader, &map, Edit::NextCounter).await.unwrap().unwrap();
            let plans = leader.services().open_config_map(CLUSTER_MAP, false).await.unwrap();
            scene.world.lock().weather.set_path(0, path);
            sleep(Duration::from_secs(1)).await;
            let waiting = [
                scene.edit(&leader, &map, add("checkpointID-1")),
                scene.edit(&leader, &map, Edit::NextCounter),
                scene.edit(&leader, &plans, add("executionPlan-1")),
            ];
            sleep(Duration::from_secs(29)).await;
            assert_eq!(scene.told(&leader), Some(1));
            assert!(leader.services().grants().current().is_some() && !leader.services().grants().confirmed());
            scene.world.lock().weather.set_path(0, Path::Good);
            for answer in waiting {
                answer.await.unwrap().unwrap();
            }
            assert!(leader.services().grants().confirmed());
            assert_eq!(scene.told(&leader), Some(1));
        });
    }
}

#[test]
fn nothing_is_written_under_a_leadership_that_is_held_on_to_before_the_lock_is_renewed() {
    Scene::play(|scene| async move {
        let leader = scene.lone_leader().await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        scene.edit(&leader, &map, Edit::NextCounter).await.unwrap().unwrap();
        scene.world.lock().weather.set_path(0, Path::Refused);
        sleep(Duration::from_secs(10)).await;
        let answer = scene.edit(&leader, &map, add("checkpointID-1"));
        // Back, but the lock alone cannot be written for a while: of the others, everything can be.
        let renewal = |seen: &Seen| seen.call.map() == CLUSTER_MAP && matches!(seen.call, Call::Replace(..));
        for _ in 0..4 {
            scene.plan(renewal, Fate::code(429));
        }
        scene.world.lock().weather.set_path(0, Path::Good);
        let settled = async {
            while !leader.services().grants().confirmed() {
                assert_eq!(
                    scene.stored(JOB_MAP, "checkpointID-1"),
                    None,
                    "written before the lock was renewed"
                );
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(10), settled)
            .await
            .expect("not confirmed again");
        answer.await.unwrap().unwrap();
    });
}

#[test]
fn a_deletion_that_waited_for_its_turn_waits_on_until_the_leadership_is_confirmed() {
    Scene::play(|scene| async move {
        let leader = scene.lone_leader().await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        scene.edit(&leader, &map, Edit::NextCounter).await.unwrap().unwrap();
        scene.world.lock().ledger.finished.insert(job_map());
        // The read before the deletion finds a place at once; the deletion waits behind as many other reads as may be in flight at the same time.
        for number in 0..20 {
            let fate = if number == 0 {
                Fate::good(Duration::from_millis(2), Duration::from_millis(90))
            } else {
                Fate::dropped(Loss::Reset).after(4000)
            };
            scene.plan(
                |seen| seen.call.map() == JOB_MAP && matches!(seen.call, Call::Get(_)),
                fate,
            );
        }
        let (reply, mut deleted) = oneshot::channel();
        let spawn = leader.gate.spawn();
        let deleting = Arc::clone(&leader);
        spawn(Box::pin(async move {
            let _ = reply.send(deleting.services().delete_config_map(&job_map()).await);
        }));
        sleep(Duration::from_millis(1)).await;
        for _ in 0..19 {
            let map = map.clone();
            spawn(Box::pin(async move {
                let _ = map.read().await;
            }));
        }
        // Meanwhile nobody can renew the lock, and the leadership is only held on to.
        for _ in 0..1000 {
            scene.plan(|seen| seen.call.map() == CLUSTER_MAP, Fate::refused());
        }
        sleep(Duration::from_secs(6)).await;
        assert!(scene.told(&leader).is_some() && !leader.services().grants().confirmed());
        assert!(deleted.try_recv().is_err() && scene.world.lock().store.get(JOB_MAP).is_some());
        scene.world.lock().weather.planned.clear();
        deleted.await.unwrap().unwrap();
        assert!(leader.services().grants().confirmed() && scene.world.lock().store.get(JOB_MAP).is_none());
    });
}

#[test]
fn a_leader_that_is_alone_gives_up_when_the_hold_is_over() {
    Scene::play(|scene| async move {
        let leader = scene.lone_leader().await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        let lost = scene.world.now();
        scene.world.lock().weather.set_path(0, Path::BlackHole);
        let answer = scene.edit(&leader, &map, add("checkpointID-1"));
        sleep(HOLD).await;
        assert_eq!(scene.told(&leader), Some(1));
        scene
            .until_revoked(&leader, leader.machine.timings.lease_duration)
            .await;
        assert!(scene.world.now() >= lost + HOLD);
        let code = answer.await.unwrap().unwrap_err().code;
        assert!(
            matches!(code, ErrorCode::NotLeader | ErrorCode::UnknownOutcome),
            "{code:?}"
        );
    });
}

#[test]
fn beside_a_contender_or_without_a_hold_the_revoke_comes_before_the_lease_can_end() {
    for (hold, with_standby) in [(HOLD, true), (Duration::ZERO, false)] {
        Scene::play(|scene| async move {
            let leader = scene.candidate_with_hold(0, hold);
            scene.until_granted(&leader).await;
            let standby = with_standby.then(|| scene.candidate_with_hold(1, hold));
            sleep(SETTLED).await;
            let lost = scene.world.now();
            scene.world.lock().weather.set_path(0, Path::BlackHole);
            scene
                .until_revoked(&leader, leader.machine.timings.lease_duration)
                .await;
            assert!(scene.world.now() < lost + leader.machine.timings.lease_duration);
            if let Some(standby) = standby {
                assert_eq!(scene.told(&standby), None);
                scene.until_granted(&standby).await;
            }
        });
    }
}

#[test]
fn a_contender_that_turns_up_meanwhile_ends_the_hold_with_the_first_read() {
    Scene::play(|scene| async move {
        let leader = scene.lone_leader().await;
        scene.world.lock().weather.set_path(0, Path::Refused);
        sleep(Duration::from_secs(4)).await;
        // The lock is not so old that it would count as long dead: it waits for a lease, and notes that it does.
        let newcomer = scene.candidate_with_hold(1, HOLD);
        sleep(Duration::from_secs(1)).await;
        assert_eq!((scene.told(&leader), scene.told(&newcomer)), (Some(1), None));
        scene.world.lock().weather.set_path(0, Path::Good);
        scene.until_revoked(&leader, Duration::from_secs(2)).await;
    });
}

#[test]
fn a_stop_while_the_hold_lasts_ends_every_call_at_once() {
    Scene::play(|scene| async move {
        let leader = scene.lone_leader().await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        scene.world.lock().weather.set_path(0, Path::Refused);
        sleep(Duration::from_secs(10)).await;
        let answer = scene.edit(&leader, &map, add("checkpointID-1"));
        sleep(Duration::from_secs(1)).await;
        let stopped = scene.world.now();
        let (code, ()) = tokio::join!(
            async { answer.await.unwrap().unwrap_err().code },
            leader.stop(&scene.world, Duration::from_secs(20))
        );
        assert_eq!(code, ErrorCode::NotLeader, "it was never sent");
        assert!(scene.world.now() < stopped + Duration::from_secs(6));
    });
}

#[test]
fn a_standby_takes_its_note_away_when_it_leaves_and_the_leader_is_alone_again() {
    Scene::play(|scene| async move {
        let leader = scene.candidate_with_hold(0, HOLD);
        scene.until_granted(&leader).await;
        let standby = scene.candidate(1);
        sleep(SETTLED).await;
        let noted = || scene.world.lock().store.get(CLUSTER_MAP).map(Contenders::of).unwrap();
        assert!(noted().has_note_of("jm1") && !noted().has_note_of("jm0"));
        standby.stop(&scene.world, Duration::from_secs(20)).await;
        assert!(!noted().has_note_of("jm1"));
        sleep(SETTLED).await;
        scene.world.lock().weather.set_path(0, Path::Refused);
        sleep(Duration::from_secs(20)).await;
        assert_eq!(scene.told(&leader), Some(1));
    });
}

#[test]
fn where_stock_has_ever_held_the_lock_the_hold_has_to_be_asked_for() {
    for asked_for in [false, true] {
        Scene::play(|scene| async move {
            let released = r#"{"holderIdentity":"","leaseDuration":"PT1S","acquireTime":"2026-11-20T11:00:00.000000Z","renewTime":"2026-11-20T11:00:00.000000Z","leaderTransitions":3}"#;
            let object = json!({"metadata": {"name": CLUSTER_MAP, "annotations": {LOCK_ANNOTATION: released}}});
            scene
                .world
                .lock()
                .store
                .create(CLUSTER_MAP, &object, Duration::ZERO)
                .unwrap();
            let mut machine = machine(&scene.world, 0, LEASE, PATIENCE);
            machine.elector.outage_hold = OutageHold {
                duration: HOLD,
                despite_strangers: asked_for,
            };
            // Also under the second of ours that leads after it.
            let first = scene.candidate(1);
            scene.until_granted(&first).await;
            first.stop(&scene.world, Duration::from_secs(20)).await;
            let leader = scene.candidate_on(&machine);
            scene.until_granted(&leader).await;
            sleep(SETTLED).await;
            scene.world.lock().weather.set_path(0, Path::Refused);
            sleep(machine.timings.lease_duration).await;
            assert_eq!(scene.told(&leader).is_some(), asked_for);
        });
    }
}
