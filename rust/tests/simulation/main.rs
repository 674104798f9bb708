//! The whole library above the HTTP client, in simulated time, against an API server that fails in every way it can.
//!
//! Everything follows from a seed. `FLINKKUBEHA_SEED=<seed>` runs one and shows what happened; `FLINKKUBEHA_SIMULATIONS=<number>` runs that many,
//! from `FLINKKUBEHA_FIRST` on. `tests/simulation` does both with a faster build.
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
mod seeds;
mod stock;
mod store;
mod vandal;
mod world;

pub const NAMESPACE: &str = "n";
pub const CLUSTER: &str = "c";
pub const CLUSTER_MAP: &str = "c-cluster-config-map";

/// Runs of an ordinary test, in an ordinary build: `tests/simulation` makes a faster one for more.
const RUNS: u64 = 40;

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
    let first = number("FLINKKUBEHA_FIRST").unwrap_or(1);
    let runs = number("FLINKKUBEHA_SIMULATIONS").unwrap_or(RUNS);
    seeds::run_all(first, runs, |seed| simulated(seed, false));
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
