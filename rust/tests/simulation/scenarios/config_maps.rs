//! What may happen to the `ConfigMap` of a job and to the writes that are on their way into it, one misfortune after the other.

use flinkkubeha::protocol::annotations::{CLAIM, Claim};
use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::lock_record::{LOCK_ANNOTATION, LockView};
use serde_json::Value;

use super::*;
use crate::vandal;

const LOST: [Loss; 3] = [Loss::Hang, Loss::Reset, Loss::Truncated];

impl Scene {
    /// A leader with a job that has completed one checkpoint and been given one id.
    async fn with_a_job(&self) -> (Arc<Process>, OpenMap) {
        let leader = self.leader(0).await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        self.edit(&leader, &map, Edit::NextCounter).await.unwrap().unwrap();
        self.edit(&leader, &map, add("checkpointID-1")).await.unwrap().unwrap();
        (leader, map)
    }

    fn object(&self, name: &str) -> Option<Value> {
        self.world.lock().store.get(name).cloned()
    }

    fn claim(&self) -> Option<Claim> {
        Claim::of(&self.object(JOB_MAP)?)
    }

    /// Somebody who is none of ours changes the job's map, as stock and kubectl do: everything is kept but what they are about.
    fn outsider(&self, change: impl FnOnce(&mut Value)) {
        let mut object = self.object(JOB_MAP).unwrap();
        change(&mut object);
        let now = self.world.now();
        self.world.lock().store.replace(JOB_MAP, &object, now).unwrap();
    }

    fn writes_of_the_job_map(&self) -> usize {
        let state = self.world.lock();
        state
            .store
            .changes
            .iter()
            .filter(|change| change.name == JOB_MAP)
            .count()
    }
}

fn of_the_job_map(fits: fn(&Call) -> bool) -> impl Fn(&Seen) -> bool + Send + 'static {
    move |seen| !seen.dry_run && seen.call.map() == JOB_MAP && fits(&seen.call)
}

fn is_get(call: &Call) -> bool {
    matches!(call, Call::Get(_))
}

fn is_create(call: &Call) -> bool {
    matches!(call, Call::Create(_))
}

async fn stand_still(process: &Process) {
    process.stood_still.store(true, Ordering::Relaxed);
    process.gate.freeze();
    process.machine.clock.stop();
    // Nothing else is needed from it until it goes on.
    sleep(Duration::ZERO).await;
}

fn go_on(process: &Process) {
    process.machine.clock.go_on();
    process.gate.thaw();
}

// Opening, and what it keeps out.

#[test]
fn opening_claims_what_is_there_before_anything_is_read_from_it() {
    Scene::play(|scene| async move {
        let (first, map) = scene.with_a_job().await;
        // Its watch is dead, or it would learn at once who leads.
        scene.world.lock().weather.severed = Some(0);
        let second = scene.candidate(1);
        sleep(Duration::from_secs(2)).await;
        stand_still(&first).await;
        scene.until_granted(&second).await;
        second.services().open_config_map(&job_map(), true).await.unwrap();
        let claim = scene.claim().unwrap();
        assert_eq!((claim.holder_identity.as_str(), claim.grant), ("jm1", 1));
        // The second has written nothing but its claim, and the first knows the version before it.
        let answer = scene.edit(&first, &map, add("checkpointID-2"));
        go_on(&first);
        let code = answer.await.unwrap().unwrap_err().code;
        assert!(
            matches!(code, ErrorCode::NotLeader | ErrorCode::UnknownOutcome),
            "{code:?}"
        );
        assert_eq!(scene.stored(JOB_MAP, "checkpointID-2"), None);
    });
}

#[test]
fn opening_what_is_claimed_already_writes_nothing() {
    Scene::play(|scene| async move {
        let (leader, _map) = scene.with_a_job().await;
        let (writes, requests) = (scene.writes_of_the_job_map(), scene.requests());
        leader.services().open_config_map(&job_map(), true).await.unwrap();
        assert_eq!(scene.writes_of_the_job_map(), writes);
        assert_eq!(scene.requests(), requests + 1);
    });
}

#[test]
fn opening_survives_lost_replies() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        for loss in LOST {
            scene.plan(of_the_job_map(is_create), Fate::unheard(Duration::from_millis(5), loss));
        }
        leader.services().open_config_map(&job_map(), true).await.unwrap();
        assert_eq!(scene.claim().unwrap().holder_identity, "jm0");
        assert_eq!(scene.writes_of_the_job_map(), 1);
    });
}

#[test]
fn who_does_not_lead_claims_nothing_and_makes_nothing() {
    Scene::play(|scene| async move {
        let (_first, _map) = scene.with_a_job().await;
        let second = scene.candidate(1);
        let before = scene.object(JOB_MAP);
        let map = second.services().open_config_map(&job_map(), true).await.unwrap();
        assert_eq!(map.read().await.unwrap(), before);
        let absent = second
            .services()
            .open_config_map("c-none-config-map", true)
            .await
            .unwrap();
        assert_eq!(absent.read().await.unwrap(), None);
        assert_eq!(map.edit(add("x")).await.unwrap_err().code, ErrorCode::NotLeader);
        assert_eq!(scene.object(JOB_MAP), before);
    });
}

#[test]
fn the_lock_is_read_after_the_map_that_is_about_to_be_claimed() {
    Scene::play(|scene| async move {
        let (first, _map) = scene.with_a_job().await;
        scene.world.lock().weather.severed = Some(0);
        let second = scene.candidate(1);
        sleep(Duration::from_secs(2)).await;
        stand_still(&first).await;
        scene.until_granted(&second).await;
        // The first finds no map that anybody could have claimed, and learns whose lock it is afterwards.
        let fresh = first.services().open_config_map("c-1-config-map", true);
        let opening = async {
            go_on(&first);
            fresh.await
        };
        let error = opening.await.err().unwrap();
        assert_eq!(error.code, ErrorCode::NotLeader);
        assert_eq!(scene.object("c-1-config-map"), None);
    });
}

#[test]
fn opening_what_the_next_leader_has_claimed_is_refused() {
    Scene::play(|scene| async move {
        let (first, _second, _map) = overtaken(&scene).await;
        let (reply, opened) = oneshot::channel();
        let late = Arc::clone(&first);
        (first.gate.spawn())(Box::pin(async move {
            let opened = late.services().open_config_map(&job_map(), true).await;
            let _ = reply.send(opened.err().map(|error| error.code));
        }));
        go_on(&first);
        assert_eq!(opened.await.unwrap(), Some(ErrorCode::NotLeader));
        assert_eq!(scene.claim().unwrap().holder_identity, "jm1");
    });
}

#[test]
fn the_next_grant_of_the_same_process_claims_again() {
    Scene::play(|scene| async move {
        let (leader, stale) = scene.with_a_job().await;
        leader.stop(&scene.world, Duration::from_secs(20)).await;
        leader.contend(&scene.world);
        scene.until_granted(&leader).await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        assert_eq!(scene.claim().unwrap().grant, 2);
        assert_eq!(stale.edit(add("x")).await.unwrap_err().code, ErrorCode::NotLeader);
        scene.edit(&leader, &map, Edit::NextCounter).await.unwrap().unwrap();
    });
}

#[test]
fn who_does_not_lead_leaves_the_cluster_map_of_the_leader() {
    Scene::play(|scene| async move {
        let (_first, _map) = scene.with_a_job().await;
        let second = scene.candidate(1);
        second.services().delete_config_map(CLUSTER_MAP).await.unwrap();
        assert!(scene.object(CLUSTER_MAP).is_some());
        let error = second.services().delete_config_map(&job_map()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotLeader);
    });
}

// Replies that are lost after the write was applied.

/// The pointer that a scene with a job begins with is replaced, and that is the answer.
fn replacement() -> (Edit, EditAnswer) {
    let key = "checkpointID-1".to_owned();
    let old = pointer(&key);
    let replace = Edit::ReplacePointer {
        key,
        pointer: pointer("b"),
    };
    (replace, EditAnswer::Replaced { old })
}

#[test]
fn every_edit_survives_the_loss_of_its_reply() {
    for loss in LOST {
        Scene::play(|scene| async move {
            let (leader, map) = scene.with_a_job().await;
            for (edit, expected) in [
                (add("checkpointID-2"), EditAnswer::Done),
                replacement(),
                // The id that the lost write took is left out.
                (Edit::NextCounter, EditAnswer::Counter(3)),
                (Edit::SetCounter(40), EditAnswer::Done),
                (
                    Edit::ClearPointers {
                        prefix: "checkpointID-".to_owned(),
                    },
                    EditAnswer::Cleared(2),
                ),
            ] {
                scene.plan_write(JOB_MAP, Fate::unheard(Duration::from_millis(5), loss));
                let answer = scene.edit(&leader, &map, edit.clone()).await.unwrap();
                assert_eq!(answer.unwrap(), expected, "{edit:?}, {loss:?}");
                assert!(scene.world.lock().weather.planned.is_empty());
            }
            assert_eq!(scene.stored(JOB_MAP, "counter").as_deref(), Some("40"));
        });
    }
}

#[test]
fn one_lost_reply_after_the_other_is_still_no_unknown_outcome() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        for _ in 0..4 {
            scene.plan_write(JOB_MAP, Fate::unheard(Duration::from_millis(5), Loss::Reset));
            scene.plan(
                of_the_job_map(is_get),
                Fate::unheard(Duration::from_millis(5), Loss::Reset),
            );
        }
        let answer = scene.edit(&leader, &map, add("checkpointID-2")).await.unwrap();
        assert_eq!(answer.unwrap(), EditAnswer::Done);
    });
}

#[test]
fn a_lost_reply_that_nobody_can_ask_about_is_an_unknown_outcome_at_the_deadline() {
    Scene::play(|scene| async move {
        let leader = scene.candidate_of(0, Duration::from_secs(2));
        scene.until_granted(&leader).await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        scene.plan_write(JOB_MAP, Fate::unheard(Duration::from_millis(5), Loss::Reset));
        for _ in 0..40 {
            scene.plan(of_the_job_map(is_get), Fate::code(503));
        }
        let called = scene.world.now();
        let answer = scene.edit(&leader, &map, add("checkpointID-1")).await.unwrap();
        assert_eq!(answer.unwrap_err().code, ErrorCode::UnknownOutcome);
        assert!(scene.world.now() < called + Duration::from_millis(2500));
        scene.world.lock().weather.planned.clear();
        // The next one asks, and finds it.
        assert_eq!(map.edit(add("checkpointID-1")).await.unwrap(), EditAnswer::Unchanged);
    });
}

#[test]
fn what_could_never_be_sent_is_a_clean_refusal_at_the_deadline() {
    Scene::play(|scene| async move {
        let leader = scene.candidate_of(0, Duration::from_secs(2));
        scene.until_granted(&leader).await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        for code in [403, 429, 401] {
            for _ in 0..40 {
                scene.plan_write(JOB_MAP, Fate::code(code));
            }
            let answer = scene.edit(&leader, &map, add("checkpointID-1")).await.unwrap();
            assert_eq!(answer.unwrap_err().code, ErrorCode::TimedOut, "{code}");
            scene.world.lock().weather.planned.clear();
        }
        assert_eq!(scene.stored(JOB_MAP, "checkpointID-1"), None);
    });
}

// Conflicts.

/// Carried out, and answered as if somebody else had been faster: a proxy has delivered it twice.
fn delivered_twice() -> Fate {
    Fate {
        code: Some(409),
        ..Fate::good(Duration::from_millis(2), Duration::from_millis(2))
    }
}

#[test]
fn a_conflict_with_our_own_write_is_its_success() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        for (edit, expected) in [
            (add("checkpointID-2"), EditAnswer::Done),
            replacement(),
            (Edit::SetCounter(9), EditAnswer::Done),
        ] {
            scene.plan_write(JOB_MAP, delivered_twice());
            let writes = scene.writes_of_the_job_map();
            let answer = scene.edit(&leader, &map, edit).await.unwrap();
            assert_eq!(answer.unwrap(), expected);
            assert_eq!(scene.writes_of_the_job_map(), writes + 1);
        }
    });
}

#[test]
fn a_conflict_with_another_value_is_a_refusal() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        scene.outsider(|object| config_map::set_entry(object, "checkpointID-2", &pointer("theirs")));
        let answer = scene.edit(&leader, &map, add("checkpointID-2")).await.unwrap();
        assert_eq!(answer.unwrap_err().code, ErrorCode::AlreadyExists);
        assert_eq!(scene.stored(JOB_MAP, "checkpointID-2"), Some(pointer("theirs")));
    });
}

#[test]
fn a_write_of_stock_in_between_is_noticed_and_kept() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        // Stock keeps the claim, as every annotation that it does not know.
        scene.outsider(|object| config_map::set_entry(object, "counter", "40"));
        let requests = scene.requests();
        let answer = scene.edit(&leader, &map, Edit::NextCounter).await.unwrap();
        assert_eq!(answer.unwrap(), EditAnswer::Counter(40));
        // The conflict, the map, the lock, and the write.
        assert_eq!(scene.requests() - requests, 4);
        assert_eq!(scene.claim().unwrap().holder_identity, "jm0");
    });
}

#[test]
fn stock_that_leads_and_keeps_our_claim_is_found_by_the_lock() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        scene.world.lock().weather.severed = Some(0);
        // A renewal is the next thing that it would hear.
        sleep(Duration::from_millis(1500)).await;
        stand_still(&leader).await;
        scene.world.lock().ledger.vandalized = true;
        let mut cluster = scene.object(CLUSTER_MAP).unwrap();
        let lock = config_map::annotation(&cluster, LOCK_ANNOTATION).unwrap();
        let lock = lock.replace("jm0", "stock");
        config_map::set_annotation(&mut cluster, LOCK_ANNOTATION, &lock);
        let now = scene.world.now();
        scene.world.lock().store.replace(CLUSTER_MAP, &cluster, now).unwrap();
        scene.outsider(|object| config_map::set_entry(object, "counter", "7"));
        let answer = scene.edit(&leader, &map, Edit::NextCounter);
        go_on(&leader);
        let code = answer.await.unwrap().unwrap_err().code;
        assert!(
            matches!(code, ErrorCode::NotLeader | ErrorCode::UnknownOutcome),
            "{code:?}"
        );
        assert_eq!(scene.stored(JOB_MAP, "counter").as_deref(), Some("7"));
    });
}

#[test]
fn a_map_whose_claim_somebody_took_away_is_claimed_again_by_whoever_holds_the_lock() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        scene.outsider(|object| {
            object["metadata"]["annotations"].as_object_mut().unwrap().remove(CLAIM);
        });
        scene.edit(&leader, &map, Edit::NextCounter).await.unwrap().unwrap();
        assert_eq!(scene.claim().unwrap().holder_identity, "jm0");
    });
}

// The end of the grant.

#[test]
fn a_grant_that_ends_between_the_decision_and_the_sending_ends_the_write() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        // A conflict makes it read map and lock again; the lock is answered when the grant is over.
        scene.outsider(|object| config_map::set_entry(object, "x", "theirs"));
        scene.plan(
            |seen| matches!(&seen.call, Call::Get(name) if name == CLUSTER_MAP),
            Fate::good(Duration::from_millis(2), Duration::from_millis(500)),
        );
        let answer = scene.edit(&leader, &map, add("checkpointID-1"));
        sleep(Duration::from_millis(100)).await;
        let stopped = scene.world.now();
        leader.stop(&scene.world, Duration::from_secs(20)).await;
        assert_eq!(answer.await.unwrap().unwrap_err().code, ErrorCode::NotLeader);
        assert!(scene.world.now() < stopped + Duration::from_millis(200));
        sleep(Duration::from_secs(1)).await;
        assert_eq!(scene.stored(JOB_MAP, "checkpointID-1"), None);
    });
}

#[test]
fn a_grant_that_ends_between_the_sending_and_the_reply_leaves_the_outcome_unknown() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        scene.plan_write(JOB_MAP, late(300));
        let sent = scene.edit(&leader, &map, add("checkpointID-2"));
        sleep(Duration::from_millis(50)).await;
        let unsent = scene.edit(&leader, &map, add("checkpointID-3"));
        let stopped = scene.world.now();
        leader.stop(&scene.world, Duration::from_secs(20)).await;
        assert_eq!(sent.await.unwrap().unwrap_err().code, ErrorCode::UnknownOutcome);
        assert_eq!(unsent.await.unwrap().unwrap_err().code, ErrorCode::NotLeader);
        assert!(scene.world.now() < stopped + Duration::from_millis(200));
        sleep(Duration::from_secs(1)).await;
        assert!(scene.stored(JOB_MAP, "checkpointID-2").is_some());
        assert_eq!(scene.stored(JOB_MAP, "checkpointID-3"), None);
    });
}

#[test]
fn whoever_waits_for_an_answer_when_the_process_closes_hears_at_once() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        scene.plan_write(JOB_MAP, Fate::dropped(Loss::Hang));
        let sent = scene.edit(&leader, &map, add("checkpointID-2"));
        scene.plan(of_the_job_map(is_get), Fate::dropped(Loss::Hang));
        let reading = map.read();
        let closing = async {
            sleep(Duration::from_millis(50)).await;
            let at = scene.world.now();
            // In the order of a session: the election, then everything.
            leader.stop(&scene.world, Duration::from_secs(20)).await;
            leader.services().end();
            at
        };
        let (read, closed) = tokio::join!(reading, closing);
        assert_eq!(read.unwrap_err().code, ErrorCode::NotLeader);
        assert_eq!(sent.await.unwrap().unwrap_err().code, ErrorCode::UnknownOutcome);
        assert!(scene.world.now() < closed + Duration::from_millis(200));
        assert_eq!(map.edit(add("x")).await.unwrap_err().code, ErrorCode::NotLeader);
    });
}

#[test]
fn a_read_of_the_cluster_map_outlasts_the_grant() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let plans = leader.services().open_config_map(CLUSTER_MAP, false).await.unwrap();
        scene.plan(
            |seen| matches!(&seen.call, Call::Get(name) if name == CLUSTER_MAP),
            Fate::good(Duration::from_millis(2), Duration::from_millis(500)),
        );
        let stopping = async {
            sleep(Duration::from_millis(50)).await;
            leader.stop(&scene.world, Duration::from_secs(20)).await;
        };
        let (read, ()) = tokio::join!(plans.read(), stopping);
        assert!(read.unwrap().is_some());
    });
}

#[test]
fn a_stale_addition_that_was_decided_before_the_process_stood_still_is_refused_by_the_claim() {
    Scene::play(|scene| async move {
        let (first, map) = scene.with_a_job().await;
        let second = scene.candidate(1);
        sleep(Duration::from_secs(2)).await;
        // The write is decided and handed over, and has not left the process when that stands still.
        let gate = Arc::clone(&first.gate);
        scene.plan(
            move |seen| {
                let ours = seen.identity == "jm0" && seen.call.map() == JOB_MAP;
                ours && matches!(seen.call, Call::Replace(..)) && !gate.was_frozen_within(Duration::ZERO)
            },
            Fate::good(Duration::from_secs(20), Duration::from_millis(2)),
        );
        let answer = scene.edit(&first, &map, add("checkpointID-2"));
        sleep(Duration::from_millis(1)).await;
        stand_still(&first).await;
        scene.until_granted(&second).await;
        let theirs = second.services().open_config_map(&job_map(), true).await.unwrap();
        sleep(Duration::from_secs(30)).await;
        // The server has had the write since, and refused it: the claim of the second made it a write against an older version.
        assert_eq!(scene.stored(JOB_MAP, "checkpointID-2"), None);
        scene
            .edit(&second, &theirs, add("checkpointID-2"))
            .await
            .unwrap()
            .unwrap();
        go_on(&first);
        let code = answer.await.unwrap().unwrap_err().code;
        assert!(
            matches!(code, ErrorCode::NotLeader | ErrorCode::UnknownOutcome),
            "{code:?}"
        );
        assert_eq!(scene.stored(JOB_MAP, "checkpointID-2"), Some(pointer("checkpointID-2")));
    });
}

#[test]
fn who_was_overtaken_is_told_by_the_lock_and_revoked() {
    Scene::play(|scene| async move {
        let (first, _second, map) = overtaken(&scene).await;
        let answer = scene.edit(&first, &map, Edit::NextCounter);
        go_on(&first);
        let _ = answer.await.unwrap().unwrap_err();
        sleep(Duration::from_millis(200)).await;
        assert_eq!(first.services().grants().current(), None);
    });
}

// Deletions from outside.

#[test]
fn a_deleted_map_is_made_anew_with_its_pointers_and_its_counter() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        scene.outsider(|object| config_map::set_annotation(object, "theirs", "kept"));
        scene.edit(&leader, &map, Edit::NextCounter).await.unwrap().unwrap();
        vandal::deletes(&scene.world, JOB_MAP);
        let deleted = scene.world.now();
        let answer = scene.edit(&leader, &map, Edit::NextCounter).await.unwrap();
        assert_eq!(answer.unwrap(), EditAnswer::Counter(3));
        assert!(scene.world.now() < deleted + Duration::from_millis(1500));
        let object = scene.object(JOB_MAP).unwrap();
        assert_eq!(
            config_map::entry(&object, "checkpointID-1"),
            Some(pointer("checkpointID-1").as_str())
        );
        assert_eq!(config_map::entry(&object, "counter"), Some("4"));
        assert_eq!(config_map::annotation(&object, "theirs"), Some("kept"));
        assert!(config_map::labels(&object).unwrap().contains_key("app"));
        assert_eq!(scene.claim().unwrap().holder_identity, "jm0");
    });
}

#[test]
fn a_map_that_is_deleted_right_after_it_was_opened_is_made_anew_with_what_was_in_it() {
    Scene::play(|scene| async move {
        let (first, _map) = scene.with_a_job().await;
        first.stop(&scene.world, Duration::from_secs(20)).await;
        let second = scene.leader(1).await;
        let map = second.services().open_config_map(&job_map(), true).await.unwrap();
        vandal::deletes(&scene.world, JOB_MAP);
        let answer = scene.edit(&second, &map, Edit::NextCounter).await.unwrap();
        assert_eq!(answer.unwrap(), EditAnswer::Counter(2));
        assert!(scene.stored(JOB_MAP, "checkpointID-1").is_some());
    });
}

#[test]
fn a_map_that_is_deleted_before_its_opening_was_heard_of_is_made_anew_with_what_was_in_it() {
    Scene::play(|scene| async move {
        let (first, map) = scene.with_a_job().await;
        scene.edit(&first, &map, add("checkpointID-2")).await.unwrap().unwrap();
        first.stop(&scene.world, Duration::from_secs(20)).await;
        let second = scene.candidate_of(1, Duration::from_secs(2));
        scene.until_granted(&second).await;
        // The claim is stored, and nobody hears of it until whoever opens the map has given up.
        scene.plan_write(JOB_MAP, Fate::unheard(Duration::from_millis(2), Loss::Hang));
        assert!(second.services().open_config_map(JOB_MAP, true).await.is_err());
        let before = scene.object(JOB_MAP).unwrap();
        vandal::deletes(&scene.world, JOB_MAP);
        second.services().open_config_map(JOB_MAP, true).await.unwrap();
        assert_eq!(scene.object(JOB_MAP).unwrap()["data"], before["data"]);
    });
}

#[test]
fn a_grant_that_ends_before_a_write_has_left_is_a_clean_refusal() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        scene.edit(&leader, &map, Edit::NextCounter).await.unwrap().unwrap();
        // As many reads hang as requests may be in flight at the same time.
        for _ in 0..14 {
            scene.plan(of_the_job_map(is_get), Fate::dropped(Loss::Hang));
            let map = map.clone();
            (leader.gate.spawn())(Box::pin(async move { drop(map.read().await) }));
        }
        sleep(Duration::from_millis(50)).await;
        let answer = scene.edit(&leader, &map, add("checkpointID-2"));
        sleep(Duration::from_millis(50)).await;
        leader.stop(&scene.world, Duration::from_secs(20)).await;
        assert_eq!(answer.await.unwrap().unwrap_err().code, ErrorCode::NotLeader);
        assert_eq!(scene.stored(JOB_MAP, "checkpointID-2"), None);
    });
}

#[test]
fn a_map_that_is_deleted_while_a_write_is_on_its_way_is_made_anew_with_that_write() {
    for fate in [
        Fate::good(Duration::from_millis(300), Duration::from_millis(2)),
        // Applied, and its reply is lost with the map.
        Fate::unheard(Duration::from_millis(2), Loss::Hang),
    ] {
        Scene::play(|scene| async move {
            let (leader, map) = scene.with_a_job().await;
            scene.plan_write(JOB_MAP, fate);
            let answer = scene.edit(&leader, &map, add("checkpointID-2"));
            sleep(Duration::from_millis(50)).await;
            vandal::deletes(&scene.world, JOB_MAP);
            assert_eq!(answer.await.unwrap().unwrap(), EditAnswer::Done);
            let object = scene.object(JOB_MAP).unwrap();
            assert_eq!(config_map::entries_with_prefix(&object, "checkpointID-").len(), 2);
            assert_eq!(config_map::entry(&object, "counter"), Some("2"));
        });
    }
}

#[test]
fn a_replacement_whose_reply_is_lost_with_the_cluster_map_is_answered_as_what_it_was() {
    Scene::play(|scene| async move {
        scene.world.lock().ledger.vandalized = true;
        let leader = scene.leader(0).await;
        let plans = leader.services().open_config_map(CLUSTER_MAP, false).await.unwrap();
        let key = "executionPlan-1".to_owned();
        scene.edit(&leader, &plans, add(&key)).await.unwrap().unwrap();
        let old = scene.stored(CLUSTER_MAP, &key).unwrap();
        scene.plan_write(CLUSTER_MAP, Fate::unheard(Duration::from_millis(2), Loss::Hang));
        let pointer = pointer("another");
        let answer = scene.edit(&leader, &plans, Edit::ReplacePointer { key, pointer });
        // The watch shows it.
        sleep(Duration::from_millis(100)).await;
        vandal::deletes(&scene.world, CLUSTER_MAP);
        assert_eq!(answer.await.unwrap().unwrap(), EditAnswer::Replaced { old });
    });
}

#[test]
fn a_repair_survives_lost_replies_and_a_rival_that_makes_the_map_first() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        vandal::deletes(&scene.world, JOB_MAP);
        scene.plan(
            of_the_job_map(is_create),
            Fate::unheard(Duration::from_millis(5), Loss::Reset),
        );
        let answer = scene.edit(&leader, &map, add("checkpointID-2")).await.unwrap();
        assert_eq!(answer.unwrap(), EditAnswer::Done);
        assert!(scene.stored(JOB_MAP, "checkpointID-1").is_some());

        // Somebody restores it from a backup, a moment before we do.
        let backup = scene.object(JOB_MAP).unwrap();
        vandal::deletes(&scene.world, JOB_MAP);
        let world = Arc::clone(&scene.world);
        scene.plan(
            move |seen| {
                let ours = of_the_job_map(is_create)(seen);
                if ours {
                    restore_later(&world, backup.clone());
                }
                ours
            },
            Fate::good(Duration::from_millis(50), Duration::from_millis(2)),
        );
        let answer = scene.edit(&leader, &map, Edit::NextCounter).await.unwrap();
        assert_eq!(answer.unwrap(), EditAnswer::Counter(2));
        assert!(scene.stored(JOB_MAP, "checkpointID-2").is_some());
    });
}

fn restore_later(world: &Arc<World>, object: Value) {
    let world = Arc::clone(world);
    tokio::spawn(async move {
        let now = world.now();
        world.lock().store.create(JOB_MAP, &object, now).unwrap();
    });
}

#[test]
fn a_map_that_this_leader_deleted_itself_stays_away() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        scene.world.lock().ledger.finished.insert(job_map());
        // One edit is on its way while the job's clean-up deletes the map.
        scene.plan_write(
            JOB_MAP,
            Fate::good(Duration::from_millis(100), Duration::from_millis(2)),
        );
        let late = scene.edit(&leader, &map, Edit::NextCounter);
        sleep(Duration::from_millis(10)).await;
        leader.services().delete_config_map(&job_map()).await.unwrap();
        assert_eq!(late.await.unwrap().unwrap_err().code, ErrorCode::ConfigMapMissing);
        let later = scene.edit(&leader, &map, Edit::NextCounter).await.unwrap();
        assert_eq!(later.unwrap_err().code, ErrorCode::ConfigMapMissing);
        sleep(Duration::from_secs(3)).await;
        assert_eq!(scene.object(JOB_MAP), None);
        // A job of the same id that is submitted again begins anew.
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        assert!(map.read().await.unwrap().is_some());
        assert_eq!(scene.stored(JOB_MAP, "counter"), None);
    });
}

#[test]
fn a_leader_that_is_leaving_brings_nothing_back() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        vandal::deletes(&scene.world, JOB_MAP);
        let answer = scene.edit(&leader, &map, Edit::NextCounter);
        sleep(Duration::from_millis(200)).await;
        leader.stop(&scene.world, Duration::from_secs(20)).await;
        assert_eq!(answer.await.unwrap().unwrap_err().code, ErrorCode::NotLeader);
        sleep(Duration::from_secs(3)).await;
        assert_eq!(scene.object(JOB_MAP), None);
    });
}

#[test]
fn who_does_not_hold_the_lock_any_more_brings_nothing_back() {
    Scene::play(|scene| async move {
        let (first, _second, map) = overtaken(&scene).await;
        vandal::deletes(&scene.world, JOB_MAP);
        let answer = scene.edit(&first, &map, Edit::NextCounter);
        go_on(&first);
        let code = answer.await.unwrap().unwrap_err().code;
        assert!(
            matches!(code, ErrorCode::NotLeader | ErrorCode::UnknownOutcome),
            "{code:?}"
        );
        sleep(Duration::from_secs(3)).await;
        assert_eq!(scene.object(JOB_MAP), None);
    });
}

#[test]
fn a_cluster_whose_maps_are_deleted_together_was_cleaned_up() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        let second = leader.services().open_config_map("c-1-config-map", true).await.unwrap();
        scene.world.lock().ledger.vandalized = true;
        // As the API server does it: one after the other, jobs first.
        for name in [JOB_MAP, "c-1-config-map", CLUSTER_MAP] {
            vandal::deletes(&scene.world, name);
            sleep(Duration::from_millis(100)).await;
        }
        let waiting = scene.edit(&leader, &map, Edit::NextCounter);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(leader.services().grants().current(), None);
        assert_eq!(waiting.await.unwrap().unwrap_err().code, ErrorCode::NotLeader);
        assert_eq!(second.edit(add("x")).await.unwrap_err().code, ErrorCode::NotLeader);
        assert_eq!(scene.world.lock().ledger.told("jm0"), None);
        sleep(Duration::from_secs(50)).await;
        assert!(scene.world.lock().store.names().is_empty());
        // It still runs, so it is wanted: with a lock and nothing else.
        scene.until_granted(&leader).await;
        assert_eq!(scene.world.lock().store.names(), [CLUSTER_MAP]);
    });
}

#[test]
fn a_candidate_that_rests_after_a_clean_up_is_back_as_soon_as_somebody_else_makes_the_cluster_anew() {
    Scene::play(|scene| async move {
        let (leader, _map) = scene.with_a_job().await;
        scene.world.lock().ledger.vandalized = true;
        vandal::deletes(&scene.world, JOB_MAP);
        vandal::deletes(&scene.world, CLUSTER_MAP);
        sleep(Duration::from_secs(3)).await;
        let second = scene.leader(1).await;
        sleep(Duration::from_secs(2)).await;
        second.stop(&scene.world, Duration::from_secs(20)).await;
        let stopped = scene.world.now();
        scene.until_granted(&leader).await;
        assert!(scene.world.now() < stopped + Duration::from_secs(2));
    });
}

#[test]
fn a_cluster_map_that_is_deleted_alone_is_made_anew_from_memory() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        let plans = leader.services().open_config_map(CLUSTER_MAP, false).await.unwrap();
        scene
            .edit(&leader, &plans, add("executionPlan-1"))
            .await
            .unwrap()
            .unwrap();
        scene.world.lock().ledger.vandalized = true;
        vandal::deletes(&scene.world, CLUSTER_MAP);
        let waiting = scene.edit(&leader, &map, Edit::NextCounter);
        let plan = scene.edit(&leader, &plans, add("executionPlan-2"));
        assert_eq!(waiting.await.unwrap().unwrap(), EditAnswer::Counter(2));
        assert_eq!(plan.await.unwrap().unwrap(), EditAnswer::Done);
        assert_eq!(leader.services().grants().current().map(|grant| grant.0), Some(1));
        assert!(scene.stored(CLUSTER_MAP, "executionPlan-1").is_some());
        assert!(scene.stored(CLUSTER_MAP, &leader_key("dispatcher")).is_some());
    });
}

#[test]
fn a_leader_that_is_being_stopped_does_not_bring_the_cluster_map_back() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        scene.world.lock().ledger.vandalized = true;
        vandal::deletes(&scene.world, CLUSTER_MAP);
        sleep(Duration::from_millis(200)).await;
        leader.stop(&scene.world, Duration::from_secs(20)).await;
        sleep(Duration::from_secs(10)).await;
        assert!(scene.world.lock().store.names().is_empty());
    });
}

#[test]
fn a_garbled_or_removed_lock_is_written_again_and_its_leader_goes_on() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        scene.world.lock().ledger.vandalized = true;
        for broken in [Some("{"), None] {
            let mut object = scene.object(CLUSTER_MAP).unwrap();
            match broken {
                Some(text) => config_map::set_annotation(&mut object, LOCK_ANNOTATION, text),
                None => drop(
                    object["metadata"]["annotations"]
                        .as_object_mut()
                        .unwrap()
                        .remove(LOCK_ANNOTATION),
                ),
            }
            let now = scene.world.now();
            scene.world.lock().store.replace(CLUSTER_MAP, &object, now).unwrap();
            scene.world.changed.notify_waiters();
            sleep(Duration::from_millis(300)).await;
            let lock = LockView::of(&scene.object(CLUSTER_MAP).unwrap());
            assert!(matches!(lock, LockView::Held(record) if record.holder_identity == "jm0"));
            scene.edit(&leader, &map, Edit::NextCounter).await.unwrap().unwrap();
        }
        assert_eq!(leader.services().grants().current().map(|grant| grant.0), Some(1));
    });
}

#[test]
fn a_cluster_map_that_is_emptied_is_filled_again() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        let plans = leader.services().open_config_map(CLUSTER_MAP, false).await.unwrap();
        scene
            .edit(&leader, &plans, add("executionPlan-1"))
            .await
            .unwrap()
            .unwrap();
        sleep(Duration::from_millis(300)).await;
        scene.world.lock().ledger.vandalized = true;
        let before = scene.object(CLUSTER_MAP).unwrap();
        let mut object = before.clone();
        object.as_object_mut().unwrap().remove("data");
        let now = scene.world.now();
        scene.world.lock().store.replace(CLUSTER_MAP, &object, now).unwrap();
        scene.world.changed.notify_waiters();
        sleep(Duration::from_millis(300)).await;
        assert_eq!(scene.object(CLUSTER_MAP).unwrap()["data"], before["data"]);
        // One plan that is removed from outside stays away, as after Flink's operator has removed it.
        let mut object = scene.object(CLUSTER_MAP).unwrap();
        config_map::remove_entries(&mut object, |key| key == "executionPlan-1");
        let now = scene.world.now();
        scene.world.lock().store.replace(CLUSTER_MAP, &object, now).unwrap();
        scene.world.changed.notify_waiters();
        sleep(Duration::from_secs(3)).await;
        assert_eq!(scene.stored(CLUSTER_MAP, "executionPlan-1"), None);
        assert_eq!(leader.services().grants().current().map(|grant| grant.0), Some(1));
        drop(map);
    });
}

// An outage.

#[test]
fn an_addition_waits_through_a_short_outage_and_is_then_written() {
    for path in [Path::BlackHole, Path::Refused] {
        Scene::play(|scene| async move {
            let (leader, map) = scene.with_a_job().await;
            scene.world.lock().weather.set_path(0, path);
            let answer = scene.edit(&leader, &map, add("checkpointID-2"));
            sleep(Duration::from_millis(1200)).await;
            scene.world.lock().weather.set_path(0, Path::Good);
            let answer = timeout(Duration::from_secs(5), answer).await.unwrap().unwrap();
            assert_eq!(answer.unwrap(), EditAnswer::Done);
        });
    }
}

#[test]
fn a_caller_that_gives_up_takes_nobody_along() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_a_job().await;
        scene.world.lock().weather.set_path(0, Path::Refused);
        // As when a task fails or a job is cancelled while a checkpoint is being completed: the thread is interrupted, its edit goes on.
        let (given_up, waiting): (oneshot::Receiver<_>, _) = (
            scene.edit(&leader, &map, add("checkpointID-2")),
            scene.edit(&leader, &map, Edit::NextCounter),
        );
        drop(given_up);
        sleep(Duration::from_millis(500)).await;
        scene.world.lock().weather.set_path(0, Path::Good);
        assert_eq!(waiting.await.unwrap().unwrap(), EditAnswer::Counter(2));
        assert!(scene.stored(JOB_MAP, "checkpointID-2").is_some());
    });
}
