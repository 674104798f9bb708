//! Watches that die, with and without a word.

use std::sync::Mutex;

use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::lock_record::{LOCK_ANNOTATION, LeaseFormat, LockRecord};
use flinkkubeha::protocol::time::WallTime;

use super::*;
use crate::fake_api::Call;
use crate::vandal;

const ADDRESS: &str = "00000000-0000-0000-0000-000000000009,pekko://moved/dispatcher";
const MOVED_BY_OTHERS: &str = "00000000-0000-0000-0000-000000000008,pekko://others/dispatcher";
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

impl Scene {
    /// A TaskManager: it retrieves, and never contends.
    fn task_manager(&self) -> Arc<Process> {
        Process::start(&self.world, &machine(&self.world, 1, LEASE, PATIENCE), "tm")
    }

    /// What it asks for from now on.
    fn asks(&self, count: &Arc<Mutex<Vec<&'static str>>>) {
        let count = Arc::clone(count);
        self.plan(
            move |seen| {
                if seen.identity == "tm" {
                    count.lock().unwrap().push(match &seen.call {
                        Call::Watch { metadata: true, .. } => "watch of metadata",
                        Call::Watch { from: 0, .. } => "probe",
                        Call::Watch { .. } => "watch",
                        Call::Get(_) => "get",
                        Call::List(_) => "list",
                        _ => "write",
                    });
                }
                false
            },
            Fate::code(500),
        );
    }
}

#[test]
fn who_only_retrieves_reads_what_has_another_mark_and_no_renewal() {
    Scene::play(|scene| async move {
        let asked = Arc::default();
        scene.asks(&asked);
        let leader = scene.leader(0).await;
        let task_manager = scene.task_manager();
        Scene::until_told(&task_manager, &told_address(&leader).unwrap(), Duration::from_secs(1)).await;
        // Renewals; the note of nobody else.
        sleep(Duration::from_secs(10)).await;
        assert_eq!(*asked.lock().unwrap(), ["list", "watch of metadata"]);
        scene.moves(&leader);
        Scene::until_told(&task_manager, ADDRESS, Duration::from_secs(1)).await;
        assert_eq!(*asked.lock().unwrap(), ["list", "watch of metadata", "get"]);
        // Somebody else's edit, which the leader puts right, with a WARN.
        scene.world.lock().ledger.vandalized = true;
        vandal::change(&scene.world, CLUSTER_MAP, |object| {
            config_map::set_entry(object, &leader_key("dispatcher"), MOVED_BY_OTHERS);
        });
        sleep(Duration::from_secs(2)).await;
        assert_eq!(told_address(&task_manager).as_deref(), Some(ADDRESS));
        assert!(asked.lock().unwrap().len() > 3);
    });
}

#[test]
fn who_only_retrieves_hears_of_a_leader_that_left_although_its_map_is_deleted_before_it_is_read() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let task_manager = scene.task_manager();
        Scene::until_told(&task_manager, &told_address(&leader).unwrap(), Duration::from_secs(1)).await;
        scene.plan(
            |seen| seen.identity == "tm" && matches!(seen.call, Call::Get(_)),
            Fate::good(Duration::from_millis(300), Duration::from_millis(2)),
        );
        leader.stop(&scene.world, Duration::from_secs(20)).await;
        assert!(told_address(&task_manager).is_some());
        vandal::deletes(&scene.world, CLUSTER_MAP);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(told_address(&task_manager), None);
    });
}

#[test]
fn who_only_retrieves_is_sent_everything_while_stock_leads() {
    Scene::play(|scene| async move {
        scene.world.lock().ledger.vandalized = true;
        let asked = Arc::default();
        scene.asks(&asked);
        let leader = scene.leader(0).await;
        let task_manager = scene.task_manager();
        Scene::until_told(&task_manager, &told_address(&leader).unwrap(), Duration::from_secs(1)).await;
        leader.crash(&scene.world);
        for address in [ADDRESS, MOVED_BY_OTHERS] {
            by_stock(&scene, address);
            Scene::until_told(&task_manager, address, Duration::from_secs(1)).await;
        }
        assert_eq!(*asked.lock().unwrap(), ["list", "watch of metadata", "watch"]);
        // The next leader of ours makes marks again.
        let next = Process::start(&scene.world, &machine(&scene.world, 0, LEASE, PATIENCE), "next");
        next.contend(&scene.world);
        scene.until_granted(&next).await;
        Scene::until_told(&task_manager, &told_address(&next).unwrap(), Duration::from_secs(1)).await;
        assert_eq!(asked.lock().unwrap()[3], "watch of metadata");
    });
}

#[test]
fn who_only_retrieves_is_sent_everything_where_metadata_alone_is_refused() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        scene.plan(
            |seen| matches!(seen.call, Call::Watch { metadata: true, .. }),
            Fate::code(406),
        );
        let asked = Arc::default();
        scene.asks(&asked);
        let task_manager = scene.task_manager();
        sleep(Duration::from_secs(5)).await;
        scene.moves(&leader);
        Scene::until_told(&task_manager, ADDRESS, Duration::from_secs(1)).await;
        assert_eq!(asked.lock().unwrap().last(), Some(&"watch"));
    });
}

#[test]
fn who_contends_after_all_is_sent_everything() {
    Scene::play(|scene| async move {
        let asked = Arc::default();
        scene.asks(&asked);
        let task_manager = scene.task_manager();
        sleep(Duration::from_secs(1)).await;
        task_manager.contend(&scene.world);
        scene.until_granted(&task_manager).await;
        let watches: Vec<_> = (asked.lock().unwrap().iter().copied())
            .filter(|asked| asked.starts_with("watch"))
            .collect();
        assert_eq!(watches, ["watch of metadata", "watch"]);
    });
}

/// Stock writes the lock and an address, and keeps the rest.
fn by_stock(scene: &Scene, address: &str) {
    let now = i64::try_from(scene.world.now().as_micros()).unwrap();
    vandal::change(&scene.world, CLUSTER_MAP, |object| {
        let record = LockRecord {
            holder_identity: "stock".to_owned(),
            lease_duration: Duration::from_millis(LEASE.0),
            acquire_time: WallTime::from_micros(now),
            renew_time: WallTime::from_micros(now),
            leader_transitions: 1,
        };
        config_map::set_annotation(object, LOCK_ANNOTATION, &record.to_json(LeaseFormat::Iso));
        config_map::set_entry(object, &leader_key("dispatcher"), address);
    });
}
