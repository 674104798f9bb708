//! `flink-ha switchover`

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use flinkkubeha::protocol::annotations::SWITCHOVER;
use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::names;
use flinkkubeha::protocol::switchover::{Switchover as Note, SwitchoverState};
use flinkkubeha::protocol::time::WallTime;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::Value;

use super::{not_there, verdict, who_leads};
use crate::access::{Access, local_time, progress};
use crate::arguments::{Arguments, Switchover};
use crate::config_map::{ConfigMap, Content};
use crate::failure::Failure;
use crate::lock::{Lock, LockState};
use crate::output::{self, BOLD, Report};

/// From one look at the lock to the next.
const STEP: Duration = Duration::from_millis(20);
/// A leader answers with its next write, which it sends at once.
const ANSWERS_WITHIN: Duration = Duration::from_secs(20);
/// A renewal may come in between, every time with bad luck.
const TRIES: u32 = 20;

/// What was seen.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Switched {
    namespace: String,
    cluster: String,
    from: String,
    to: String,
    /// From the request to the last look that showed the former leader.
    waited_seconds: f64,
    /// From then to the first look that showed the next one.
    lock_gap_millis_at_most: u64,
    /// From the same to the first look that showed the addresses of all components that had one.
    published_after_millis_at_most: Option<u64>,
    not_published: Vec<String>,
}

/// Who leads before, and what was asked for.
struct Before {
    holder: String,
    acquired: Option<WallTime>,
    components: BTreeSet<String>,
    id: String,
}

pub(super) fn run(arguments: &Arguments, asked: &Switchover) -> Result<ExitCode, Failure> {
    let access = Access::open(&arguments.connection, false, "switchover")?;
    let name = names::cluster_config_map(&asked.cluster);
    let bar = progress("looking for the leader");
    bar.enable_steady_tick(Duration::from_millis(100));
    let before = ask(&access, asked, &name)?;
    let began = Instant::now();
    bar.set_message("asked the leader");
    let outcome = follow(&access, asked, &name, &before, began, &bar);
    bar.finish_and_clear();
    let switched = match outcome {
        Ok(switched) => switched,
        Err(failure) => {
            take_back(&access, &name, &before.id);
            return Err(failure);
        }
    };
    output::print(&switched, arguments.output)?;
    Ok(verdict(switched.not_published.is_empty()))
}

/// Puts the request beside the lock of the present leader.
fn ask(access: &Access, asked: &Switchover, name: &str) -> Result<Before, Failure> {
    for _ in 0..TRIES {
        let (object, now) = access.get(name)?;
        let map = ConfigMap::decode(object.ok_or_else(|| not_there(access, &asked.cluster))?);
        let lock = Lock::of(&map, now);
        let (holder, acquired) = leader(&asked.cluster, &lock)?;
        let to = standby(asked, &lock)?;
        let id = format!("{}-{}", local_time().as_micros(), std::process::id());
        let note = Note {
            id: id.clone(),
            holder_identity: holder.clone(),
            acquire_time: acquired,
            to,
            state: SwitchoverState::Asked,
        };
        let before = Before {
            holder,
            acquired: Some(acquired),
            components: components(&map),
            id,
        };
        let mut object = map.object;
        config_map::set_annotation(&mut object, SWITCHOVER, &note.encode());
        if access.replace(&object)? {
            return Ok(before);
        }
    }
    Err(Failure::new(format!(
        "ConfigMap {name} was written by others whenever the request was to be added: try again."
    )))
}

/// Whoever can be asked.
fn leader(cluster: &str, lock: &Lock) -> Result<(String, WallTime), Failure> {
    match (&lock.holder_identity, lock.acquired, lock.state) {
        (Some(_), _, LockState::Held) if lock.holder_runs == Some("stock") => Err(Failure::new(format!(
            "{} Those cannot hand over: end the JobManager, and its standby follows when the lease is over.",
            who_leads::sentence(cluster, lock)
        ))),
        (Some(holder), Some(acquired), LockState::Held) => Ok((holder.clone(), acquired)),
        _ => Err(Failure::new(format!(
            "{} There is no leadership to hand over.",
            who_leads::sentence(cluster, lock)
        ))),
    }
}

/// Whoever is named, in full, of those who wait.
fn standby(asked: &Switchover, lock: &Lock) -> Result<Option<String>, Failure> {
    let cluster = &asked.cluster;
    if lock.standbys.is_empty() {
        return Err(Failure::new(format!(
            "No standby that runs flink-kube-ha waits for the lock of {cluster}, so nothing was asked for: start a second JobManager, and see that \
             'flink-ha who-leads {cluster}' shows it."
        )));
    }
    let Some(to) = &asked.to else { return Ok(None) };
    let named: Vec<_> = lock
        .standbys
        .iter()
        .filter(|one| one.starts_with(to.as_str()))
        .collect();
    match named.as_slice() {
        [one] => Ok(Some((*one).clone())),
        _ => Err(Failure::new(format!(
            "--to {to} is {} of those who wait for the lock of {cluster}, so nothing was asked for. These wait: {}.",
            if named.is_empty() { "none" } else { "more than one" },
            lock.standbys.join(", ")
        ))),
    }
}

fn components(map: &ConfigMap) -> BTreeSet<String> {
    let leaders = map.entries.iter().filter_map(|entry| match &entry.content {
        Content::Leader { component, .. } => Some(component.clone()),
        _ => None,
    });
    leaders.collect()
}

/// Looks until the next leader is there, and everything that had an address has one again.
fn follow(
    access: &Access,
    asked: &Switchover,
    name: &str,
    before: &Before,
    began: Instant,
    bar: &ProgressBar,
) -> Result<Switched, Failure> {
    let end = began + asked.timeout;
    let mut last_held = began;
    let mut switched: Option<Switched> = None;
    loop {
        let looked = Instant::now();
        let (object, now) = access.get(name)?;
        let map = ConfigMap::decode(object.ok_or_else(|| not_there(access, &asked.cluster))?);
        let lock = Lock::of(&map, now);
        let millis = u64::try_from(last_held.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &lock.holder_identity {
            Some(holder) if *holder == before.holder && lock.acquired == before.acquired => {
                last_held = looked;
                answered(asked, &map.object, before, began, bar)?;
            }
            Some(holder) if *holder == before.holder => {
                return Err(Failure::new(format!(
                    "Nobody has taken the lock of {}, so {holder} leads again: see the log of its standby.",
                    asked.cluster
                )));
            }
            Some(holder) => {
                bar.set_message("the next leader is there; waiting for the addresses of its components");
                let found = switched.get_or_insert_with(|| Switched {
                    namespace: access.namespace().to_owned(),
                    cluster: asked.cluster.clone(),
                    from: before.holder.clone(),
                    to: holder.clone(),
                    waited_seconds: last_held.saturating_duration_since(began).as_secs_f64(),
                    lock_gap_millis_at_most: millis,
                    published_after_millis_at_most: None,
                    not_published: vec![],
                });
                found.not_published = before.components.difference(&components(&map)).cloned().collect();
                if found.not_published.is_empty() {
                    found.published_after_millis_at_most = Some(millis);
                }
            }
            None => bar.set_message("the lock is free"),
        }
        let done = (switched.as_ref()).is_some_and(|switched| switched.not_published.is_empty());
        match switched {
            Some(switched) if done || Instant::now() >= end => return Ok(switched),
            None if Instant::now() >= end => {
                return Err(Failure::new(format!(
                    "{} After {:?} nobody else leads; the request is taken back.",
                    who_leads::sentence(&asked.cluster, &lock),
                    asked.timeout
                )));
            }
            other => switched = other,
        }
        sleep(STEP);
    }
}

/// What the leader says to the request.
fn answered(
    asked: &Switchover,
    object: &Value,
    before: &Before,
    began: Instant,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    let note = Note::of(object).filter(|note| note.id == before.id);
    match note.map(|note| note.state) {
        Some(SwitchoverState::Refused { why }) => Err(Failure::new(format!(
            "{} is not handed over, and goes on under {}: {why}.",
            asked.cluster, before.holder
        ))),
        Some(SwitchoverState::Accepted) => {
            bar.set_message("the leader looks who is there, and waits for the next checkpoint");
            Ok(())
        }
        Some(SwitchoverState::Asked) if began.elapsed() > ANSWERS_WITHIN => Err(Failure::new(format!(
            "{} has not answered for {ANSWERS_WITHIN:?}, and the request is taken back: it runs an older flink-kube-ha that cannot hand over, or cannot \
             reach the API server.",
            before.holder
        ))),
        Some(SwitchoverState::Asked) => Ok(()),
        None => Err(Failure::new(format!(
            "The request for {} is gone: somebody else has asked for a switchover meanwhile.",
            asked.cluster
        ))),
    }
}

/// A request that nobody waits for any more. One that is left behind is taken away with the next grant.
fn take_back(access: &Access, name: &str, id: &str) {
    for _ in 0..TRIES {
        let Ok((Some(mut object), _)) = access.get(name) else {
            return;
        };
        if Note::of(&object).is_none_or(|note| note.id != id) {
            return;
        }
        config_map::remove_annotation(&mut object, SWITCHOVER);
        if !matches!(access.replace(&object), Ok(false)) {
            return;
        }
    }
}

impl Report for Switched {
    fn tell(&self, page: &mut String) {
        let _ = writeln!(
            page,
            "{BOLD}{}{BOLD:#} is led by {} now, after {}.",
            self.cluster, self.to, self.from
        );
        let _ = writeln!(
            page,
            "The former leader went on for {:.1} s; nobody held the lock for {} ms at most.",
            self.waited_seconds, self.lock_gap_millis_at_most
        );
        let _ = match self.published_after_millis_at_most {
            Some(millis) => writeln!(
                page,
                "All components had their addresses published again within {millis} ms."
            ),
            None => writeln!(page, "Without an address yet: {}.", self.not_published.join(", ")),
        };
    }
}
