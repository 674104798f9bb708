//! Files of pointers whose write ended without an answer.

use super::*;

impl Scene {
    /// A leader whose addition is under way, with this fate, when its leadership ends.
    async fn with_an_addition_under_way(&self, fate: Fate) -> Arc<Process> {
        let leader = self.leader(0).await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        self.edit(&leader, &map, Edit::NextCounter).await.unwrap().unwrap();
        self.plan_write(JOB_MAP, fate);
        let answer = self.edit(&leader, &map, add("checkpointID-1"));
        sleep(Duration::from_millis(50)).await;
        leader.stop(&self.world, Duration::from_secs(20)).await;
        assert_eq!(answer.await.unwrap().unwrap_err().code, ErrorCode::UnknownOutcome);
        leader
    }

    /// The next leader, which claims the job.
    async fn successor(&self) -> Arc<Process> {
        let next = self.leader(1).await;
        next.services().open_config_map(&job_map(), true).await.unwrap();
        next
    }

    fn is_discarded(&self, key: &str) -> bool {
        self.world.lock().ledger.promises.is_discarded(&pointer(key))
    }

    async fn until_discarded(&self, key: &str) {
        let discarded = async {
            while !self.is_discarded(key) {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(Duration::from_secs(90), discarded)
            .await
            .expect("the file stays");
    }
}

#[test]
fn a_file_goes_once_the_write_of_its_pointer_can_not_land_any_more() {
    Scene::play(|scene| async move {
        let _former = scene.with_an_addition_under_way(Fate::dropped(Loss::Hang)).await;
        // It could still be on its way.
        sleep(Duration::from_secs(300)).await;
        assert!(!scene.is_discarded("checkpointID-1"));
        let _next = scene.successor().await;
        scene.until_discarded("checkpointID-1").await;
    });
}

#[test]
fn a_file_stays_when_the_write_of_its_pointer_has_landed() {
    Scene::play(|scene| async move {
        let _former = scene.with_an_addition_under_way(late(300)).await;
        let next = scene.successor().await;
        sleep(Duration::from_secs(300)).await;
        assert!(scene.stored(JOB_MAP, "checkpointID-1").is_some());
        assert!(!scene.is_discarded("checkpointID-1"));
        // And a removal by whoever leads then is none of the former leader's business.
        let map = next.services().open_config_map(&job_map(), true).await.unwrap();
        let mark = Edit::MarkPointer {
            key: "checkpointID-1".to_owned(),
        };
        scene.edit(&next, &map, mark).await.unwrap().unwrap();
    });
}

#[test]
fn a_file_stays_when_the_map_is_gone_that_its_pointer_may_have_been_in() {
    Scene::play(|scene| async move {
        let _former = scene.with_an_addition_under_way(Fate::dropped(Loss::Hang)).await;
        let now = scene.world.now();
        scene.world.lock().ledger.vandalized = true;
        scene.world.lock().store.delete(JOB_MAP, None, None, now).unwrap();
        sleep(Duration::from_secs(300)).await;
        assert!(!scene.is_discarded("checkpointID-1"));
    });
}

#[test]
fn an_outage_only_delays_it() {
    Scene::play(|scene| async move {
        let _former = scene.with_an_addition_under_way(Fate::dropped(Loss::Hang)).await;
        scene.world.lock().weather.set_path(0, Path::Refused);
        let _next = scene.successor().await;
        sleep(Duration::from_secs(120)).await;
        assert!(!scene.is_discarded("checkpointID-1"));
        scene.world.lock().weather.set_path(0, Path::Good);
        scene.until_discarded("checkpointID-1").await;
    });
}
