//! Many runs, spread over all cores; what is kept of each is a few numbers.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::run::Outcome;

/// A long series says how far it has come.
const PROGRESS: Duration = Duration::from_secs(30);
/// Failed runs that are shown; a broken library fails nearly all.
const SHOWN: usize = 20;

/// What a series of runs comes to.
#[derive(Default)]
struct Totals {
    runs: u64,
    requests: u64,
    writes: u64,
    grants: u64,
    unknown: u64,
    /// How many runs met something, and how often.
    befell: BTreeMap<&'static str, (u64, u64)>,
    failed: u64,
    /// The first of them.
    shown: Vec<u64>,
}

impl Totals {
    fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.runs += 1;
        self.requests += outcome.requests;
        self.writes += outcome.revisions;
        self.grants += outcome.grants;
        self.unknown += outcome.unknown_outcomes;
        for (what, count) in &outcome.befell {
            let (runs, times) = self.befell.entry(what).or_default();
            *runs += 1;
            *times += count;
        }
        if let Some(violation) = outcome.violations.first() {
            self.failed += 1;
            if self.shown.len() < SHOWN {
                self.shown.push(seed);
                println!("FLINKKUBEHA_SEED={seed}: {violation}");
            }
        }
    }

    /// What went wrong, in how many of the runs and how often in each of these.
    fn print_histogram(&self) {
        for (what, (runs, times)) in &self.befell {
            let [runs, times, all] =
                [*runs, *times, self.runs].map(|number| f64::from(u32::try_from(number).unwrap_or(u32::MAX)));
            println!(
                "{:5.1} % of the runs: {:6.1} × {what}",
                100.0 * runs / all,
                times / runs
            );
        }
    }
}

/// Runs so many seeds from the first on, and says which failed and how to see them again.
///
/// # Panics
/// If one failed.
pub fn run_all(first: u64, count: u64, run: impl Fn(u64) -> Outcome + Sync) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, totals, began) = (AtomicU64::new(0), Mutex::new(Totals::default()), Instant::now());
    let said = Mutex::new(began);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let number = next.fetch_add(1, Ordering::Relaxed)
                    && number < count
                {
                    let seed = first + number;
                    let outcome = run(seed);
                    let mut totals = totals.lock().unwrap();
                    totals.add(seed, &outcome);
                    let mut said = said.lock().unwrap();
                    if said.elapsed() >= PROGRESS {
                        *said = Instant::now();
                        let (runs, failed, seconds) = (totals.runs, totals.failed, began.elapsed().as_secs());
                        println!("{runs} of {count} runs after {seconds} s, {failed} failed");
                    }
                }
            });
        }
    });
    let totals = totals.into_inner().unwrap();
    totals.print_histogram();
    println!(
        "{} runs in {:.0} s: {} requests, {} writes applied, {} grants, {} unknown outcomes",
        totals.runs,
        began.elapsed().as_secs_f64(),
        totals.requests,
        totals.writes,
        totals.grants,
        totals.unknown
    );
    if let Some(seed) = totals.shown.first() {
        panic!(
            "{} of {count} runs failed; see the first again with: tests/simulation --seed {seed}",
            totals.failed
        );
    }
}
