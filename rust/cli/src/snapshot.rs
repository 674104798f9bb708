//! What a list has shown, by cluster.

use std::collections::BTreeMap;

use flinkkubeha::protocol::names;
use flinkkubeha::protocol::time::WallTime;
use serde_json::Value;

use crate::config_map::ConfigMap;
use crate::lock::Lock;

/// The HA data of one cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) namespace: String,
    pub(crate) id: String,
    /// `None` when it is absent.
    pub(crate) map: Option<ConfigMap>,
    /// By job id.
    pub(crate) jobs: BTreeMap<String, ConfigMap>,
}

/// All of it, at one time.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// By namespace and cluster id.
    pub(crate) clusters: Vec<Cluster>,
    /// By the API server's clock.
    pub(crate) at: Option<WallTime>,
}

impl Snapshot {
    /// Sorts what was listed. Other `ConfigMaps` of native deployments bear the same labels and are left out.
    pub(crate) fn of(objects: Vec<Value>, at: Option<WallTime>) -> Self {
        let mut clusters: BTreeMap<(String, String), Cluster> = BTreeMap::new();
        for object in objects {
            let text = |field: &str| {
                let text = object.get("metadata")?.get(field)?.as_str()?;
                Some(text.to_owned())
            };
            let (Some(name), namespace) = (text("name"), text("namespace").unwrap_or_default()) else {
                continue;
            };
            let (id, job) = if let Some(id) = names::cluster_of(&name) {
                (id, None)
            } else if let Some((id, job)) = names::cluster_and_job_of(&name) {
                (id, Some(job.to_owned()))
            } else {
                continue;
            };
            let cluster = clusters
                .entry((namespace.clone(), id.to_owned()))
                .or_insert_with(|| Cluster {
                    namespace,
                    id: id.to_owned(),
                    map: None,
                    jobs: BTreeMap::new(),
                });
            let map = ConfigMap::decode(object);
            match job {
                None => cluster.map = Some(map),
                Some(job) => drop(cluster.jobs.insert(job, map)),
            }
        }
        Self {
            clusters: clusters.into_values().collect(),
            at,
        }
    }

    /// Keeps these clusters; all of them when none is named. The names of those that are not there come back.
    pub(crate) fn retain(&mut self, wanted: &[String]) -> Vec<String> {
        if wanted.is_empty() {
            return vec![];
        }
        self.clusters.retain(|cluster| wanted.contains(&cluster.id));
        let missing = wanted
            .iter()
            .filter(|id| !self.clusters.iter().any(|cluster| cluster.id == **id));
        missing.cloned().collect()
    }
}

impl Cluster {
    pub(crate) fn lock(&self, now: Option<WallTime>) -> Option<Lock> {
        self.map.as_ref().map(|map| Lock::of(map, now))
    }

    /// Both kinds, the cluster's first.
    pub(crate) fn maps(&self) -> impl Iterator<Item = &ConfigMap> {
        self.map.iter().chain(self.jobs.values())
    }

    /// Jobs of which anything is known: a plan or a `ConfigMap`.
    pub(crate) fn known_jobs(&self) -> Vec<&str> {
        let planned = self.map.iter().flat_map(ConfigMap::planned_jobs);
        let mut jobs: Vec<&str> = planned.chain(self.jobs.keys().map(String::as_str)).collect();
        jobs.sort_unstable();
        jobs.dedup();
        jobs
    }

    /// The newest of the checkpoints of all jobs, with its job's `ConfigMap`.
    pub(crate) fn newest_written(&self) -> Option<(&str, &ConfigMap)> {
        let with = self.jobs.iter().filter(|(_, map)| map.latest_checkpoint().is_some());
        with.max_by_key(|(_, map)| map.written)
            .map(|(job, map)| (job.as_str(), map))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.maps().map(|map| map.bytes).sum()
    }
}
