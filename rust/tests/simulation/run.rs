//! One run: some machines, some minutes, some faults.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use flinkkubeha::protocol::elector::{ElectorSettings, OutageHold};
use flinkkubeha::protocol::lease::LeaseSettings;
use flinkkubeha::protocol::names::LEADER_KEY_PREFIX;
use tokio::time::sleep;

use crate::CLUSTER_MAP;
use crate::candidate::{Machine, live, new_job};
use crate::clock::SimulatedClock;
use crate::faults::{Path, Weather};
use crate::oracles;
use crate::random::Random;
use crate::vandal;
use crate::world::World;

/// How long things go wrong, and how long they may take to be right again: a watch that died is noticed within 30 s.
const FAULTS_END: Duration = Duration::from_secs(40);
const LAST_WORK: Duration = Duration::from_secs(5);
const CALM: Duration = Duration::from_secs(45);
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
    let machines = usize::try_from(2 + random.below(3)).unwrap();
    let lease = random.pick(&LEASES);
    let weather = Weather::foul(&mut random, machines);
    let patience = random.millis(2000, 40_000);
    let world = World::new(seed, weather);
    new_job(&world);
    let machines: Vec<Machine> = (0..machines)
        .map(|number| machine(&world, number, lease, patience))
        .collect();
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
        let calm = world.now() + CALM;
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
    }
}

/// Clocks run at rates that differ by less than the margin between deadline and lease.
pub fn machine(world: &World, number: usize, lease: (u64, u64, u64), patience: Duration) -> Machine {
    let mut random = world.random(&format!("machine {number}"));
    let per_mille = u32::try_from(970 + random.below(61)).unwrap();
    let offset = random.millis(0, 1_000_000);
    let wall = i64::try_from(random.below(40_000)).unwrap() - 20_000;
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
        let (kind, length) = (random.below(10), random.millis(20, longest));
        // Every run has its own choice of what befalls.
        if kinds >> kind & 1 == 0 {
            continue;
        }
        let machines: Vec<Machine> = match kind {
            4 | 5 => machines.clone(),
            _ => vec![machines[machine].clone()],
        };
        match kind {
            0 | 4 => paths(&world, &machines, Path::BlackHole, length),
            1 | 5 => paths(&world, &machines, Path::Refused, length),
            2 => freeze(&world, machine, length, false),
            3 => freeze(&world, machine, length, true),
            6 => {
                log::debug!("the past is compacted");
                world.lock().store.compact();
            }
            7 => vandal::writes_into_a_map(&world, &mut random),
            8 => vandal::deletes_a_job_map(&world, &mut random),
            // Only in some runs: what it explains is not looked at as closely.
            _ if (kinds >> 32).is_multiple_of(4) => vandal::damages_the_cluster_map(&world, &mut random),
            _ => {}
        }
    }
}

fn paths(world: &Arc<World>, machines: &[Machine], path: Path, length: Duration) {
    let numbers: Vec<usize> = machines.iter().map(|machine| machine.number).collect();
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
    let state = world.lock();
    let Some(process) = state
        .processes
        .iter()
        .find(|process| process.machine.number == machine)
        .cloned()
    else {
        return;
    };
    drop(state);
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
    }
    for machine in machines {
        machine.clock.go_on();
    }
}

/// At any moment at most one candidate believes, unless somebody's clock stood still.
async fn one_leader(world: Arc<World>) {
    loop {
        {
            let mut state = world.lock();
            let believers: Vec<String> = (state.processes.iter())
                .filter(|process| process.services().grants().current().is_some())
                .filter(|process| !process.stood_still.load(Ordering::Relaxed))
                // Held on to where nobody else was known; it writes nothing meanwhile.
                .filter(|process| process.services().grants().confirmed())
                .map(|process| process.identity.clone())
                .collect();
            if believers.len() > 1 && !state.ledger.vandalized {
                let text = believers.join(" and ");
                state.ledger.violation(oracles::ONE_LEADER, text);
            }
        }
        sleep(Duration::from_millis(25)).await;
    }
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
