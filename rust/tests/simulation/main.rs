//! The whole library above the HTTP client, in simulated time, against an API server that fails in every way it can.
//!
//! Everything follows from a seed. `FLINKKUBEHA_SEED=<seed>` runs one and shows what happened; `FLINKKUBEHA_SIMULATIONS=<number>` runs that many,
//! from `FLINKKUBEHA_FIRST` on.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, unreachable_pub)]

mod candidate;
mod clock;
mod fake_api;
mod faults;
mod gate;
mod logging;
mod oracles;
mod promises;
mod random;
mod run;
mod scenarios;
mod store;
mod vandal;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

pub const NAMESPACE: &str = "n";
pub const CLUSTER: &str = "c";
pub const CLUSTER_MAP: &str = "c-cluster-config-map";

/// Runs of an ordinary test.
const RUNS: u64 = 300;
/// Runs at the same time.
const THREADS: usize = 2;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}={text} is not a number")),
    )
}

/// Runs a seed with everything that the library logs, and answers what was violated.
fn simulated(seed: u64, shown: bool) -> run::Outcome {
    let (mut outcome, logged) = logging::watched(shown, || run::run(seed));
    let wrong = logged
        .into_iter()
        .filter(|(level, _)| *level == log::Level::Error || !outcome.vandalized);
    let wrong: Vec<String> = wrong.map(|(_, text)| format!("{}: {text}", oracles::SANE)).collect();
    outcome.violations.extend(wrong);
    outcome
}

#[test]
fn random_runs() {
    if let Some(seed) = number("FLINKKUBEHA_SEED") {
        let outcome = simulated(seed, true);
        assert!(outcome.violations.is_empty(), "{:#?}", outcome.violations);
        return;
    }
    let (first, runs) = (
        number("FLINKKUBEHA_FIRST").unwrap_or(1),
        number("FLINKKUBEHA_SIMULATIONS").unwrap_or(RUNS),
    );
    let (next, failed) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let totals: [AtomicU64; 4] = Default::default();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let number = next.fetch_add(1, Ordering::Relaxed)
                    && number < runs
                {
                    let seed = first + number;
                    let outcome = simulated(seed, false);
                    for (total, count) in totals.iter().zip([
                        outcome.requests,
                        outcome.revisions,
                        outcome.grants,
                        outcome.unknown_outcomes,
                    ]) {
                        total.fetch_add(count, Ordering::Relaxed);
                    }
                    if let Some(violation) = outcome.violations.first() {
                        println!("FLINKKUBEHA_SEED={seed}: {violation}");
                        failed.lock().unwrap().push(seed);
                    }
                }
            });
        }
    });
    let [requests, writes, grants, unknown] = totals.map(AtomicU64::into_inner);
    println!("{runs} runs: {requests} requests, {writes} writes applied, {grants} grants, {unknown} unknown outcomes");
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "{} of {runs} runs failed; replay with FLINKKUBEHA_SEED={}",
        failed.len(),
        failed[0]
    );
}

#[test]
fn a_seed_is_a_run() {
    let first = simulated(7, false);
    let again = simulated(7, false);
    assert_eq!(
        (first.requests, first.revisions, first.grants),
        (again.requests, again.revisions, again.grants)
    );
}
