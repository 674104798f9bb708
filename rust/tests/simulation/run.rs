//! One run: some machines, some minutes, some faults.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use flinkkubeha::protocol::elector::{ElectorSettings, OutageHold};
use flinkkubeha::protocol::lease::LeaseSettings;
use flinkkubeha::protocol::names::LEADER_KEY_PREFIX;
use tokio::time::sleep;

use crate::CLUSTER_MAP;
use crate::candidate::{Machine, Process, live, new_job};
use crate::clock::SimulatedClock;
use crate::faults::{Path, Weather};
use crate::oracles;
use crate::random::Random;
use crate::stock;
use crate::vandal;
use crate::world::World;

/// How long things go wrong, and how long they may take to be right again: a watch that died is noticed within 30 s.
const FAULTS_END: Duration = Duration::from_secs(40);
const LAST_WORK: Duration = Duration::from_secs(5);
const CALM: Duration = Duration::from_secs(45);
/// Whoever takes what befell the maps for a clean-up of the cluster rests for a minute.
const CALM_AFTER_CLEAN_UP: Duration = Duration::from_secs(75);
const LEASES: [(u64, u64, u64); 4] = [
    (4000, 3000, 1000),
    (15_000, 15_000, 5000),
    (15_000, 10_000, 2000),
    (6000, 5000, 500),
];

/// What became of a run.
pub struct Outcome {
    pub violations: Vec<String>,
    pub vandalized: bool,
    pub requests: u64,
    pub grants: u64,
    pub unknown_outcomes: u64,
    pub revisions: u64,
    /// How often what went wrong.
    pub befell: BTreeMap<&'static str, u64>,
}

/// A runtime of this thread alone whose time is ours.
pub fn in_simulated_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(work)
}

pub fn run(seed: u64) -> Outcome {
    in_simulated_time(simulate(seed))
}

async fn simulate(seed: u64) -> Outcome {
    let mut random = Random::of(seed, "settings");
    // One that is alone has nobody to make way for.
    let machines = random.weighted(&[(1, 1), (2, 3), (3, 3), (4, 2)]);
    let with_stock = random.per_mille(150);
    let jvm_stall_timeout = random
        .pick(&[None, None, Some(15_000), Some(25_000)])
        .map(Duration::from_millis);
    let lease = random.pick(&LEASES);
    let weather = Weather::foul(&mut random, machines);
    let patience = random.millis(2000, 40_000);
    let world = World::new(seed, weather);
    world.lock().with_stock = with_stock;
    new_job(&world);
    let machines: Vec<Machine> = (0..machines)
        .map(|number| {
            let mut machine = machine(&world, number, lease, patience);
            machine.elector.jvm_stall_timeout = jvm_stall_timeout;
            machine.beats = true;
            machine
        })
        .collect();
    if with_stock {
        tokio::spawn(stock::live(Arc::clone(&world), lease, FAULTS_END));
    }
    let lives: Vec<_> = machines
        .iter()
        .map(|machine| tokio::spawn(live(Arc::clone(&world), machine.clone(), FAULTS_END)))
        .collect();
    let misfortune = tokio::spawn(misfortune(Arc::clone(&world), machines.clone()));
    let guard = tokio::spawn(one_leader(Arc::clone(&world)));
    while world.now() < FAULTS_END && world.lock().ledger.violations.is_empty() {
        sleep(Duration::from_millis(500)).await;
    }
    misfortune.abort();
    end_of_faults(&world, &machines);
    if world.lock().ledger.violations.is_empty() {
        for life in lives {
            if let Err(error) = life.await {
                world.lock().ledger.violation(oracles::SANE, error.to_string());
            }
        }
        sleep(LAST_WORK).await;
        world.lock().working = false;
        let calm = world.now()
            + if world.lock().ledger.vandalized {
                CALM_AFTER_CLEAN_UP
            } else {
                CALM
            };
        while world.now() < calm && world.lock().ledger.violations.is_empty() {
            sleep(Duration::from_millis(500)).await;
        }
        check_the_end(&world);
    }
    guard.abort();
    let mut state = world.lock();
    let processes = std::mem::take(&mut state.processes);
    for process in processes {
        process.gate.kill();
    }
    Outcome {
        violations: std::mem::take(&mut state.ledger.violations),
        vandalized: state.ledger.vandalized,
        requests: state.requests,
        grants: state.ledger.grants,
        unknown_outcomes: state.ledger.unknown_outcomes,
        revisions: state.store.changes.len() as u64,
        befell: std::mem::take(&mut state.befell),
    }
}

/// Clocks run at rates that differ by less than the margin between deadline and lease.
pub fn machine(world: &World, number: usize, lease: (u64, u64, u64), patience: Duration) -> Machine {
    let mut random = world.random(&format!("machine {number}"));
    let per_mille = u32::try_from(970 + random.below(61)).unwrap();
    let offset = random.millis(0, 1_000_000);
    let wall = i64::try_from(random.below(40_000)).unwrap() - 20_000;
    // Stock compares wall clocks.
    let wall = if world.lock().with_stock { 0 } else { wall };
    let millis = Duration::from_millis;
    let settings = LeaseSettings {
        lease_duration: millis(lease.0),
        renew_deadline: millis(lease.1),
        retry_period: millis(lease.2),
    };
    let timings = settings.validate().unwrap();
    Machine {
        number,
        timings,
        elector: ElectorSettings {
            outage_hold: OutageHold {
                duration: Duration::from_secs(random.pick(&[0, 10, 30])),
                despite_strangers: false,
            },
            ..timings.into()
        },
        patience,
        beats: false,
        clock: Arc::new(SimulatedClock::new(world.start, offset, per_mille, wall)),
    }
}

/// What befalls machines, paths and the server as a whole.
async fn misfortune(world: Arc<World>, machines: Vec<Machine>) {
    let mut random = world.random("misfortune");
    let (mean, kinds) = (random.pick(&[1500, 5000, 15_000]), random.next());
    loop {
        sleep(random.millis(10, 2 * mean)).await;
        let machine = usize::try_from(random.below(machines.len() as u64)).unwrap();
        let longest = random.pick(&[300, 3000, 25_000]);
        let (kind, length) = (random.below(13), random.millis(20, longest));
        // Every run has its own choice of what befalls.
        if kinds >> kind & 1 == 0 {
            continue;
        }
        let machines: Vec<Machine> = match kind {
            4 | 5 => machines.clone(),
            _ => vec![machines[machine].clone()],
        };
        let with_stock = world.lock().with_stock;
        match kind {
            0 | 4 => paths(&world, &machines, Path::BlackHole, length),
            1 | 5 => paths(&world, &machines, Path::Refused, length),
            2 => freeze(&world, machine, length, false),
            3 => freeze(&world, machine, length, true),
            6 => {
                log::debug!("the past is compacted");
                world.befalls("compaction");
                world.lock().store.compact();
            }
            7 => vandal::writes_into_a_map(&world, &mut random),
            8 => hang(&world, machine, length),
            12 => vandal::asks_for_another_leader(&world, &mut random),
            _ if with_stock => {}
            9 => vandal::deletes_a_job_map(&world, &mut random),
            // Only in some runs: what it explains is not looked at as closely.
            10 if (kinds >> 32).is_multiple_of(4) => vandal::damages_the_cluster_map(&world, &mut random),
            11 if (kinds >> 32) % 8 == 1 => vandal::cleans_up(&world),
            _ => {}
        }
    }
}

/// A JVM stops to do anything, while the native tasks of its process go on.
fn hang(world: &Arc<World>, machine: usize, length: Duration) {
    let Some(process) = world.process_on(machine) else {
        return;
    };
    world.befalls("JVM hangs");
    log::debug!("the JVM of {} hangs for {length:?}", process.identity);
    process.hang(true);
    tokio::spawn(async move {
        sleep(length).await;
        process.hang(false);
    });
}

fn paths(world: &Arc<World>, machines: &[Machine], path: Path, length: Duration) {
    let numbers: Vec<usize> = machines.iter().map(|machine| machine.number).collect();
    world.befalls(match path {
        Path::BlackHole => "path black-holed",
        _ => "path refused",
    });
    log::debug!("paths of {numbers:?} are {path:?} for {length:?}");
    for number in &numbers {
        world.lock().weather.set_path(*number, path);
    }
    let world = Arc::clone(world);
    tokio::spawn(async move {
        sleep(length).await;
        for number in numbers {
            world.lock().weather.set_path(number, Path::Good);
        }
    });
}

fn freeze(world: &Arc<World>, machine: usize, length: Duration, clock_too: bool) {
    let Some(process) = world.process_on(machine) else {
        return;
    };
    world.befalls(if clock_too {
        "machine frozen with its clock"
    } else {
        "process frozen"
    });
    log::debug!("{} freezes for {length:?}, clock too: {clock_too}", process.identity);
    process.gate.freeze();
    if clock_too {
        process.stood_still.store(true, Ordering::Relaxed);
        process.machine.clock.stop();
    }
    tokio::spawn(async move {
        sleep(length).await;
        log::debug!("{} thaws", process.identity);
        process.machine.clock.go_on();
        process.gate.thaw();
    });
}

fn end_of_faults(world: &World, machines: &[Machine]) {
    log::debug!("the faults end");
    let processes = {
        let mut state = world.lock();
        state.weather.clear_up();
        state.processes.clone()
    };
    for process in processes {
        process.gate.thaw();
        process.hang(false);
    }
    for machine in machines {
        machine.clock.go_on();
    }
}

/// At any moment at most one candidate believes, unless somebody's clock stood still.
async fn one_leader(world: Arc<World>) {
    loop {
        {
            let now = world.now();
            let mut state = world.lock();
            for process in state.processes.clone() {
                if let Some(grant) = process.services().grants().current() {
                    state.ledger.begins(&process.identity, grant.0);
                }
            }
            let mut believers: Vec<String> = (state.processes.iter())
                .filter(|process| process.services().grants().current().is_some())
                .filter(|process| !process.stood_still.load(Ordering::Relaxed))
                // Held on to where nobody else was known; it writes nothing meanwhile.
                .filter(|process| process.services().grants().confirmed())
                .map(|process| process.identity.clone())
                .collect();
            if state.stock_believes_until.is_some_and(|until| now < until) {
                believers.push(stock::IDENTITY.to_owned());
            }
            let squatting = state.processes.iter().find(|process| squats(process, now));
            if let Some(process) = squatting {
                let text = format!("{} for {:?}", process.identity, process.silent_for(now));
                state.ledger.violation(oracles::JVM, text);
            }
            if believers.len() > 1 && !state.ledger.vandalized {
                let text = believers.join(" and ");
                state.ledger.violation(oracles::ONE_LEADER, text);
            }
        }
        sleep(Duration::from_millis(25)).await;
    }
}

/// Whether it leads though nothing was heard of its JVM for too long.
fn squats(process: &Process, now: Duration) -> bool {
    let Some(limit) = process.machine.elector.jvm_stall_timeout else {
        return false;
    };
    let leads = process.services().grants().current().is_some();
    // Its own clock counts, and the election looks at it every 100 ms.
    let limit = limit * 105 / 100 + Duration::from_millis(300);
    leads
        && process.silent_for(now) > limit
        && !process.gate.was_frozen_within(limit)
        && !process.stood_still.load(Ordering::Relaxed)
}

fn check_the_end(world: &World) {
    let mut state = world.lock();
    let leaders: Vec<_> = (state.processes.iter())
        .filter(|process| process.services().grants().current().is_some())
        .cloned()
        .collect();
    let [leader] = leaders.as_slice() else {
        let text = format!("{} leaders at the end", leaders.len());
        return state.ledger.violation(oracles::CONVERGES, text);
    };
    for (component, value) in state.ledger.published(&leader.identity) {
        let key = format!("{LEADER_KEY_PREFIX}{component}");
        let stored = state.store.entry(CLUSTER_MAP, &key).map(str::to_owned);
        if stored != value {
            let text = format!(
                "{} published {value:?} of {component}, stored is {stored:?}",
                leader.identity
            );
            state.ledger.violation(oracles::CONVERGES, text);
        }
        if component == "dispatcher" {
            for process in state.processes.clone() {
                let told = process.told.lock().unwrap().clone();
                if told != value {
                    let text = format!("{} was told {told:?} and not {value:?}", process.identity);
                    state.ledger.violation(oracles::CONVERGES, text);
                }
            }
        }
    }
}
