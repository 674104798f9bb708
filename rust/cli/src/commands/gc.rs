//! `flink-ha gc`

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::{not_there, verdict};
use crate::access::{Access, progress};
use crate::arguments::{Arguments, Collect};
use crate::collection::{self, File, Plan, Pointers};
use crate::configuration;
use crate::failure::Failure;
use crate::output::{self, BAD, BOLD, FAINT, GOOD, Report};
use crate::snapshot::{Cluster, Snapshot};
use crate::storages::{Storages, normalised};
use crate::units;

/// A file is written before its pointer, and a write of unknown outcome is settled within minutes.
const LEAST_AGE: Duration = Duration::from_secs(600);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Collected {
    cluster: String,
    dry_run: bool,
    directories: Vec<String>,
    #[serde(flatten)]
    plan: Plan,
    /// What could not be removed, and why.
    failed: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, collect: &Collect) -> Result<ExitCode, Failure> {
    if collect.min_age < LEAST_AGE {
        return Err(Failure::new(format!(
            "--min-age is {}, and the pointer of a file that is younger than {} may be on the way: choose that or more.",
            units::span(collect.min_age),
            units::span(LEAST_AGE)
        )));
    }
    let access = Access::open(&arguments.connection, false, "gc")?;
    let mut storages = Storages::new(configuration::read(&collect.storage)?);
    let mut gathered = Gathered::read(&access, collect, &mut storages)?;
    let mut plan = gathered.plan(collect)?;
    let mut failed = vec![];
    if collect.delete {
        // Once more, right before: what has come since then stays.
        gathered.look_again(&access)?;
        let now = gathered.plan(collect)?;
        plan.files.retain(|file| now.files.contains(file));
        plan.config_maps.retain(|name| now.config_maps.contains(name));
        failed = gathered.remove(&access, &mut storages, &mut plan);
    }
    let collected = Collected {
        cluster: collect.cluster.clone(),
        dry_run: !collect.delete,
        directories: gathered.files.keys().cloned().collect(),
        plan,
        failed,
    };
    output::print(&collected, arguments.output)?;
    Ok(verdict(collected.failed.is_empty()))
}

/// What was read, in this order: pointers, files, pointers. A pointer counts that stood there at any time.
struct Gathered {
    pointers: Pointers,
    files: BTreeMap<String, Vec<File>>,
    snapshot: Snapshot,
}

impl Gathered {
    fn read(access: &Access, collect: &Collect, storages: &mut Storages) -> Result<Self, Failure> {
        let before = list(access)?;
        let mut directories: BTreeSet<String> = collect.directories.iter().map(|one| normalised(one)).collect();
        let own = of_cluster(&before, &collect.cluster).ok_or_else(|| not_there(access, &collect.cluster))?;
        directories.extend(Pointers::of_one(own).directories());
        if collect.delete && !collect.sole_user {
            refuse_shared(&directories, &collect.cluster)?;
        }
        let bar = progress("directories");
        let mut files = BTreeMap::new();
        for directory in directories {
            let objects = storages.objects(&directory)?;
            bar.inc(1);
            let now = SystemTime::now();
            let content = objects.into_iter().map(|object| File {
                age: now.duration_since(object.modified).unwrap_or_default(),
                name: object.name,
                size: object.size,
            });
            files.insert(directory, content.collect());
        }
        bar.finish_and_clear();
        let mut gathered = Self {
            pointers: Pointers::of(&before),
            files,
            snapshot: before,
        };
        gathered.look_again(access)?;
        Ok(gathered)
    }

    fn look_again(&mut self, access: &Access) -> Result<(), Failure> {
        self.snapshot = list(access)?;
        self.pointers = std::mem::take(&mut self.pointers).and(Pointers::of(&self.snapshot));
        Ok(())
    }

    fn plan(&self, collect: &Collect) -> Result<Plan, Failure> {
        let cluster = of_cluster(&self.snapshot, &collect.cluster).ok_or_else(|| {
            Failure::new(format!(
                "The HA ConfigMaps of {} were deleted meanwhile: nothing is removed.",
                collect.cluster
            ))
        })?;
        Ok(collection::plan(
            cluster,
            &self.snapshot,
            &self.pointers,
            &self.files,
            collect.min_age,
        ))
    }

    /// Leaves in the plan what was removed.
    fn remove(&self, access: &Access, storages: &mut Storages, plan: &mut Plan) -> Vec<String> {
        let mut failed = vec![];
        let bar = progress("removed");
        plan.files.retain(|file| {
            let deleted = storages.delete(&file.uri);
            bar.inc(1);
            deleted
                .map_err(|error| failed.push(format!("{}: {}", file.uri, error.message)))
                .is_ok()
        });
        let maps: BTreeMap<&str, _> = self
            .snapshot
            .clusters
            .iter()
            .flat_map(Cluster::maps)
            .map(|map| (map.name.as_str(), map))
            .collect();
        plan.config_maps.retain(|name| {
            let Some(map) = maps.get(name.as_str()) else {
                return false;
            };
            let deleted = access.delete(&map.object);
            bar.inc(1);
            deleted.map_err(|error| failed.push(format!("{name}: {error}"))).is_ok()
        });
        bar.finish_and_clear();
        failed
    }
}

/// A directory that is not named after the cluster may hold the files of clusters that cannot be seen from here.
fn refuse_shared(directories: &BTreeSet<String>, cluster: &str) -> Result<(), Failure> {
    let shared = directories
        .iter()
        .find(|directory| directory.rsplit('/').next() != Some(cluster));
    match shared {
        None => Ok(()),
        Some(directory) => Err(Failure::new(format!(
            "{directory} is not named after the cluster {cluster} (high-availability.cluster-id is /default unless it is set), so clusters of other \
             namespaces or of another Kubernetes may keep files there, whose pointers cannot be seen from here: say --sole-user if that is not so."
        ))),
    }
}

fn list(access: &Access) -> Result<Snapshot, Failure> {
    let listed = access.list(None)?;
    Ok(Snapshot::of(listed.objects, listed.at))
}

fn of_cluster<'a>(snapshot: &'a Snapshot, id: &str) -> Option<&'a Cluster> {
    snapshot.clusters.iter().find(|cluster| cluster.id == id)
}

impl Report for Collected {
    fn tell(&self, page: &mut String) {
        let (done, style) = if self.dry_run {
            ("would be removed", FAINT)
        } else {
            ("removed", GOOD)
        };
        for file in &self.plan.files {
            let _ = writeln!(
                page,
                "{style}{done}:{style:#} {} ({})",
                file.uri,
                units::bytes(file.bytes)
            );
        }
        for name in &self.plan.config_maps {
            let _ = writeln!(page, "{style}{done}:{style:#} ConfigMap {name}");
        }
        for failure in &self.failed {
            let _ = writeln!(page, "{BAD}not removed:{BAD:#} {failure}");
        }
        for kept in &self.plan.kept {
            let _ = writeln!(page, "kept: {}: {}", kept.what, kept.why);
        }
        let bytes: u64 = self.plan.files.iter().map(|file| file.bytes).sum();
        let _ = writeln!(
            page,
            "{BOLD}{}{BOLD:#}: {} files ({}) and {} ConfigMaps {done}.",
            self.cluster,
            self.plan.files.len(),
            units::bytes(bytes),
            self.plan.config_maps.len()
        );
        if self.dry_run && !(self.plan.files.is_empty() && self.plan.config_maps.is_empty()) {
            page.push_str("Nothing was changed; --delete does it.\n");
        }
    }
}
