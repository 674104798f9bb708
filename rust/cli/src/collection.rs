//! What can be removed without anybody missing it: a decision, made of what was read.
//!
//! A file goes when no pointer of any cluster names it, it bears a name of Flink's making, and it is old. A `ConfigMap` of a job goes when it
//! holds no pointer and nothing that cannot be read, the leader of its cluster lives and knows nothing of the job, and nobody has written it for
//! long. Everything else stays: a checkpoint without a job graph is what an operator restores a job from.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use flinkkubeha::protocol::entry::is_pointed_to;
use serde::Serialize;

use crate::config_map::Content;
use crate::lock::{Lock, seconds_between};
use crate::snapshot::{Cluster, Snapshot};
use crate::storages::{normalised, split};

/// A file of a directory.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) age: Duration,
}

/// What would be removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Plan {
    pub(crate) files: Vec<Removal>,
    /// Names of `ConfigMaps`.
    pub(crate) config_maps: Vec<String>,
    pub(crate) kept: Vec<Kept>,
}

/// A file that nothing points to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Removal {
    pub(crate) uri: String,
    pub(crate) bytes: u64,
}

/// What looks as if it were left over, and stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Kept {
    pub(crate) what: String,
    pub(crate) why: String,
}

/// Pointers of all clusters, whether their removal has begun or not, and whether there may be more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pointers {
    /// Directory and name.
    named: BTreeSet<(String, String)>,
    /// Places of pointers that cannot be read, which may name anything.
    unreadable: Vec<String>,
}

impl Pointers {
    /// Those of all clusters that were listed.
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let all = snapshot.clusters.iter().map(Self::of_one);
        all.fold(Self::default(), Self::and)
    }

    pub(crate) fn of_one(cluster: &Cluster) -> Self {
        let mut pointers = Self::default();
        for map in cluster.maps() {
            for entry in &map.entries {
                match &entry.content {
                    Content::Pointer(pointer) => match split(&pointer.uri) {
                        Some((directory, name)) => {
                            pointers.named.insert((normalised(directory), name.to_owned()));
                        }
                        None => pointers.unreadable.push(format!("{} {}", map.name, entry.key)),
                    },
                    Content::Damaged { what, .. } if !matches!(*what, "leader" | "counter") => {
                        pointers.unreadable.push(format!("{} {}", map.name, entry.key));
                    }
                    Content::Foreign => {
                        // Perhaps of a later version of Flink.
                        if entry.bytes > LARGE_ENOUGH_FOR_A_POINTER {
                            pointers.unreadable.push(format!("{} {}", map.name, entry.key));
                        }
                    }
                    Content::Damaged { .. } | Content::Leader { .. } | Content::Counter { .. } => {}
                }
            }
        }
        pointers
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        self.named.extend(other.named);
        self.unreadable.extend(other.unreadable);
        self.unreadable.sort_unstable();
        self.unreadable.dedup();
        self
    }

    /// Where a pointer stands that cannot be read, if there is one: it may name any file.
    pub(crate) fn unreadable(&self) -> Option<&str> {
        self.unreadable.first().map(String::as_str)
    }

    /// Directories that pointers lie in.
    pub(crate) fn directories(&self) -> BTreeSet<String> {
        self.named.iter().map(|(directory, _)| directory.clone()).collect()
    }
}

/// The Base64 of what stands around the URI in every pointer is longer.
const LARGE_ENOUGH_FOR_A_POINTER: usize = 800;

/// Decides about files by directory, and about the jobs of one cluster.
pub(crate) fn plan(
    cluster: &Cluster,
    snapshot: &Snapshot,
    pointers: &Pointers,
    directories: &BTreeMap<String, Vec<File>>,
    guard: Duration,
) -> Plan {
    let mut plan = Plan::default();
    files(pointers, directories, guard, &mut plan);
    for job in cluster.jobs.keys() {
        job_map(cluster, job, snapshot, guard, &mut plan);
    }
    plan
}

fn files(pointers: &Pointers, directories: &BTreeMap<String, Vec<File>>, guard: Duration, plan: &mut Plan) {
    for (directory, content) in directories {
        let mut left_over: Vec<&File> = content
            .iter()
            .filter(|file| is_pointed_to(&file.name))
            .filter(|file| !pointers.named.contains(&(directory.clone(), file.name.clone())))
            .collect();
        if left_over.is_empty() {
            continue;
        }
        if let Some(place) = pointers.unreadable() {
            plan.kept.push(Kept {
                what: format!("{} files in {directory}", left_over.len()),
                why: format!(
                    "any of them may be what {place} points to, which cannot be read: repair or remove that first"
                ),
            });
            continue;
        }
        let young = left_over.iter().filter(|file| file.age < guard).count();
        if young > 0 {
            plan.kept.push(Kept {
                what: format!("{young} files in {directory}"),
                why: format!(
                    "they are younger than {}: their pointers may be on the way",
                    crate::units::span(guard)
                ),
            });
        }
        left_over.retain(|file| file.age >= guard);
        plan.files.extend(left_over.iter().map(|file| Removal {
            uri: format!("{directory}/{}", file.name),
            bytes: file.size,
        }));
    }
}

fn job_map(cluster: &Cluster, job: &str, snapshot: &Snapshot, guard: Duration, plan: &mut Plan) {
    let Some(map) = cluster.jobs.get(job) else { return };
    let led = cluster.lock(snapshot.at).as_ref().is_some_and(Lock::may_be_led);
    let known = cluster.map.as_ref().is_some_and(|map| {
        map.entries.iter().any(|entry| entry.key.contains(job))
            || map
                .entries
                .iter()
                .any(|entry| matches!(entry.content, Content::Damaged { .. }))
    });
    if known {
        return;
    }
    let mut keep = |why: String| {
        plan.kept.push(Kept {
            what: map.name.clone(),
            why,
        });
    };
    let only_counter = map
        .entries
        .iter()
        .all(|entry| matches!(entry.content, Content::Counter { .. }));
    if !only_counter {
        keep("the cluster has no plan of its job, and it holds what the job can be restored from".to_owned());
    } else if !led {
        keep("nobody leads the cluster, and whoever does next may submit its job again".to_owned());
    } else if !map
        .written
        .zip(snapshot.at)
        .is_some_and(|(written, now)| seconds_between(written, now) >= guard.as_secs_f64())
    {
        keep(format!(
            "it was written within the last {}: its job may be on the way",
            crate::units::span(guard)
        ));
    } else {
        plan.config_maps.push(map.name.clone());
    }
}

#[cfg(test)]
mod tests;
