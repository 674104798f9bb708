//! `flink-ha doctor`

mod leader;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use flinkkubeha::cluster::client::{ApiErrorKind, Verb};
use flinkkubeha::protocol::lease::{LEASE_DURATION_KEY, LeaseSettings, RENEW_DEADLINE_KEY, RETRY_PERIOD_KEY};
use flinkkubeha::protocol::names;
use serde::Serialize;

use super::{one_cluster, verdict};
use crate::access::{Access, local_time};
use crate::arguments::{Arguments, Examine};
use crate::configuration;
use crate::failure::Failure;
use crate::findings::{self, Finding, Level};
use crate::lock::{Lock, seconds_between};
use crate::output::{self, BAD, BOLD, FAINT, GOOD, ODD, Report, cell, styled, table};
use crate::storages::Storages;

const OUTAGE_HOLD_KEY: &str = "high-availability.native.outage-hold";
const DEFAULT_OUTAGE_HOLD: Duration = Duration::from_secs(30);

/// More, and lease records are read wrongly by Flink's own services, which compare wall clocks.
const TOLERATED_OFFSET_SECONDS: f64 = 2.0;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Diagnosis {
    server: String,
    namespace: String,
    cluster: String,
    checks: Vec<Check>,
    lock: Option<Lock>,
    findings: Vec<Finding>,
}

/// One question, and its answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    level: Option<Level>,
    what: String,
    answer: String,
}

impl Check {
    fn good(what: &str, answer: impl Into<String>) -> Self {
        Self {
            level: None,
            what: what.to_owned(),
            answer: answer.into(),
        }
    }

    fn wrong(level: Level, what: &str, answer: impl Into<String>) -> Self {
        Self {
            level: Some(level),
            ..Self::good(what, answer)
        }
    }
}

pub(super) fn run(arguments: &Arguments, examine: &Examine) -> Result<ExitCode, Failure> {
    let access = Access::open(&arguments.connection, false, "doctor")?;
    let settings = configuration::read(&examine.storage)?;
    let mut checks = vec![];
    role(&access, &examine.cluster, &mut checks);
    clock(&access, &examine.cluster, &mut checks);
    let snapshot = one_cluster(&access, &examine.cluster);
    let mut lock = None;
    let mut found = vec![];
    match &snapshot {
        Ok(snapshot) => {
            for cluster in &snapshot.clusters {
                lock = cluster.lock(snapshot.at);
                if let (Some(map), Some(lock)) = (&cluster.map, &lock) {
                    leader::checks(map, lock, &mut checks);
                }
                found.extend(findings::of(cluster, snapshot.at));
                let largest = cluster.maps().max_by_key(|map| map.bytes);
                if let Some(map) = largest {
                    let answer = format!("{:.1} % of 1 MiB in {}", map.share_of_limit_percent, map.name);
                    checks.push(Check::good("largest ConfigMap", answer));
                }
            }
        }
        Err(failure) => checks.push(Check::wrong(Level::Warning, "HA data", failure.to_string())),
    }
    timing(&settings, lock.as_ref(), &mut checks);
    if let Some(directory) = &examine.probe_storage {
        let mut storages = Storages::new(settings);
        checks.push(match storages.probe(directory) {
            Ok(()) => Check::good("storage", format!("{directory}: written, read and deleted")),
            Err(error) => Check::wrong(Level::Error, "storage", error.message),
        });
    }
    let diagnosis = Diagnosis {
        server: access.server(),
        namespace: access.namespace().to_owned(),
        cluster: examine.cluster.clone(),
        checks,
        lock,
        findings: found,
    };
    output::print(&diagnosis, arguments.output)?;
    let levels = diagnosis.checks.iter().filter_map(|check| check.level);
    let worst = levels
        .chain(diagnosis.findings.iter().map(|finding| finding.level))
        .max();
    Ok(verdict(worst != Some(Level::Error)))
}

/// Each verb by a request that changes nothing.
fn role(access: &Access, cluster: &str, checks: &mut Vec<Check>) {
    let name = names::cluster_config_map(cluster);
    let mut missing = vec![];
    for verb in Verb::ALL {
        match access.can(verb, &name) {
            Ok(()) => {}
            Err(error) if error.kind == ApiErrorKind::Forbidden => missing.push(verb.name()),
            Err(error) => {
                checks.push(Check::wrong(
                    Level::Warning,
                    "Role",
                    format!("whether {verb} is granted could not be found out: {}", error.message),
                ));
                return;
            }
        }
    }
    let readers = missing.iter().all(|verb| !matches!(*verb, "get" | "list" | "watch"));
    checks.push(if missing.is_empty() {
        Check::good(
            "Role",
            "get, list, watch, create, update and delete on configmaps are granted to whom this runs as: enough for a JobManager with flink-kube-ha; \
             Flink's own services need patch too",
        )
    } else {
        let level = if readers { Level::Warning } else { Level::Error };
        let enough = if readers { "; enough for TaskManagers and clients" } else { "" };
        Check::wrong(
            level,
            "Role",
            format!(
                "{} on configmaps is not granted in namespace {:?} to whom this runs as{enough}. A JobManager needs the rule {{apiGroups: [\"\"], resources: \
                 [\"configmaps\"], verbs: [\"get\", \"list\", \"watch\", \"create\", \"update\", \"delete\"]}}; to ask for its service account, use a token of that",
                missing.join(", "),
                access.namespace()
            ),
        )
    });
}

fn clock(access: &Access, cluster: &str, checks: &mut Vec<Check>) {
    let began = Instant::now();
    let Ok((_, Some(server))) = access.get(&names::cluster_config_map(cluster)) else {
        return;
    };
    let local = local_time();
    let took = began.elapsed();
    checks.push(Check::good(
        "API server",
        format!("answered a read in {} ms", took.as_millis()),
    ));
    // The server tells whole seconds, and its answer was on the way.
    let ahead = (seconds_between(server, local) - 1.0 - took.as_secs_f64()).max(0.0);
    let behind = seconds_between(local, server);
    let offset = ahead.max(behind);
    checks.push(if offset <= TOLERATED_OFFSET_SECONDS {
        Check::good(
            "clock",
            format!("within {TOLERATED_OFFSET_SECONDS} s of that of the API server"),
        )
    } else {
        let direction = if ahead > behind { "ahead of" } else { "behind" };
        Check::wrong(
            Level::Warning,
            "clock",
            format!(
                "this machine's is {offset:.0} s {direction} that of the API server. flink-kube-ha measures leases without wall clocks; Flink's own services \
                 compare them, and take a lock too early or too late: synchronise the clocks (NTP) of the nodes"
            ),
        )
    });
}

/// What the settings mean, from the configuration or else from the record that the leader wrote.
fn timing(settings: &std::collections::BTreeMap<String, String>, lock: Option<&Lock>, checks: &mut Vec<Check>) {
    let mut lease = LeaseSettings::default();
    let mut source = "Flink's defaults";
    if let Some(seconds) = lock
        .and_then(|lock| lock.lease_seconds.filter(|_| lock.holder_identity.is_some()))
        .filter(|seconds| *seconds > 0.0)
    {
        lease.lease_duration = Duration::from_secs_f64(seconds);
        source = "the lease of the lock, else Flink's defaults";
    }
    for (key, field) in [
        (LEASE_DURATION_KEY, &mut lease.lease_duration),
        (RENEW_DEADLINE_KEY, &mut lease.renew_deadline),
        (RETRY_PERIOD_KEY, &mut lease.retry_period),
    ] {
        let Some(text) = settings.get(key) else { continue };
        match crate::units::read_flink_duration(text) {
            Some(duration) => {
                *field = duration;
                source = "--flink-conf and -D, else the lock or Flink's defaults";
            }
            None => checks.push(Check::wrong(
                Level::Error,
                "lease timing",
                format!("{key} is {text:?}, which is not a duration: write it like 15 s"),
            )),
        }
    }
    outage(settings, checks);
    checks.push(match lease.validate() {
        Ok(timings) => Check::good(
            "lease timing",
            format!(
                "lease {:?}, renewed every {:?} (from {source}): a killed leader is followed within {:?}; a leader that cannot renew steps down after {:?}, \
                 {:?} before another can lead",
                timings.lease_duration,
                timings.retry_period,
                timings.lease_duration,
                timings.renew_deadline,
                timings.lease_duration.saturating_sub(timings.renew_deadline)
            ),
        ),
        Err(error) => Check::wrong(Level::Error, "lease timing", format!("{error} (from {source})")),
    });
}

/// How long an API server may be away that nobody else waits to use.
fn outage(settings: &std::collections::BTreeMap<String, String>, checks: &mut Vec<Check>) {
    let (hold, source) = match settings.get(OUTAGE_HOLD_KEY) {
        None => (DEFAULT_OUTAGE_HOLD, "default"),
        Some(text) => {
            let Some(hold) = crate::units::read_flink_duration(text) else {
                let answer = format!("{OUTAGE_HOLD_KEY} is {text:?}, which is not a duration: write it like 30 s");
                return checks.push(Check::wrong(Level::Error, "outage", answer));
            };
            (hold, "configured")
        }
    };
    checks.push(Check::good(
        "outage",
        format!(
            "a leader of flink-kube-ha goes on for {hold:?} ({source}) after it would have stepped down, where the API server cannot be used and nobody else \
             waits for the lock"
        ),
    ));
}

impl Report for Diagnosis {
    fn tell(&self, page: &mut String) {
        let _ = writeln!(
            page,
            "{BOLD}{}{BOLD:#} in namespace {} on {}",
            self.cluster, self.namespace, self.server
        );
        let rows: Vec<_> = self
            .checks
            .iter()
            .map(|check| {
                let level = match check.level {
                    None => styled("good", GOOD),
                    Some(Level::Error) => styled("error", BAD),
                    Some(Level::Note) => styled("note", FAINT),
                    Some(Level::Warning) => styled("warning", ODD),
                };
                vec![level, cell(&check.what), cell(&check.answer)]
            })
            .collect();
        table(page, &["", "CHECK", "ANSWER"], &rows);
        if let Some(lock) = &self.lock {
            let _ = writeln!(page, "\n{}", super::who_leads::sentence(&self.cluster, lock));
        }
        output::findings(page, &self.findings);
    }
}
