//! Requests to the API server.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::exposition::{Exposition, exact};
use super::histogram::Histogram;
use super::table::Table;
use crate::protocol::black_box::{Answer, Outcome};

const VERBS: [&str; 6] = ["get", "list", "watch", "create", "update", "delete"];
/// Codes by themselves, and what is no code. Every other code counts as `other`.
const CODES: [&str; 25] = [
    "200",
    "201",
    "202",
    "400",
    "401",
    "403",
    "404",
    "405",
    "406",
    "408",
    "409",
    "410",
    "413",
    "422",
    "429",
    "500",
    "502",
    "503",
    "504",
    "other",
    "timeout",
    "unreachable",
    "malformed",
    "withheld",
    "abandoned",
];
const KINDS: [&str; 2] = ["cluster", "job"];
const OUTCOMES: [&str; 3] = ["applied", "refused", "unknown"];
/// Kubernetes takes no more data than this in a `ConfigMap`.
const FULL: f64 = 1_048_576.0;
/// Jobs whose size is known at most; more than any `JobManager` runs at a time.
const JOBS: usize = 1_024;
/// No offset has been seen yet.
const UNSEEN: i64 = i64::MIN;

/// What is counted of requests.
#[derive(Debug)]
pub struct ApiMetrics {
    requests: Table,
    durations: [Histogram; VERBS.len()],
    writes: Table,
    /// Of the server's clock, in microseconds.
    clock_offset: AtomicI64,
    cluster_bytes: AtomicU64,
    /// Held for the time of one insertion.
    job_bytes: Mutex<BTreeMap<String, u64>>,
}

/// A write that has its outcome.
pub struct Write<'a> {
    /// The `ConfigMap`.
    pub config_map: &'a str,
    /// Whether it is that of the cluster.
    pub of_cluster: bool,
    /// What has become of it.
    pub outcome: Outcome,
    /// The size that it has now, if it was applied; `None` when it was deleted.
    pub bytes: Option<usize>,
}

impl Default for ApiMetrics {
    fn default() -> Self {
        Self {
            requests: Table::new(&VERBS, &CODES),
            durations: Default::default(),
            writes: Table::new(&KINDS, &OUTCOMES),
            clock_offset: AtomicI64::new(UNSEEN),
            cluster_bytes: AtomicU64::new(0),
            job_bytes: Mutex::default(),
        }
    }
}

impl ApiMetrics {
    /// A request has ended.
    pub fn request(&self, verb: &'static str, answer: Answer, took: Duration) {
        self.requests.add(verb, &code(answer));
        // What was given up or never sent says nothing about the server.
        let counts = !matches!(answer, Answer::GivenUp | Answer::Withheld);
        if let Some((_, durations)) = VERBS
            .iter()
            .zip(&self.durations)
            .find(|(known, _)| counts && **known == verb)
        {
            durations.observe(took);
        }
    }

    /// A write has its outcome.
    pub fn write(&self, write: &Write<'_>) {
        let kind = if write.of_cluster { "cluster" } else { "job" };
        self.writes.add(kind, write.outcome.name());
        if write.outcome != Outcome::Applied {
            return;
        }
        let bytes = write.bytes.map(|bytes| bytes as u64);
        if write.of_cluster {
            self.cluster_bytes.store(bytes.unwrap_or_default(), Ordering::Relaxed);
            return;
        }
        // A number is in the map or not, whoever panicked.
        let mut jobs = self.job_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        match bytes {
            None => drop(jobs.remove(write.config_map)),
            Some(bytes) => {
                if let Some(known) = jobs.get_mut(write.config_map) {
                    *known = bytes;
                } else if jobs.len() < JOBS {
                    jobs.insert(write.config_map.to_owned(), bytes);
                }
            }
        }
    }

    /// A new leader does not know the jobs of its predecessors, nor a former one those that it lost.
    pub fn forget_jobs(&self) {
        self.job_bytes.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The server's clock is ahead of ours by this, in microseconds.
    pub fn clock_offset(&self, micros: i64) {
        self.clock_offset.store(micros, Ordering::Relaxed);
    }

    /// By how much it was at the last answer.
    #[must_use]
    pub fn last_clock_offset(&self) -> Option<i64> {
        let micros = self.clock_offset.load(Ordering::Relaxed);
        (micros != UNSEEN).then_some(micros)
    }

    /// Adds what was counted.
    pub fn expose(&self, text: &mut Exposition) {
        text.counter(
            "api_requests_total",
            "Requests to the API server by verb and HTTP code, or what there was instead of a code.",
        );
        for (verb, code, count) in self
            .requests
            .read()
            .filter(|(_, code, count)| *count > 0 || *code == "200")
        {
            text.count(&[("verb", verb), ("code", code)], count);
        }
        text.histogram(
            "api_request_duration_seconds",
            "From a call to its answer or failure, waiting for a free place included; of a watch, until it is open.",
        );
        for (verb, durations) in VERBS.iter().zip(&self.durations) {
            text.times(&[("verb", verb)], &durations.read());
        }
        text.counter(
            "writes_total",
            "Conditional writes of ConfigMaps by what is certain about them.",
        );
        for (kind, outcome, count) in self.writes.read() {
            text.count(&[("config_map", kind), ("outcome", outcome)], count);
        }
        self.expose_sizes(text);
        let offset = self.clock_offset.load(Ordering::Relaxed);
        if offset != UNSEEN {
            let seconds = Duration::from_micros(offset.unsigned_abs()).as_secs_f64();
            text.gauge("clock_offset_seconds", "How far the API server's clock is ahead, from the Date header of its last answer, which has whole seconds: exact to 0.5 s.");
            text.sample(&[], if offset < 0 { -seconds } else { seconds });
        }
    }

    fn expose_sizes(&self, text: &mut Exposition) {
        let (jobs, largest) = {
            let jobs = self.job_bytes.lock().unwrap_or_else(PoisonError::into_inner);
            (jobs.len(), jobs.values().max().copied().unwrap_or_default())
        };
        let cluster = exact(self.cluster_bytes.load(Ordering::Relaxed));
        text.gauge(
            "config_map_bytes",
            "Size of what this process last wrote, as JSON: the cluster's ConfigMap, and the largest of a job.",
        );
        text.sample(&[("config_map", "cluster")], cluster);
        text.sample(&[("config_map", "largest_job")], exact(largest));
        text.gauge(
            "config_map_used_ratio",
            "The same as a share of the 1 MiB of data that Kubernetes takes.",
        );
        text.sample(&[("config_map", "cluster")], cluster / FULL);
        text.sample(&[("config_map", "largest_job")], exact(largest) / FULL);
        text.gauge(
            "job_config_maps",
            "Job ConfigMaps that this process has written under its present leadership.",
        );
        text.count(&[], jobs as u64);
    }
}

fn code(answer: Answer) -> String {
    match answer {
        Answer::Code(code) => {
            let text = code.to_string();
            if CODES.contains(&text.as_str()) {
                text
            } else {
                "other".to_owned()
            }
        }
        Answer::TimedOut => "timeout".to_owned(),
        Answer::Unreachable | Answer::Tls | Answer::NoCredentials => "unreachable".to_owned(),
        Answer::Malformed => "malformed".to_owned(),
        Answer::Withheld => "withheld".to_owned(),
        Answer::GivenUp => "abandoned".to_owned(),
    }
}
