//! Everything that the candidates of one run share, and what is known about them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::candidate::Process;
use crate::faults::Weather;
use crate::oracles::Ledger;
use crate::random::Random;
use crate::store::Store;

pub struct Job {
    pub name: String,
    pub finished: bool,
    pub deleted: bool,
}

pub struct State {
    pub store: Store,
    pub ledger: Ledger,
    pub weather: Weather,
    pub jobs: Vec<Job>,
    pub processes: Vec<Arc<Process>>,
    /// A JobManager with Flink's own HA services is about: clocks agree, and nobody takes an axe to the maps.
    pub with_stock: bool,
    /// Until when it takes itself for the leader.
    pub stock_believes_until: Option<Duration>,
    /// Candidates go about their work; at the end of a run they rest.
    pub working: bool,
    pub requests: u64,
    /// How often what went wrong.
    pub befell: BTreeMap<&'static str, u64>,
    recent: BTreeMap<usize, VecDeque<Duration>>,
    /// How often something was asked for, by what it is.
    counts: BTreeMap<String, u64>,
}

pub struct World {
    pub start: Instant,
    seed: u64,
    state: Mutex<State>,
    /// The store has changed, for watches.
    pub changed: Notify,
}

/// Most requests of one machine within ten seconds; more is a loop that has nothing to wait for.
const MOST_REQUESTS: usize = 1200;

impl World {
    pub fn new(seed: u64, weather: Weather) -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            seed,
            state: Mutex::new(State {
                store: Store::new(),
                ledger: Ledger::default(),
                weather,
                jobs: Vec::new(),
                processes: Vec::new(),
                with_stock: false,
                stock_believes_until: None,
                working: true,
                requests: 0,
                befell: BTreeMap::new(),
                recent: BTreeMap::new(),
                counts: BTreeMap::new(),
            }),
            changed: Notify::new(),
        })
    }

    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap();
        state.ledger.now = self.now();
        state
    }

    /// The process that lives on a machine.
    pub fn process_on(&self, machine: usize) -> Option<Arc<Process>> {
        let state = self.lock();
        let mut processes = state.processes.iter();
        processes.find(|process| process.machine.number == machine).cloned()
    }

    /// Chance for one purpose.
    pub fn random(&self, purpose: &str) -> Random {
        Random::of(self.seed, purpose)
    }

    /// Chance for one more of this kind.
    pub fn next_random(&self, kind: &str) -> Random {
        let count = {
            let mut state = self.lock();
            let count = state.counts.entry(kind.to_owned()).or_default();
            *count += 1;
            *count
        };
        self.random(&format!("{kind} {count}"))
    }

    /// Something goes wrong.
    pub fn befalls(&self, what: &'static str) {
        *self.lock().befell.entry(what).or_default() += 1;
    }

    pub fn count_request(&self, machine: usize) {
        let now = self.now();
        let mut state = self.lock();
        state.requests += 1;
        let recent = state.recent.entry(machine).or_default();
        recent.push_back(now);
        while recent.front().is_some_and(|at| *at + Duration::from_secs(10) < now) {
            recent.pop_front();
        }
        let count = recent.len();
        if count > MOST_REQUESTS {
            recent.clear();
            let text = format!("machine {machine} sent {count} requests within ten seconds");
            state.ledger.violation(crate::oracles::SANE, text);
        }
    }
}
