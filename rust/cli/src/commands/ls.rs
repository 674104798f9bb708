//! `flink-ha ls`

use std::process::ExitCode;
use std::time::Duration;

use flinkkubeha::protocol::time::WallTime;
use serde::Serialize;

use super::snapshot;
use crate::arguments::{Arguments, Several};
use crate::failure::Failure;
use crate::lock::{Lock, LockState, seconds_between};
use crate::output::{self, BAD, Cell, FAINT, GOOD, ODD, PLAIN, Report, cell, styled};
use crate::snapshot::Cluster;
use crate::units;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    clusters: Vec<Line>,
    #[serde(skip)]
    with_namespaces: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    namespace: String,
    cluster: String,
    /// `None` without a `ConfigMap` of the cluster.
    lock: Option<Lock>,
    /// Where its REST server says that it is.
    rest_address: Option<String>,
    jobs: usize,
    latest_checkpoint: Option<Latest>,
    config_maps: usize,
    bytes: usize,
    /// Of the largest of them.
    share_of_limit_percent: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Latest {
    job_id: String,
    checkpoint_id: u64,
    uri: String,
    /// Since its job's `ConfigMap` was written last.
    age_seconds: Option<f64>,
}

pub(super) fn run(arguments: &Arguments, several: &Several) -> Result<ExitCode, Failure> {
    let (_, snapshot) = snapshot(arguments, several, "ls")?;
    let listing = Listing {
        clusters: snapshot
            .clusters
            .iter()
            .map(|cluster| line(cluster, snapshot.at))
            .collect(),
        with_namespaces: several.all_namespaces,
    };
    output::print(&listing, arguments.output)?;
    Ok(ExitCode::SUCCESS)
}

fn line(cluster: &Cluster, now: Option<WallTime>) -> Line {
    let latest = cluster.newest_written().and_then(|(job, map)| {
        let (checkpoint_id, pointer) = map.latest_checkpoint()?;
        Some(Latest {
            job_id: job.to_owned(),
            checkpoint_id,
            uri: pointer.uri.clone(),
            age_seconds: map.written.zip(now).map(|(written, now)| seconds_between(written, now)),
        })
    });
    Line {
        namespace: cluster.namespace.clone(),
        cluster: cluster.id.clone(),
        lock: cluster.lock(now),
        rest_address: cluster
            .map
            .as_ref()
            .and_then(|map| map.address_of("restserver"))
            .map(str::to_owned),
        jobs: cluster.known_jobs().len(),
        latest_checkpoint: latest,
        config_maps: cluster.maps().count(),
        bytes: cluster.bytes(),
        share_of_limit_percent: cluster.maps().map(|map| map.share_of_limit_percent).fold(0.0, f64::max),
    }
}

impl Report for Listing {
    fn tell(&self, page: &mut String) {
        if self.clusters.is_empty() {
            page.push_str("No Flink cluster has HA ConfigMaps here.\n");
            return;
        }
        let mut heads = vec![
            "CLUSTER",
            "LOCK",
            "LEADER",
            "AGE/LEASE",
            "RUNS",
            "JOBS",
            "LATEST CHECKPOINT",
            "SIZE",
            "LARGEST",
        ];
        if self.with_namespaces {
            heads.insert(0, "NAMESPACE");
        }
        let rows: Vec<Vec<Cell>> = self
            .clusters
            .iter()
            .map(|line| {
                let mut row = line.row();
                if self.with_namespaces {
                    row.insert(0, cell(&line.namespace));
                }
                row
            })
            .collect();
        output::table(page, &heads, &rows);
    }
}

impl Line {
    fn row(&self) -> Vec<Cell> {
        let lock = self.lock.as_ref();
        let lease = lock
            .filter(|lock| matches!(lock.state, LockState::Held | LockState::Expired))
            .and_then(|lock| Some(format!("{}/{} s", lock.age_seconds?, lock.lease_seconds?)));
        let latest = self.latest_checkpoint.as_ref().map(|latest| {
            let age = latest
                .age_seconds
                .map(|age| format!(", {} ago", units::span(Duration::from_secs_f64(age))));
            format!("{}{}", latest.checkpoint_id, age.unwrap_or_default())
        });
        let share = self.share_of_limit_percent;
        vec![
            cell(&self.cluster),
            state(lock),
            cell(self.rest_address.as_deref().unwrap_or("–")),
            cell(lease.as_deref().unwrap_or("–")),
            cell(lock.and_then(|lock| lock.holder_runs).unwrap_or("–")),
            cell(self.jobs.to_string()),
            cell(latest.as_deref().unwrap_or("–")),
            cell(units::bytes(self.bytes as u64)),
            styled(format!("{share:.1} %"), if share < 80.0 { PLAIN } else { ODD }),
        ]
    }
}

pub(super) fn state(lock: Option<&Lock>) -> Cell {
    match lock.map(|lock| lock.state) {
        None => styled("no ConfigMap", ODD),
        Some(LockState::Held) => styled("held", GOOD),
        Some(LockState::Expired) => styled("expired", ODD),
        Some(LockState::Released) => styled("released", FAINT),
        Some(LockState::Missing) => styled("missing", BAD),
        Some(LockState::Broken) => styled("broken", BAD),
    }
}
