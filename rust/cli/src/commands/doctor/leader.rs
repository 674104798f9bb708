//! Who leads, with what, and whether it can be reached.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::thread;
use std::time::Duration;

use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::lock_record::{LOCK_ANNOTATION, LockView};
use serde_json::Value;

use super::Check;
use crate::config_map::{ConfigMap, Content};
use crate::findings::Level;
use crate::lock::Lock;

/// For one address: from outside of the cluster most answer nothing.
const REACH: Duration = Duration::from_secs(2);

/// What the cluster's `ConfigMap` shows of its leader.
pub(super) fn checks(map: &ConfigMap, lock: &Lock, checks: &mut Vec<Check>) {
    if let Some(holder) = &lock.holder_identity {
        checks.push(if lock.holder_runs == Some("stock") {
            Check::wrong(
                Level::Note,
                "HA services",
                format!(
                    "{holder} runs Flink's own, or a flink-kube-ha that is too old to say so: it waits out leases where flink-kube-ha would not, and cannot be \
                     asked to hand over"
                ),
            )
        } else {
            Check::good("HA services", format!("{holder} runs flink-kube-ha"))
        });
        let standbys = lock.standbys.len();
        checks.push(if standbys == 0 {
            Check::wrong(
                Level::Note,
                "standby",
                "nobody that runs flink-kube-ha waits for the lock; Flink's own services cannot be seen while they wait",
            )
        } else {
            Check::good("standby", format!("{standbys} waiting for the lock: {}", lock.standbys.join(", ")))
        });
    }
    if let Some(line) = flink_line(&map.object) {
        checks.push(Check::good("Flink", line));
    }
    addresses(map, checks);
}

/// By what the last writer of the lock wrote, and by what else only some lines have.
fn flink_line(object: &Value) -> Option<&'static str> {
    let iso = match LockView::of(object) {
        LockView::Held(_) | LockView::Free(_) => config_map::annotation(object, LOCK_ANNOTATION)?.contains("\"PT"),
        LockView::Absent | LockView::Broken { .. } => return None,
    };
    let has = |prefix: &str| !config_map::entries_with_prefix(object, prefix).is_empty();
    Some(if !iso {
        "1.19 or 1.20, by the form of the lease in the lock"
    } else if has("application-") {
        "2.3 or newer, by the form of the lease in the lock and its applications"
    } else {
        "2.0 or newer, by the form of the lease in the lock"
    })
}

/// Every address once, all at the same time.
fn addresses(map: &ConfigMap, checks: &mut Vec<Check>) {
    let mut sockets: Vec<String> = map
        .entries
        .iter()
        .filter_map(|entry| match &entry.content {
            Content::Leader { address, .. } => socket(address),
            _ => None,
        })
        .collect();
    sockets.sort();
    sockets.dedup();
    if sockets.is_empty() {
        return;
    }
    let tries: Vec<_> = sockets
        .into_iter()
        .map(|socket| thread::spawn(move || (reach(&socket), socket)))
        .collect();
    let (mut there, mut away) = (vec![], vec![]);
    for outcome in tries.into_iter().filter_map(|one| one.join().ok()) {
        match outcome {
            (Ok(()), socket) => there.push(socket),
            (Err(why), socket) => away.push(format!("{socket} ({why})")),
        }
    }
    checks.push(if away.is_empty() {
        Check::good("addresses", format!("reachable from here: {}", there.join(", ")))
    } else {
        Check::wrong(
            Level::Note,
            "addresses",
            format!(
                "not reachable from here: {}. TaskManagers must reach them: where this does not run in a pod beside them, that may be no fault",
                away.join(", ")
            ),
        )
    });
}

/// Host and port of `pekko.tcp://flink@host:6123/user/…` or `http://host:8081`.
fn socket(address: &str) -> Option<String> {
    let (_, rest) = address.split_once("://")?;
    let authority = rest.split('/').next()?;
    let socket = authority.rsplit('@').next()?;
    let (_, port) = socket.rsplit_once(':')?;
    port.parse::<u16>().ok().map(|_| socket.to_owned())
}

fn reach(socket: &str) -> Result<(), String> {
    let found = socket.to_socket_addrs().map_err(|error| error.to_string())?;
    let mut why = "no address".to_owned();
    for address in found {
        match TcpStream::connect_timeout(&address, REACH) {
            Ok(_) => return Ok(()),
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_are_found_in_what_flink_publishes() {
        let found = |address| socket(address);
        assert_eq!(
            found("pekko.ssl.tcp://flink@10.0.0.7:6123/user/rpc/dispatcher_1").as_deref(),
            Some("10.0.0.7:6123")
        );
        assert_eq!(found("http://[fd00::7]:8081").as_deref(), Some("[fd00::7]:8081"));
        for odd in ["", "here", "http://host", "http://host:port/"] {
            assert_eq!(found(odd), None, "{odd}");
        }
    }
}
