//! What a random run meets once in thousands, laid out: one fault after the other.

mod config_maps;
mod endurance;
mod group_commit;
mod rivals;
mod switchovers;
mod unsettled;
mod watches;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use flinkkubeha::cluster::services::OpenMap;
use flinkkubeha::error::{ErrorCode, HaError};
use flinkkubeha::protocol::edit::{Edit, EditAnswer};
use flinkkubeha::protocol::names::{self, leader_key};
use flinkkubeha::protocol::state_handle::StateHandle;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::candidate::{Machine, Process};
use crate::fake_api::{Call, Seen};
use crate::faults::{Fate, Loss, Path, Weather};
use crate::run::{in_simulated_time, machine};
use crate::world::World;
use crate::{CLUSTER, CLUSTER_MAP, logging};

const LEASE: (u64, u64, u64) = (4000, 3000, 1000);
const PATIENCE: Duration = Duration::from_secs(10);

/// Some machines on which nothing happens but what the test says.
struct Scene {
    world: Arc<World>,
}

impl Scene {
    /// Plays it, and checks that nothing was violated meanwhile.
    fn play<F: Future<Output = ()>>(scene: impl FnOnce(Scene) -> F) {
        let (vandalized, logged) = logging::watched(false, || {
            in_simulated_time(async {
                let world = World::new(1, Weather::fair(2));
                world.lock().working = false;
                scene(Scene {
                    world: Arc::clone(&world),
                })
                .await;
                sleep(Duration::from_secs(1)).await;
                let violations = std::mem::take(&mut world.lock().ledger.violations);
                assert!(violations.is_empty(), "{violations:#?}");
                world.lock().ledger.vandalized
            })
        });
        let wrong = (logged.iter()).filter(|(level, _)| *level == log::Level::Error || !vandalized);
        assert_eq!(wrong.count(), 0, "{logged:?}");
    }

    fn candidate(&self, number: usize) -> Arc<Process> {
        self.candidate_of(number, PATIENCE)
    }

    fn candidate_of(&self, number: usize, patience: Duration) -> Arc<Process> {
        self.candidate_on(&machine(&self.world, number, LEASE, patience))
    }

    fn candidate_on(&self, machine: &Machine) -> Arc<Process> {
        let process = Process::start(&self.world, machine, &format!("jm{}", machine.number));
        process.contend(&self.world);
        process
    }

    /// The candidate once it leads.
    async fn leader(&self, number: usize) -> Arc<Process> {
        let process = self.candidate(number);
        self.until_granted(&process).await;
        process
    }

    async fn until_granted(&self, process: &Process) {
        let granted = async {
            while self.world.lock().ledger.told(&process.identity).is_none() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(60), granted).await.expect("no grant");
        // The first addresses are published.
        sleep(Duration::from_millis(300)).await;
    }

    /// The next request like this has this fate.
    fn plan(&self, fits: impl Fn(&Seen) -> bool + Send + 'static, fate: Fate) {
        self.world.lock().weather.planned.push_back((Box::new(fits), fate));
    }

    fn plan_write(&self, map: &'static str, fate: Fate) {
        let fits = move |seen: &Seen| !seen.dry_run && seen.call.map() == map && matches!(seen.call, Call::Replace(..));
        self.plan(fits, fate);
    }

    fn edit(
        &self,
        process: &Arc<Process>,
        map: &OpenMap,
        edit: Edit,
    ) -> oneshot::Receiver<Result<EditAnswer, HaError>> {
        let grant = process.services().grants().current().map_or(1, |grant| grant.0);
        let (world, process, map) = (Arc::clone(&self.world), Arc::clone(process), map.clone());
        let (reply, answer) = oneshot::channel();
        let spawn = process.gate.spawn();
        spawn(Box::pin(async move {
            let _ = reply.send(process.edit(&world, grant, &map, edit).await);
        }));
        answer
    }

    /// The file, and then what points to it.
    async fn discard(&self, process: &Arc<Process>, map: &OpenMap, key: &str, pointer: &str) {
        self.world.lock().ledger.promises.discards(pointer);
        let (key, pointer) = (key.to_owned(), pointer.to_owned());
        let removed = self.edit(process, map, Edit::RemovePointer { key, pointer }).await;
        assert_eq!(removed.unwrap().unwrap(), EditAnswer::Done);
    }

    fn stored(&self, map: &str, key: &str) -> Option<String> {
        self.world.lock().store.entry(map, key).map(str::to_owned)
    }

    fn requests(&self) -> u64 {
        self.world.lock().requests
    }
}

fn pointer(uri: &str) -> String {
    StateHandle {
        uri: uri.to_owned(),
        size: 7,
        marked: false,
    }
    .encode()
}

fn add(key: &str) -> Edit {
    Edit::AddPointer {
        key: key.to_owned(),
        pointer: pointer(key),
    }
}

fn job_map() -> String {
    names::job_config_map(CLUSTER, "0")
}

const JOB_MAP: &str = "c-0-config-map";

/// Applied this much later, when nobody waits for the answer any more.
const fn late(millis: u64) -> Fate {
    Fate::unheard(Duration::from_millis(millis), Loss::Hang)
}

#[test]
fn an_edit_whose_write_is_on_its_way_at_a_revoke_has_an_unknown_outcome() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let plans = leader.services().open_config_map(CLUSTER_MAP, false).await.unwrap();
        scene.plan_write(CLUSTER_MAP, late(600));
        let answer = scene.edit(&leader, &plans, add("executionPlan-1"));
        sleep(Duration::from_millis(50)).await;
        leader.stop(&scene.world, Duration::from_secs(20)).await;
        assert_eq!(answer.await.unwrap().unwrap_err().code, ErrorCode::UnknownOutcome);
        assert!(scene.stored(CLUSTER_MAP, "executionPlan-1").is_some());
    });
}

#[test]
fn an_edit_whose_write_is_on_its_way_at_its_deadline_has_an_unknown_outcome() {
    Scene::play(|scene| async move {
        let leader = scene.candidate_of(0, Duration::from_millis(500));
        scene.until_granted(&leader).await;
        let plans = leader.services().open_config_map(CLUSTER_MAP, false).await.unwrap();
        // A leader with this lease waits a second for its renewal, which the edit rides on.
        scene.plan_write(CLUSTER_MAP, late(700));
        let answer = scene.edit(&leader, &plans, add("executionPlan-1"));
        assert_eq!(answer.await.unwrap().unwrap_err().code, ErrorCode::UnknownOutcome);
        sleep(Duration::from_secs(1)).await;
        assert!(scene.stored(CLUSTER_MAP, "executionPlan-1").is_some());
    });
}

#[test]
fn a_candidacy_that_begins_while_the_one_before_is_stopping_comes_to_a_grant() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        scene.plan_write(CLUSTER_MAP, late(1500));
        leader.stop(&scene.world, Duration::from_millis(20)).await;
        leader.contend(&scene.world);
        sleep(Duration::from_millis(200)).await;
        scene.until_granted(&leader).await;
        assert_eq!(scene.world.lock().ledger.told("jm0"), Some(2));
    });
}

#[test]
fn what_a_leader_takes_back_before_it_leaves_goes_with_the_release() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        assert!(scene.stored(CLUSTER_MAP, &leader_key("dispatcher")).is_some());
        // A renewal is under way, so that the removals have to wait.
        scene.plan_write(
            CLUSTER_MAP,
            Fate::good(Duration::from_millis(300), Duration::from_millis(300)),
        );
        let plans = leader.services().open_config_map(CLUSTER_MAP, false).await.unwrap();
        let answer = scene.edit(&leader, &plans, add("executionPlan-1"));
        sleep(Duration::from_millis(50)).await;
        leader.stop(&scene.world, Duration::from_secs(20)).await;
        assert_eq!(answer.await.unwrap().unwrap_err().code, ErrorCode::UnknownOutcome);
        assert_eq!(scene.stored(CLUSTER_MAP, &leader_key("dispatcher")), None);
    });
}

#[test]
fn a_pause_that_the_server_asked_for_ends_with_the_grant() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        scene.plan_write(JOB_MAP, Fate::code(429));
        let answer = scene.edit(&leader, &map, Edit::NextCounter);
        sleep(Duration::from_millis(50)).await;
        let stopped = scene.world.now();
        leader.stop(&scene.world, Duration::from_secs(20)).await;
        assert_eq!(answer.await.unwrap().unwrap_err().code, ErrorCode::NotLeader);
        assert!(scene.world.now() < stopped + Duration::from_millis(200));
    });
}

#[test]
fn opening_and_deleting_end_with_the_grant() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        scene.plan(|seen| seen.call.map() == JOB_MAP, Fate::dropped(Loss::Hang));
        scene.plan(|seen| seen.call.map() == JOB_MAP, Fate::dropped(Loss::Hang));
        let world = Arc::clone(&scene.world);
        let stopping = async {
            sleep(Duration::from_millis(50)).await;
            leader.stop(&world, Duration::from_secs(20)).await;
        };
        let name = job_map();
        let (opened, deleted, ()) = tokio::join!(
            leader.services().open_config_map(&name, true),
            leader.services().delete_config_map(&name),
            stopping
        );
        assert_eq!(opened.err().unwrap().code, ErrorCode::NotLeader);
        assert_eq!(deleted.unwrap_err().code, ErrorCode::NotLeader);
        assert!(scene.world.now() < Duration::from_secs(3));
    });
}

/// A machine stands still, its clock too, until another leads and has claimed the job's map.
async fn overtaken(scene: &Scene) -> (Arc<Process>, Arc<Process>, OpenMap) {
    let first = scene.leader(0).await;
    let map = first.services().open_config_map(&job_map(), true).await.unwrap();
    scene.edit(&first, &map, Edit::NextCounter).await.unwrap().unwrap();
    // Its watch is dead, or it would learn at once who leads.
    scene.world.lock().weather.severed = Some(0);
    let second = scene.candidate(1);
    sleep(Duration::from_secs(2)).await;
    first.stood_still.store(true, Ordering::Relaxed);
    first.gate.freeze();
    first.machine.clock.stop();
    scene.until_granted(&second).await;
    let theirs = second.services().open_config_map(&job_map(), true).await.unwrap();
    scene.edit(&second, &theirs, Edit::NextCounter).await.unwrap().unwrap();
    (first, second, map)
}

#[test]
fn a_leader_whose_clock_stood_still_does_not_write_what_the_next_has_claimed() {
    Scene::play(|scene| async move {
        let (first, _second, map) = overtaken(&scene).await;
        // Its election is kept from learning of the next leader before the writer asks.
        scene.plan(
            |seen| seen.machine == 0 && seen.call.map() == CLUSTER_MAP && seen.call.is_write(),
            Fate::good(Duration::from_millis(500), Duration::from_millis(2)),
        );
        let answer = scene.edit(&first, &map, Edit::NextCounter);
        first.machine.clock.go_on();
        first.gate.thaw();
        assert_eq!(answer.await.unwrap().unwrap_err().code, ErrorCode::NotLeader);
        assert_eq!(scene.stored(JOB_MAP, "counter").as_deref(), Some("3"));
    });
}

#[test]
fn a_leader_whose_clock_stood_still_does_not_delete_what_the_next_has_claimed() {
    Scene::play(|scene| async move {
        let (first, _second, _map) = overtaken(&scene).await;
        // It believes that no time has passed, and that the job has ended.
        scene.world.lock().ledger.finished.insert(job_map());
        let (reply, deleted) = oneshot::channel();
        let late = Arc::clone(&first);
        let spawn = first.gate.spawn();
        spawn(Box::pin(async move {
            assert!(late.services().grants().current().is_some());
            let _ = reply.send(late.services().delete_config_map(&job_map()).await);
        }));
        first.machine.clock.go_on();
        first.gate.thaw();
        assert_eq!(deleted.await.unwrap().unwrap_err().code, ErrorCode::NotLeader);
        assert!(scene.world.lock().store.get(JOB_MAP).is_some());
    });
}

#[test]
fn a_process_that_was_frozen_past_its_grant_sends_nothing_that_it_had_decided_before() {
    // One of these is the moment between the last answer that it waits for and the next look of the election at the clock: on the thaw the writer
    // goes on first.
    for millis in 180..230 {
        Scene::play(|scene| async move {
            let leader = scene.leader(0).await;
            let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
            // Its first write meets a conflict, so it reads the map again and asks whose lock it is.
            scene.plan_write(JOB_MAP, Fate::code(409));
            let slow = Fate::good(Duration::from_millis(100), Duration::from_millis(100));
            scene.plan(
                |seen| matches!(&seen.call, Call::Get(name) if name == CLUSTER_MAP),
                slow,
            );
            scene.plan_write(JOB_MAP, Fate::good(Duration::from_millis(2), Duration::from_millis(2)));
            let answer = scene.edit(&leader, &map, add("checkpointID-1"));
            sleep(Duration::from_millis(millis)).await;
            if scene.world.lock().weather.planned.is_empty() {
                // It is sent.
                return;
            }
            leader.gate.freeze();
            sleep(Duration::from_secs(60)).await;
            leader.gate.thaw();
            let code = answer.await.unwrap().unwrap_err().code;
            assert!(
                matches!(code, ErrorCode::NotLeader | ErrorCode::UnknownOutcome),
                "{code:?}"
            );
            assert_eq!(scene.stored(JOB_MAP, "checkpointID-1"), None);
        });
    }
}

#[test]
fn an_address_that_the_server_does_not_store_is_no_reason_to_write_without_end() {
    Scene::play(|scene| async move {
        scene.world.lock().weather.hides = Some("rest_server");
        let leader = scene.leader(0).await;
        assert!(scene.stored(CLUSTER_MAP, &leader_key("dispatcher")).is_some());
        let before = scene.requests();
        sleep(Duration::from_secs(10)).await;
        assert!(scene.requests() - before < 30, "{} requests", scene.requests() - before);
        // When the webhook is gone, the next renewal brings it.
        scene.world.lock().weather.hides = None;
        sleep(Duration::from_secs(2)).await;
        assert!(scene.stored(CLUSTER_MAP, &leader_key("rest_server")).is_some());
        // Which was to be warned of.
        scene.world.lock().ledger.vandalized = true;
        drop(leader);
    });
}

#[test]
fn a_lost_write_is_found_to_have_succeeded() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        let key = || "checkpointID-1".to_owned();
        let replace = |uri: &str| Edit::ReplacePointer {
            key: key(),
            pointer: pointer(uri),
        };
        for (edit, expected) in [
            (add("checkpointID-1"), EditAnswer::Done),
            (
                replace("b"),
                EditAnswer::Replaced {
                    old: pointer("checkpointID-1"),
                },
            ),
            (
                Edit::MarkPointer {
                    key: "other".to_owned(),
                },
                EditAnswer::Absent,
            ),
        ] {
            scene.plan_write(JOB_MAP, Fate::unheard(Duration::from_millis(5), Loss::Reset));
            let answer = scene.edit(&leader, &map, edit).await.unwrap().unwrap();
            assert_eq!(answer, expected);
        }
        scene.world.lock().weather.planned.clear();
        scene.plan_write(JOB_MAP, Fate::unheard(Duration::from_millis(5), Loss::Reset));
        // Found marked by the read after the loss, and told before anything else can happen.
        let answer = scene
            .edit(&leader, &map, Edit::MarkPointer { key: key() })
            .await
            .unwrap();
        let Ok(EditAnswer::Marked { pointer }) = answer else {
            panic!("{answer:?}")
        };
        scene.discard(&leader, &map, &key(), &pointer).await;
        scene.plan_write(JOB_MAP, Fate::unheard(Duration::from_millis(5), Loss::Reset));
        let finished = scene.edit(&leader, &map, Edit::FinishRemovals).await.unwrap();
        assert_eq!(finished.unwrap(), EditAnswer::Unchanged);
        assert_eq!(scene.stored(JOB_MAP, &key()), None);
    });
}

#[test]
fn a_lost_path_is_an_unknown_outcome_only_for_what_was_sent() {
    Scene::play(|scene| async move {
        let leader = scene.leader(0).await;
        let map = leader.services().open_config_map(&job_map(), true).await.unwrap();
        scene.edit(&leader, &map, Edit::NextCounter).await.unwrap().unwrap();
        scene.plan_write(JOB_MAP, late(4000));
        let sent = scene.edit(&leader, &map, add("checkpointID-1"));
        sleep(Duration::from_millis(50)).await;
        scene.world.lock().weather.set_path(0, Path::BlackHole);
        let unsent = scene.edit(&leader, &map, add("checkpointID-2"));
        assert_eq!(sent.await.unwrap().unwrap_err().code, ErrorCode::UnknownOutcome);
        assert_eq!(unsent.await.unwrap().unwrap_err().code, ErrorCode::NotLeader);
        sleep(Duration::from_secs(5)).await;
        assert!(scene.stored(JOB_MAP, "checkpointID-1").is_some());
        assert_eq!(scene.stored(JOB_MAP, "checkpointID-2"), None);
    });
}
