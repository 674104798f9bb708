//! `flink-ha restore --from-storage`: what to make anew, out of the mirror in the storage directory.
//!
//! The plans of jobs stand in the `ConfigMap` of the cluster, so that one says which jobs there are: the one that is there, if it has any, or else its
//! newest manifest. What is there is never the source of its own restoring: manifests of the object that exists are left aside.

use std::collections::BTreeMap;

use flinkkubeha::protocol::config_map as raw;
use flinkkubeha::protocol::edit::read_counter;
use flinkkubeha::protocol::entry::EntryKind;
use flinkkubeha::protocol::manifest::{self, FileName, Manifest, holds_pointers};
use flinkkubeha::protocol::names::{self, COUNTER_KEY};
use serde::Serialize;
use serde_json::Value;

use crate::access::Access;
use crate::config_map::{ConfigMap, Pointer};
use crate::failure::Failure;
use crate::storages::Storages;

/// What a result of a job is called, before its clean-up is done and after it.
const RESULTS: [&str; 2] = ["_DIRTY.json", ".json"];

/// What is to be made, and why some of it is not.
pub(super) struct Plan {
    /// Where the mirror lies.
    pub(super) directory: String,
    /// In the order in which they are made: what is there now beside each.
    pub(super) objects: Vec<(Value, Option<Value>)>,
    pub(super) jobs: Vec<RecoverableJob>,
    pub(super) left_out: Vec<LeftOut>,
}

/// A job that goes on from there.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RecoverableJob {
    pub(super) job: String,
    /// `None` where it begins from its start.
    pub(super) checkpoint: Option<u64>,
    /// When that was mirrored, by the clock of who led.
    pub(super) mirrored: Option<String>,
}

/// What is not restored.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LeftOut {
    pub(super) what: String,
    pub(super) why: String,
}

struct Mirror<'a> {
    storages: &'a mut Storages,
    directory: String,
    /// By the name of the `ConfigMap`.
    files: BTreeMap<String, Vec<FileName>>,
}

pub(super) fn plan(
    access: &Access,
    storages: &mut Storages,
    root: &str,
    cluster: &str,
    present: Option<&Value>,
    overwrite: bool,
) -> Result<Plan, Failure> {
    let mut mirror = Mirror::open(storages, manifest::directory(root, access.namespace()), cluster)?;
    let mut plan = Plan {
        directory: mirror.directory.clone(),
        objects: vec![],
        jobs: vec![],
        left_out: vec![],
    };
    let is_needed = overwrite || !present.is_some_and(holds_pointers);
    let cluster_map = names::cluster_config_map(cluster);
    let of_cluster = if is_needed {
        mirror.newest(&cluster_map, present)?
    } else {
        None
    };
    let mut object = match (&of_cluster, present) {
        (Some(manifest), _) => manifest.to_config_map(),
        (None, Some(present)) if holds_pointers(present) => present.clone(),
        (None, _) => {
            return Err(Failure::new(format!(
                "The mirror in {} names no job of {cluster}: nothing was changed. A job is mirrored from its submission to its end.",
                mirror.directory
            )));
        }
    };
    for (key, pointer) in pointers(&object) {
        let Some(job) = EntryKind::of(&key).planned_job() else {
            continue;
        };
        if let Some(why) = mirror.ended(job, &pointer, of_cluster.as_ref())? {
            plan.left_out.push(LeftOut {
                what: format!("job {job}"),
                why,
            });
            remove_entry(&mut object, &key);
            continue;
        }
        plan.add_job(access, &mut mirror, cluster, job, overwrite)?;
    }
    if let Some(manifest) = of_cluster {
        if plan.jobs.is_empty() {
            let left_out: Vec<String> = plan.left_out.iter().map(ToString::to_string).collect();
            return Err(Failure::new(format!(
                "Of {cluster} nothing can be restored, and nothing was changed: {}.",
                left_out.join("; ")
            )));
        }
        plan.drop_dangling(&mut mirror, &mut object, &manifest)?;
        plan.objects.push((object, present.cloned()));
    }
    if plan.objects.is_empty() {
        return Err(Failure::new(format!(
            "Nothing of {cluster} is missing, and nothing was changed: its ConfigMaps exist. Say --overwrite to put what was mirrored of earlier ones in \
             their place, after a backup of what is there."
        )));
    }
    Ok(plan)
}

impl Plan {
    /// The checkpoints of a job, unless they are there.
    fn add_job(
        &mut self,
        access: &Access,
        mirror: &mut Mirror<'_>,
        cluster: &str,
        job: &str,
        overwrite: bool,
    ) -> Result<(), Failure> {
        let name = names::job_config_map(cluster, job);
        let stored = access.get(&name)?.0;
        let is_needed = overwrite || !stored.as_ref().is_some_and(holds_pointers);
        let manifest = if is_needed {
            mirror.newest(&name, stored.as_ref())?
        } else {
            None
        };
        let checkpoint = |object: &Value| ConfigMap::decode(object.clone()).latest_checkpoint().map(|(id, _)| id);
        let Some(manifest) = manifest else {
            self.jobs.push(RecoverableJob {
                job: job.to_owned(),
                checkpoint: stored.as_ref().and_then(checkpoint),
                mirrored: None,
            });
            return Ok(());
        };
        let mut object = manifest.to_config_map();
        if let Some((id, pointer)) = ConfigMap::decode(object.clone()).latest_checkpoint()
            && !mirror.exists(&pointer.uri)?
        {
            return Err(Failure::new(format!(
                "The newest checkpoint of job {job} in the mirror is {id}, its file {} is gone, and nothing was changed: the mirror is older than what was \
                 lost, or the file was deleted. Bring it back from a backup, or submit the job again from a retained checkpoint or a savepoint.",
                pointer.uri
            )));
        }
        self.drop_dangling(mirror, &mut object, &manifest)?;
        let latest = checkpoint(&object);
        let next = latest.and_then(|latest| i64::try_from(latest + 1).ok()).unwrap_or(1);
        if read_counter(&object).map_or(true, |counter| counter < next) {
            raw::set_entry(&mut object, COUNTER_KEY, &next.to_string());
        }
        self.jobs.push(RecoverableJob {
            job: job.to_owned(),
            checkpoint: latest,
            mirrored: Some(manifest.written.to_string()),
        });
        self.objects.push((object, stored));
        Ok(())
    }

    /// Pointers that would end a recovery: their files are gone.
    fn drop_dangling(
        &mut self,
        mirror: &mut Mirror<'_>,
        object: &mut Value,
        manifest: &Manifest,
    ) -> Result<(), Failure> {
        for (key, pointer) in pointers(object) {
            if !mirror.exists(&pointer.uri)? {
                self.left_out.push(LeftOut {
                    what: format!("{} of {}", key, manifest.name.config_map),
                    why: format!("there is no {}", pointer.uri),
                });
                remove_entry(object, &key);
            }
        }
        Ok(())
    }
}

impl<'a> Mirror<'a> {
    fn open(storages: &'a mut Storages, directory: String, cluster: &str) -> Result<Self, Failure> {
        let mut files: BTreeMap<String, Vec<FileName>> = BTreeMap::new();
        for object in storages.objects(&directory)? {
            if let Some(file) = FileName::parse(&object.name).filter(|file| file.is_of_cluster(cluster)) {
                files.entry(file.config_map.clone()).or_default().push(file);
            }
        }
        if files.is_empty() {
            return Err(Failure::new(format!(
                "There is no mirror of {cluster} in {directory}: name the directory that the log of a JobManager names as its storage, that is \
                 high-availability.storageDir with high-availability.cluster-id below it, and the namespace of the cluster with --namespace."
            )));
        }
        Ok(Self {
            storages,
            directory,
            files,
        })
    }

    /// The newest manifest of this `ConfigMap`, of any object but the one that exists.
    fn newest(&mut self, config_map: &str, present: Option<&Value>) -> Result<Option<Manifest>, Failure> {
        let present = present.and_then(raw::uid);
        let mut manifests = vec![];
        for file in self.files.get(config_map).into_iter().flatten() {
            if Some(file.uid.as_str()) == present {
                continue;
            }
            let uri = format!("{}/{file}", self.directory);
            let unreadable = |why: &str| {
                Failure::new(format!(
                    "{uri} cannot be read ({why}), and nothing was changed: it may be the newest. Move it away to restore from the others."
                ))
            };
            let content = self.storages.read(&uri).map_err(|error| unreadable(&error.message))?;
            let manifest = Manifest::decode(&content).map_err(|reason| unreadable(&reason.to_string()))?;
            if manifest.name != *file {
                return Err(unreadable("it is of another name"));
            }
            manifests.push(manifest);
        }
        Ok(manifests.into_iter().max_by(|one, other| one.age().cmp(&other.age())))
    }

    /// Why a job will not run again.
    fn ended(&mut self, job: &str, plan: &Pointer, manifest: Option<&Manifest>) -> Result<Option<String>, Failure> {
        let Some(manifest) = manifest else { return Ok(None) };
        for suffix in RESULTS {
            let uri = format!("{}/{job}{suffix}", manifest.job_results);
            if !manifest.job_results.is_empty() && self.exists(&uri)? {
                return Ok(Some(format!("it has ended for good, there is a result of it, {uri}")));
            }
        }
        if self.exists(&plan.uri)? {
            return Ok(None);
        }
        Ok(Some(format!(
            "it has ended, or lost its {}: there is no {}",
            plan.what, plan.uri
        )))
    }

    fn exists(&mut self, uri: &str) -> Result<bool, Failure> {
        self.storages.exists(uri).map_err(|error| {
            Failure::new(format!(
                "Whether {uri} is there cannot be told ({}), and nothing was changed.",
                error.message.trim_end_matches('.')
            ))
        })
    }
}

/// Those that count, decoded.
fn pointers(object: &Value) -> Vec<(String, Pointer)> {
    let map = ConfigMap::decode(object.clone());
    map.pointers()
        .filter(|(_, pointer)| !pointer.marked_for_deletion)
        .map(|(key, pointer)| (key.to_owned(), pointer.clone()))
        .collect()
}

fn remove_entry(object: &mut Value, key: &str) {
    if let Some(data) = object.get_mut("data").and_then(Value::as_object_mut) {
        data.remove(key);
    }
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}
