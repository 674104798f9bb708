//! `flink-ha backup` and `flink-ha restore`

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use flinkkubeha::protocol::annotations;
use flinkkubeha::protocol::config_map as raw;
use flinkkubeha::protocol::edit::Edit;
use flinkkubeha::protocol::lock_record::{LOCK_ANNOTATION, LeaseFormat, LockRecord, LockView};
use flinkkubeha::protocol::names;
use serde::Serialize;
use serde_json::{Value, json};

use super::from_storage::{self, LeftOut, RecoverableJob};
use super::one_cluster;
use crate::access::{Access, TYPE_LABEL, local_time};
use crate::arguments::{Arguments, Backup, Restore};
use crate::config_map::ConfigMap;
use crate::configuration;
use crate::failure::Failure;
use crate::lock::Lock;
use crate::output::{self, Report};
use crate::snapshot::Cluster;
use crate::storages::Storages;

/// As stock releases a lock.
const RELEASED_LEASE: std::time::Duration = std::time::Duration::from_secs(1);

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    cluster: String,
    file: String,
    what: &'static str,
    config_maps: Vec<String>,
    pointers: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    jobs: Vec<RecoverableJob>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<LeftOut>,
}

pub(super) fn back_up(arguments: &Arguments, backup: &Backup) -> Result<ExitCode, Failure> {
    let access = Access::open(&arguments.connection, false, "backup")?;
    let snapshot = one_cluster(&access, &backup.cluster)?;
    let maps: Vec<&ConfigMap> = snapshot.clusters.iter().flat_map(Cluster::maps).collect();
    let objects: Vec<&Value> = maps.iter().map(|map| &map.object).collect();
    let list = json!({"apiVersion": "v1", "kind": "ConfigMapList", "items": objects});
    let place = backup.file.display();
    let text = serde_json::to_string_pretty(&list)
        .map_err(|error| Failure::new(format!("The backup could not be written as JSON: {error}.")))?;
    // Who can change it can have code run by whoever restores it.
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&backup.file)
        .map_err(|error| {
            Failure::new(format!(
                "--file {place} cannot be made ({error}): name one that does not exist."
            ))
        })?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| Failure::new(format!("--file {place} cannot be written ({error}).")))?;
    let done = Done {
        cluster: backup.cluster.clone(),
        file: place.to_string(),
        what: "backed up",
        config_maps: maps.iter().map(|map| map.name.clone()).collect(),
        pointers: maps.iter().map(|map| map.pointers().count()).sum(),
        jobs: vec![],
        left_out: vec![],
    };
    output::print(&done, arguments.output)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn restore(arguments: &Arguments, restore: &Restore) -> Result<ExitCode, Failure> {
    let access = Access::open(&arguments.connection, false, "restore")?;
    let mut done = Done {
        what: if restore.dry_run { "would restore" } else { "restored" },
        ..Done::default()
    };
    let planned = match (&restore.from_storage, &restore.cluster, &restore.file) {
        (Some(root), Some(cluster), _) => {
            let present = not_led(&access, cluster)?;
            let mut storages = Storages::new(configuration::read(&restore.storage)?);
            let plan = from_storage::plan(
                &access,
                &mut storages,
                root,
                cluster,
                present.as_ref(),
                restore.overwrite,
            )?;
            cluster.clone_into(&mut done.cluster);
            (done.file, done.jobs, done.left_out) = (plan.directory, plan.jobs, plan.left_out);
            plan.objects
        }
        (_, _, Some(file)) => {
            let (cluster, objects) = read(file)?;
            (done.cluster, done.file) = (cluster, file.display().to_string());
            from_file(&access, &done.cluster, objects, restore.overwrite)?
        }
        // The command line asks for one of them.
        _ => {
            return Err(Failure::new(
                "Name a file with --file, or a storage with --from-storage.",
            ));
        }
    };
    let cluster_map = names::cluster_config_map(&done.cluster);
    let mut planned: Vec<(Value, Option<Value>)> = planned
        .into_iter()
        .map(|(object, stored)| {
            let is_cluster_map = raw::name(&object) == Some(&cluster_map);
            (prepared(&object, access.namespace(), is_cluster_map), stored)
        })
        .collect();
    // Jobs first: a JobManager that finds the plan of a job finds its checkpoints too.
    planned.sort_by_key(|(object, _)| raw::name(object) == Some(&cluster_map));
    for (object, stored) in planned {
        if !restore.dry_run {
            access.put(object.clone(), stored.as_ref()).map_err(|failure| {
                Failure::new(format!(
                    "{failure} {} ConfigMaps are restored ({}): try again with --overwrite.",
                    done.config_maps.len(),
                    done.config_maps.join(", ")
                ))
            })?;
        }
        let map = ConfigMap::decode(object);
        done.pointers += map.pointers().count();
        done.config_maps.push(map.name);
    }
    output::print(&done, arguments.output)?;
    Ok(ExitCode::SUCCESS)
}

/// The `ConfigMap` of the cluster, if it is there: no leader lives.
fn not_led(access: &Access, cluster: &str) -> Result<Option<Value>, Failure> {
    let (present, now) = access.get(&names::cluster_config_map(cluster))?;
    if let Some(present) = &present {
        let lock = Lock::of(&ConfigMap::decode(present.clone()), now);
        if lock.may_be_led() {
            return Err(Failure::new(format!(
                "{cluster} is led by {} (renewed {} s ago, lease {} s), and restoring under a leader that lives would take its checkpoints away: stop all \
                 JobManagers of the cluster, wait until 'flink-ha who-leads {cluster}' says that nobody leads, and try again.",
                lock.holder_identity.unwrap_or_default(),
                lock.age_seconds.unwrap_or_default(),
                lock.lease_seconds.unwrap_or_default()
            )));
        }
    }
    Ok(present)
}

/// What was backed up, beside what is there of it.
fn from_file(
    access: &Access,
    cluster: &str,
    objects: Vec<Value>,
    overwrite: bool,
) -> Result<Vec<(Value, Option<Value>)>, Failure> {
    let present = not_led(access, cluster)?;
    let cluster_map = names::cluster_config_map(cluster);
    let mut planned = vec![];
    for object in objects {
        let name = raw::name(&object).unwrap_or_default();
        let stored = if name == cluster_map {
            present.clone()
        } else {
            access.get(name)?.0
        };
        if stored.is_some() && !overwrite {
            return Err(Failure::new(format!(
                "The ConfigMap {name} exists, and nothing was changed: say --overwrite to put what was backed up in its place, after a backup of what is \
                 there."
            )));
        }
        planned.push((object, stored));
    }
    Ok(planned)
}

/// The cluster and its `ConfigMaps`, as they were backed up.
fn read(file: &Path) -> Result<(String, Vec<Value>), Failure> {
    let place = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("--file {place} cannot be read ({error}).")))?;
    let wrong = |why: &str| Failure::new(format!("--file {place} is not a backup of flink-ha: {why}."));
    let list: Value = serde_json::from_str(&text).map_err(|_| wrong("it is not JSON"))?;
    let items = list.get("items").and_then(Value::as_array);
    let items = items.ok_or_else(|| wrong("it has no items"))?;
    let mut cluster: Option<String> = None;
    for item in items {
        if let Some(reason) = raw::malformed(item) {
            return Err(wrong(&format!("of a ConfigMap in it, {reason}")));
        }
        let name = raw::name(item).unwrap_or_default();
        let owner = names::cluster_of(name).or_else(|| names::cluster_and_job_of(name).map(|(cluster, _)| cluster));
        let owner = owner.ok_or_else(|| wrong(&format!("{name:?} is not the name of an HA ConfigMap")))?;
        if cluster.get_or_insert_with(|| owner.to_owned()) != owner {
            return Err(wrong("it holds more than one cluster"));
        }
    }
    let cluster = cluster.ok_or_else(|| wrong("it holds no ConfigMap"))?;
    Ok((cluster, items.clone()))
}

/// Without what belonged to the process that led, and with a lock that anybody can take: stock never elects a leader beside none.
fn prepared(object: &Value, namespace: &str, is_cluster_map: bool) -> Value {
    let mut object = object.clone();
    raw::strip_server_fields(&mut object);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("namespace".to_owned(), json!(namespace));
        metadata.remove("ownerReferences");
        metadata.remove("finalizers");
    }
    let ours: Vec<String> = raw::annotations(&object)
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .filter(|name| name.starts_with(annotations::PREFIX))
        .collect();
    for name in ours {
        raw::remove_annotation(&mut object, &name);
    }
    let (label, value) = TYPE_LABEL;
    raw::set_label(&mut object, label, value);
    if is_cluster_map {
        // Refused only for what is no ConfigMap, which this is.
        let _ = Edit::ClearLeaders.apply(&mut object);
        let transitions = match LockView::of(&object) {
            LockView::Held(record) | LockView::Free(record) => record.leader_transitions,
            LockView::Absent | LockView::Broken { .. } => 0,
        };
        // Every line of Flink reads both forms.
        let released = LockRecord {
            holder_identity: String::new(),
            lease_duration: RELEASED_LEASE,
            acquire_time: local_time(),
            renew_time: local_time(),
            leader_transitions: transitions,
        };
        raw::set_annotation(&mut object, LOCK_ANNOTATION, &released.to_json(LeaseFormat::Iso));
    }
    object
}

impl Report for Done {
    fn tell(&self, page: &mut String) {
        let _ = writeln!(
            page,
            "{}: {} {} ConfigMaps with {} pointers, {}.",
            self.cluster,
            self.what,
            self.config_maps.len(),
            self.pointers,
            self.file
        );
        for name in &self.config_maps {
            let _ = writeln!(page, "  {name}");
        }
        for RecoverableJob {
            job,
            checkpoint,
            mirrored,
        } in &self.jobs
        {
            let from = match checkpoint {
                Some(checkpoint) => format!("goes on from checkpoint {checkpoint}"),
                None => "has no checkpoint, and begins from its start".to_owned(),
            };
            let source = match mirrored {
                Some(mirrored) => format!("mirrored {mirrored}"),
                None => "its ConfigMap stays as it is".to_owned(),
            };
            let _ = writeln!(page, "job {job}: {from} ({source})");
        }
        for left_out in &self.left_out {
            let _ = writeln!(page, "left out: {left_out}");
        }
    }
}
