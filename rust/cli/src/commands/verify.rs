//! `flink-ha verify`

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use flinkkubeha::protocol::entry::is_pointed_to;
use flinkkubeha::storage::Object;
use serde::Serialize;

use super::{not_there, verdict};
use crate::access::{Access, progress};
use crate::arguments::{Arguments, Verify};
use crate::collection::Pointers;
use crate::configuration;
use crate::failure::Failure;
use crate::findings::{self, Finding, Level};
use crate::output::{self, BAD, GOOD, ODD, Report};
use crate::snapshot::{Cluster, Snapshot};
use crate::storages::{Storages, normalised, split};
use crate::units;

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Verification {
    clusters: Vec<Judged>,
    directories: Vec<Directory>,
}

/// One cluster, with what was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Judged {
    namespace: String,
    cluster: String,
    pointers: usize,
    /// Of these, with a file of the size that they tell, or marked for deletion.
    good: usize,
    findings: Vec<Finding>,
}

/// One directory, with the files in it that nothing points to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Directory {
    uri: String,
    files: usize,
    left_over: Vec<String>,
    left_over_bytes: u64,
    /// Not pointed to, and too young to tell.
    too_young: usize,
    findings: Vec<Finding>,
}

/// What lies in the directories that were asked for, or why that cannot be told.
type Found = BTreeMap<String, Result<BTreeMap<String, Object>, String>>;

pub(super) fn run(arguments: &Arguments, verify: &Verify) -> Result<ExitCode, Failure> {
    let access = Access::open(&arguments.connection, verify.clusters.all_namespaces, "verify")?;
    let mut storages = Storages::new(configuration::read(&verify.storage)?);
    // Pointers, files, pointers: what changes meanwhile is neither dangling nor left over.
    let mut asked = list(&access)?;
    let everybody: BTreeSet<String> = uris(&asked).collect();
    let missing = asked.retain(&verify.clusters.clusters);
    if !missing.is_empty() {
        return Err(not_there(&access, &missing.join(", ")));
    }
    let mut directories: BTreeSet<String> = verify.directories.iter().map(|one| normalised(one)).collect();
    directories.extend(uris(&asked).filter_map(|uri| split(&uri).map(|(directory, _)| normalised(directory))));
    let found = look(&mut storages, directories);
    let after = list(&access)?;
    let still: BTreeSet<String> = uris(&after).collect();
    let known: BTreeSet<String> = everybody.union(&still).cloned().collect();

    let mut verification = Verification::default();
    for cluster in &after.clusters {
        let wanted = &verify.clusters.clusters;
        if wanted.is_empty() || wanted.contains(&cluster.id) {
            let judged = judge(cluster, &after, &everybody, &found, &mut storages);
            verification.clusters.push(judged);
        }
    }
    for (directory, content) in &found {
        verification
            .directories
            .push(left_over(directory, content, &known, &after, verify.min_age));
    }
    output::print(&verification, arguments.output)?;
    let worst = verification.findings().map(|finding| finding.level).max();
    let limit = if verify.strict { Level::Warning } else { Level::Error };
    Ok(verdict(worst.is_none_or(|worst| worst < limit)))
}

fn list(access: &Access) -> Result<Snapshot, Failure> {
    let listed = access.list(None)?;
    Ok(Snapshot::of(listed.objects, listed.at))
}

fn uris(snapshot: &Snapshot) -> impl Iterator<Item = String> {
    let maps = snapshot.clusters.iter().flat_map(Cluster::maps);
    maps.flat_map(|map| map.pointers().map(|(_, pointer)| pointer.uri.clone()))
}

/// Lists each directory once.
fn look(storages: &mut Storages, directories: BTreeSet<String>) -> Found {
    let bar = progress("directories");
    let found = directories
        .into_iter()
        .map(|directory| {
            let objects = storages.objects(&directory);
            bar.inc(1);
            let objects = objects.map_err(|error| error.message);
            let by_name = |objects: Vec<Object>| {
                let pairs = objects.into_iter().map(|object| (object.name.clone(), object));
                pairs.collect()
            };
            (directory, objects.map(by_name))
        })
        .collect();
    bar.finish_and_clear();
    found
}

fn judge(
    cluster: &Cluster,
    after: &Snapshot,
    before: &BTreeSet<String>,
    found: &Found,
    storages: &mut Storages,
) -> Judged {
    let mut findings = findings::of(cluster, after.at);
    let (mut pointers, mut good) = (0, 0);
    for map in cluster.maps() {
        for (key, pointer) in map.pointers() {
            pointers += 1;
            let mut push = |level, what: String, remedy: &str| {
                findings.push(Finding::new(level, &map.name, Some(key), what, remedy));
            };
            let Some((directory, name)) = split(&pointer.uri) else {
                push(
                    Level::Error,
                    format!("{} is not the URI of a file", pointer.uri),
                    "restore the value from a backup",
                );
                continue;
            };
            let object = match found.get(&normalised(directory)) {
                // Written meanwhile: it is for the next run.
                _ if !before.contains(&pointer.uri) => continue,
                None => continue,
                Some(Err(reason)) => {
                    push(
                        Level::Warning,
                        format!(
                            "whether its file is there cannot be told: {}",
                            reason.trim_end_matches('.')
                        ),
                        "see that this machine can read the storage, with --flink-conf or -D where it takes settings",
                    );
                    continue;
                }
                Some(Ok(objects)) => objects.get(name),
            };
            match object {
                // A list of some stores is behind.
                None if storages.exists(&pointer.uri).unwrap_or(false) => good += 1,
                None if pointer.marked_for_deletion => good += 1,
                None => push(
                    Level::Error,
                    format!(
                        "the {} points to {}, and there is no such file",
                        pointer.what, pointer.uri
                    ),
                    dangling_remedy(pointer.what),
                ),
                Some(object) if u64::try_from(pointer.size) != Ok(object.size) => push(
                    Level::Error,
                    format!(
                        "{} has {} bytes, and {} were written",
                        pointer.uri, object.size, pointer.size
                    ),
                    "take the file from a backup: what is there is damaged or half written",
                ),
                Some(_) => good += 1,
            }
        }
    }
    findings.sort_by_key(|finding| Reverse(finding.level));
    Judged {
        namespace: cluster.namespace.clone(),
        cluster: cluster.id.clone(),
        pointers,
        good,
        findings,
    }
}

fn dangling_remedy(what: &str) -> &'static str {
    match what {
        "checkpoint" => {
            "bring the file back from a backup; without one, remove the key while no JobManager runs, and Flink recovers from the next older checkpoint"
        }
        _ => {
            "bring the file back from a backup; without one, remove the key while no JobManager runs, and submit the job again from its checkpoint"
        }
    }
}

fn left_over(
    directory: &str,
    content: &Result<BTreeMap<String, Object>, String>,
    known: &BTreeSet<String>,
    after: &Snapshot,
    min_age: Duration,
) -> Directory {
    let mut result = Directory {
        uri: directory.to_owned(),
        files: 0,
        left_over: vec![],
        left_over_bytes: 0,
        too_young: 0,
        findings: vec![],
    };
    let objects = match content {
        Ok(objects) => objects,
        Err(reason) => {
            result.findings.push(Finding::new(
                Level::Warning,
                directory,
                None,
                format!("it cannot be listed: {}", reason.trim_end_matches('.')),
                "see that this machine can read the storage, with --flink-conf or -D where it takes settings",
            ));
            return result;
        }
    };
    let named: BTreeSet<&str> = known
        .iter()
        .filter_map(|uri| split(uri))
        .filter(|(place, _)| normalised(place) == directory)
        .map(|(_, name)| name)
        .collect();
    let now = SystemTime::now();
    for object in objects.values().filter(|object| is_pointed_to(&object.name)) {
        result.files += 1;
        if named.contains(object.name.as_str()) {
            continue;
        }
        if now.duration_since(object.modified).unwrap_or_default() < min_age {
            result.too_young += 1;
        } else {
            result.left_over_bytes += object.size;
            result.left_over.push(object.name.clone());
        }
    }
    if !result.left_over.is_empty() {
        let last = directory.rsplit('/').next().unwrap_or_default();
        let of_one = after.clusters.iter().any(|cluster| cluster.id == last);
        let whose = if let Some(place) = Pointers::of(after).unreadable() {
            format!(", unless {place} does, which cannot be read")
        } else if of_one {
            String::new()
        } else {
            ", unless clusters of other namespaces or of another Kubernetes keep theirs there too".to_owned()
        };
        result.findings.push(Finding::new(
            Level::Warning,
            directory,
            None,
            format!(
                "nothing points to {} of its files ({}){whose}",
                result.left_over.len(),
                units::bytes(result.left_over_bytes)
            ),
            "they cost room and nothing else; flink-ha gc removes them",
        ));
    }
    result
}

impl Verification {
    fn findings(&self) -> impl Iterator<Item = &Finding> {
        let clusters = self.clusters.iter().flat_map(|judged| &judged.findings);
        clusters.chain(self.directories.iter().flat_map(|directory| &directory.findings))
    }
}

impl Report for Verification {
    fn tell(&self, page: &mut String) {
        for judged in &self.clusters {
            let worst = judged.findings.iter().map(|finding| finding.level).max();
            let (style, word) = match worst {
                Some(Level::Error) => (BAD, "damaged"),
                Some(Level::Warning) => (ODD, "warnings"),
                _ => (GOOD, "good"),
            };
            let _ = writeln!(
                page,
                "{}: {style}{word}{style:#}, {} of {} pointers are as they should be",
                judged.cluster, judged.good, judged.pointers
            );
            output::findings(page, &judged.findings);
        }
        for directory in &self.directories {
            let _ = write!(
                page,
                "{}: {} files, {} left over ({})",
                directory.uri,
                directory.files,
                directory.left_over.len(),
                units::bytes(directory.left_over_bytes)
            );
            if directory.too_young > 0 {
                let _ = write!(page, ", {} too young to tell", directory.too_young);
            }
            page.push('\n');
            for name in &directory.left_over {
                let _ = writeln!(page, "  {name}");
            }
            output::findings(page, &directory.findings);
        }
    }
}
