//! Watches that die, with and without a word.

use super::*;
use crate::fake_api::Call;

const ADDRESS: &str = "00000000-0000-0000-0000-000000000009,pekko://moved/dispatcher";
/// How long a watch may be silent, and what it takes to begin anew.
const NOTICED: Duration = Duration::from_secs(31);

fn told_address(process: &Process) -> Option<String> {
    process.told.lock().unwrap().clone()
}

impl Scene {
    async fn until_told(process: &Process, address: &str, limit: Duration) {
        let told = async {
            while told_address(process).as_deref() != Some(address) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(limit, told).await.expect("not told");
    }

    fn moves(&self, leader: &Arc<Process>) {
        let world = &self.world;
        world
            .lock()
            .ledger
            .publishes(&leader.identity, "dispatcher", Some(ADDRESS));
        let grant = leader.services().grants().current().unwrap();
        leader
            .services()
            .publish_leader(grant, "dispatcher", Some(ADDRESS))
            .unwrap();
    }
}

#[test]
fn a_watch_that_was_severed_without_a_word_is_missed() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let standby = scene.candidate(1);
        sleep(Duration::from_secs(2)).await;
        scene.world.lock().weather.severed = Some(1);
        // The next event finds nobody.
        sleep(Duration::from_secs(2)).await;
        scene.world.lock().weather.severed = None;
        scene.moves(&leader);
        Scene::until_told(&standby, ADDRESS, NOTICED).await;
        assert_eq!(scene.world.lock().ledger.told("jm1"), None);
    });
}

#[test]
fn a_watch_from_a_version_that_is_gone_begins_with_a_list() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        for _ in 0..3 {
            scene.plan(
                |seen| seen.machine == 1 && matches!(seen.call, Call::Watch { .. }),
                Fate::code(410),
            );
        }
        let standby = scene.candidate(1);
        sleep(Duration::from_secs(1)).await;
        scene.moves(&leader);
        Scene::until_told(&standby, ADDRESS, Duration::from_secs(3)).await;
    });
}

#[test]
fn the_pause_that_the_server_asks_for_is_kept() {
    Scene::play(|scene| async move {
        let _leader = scene.leader(0).await;
        for _ in 0..5 {
            scene.plan(
                |seen| seen.machine == 1 && matches!(seen.call, Call::List(_)),
                Fate::code(429),
            );
        }
        let (began, before) = (scene.world.now(), scene.requests());
        // A TaskManager: it has nothing but its watch to go by.
        let machine = machine(&scene.world, 1, LEASE, PATIENCE);
        let watching = Process::start(&scene.world, &machine, "tm");
        let first = async {
            while told_address(&watching).is_none() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(30), first).await.unwrap();
        // Five times a second, as the server has asked for.
        assert!(
            scene.world.now() >= began + Duration::from_secs(5),
            "{:?}",
            scene.world.now()
        );
        assert!(scene.requests() - before < 40);
    });
}

#[test]
fn a_leader_is_not_told_of_its_own_address_twice() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let address = told_address(&leader);
        assert!(address.is_some());
        // Renewals are changes of the same object, and none of the address.
        *leader.told.lock().unwrap() = None;
        sleep(Duration::from_secs(10)).await;
        assert_eq!(told_address(&leader), None);
        *leader.told.lock().unwrap() = address;
    });
}
