//! What is promised for a later write: the next checkpoint id, and the key of a checkpoint that was removed.

use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::state_handle;

use super::*;
use crate::vandal;

fn key(id: i64) -> String {
    format!("checkpointID-{id:019}")
}

impl Scene {
    async fn with_an_open_job(&self) -> (Arc<Process>, OpenMap) {
        let leader = self.leader(0).await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        (leader, map)
    }

    async fn next(&self, process: &Arc<Process>, map: &OpenMap) -> i64 {
        match self.edit(process, map, Edit::NextCounter).await.unwrap().unwrap() {
            EditAnswer::Counter(id) => id,
            other => panic!("{other:?}"),
        }
    }

    /// A checkpoint that is completed; its id.
    async fn checkpoint(&self, process: &Arc<Process>, map: &OpenMap) -> i64 {
        let id = self.next(process, map).await;
        let added = self.edit(process, map, add(&key(id))).await.unwrap();
        assert_eq!(added.unwrap(), EditAnswer::Done);
        id
    }

    async fn subsume(&self, process: &Arc<Process>, map: &OpenMap, id: i64) {
        let key = key(id);
        let marked = self.edit(process, map, Edit::MarkPointer { key: key.clone() }).await;
        let Ok(EditAnswer::Marked { pointer }) = marked.unwrap() else {
            panic!("{key} is not marked")
        };
        self.discard(process, map, &key, &pointer).await;
    }

    fn counter(&self) -> i64 {
        self.stored(JOB_MAP, "counter").unwrap().parse().unwrap()
    }

    fn marked(&self) -> usize {
        let state = self.world.lock();
        let Some(object) = state.store.get(JOB_MAP) else {
            return 0;
        };
        let entries = config_map::entries_with_prefix(object, "checkpointID-");
        let marked = |text: &str| state_handle::is_marked(text) == Ok(true);
        entries.iter().filter(|(_, text)| marked(text)).count()
    }
}

#[test]
fn a_checkpoint_costs_two_writes_and_no_read() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_an_open_job().await;
        let mut last = scene.checkpoint(&leader, &map).await;
        for _ in 0..5 {
            // A renewal may fall in between.
            let seen = |scene: &Scene| {
                scene
                    .world
                    .lock()
                    .store
                    .changes
                    .iter()
                    .filter(|change| change.name == JOB_MAP)
                    .count()
            };
            let (requests, changes) = (scene.requests(), seen(&scene));
            let id = scene.checkpoint(&leader, &map).await;
            scene.subsume(&leader, &map, last).await;
            assert_eq!(seen(&scene) - changes, 2);
            assert!(
                scene.requests() - requests <= 3,
                "{} requests",
                scene.requests() - requests
            );
            assert_eq!((id, scene.counter()), (last + 1, id + 2));
            assert_eq!(scene.marked(), 1);
            last = id;
        }
    });
}

#[test]
fn a_store_that_closes_takes_what_it_has_removed_with_it() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_an_open_job().await;
        let first = scene.checkpoint(&leader, &map).await;
        scene.checkpoint(&leader, &map).await;
        scene.subsume(&leader, &map, first).await;
        assert_eq!(scene.marked(), 1);
        for loss in [Some(Loss::Reset), None] {
            if let Some(loss) = loss {
                scene.plan_write(JOB_MAP, Fate::unheard(Duration::from_millis(5), loss));
            }
            let (requests, answer) = (scene.requests(), scene.edit(&leader, &map, Edit::FinishRemovals).await);
            assert_eq!(answer.unwrap().unwrap(), EditAnswer::Unchanged);
            assert_eq!(scene.stored(JOB_MAP, &key(first)), None);
            // The second time there is nothing to do.
            assert!(loss.is_some() || scene.requests() == requests);
        }
    });
}

#[test]
fn removals_that_cannot_be_finished_in_time_are_left_to_the_next_leader() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_an_open_job().await;
        let first = scene.checkpoint(&leader, &map).await;
        scene.subsume(&leader, &map, first).await;
        scene.world.lock().weather.set_path(0, Path::BlackHole);
        let called = scene.world.now();
        let finishing = map.submit_within(Edit::FinishRemovals, Duration::from_secs(1)).unwrap();
        assert!(finishing.await.unwrap().is_err());
        assert!(scene.world.now() < called + Duration::from_millis(1500));
        let second = scene.leader(1).await;
        let theirs = second.services().open_config_map(&job_map(), true).await.unwrap();
        let left = scene.stored(JOB_MAP, &key(first)).unwrap();
        scene.discard(&second, &theirs, &key(first), &left).await;
        scene.checkpoint(&second, &theirs).await;
        assert_eq!(scene.marked(), 0);
    });
}

#[test]
fn an_addition_of_unknown_outcome_reserves_nothing() {
    for loss in [Loss::Hang, Loss::Reset, Loss::Truncated] {
        Scene::play(|scene| async move {
            let (leader, map) = scene.with_an_open_job().await;
            scene.next(&leader, &map).await;
            scene.plan_write(JOB_MAP, Fate::unheard(Duration::from_millis(5), loss));
            let answer = scene.edit(&leader, &map, add(&key(1))).await.unwrap();
            assert_eq!(answer.unwrap(), EditAnswer::Done);
            // The id that the lost write took is left out.
            assert_eq!(scene.next(&leader, &map).await, 3);
        });
    }
}

#[test]
fn an_aborted_checkpoint_costs_one_write_for_the_next_id() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_an_open_job().await;
        scene.checkpoint(&leader, &map).await;
        let counter = scene.counter();
        assert_eq!(scene.next(&leader, &map).await, 2);
        assert_eq!(scene.counter(), counter);
        assert_eq!(scene.next(&leader, &map).await, 3);
        assert_eq!(scene.counter(), 4);
    });
}

#[test]
fn two_counters_of_one_job_share_the_reserve() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_an_open_job().await;
        let other = leader.services().open_config_map(&job_map(), true).await.unwrap();
        scene.checkpoint(&leader, &map).await;
        let told = scene.edit(&leader, &other, Edit::ReadCounter).await.unwrap();
        assert_eq!(told.unwrap(), EditAnswer::Next(2));
        assert_eq!(scene.next(&leader, &other).await, 2);
        assert_eq!(scene.next(&leader, &map).await, 3);
    });
}

#[test]
fn a_counter_that_is_set_is_what_comes_next() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_an_open_job().await;
        scene.checkpoint(&leader, &map).await;
        scene.edit(&leader, &map, Edit::SetCounter(9)).await.unwrap().unwrap();
        let told = scene.edit(&leader, &map, Edit::ReadCounter).await.unwrap();
        assert_eq!(told.unwrap(), EditAnswer::Next(9));
        assert_eq!(scene.next(&leader, &map).await, 9);
    });
}

#[test]
fn the_next_grant_has_nothing_in_reserve() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_an_open_job().await;
        scene.checkpoint(&leader, &map).await;
        leader.stop(&scene.world, Duration::from_secs(20)).await;
        leader.contend(&scene.world);
        scene.until_granted(&leader).await;
        let again = leader.services().open_config_map(&job_map(), true).await.unwrap();
        assert_eq!(scene.next(&leader, &again).await, 3);
        drop(map);
    });
}

#[test]
fn the_next_leader_begins_behind_the_reserve_of_one_that_stood_still() {
    Scene::play(|scene| async move {
        let (first, map) = scene.with_an_open_job().await;
        scene.checkpoint(&first, &map).await;
        scene.world.lock().weather.severed = Some(0);
        let second = scene.candidate(1);
        sleep(Duration::from_secs(2)).await;
        // With it stands its clock, so that it still believes when it goes on.
        first.stood_still.store(true, Ordering::Relaxed);
        first.gate.freeze();
        first.machine.clock.stop();
        scene.until_granted(&second).await;
        let theirs = second.services().open_config_map(&job_map(), true).await.unwrap();
        assert_eq!(scene.next(&second, &theirs).await, 3);
        let (reply, late) = oneshot::channel();
        let stale = map.clone();
        (first.gate.spawn())(Box::pin(async move {
            let _ = reply.send(stale.edit(Edit::NextCounter).await);
        }));
        first.machine.clock.go_on();
        first.gate.thaw();
        // Nobody else is given what it had in reserve.
        let late = late.await.unwrap();
        assert!(matches!(late, Ok(EditAnswer::Counter(2)) | Err(_)), "{late:?}");
        assert!(map.edit(add(&key(2))).await.is_err());
        assert_eq!(scene.stored(JOB_MAP, &key(2)), None);
    });
}

#[test]
fn a_map_that_is_made_anew_has_nothing_in_reserve() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_an_open_job().await;
        let first = scene.checkpoint(&leader, &map).await;
        vandal::deletes(&scene.world, JOB_MAP);
        let mark = Edit::MarkPointer { key: key(first) };
        scene.edit(&leader, &map, mark).await.unwrap().unwrap();
        assert_eq!(scene.next(&leader, &map).await, 3);
    });
}

#[test]
fn a_map_that_was_deleted_on_purpose_hands_out_nothing() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_an_open_job().await;
        scene.checkpoint(&leader, &map).await;
        scene.world.lock().ledger.finished.insert(job_map());
        leader.services().delete_config_map(&job_map()).await.unwrap();
        let late = scene.edit(&leader, &map, Edit::NextCounter).await.unwrap();
        assert_eq!(late.unwrap_err().code, ErrorCode::ConfigMapMissing);
    });
}

#[test]
fn a_counter_that_somebody_sets_back_is_put_right_with_the_next_write() {
    Scene::play(|scene| async move {
        let (leader, map) = scene.with_an_open_job().await;
        let first = scene.checkpoint(&leader, &map).await;
        let mut object = scene.world.lock().store.get(JOB_MAP).cloned().unwrap();
        config_map::remove_entries(&mut object, |key| key == "counter");
        let now = scene.world.now();
        scene.world.lock().store.replace(JOB_MAP, &object, now).unwrap();
        let mark = Edit::MarkPointer { key: key(first) };
        scene.edit(&leader, &map, mark).await.unwrap().unwrap();
        assert_eq!(scene.counter(), 3);
        assert_eq!(scene.next(&leader, &map).await, 3);
    });
}
