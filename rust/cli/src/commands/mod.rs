//! The subcommands, one file each.

mod backup;
mod doctor;
mod du;
mod from_storage;
mod gc;
mod history;
mod inspect;
mod ls;
mod print;
mod switchover;
mod verify;
mod who_leads;

use std::process::ExitCode;

use crate::access::Access;
use crate::arguments::{Arguments, Command, Several};
use crate::config_map::ConfigMap;
use crate::failure::Failure;
use crate::snapshot::Snapshot;

/// Something is wrong with the data.
const WRONG: u8 = 1;

pub(crate) fn run(arguments: &Arguments, program: &str) -> Result<ExitCode, Failure> {
    match &arguments.command {
        Command::Ls(several) => ls::run(arguments, several),
        Command::WhoLeads(one) => who_leads::run(arguments, one),
        Command::Inspect(one) => inspect::run(arguments, one),
        Command::Du(several) => du::run(arguments, several),
        Command::Gc(collect) => gc::run(arguments, collect),
        Command::Verify(verify) => verify::run(arguments, verify),
        Command::History(asked) => history::run(arguments, asked),
        Command::Switchover(asked) => switchover::run(arguments, asked),
        Command::Doctor(examine) => doctor::run(arguments, examine),
        Command::Backup(one) => backup::back_up(arguments, one),
        Command::Restore(one) => backup::restore(arguments, one),
        Command::Completions { shell } => print::completions(*shell, program),
        Command::Man { subcommand } => print::man(subcommand.as_deref(), program),
    }
}

/// The exit code of a command that judges.
fn verdict(is_well: bool) -> ExitCode {
    if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(WRONG)
    }
}

/// The clusters that are asked for; one that is not there ends the command.
fn snapshot(arguments: &Arguments, several: &Several, command: &'static str) -> Result<(Access, Snapshot), Failure> {
    let access = Access::open(&arguments.connection, several.all_namespaces, command)?;
    let only = match several.clusters.as_slice() {
        [one] => Some(one.as_str()),
        _ => None,
    };
    let listed = access.list(only)?;
    let mut snapshot = Snapshot::of(listed.objects, listed.at);
    let missing = snapshot.retain(&several.clusters);
    if missing.is_empty() {
        Ok((access, snapshot))
    } else {
        Err(not_there(&access, &missing.join(", ")))
    }
}

/// What is known of one cluster, also of `ConfigMaps` that have lost their labels.
fn one_cluster(access: &Access, cluster: &str) -> Result<Snapshot, Failure> {
    use flinkkubeha::protocol::names;

    let listed = access.list(Some(cluster))?;
    let (mut objects, at) = (listed.objects, listed.at);
    let mut snapshot = Snapshot::of(objects.clone(), at);
    snapshot.retain(&[cluster.to_owned()]);
    let known = snapshot.clusters.first();
    if known.is_none_or(|known| known.map.is_none()) {
        objects.extend(access.get(&names::cluster_config_map(cluster))?.0);
        snapshot = Snapshot::of(objects.clone(), at);
        snapshot.retain(&[cluster.to_owned()]);
    }
    let Some(known) = snapshot.clusters.first() else {
        return Err(not_there(access, cluster));
    };
    let planned = known.map.iter().flat_map(ConfigMap::planned_jobs);
    let unlisted: Vec<String> = planned
        .filter(|job| !known.jobs.contains_key(*job))
        .map(str::to_owned)
        .collect();
    for job in unlisted {
        objects.extend(access.get(&names::job_config_map(cluster, &job))?.0);
    }
    snapshot = Snapshot::of(objects, at);
    snapshot.retain(&[cluster.to_owned()]);
    Ok(snapshot)
}

fn not_there(access: &Access, clusters: &str) -> Failure {
    let place = match access.namespace() {
        "" => "any namespace".to_owned(),
        namespace => format!("namespace {namespace:?}"),
    };
    Failure::new(format!(
        "There are no HA ConfigMaps of {clusters} in {place}: 'flink-ha ls' lists the clusters that have some, with --namespace or --all-namespaces those \
         of others; a cluster that never had a leader, or whose HA data was cleaned up, has none."
    ))
}
