//! `flink-ha who-leads`

use std::fmt::Write as _;
use std::process::ExitCode;

use flinkkubeha::protocol::names;
use serde::Serialize;

use super::{not_there, verdict};
use crate::access::Access;
use crate::arguments::{Arguments, One};
use crate::config_map::{ConfigMap, Content};
use crate::failure::Failure;
use crate::lock::{Lock, LockState};
use crate::output::{self, BOLD, Report, cell, table};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Leader {
    namespace: String,
    cluster: String,
    lock: Lock,
    components: Vec<Component>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    id: String,
    address: String,
    session_id: String,
}

pub(super) fn run(arguments: &Arguments, one: &One) -> Result<ExitCode, Failure> {
    let access = Access::open(&arguments.connection, false, "who-leads")?;
    let (object, now) = access.get(&names::cluster_config_map(&one.cluster))?;
    let map = ConfigMap::decode(object.ok_or_else(|| not_there(&access, &one.cluster))?);
    let components = map.entries.iter().filter_map(|entry| match &entry.content {
        Content::Leader {
            component,
            session_id,
            address,
        } => Some(Component {
            id: component.clone(),
            address: address.clone(),
            session_id: session_id.clone(),
        }),
        _ => None,
    });
    let leader = Leader {
        namespace: access.namespace().to_owned(),
        cluster: one.cluster.clone(),
        components: components.collect(),
        lock: Lock::of(&map, now),
    };
    output::print(&leader, arguments.output)?;
    Ok(verdict(leader.lock.state == LockState::Held))
}

impl Report for Leader {
    fn tell(&self, page: &mut String) {
        let _ = writeln!(page, "{}", sentence(&self.cluster, &self.lock));
        if self.components.is_empty() {
            return;
        }
        let still = match self.lock.state {
            LockState::Held => "",
            _ => " (as they were published last)",
        };
        let _ = writeln!(page, "\n{BOLD}Leaders of the components{BOLD:#}{still}");
        let rows: Vec<_> = self
            .components
            .iter()
            .map(|one| vec![cell(&one.id), cell(&one.address), cell(&one.session_id)])
            .collect();
        table(page, &["COMPONENT", "ADDRESS", "SESSION"], &rows);
    }
}

/// Who leads, in words.
pub(super) fn sentence(cluster: &str, lock: &Lock) -> String {
    let holder = lock.holder_identity.as_deref().unwrap_or_default();
    let (age, lease) = (
        lock.age_seconds.unwrap_or_default(),
        lock.lease_seconds.unwrap_or_default(),
    );
    match lock.state {
        LockState::Held => {
            let runs = match lock.holder_runs {
                Some("stock") => "Flink's own HA services",
                _ => "flink-kube-ha",
            };
            let pod = match &lock.holder_pod_uid {
                Some(uid) => format!(" in the pod {uid}"),
                None => String::new(),
            };
            let standby = match lock.standbys.as_slice() {
                [] => String::new(),
                [one] => format!(" A standby waits for the lock: {one}."),
                several => format!(" Standbys wait for the lock: {}.", several.join(", ")),
            };
            let since = lock.acquired.map(|time| time.to_string()).unwrap_or_default();
            format!(
                "{cluster} is led by {holder}{pod}, with {runs}, since {since}; renewed {age} s ago, lease {lease} s.{standby}"
            )
        }
        LockState::Expired => {
            format!(
                "Nobody leads {cluster}: {holder} still holds the lock, and renewed its lease of {lease} s {age} s ago."
            )
        }
        LockState::Released => format!("Nobody leads {cluster}: its last leader released the lock {age} s ago."),
        LockState::Missing => format!("Nobody leads {cluster}: there is no lock."),
        LockState::Broken => format!(
            "Nobody leads {cluster}: the lock cannot be read ({}).",
            lock.reason.as_deref().unwrap_or_default()
        ),
    }
}
