//! `flink-ha history`

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::{one_cluster, who_leads};
use crate::access::Access;
use crate::arguments::{Arguments, History};
use crate::failure::Failure;
use crate::lock::Lock;
use crate::output::{self, BOLD, FAINT, Report, cell, table};
use crate::snapshot::Cluster;

/// For an answer that is a few hundred lines.
const LIMIT: Duration = Duration::from_secs(10);
const LONGEST_ANSWER: u64 = 4 << 20;
const PATH: &str = "/history";

/// What is known of the past.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Past {
    namespace: String,
    cluster: String,
    lock: Option<Lock>,
    /// The last write of each writer; older ones are not kept by Kubernetes.
    writes: Vec<Write>,
    /// What the process at `--from` remembers, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<String>>,
}

#[derive(Debug, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
struct Write {
    at: String,
    config_map: String,
    what: String,
    by: String,
}

pub(super) fn run(arguments: &Arguments, asked: &History) -> Result<ExitCode, Failure> {
    let events = asked.from.as_deref().map(remembered).transpose()?;
    let access = Access::open(&arguments.connection, false, "history")?;
    let snapshot = one_cluster(&access, &asked.cluster)?;
    let cluster = snapshot.clusters.first();
    let mut writes: Vec<Write> = cluster
        .into_iter()
        .flat_map(Cluster::maps)
        .flat_map(|map| writes_of(&map.name, &map.object))
        .collect();
    writes.sort();
    let past = Past {
        namespace: access.namespace().to_owned(),
        cluster: asked.cluster.clone(),
        lock: cluster.and_then(|cluster| cluster.lock(snapshot.at)),
        writes,
        events,
    };
    output::print(&past, arguments.output)?;
    Ok(ExitCode::SUCCESS)
}

/// When an object was made, and when each of its writers has written last, as the API server has noted it.
fn writes_of(name: &str, object: &Value) -> Vec<Write> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let metadata = object.get("metadata");
    let created = text(metadata.and_then(|metadata| metadata.get("creationTimestamp")));
    let fields = metadata
        .and_then(|metadata| metadata.get("managedFields"))
        .and_then(Value::as_array);
    let mut writes: Vec<Write> = fields
        .into_iter()
        .flatten()
        .map(|field| Write {
            at: text(field.get("time")),
            config_map: name.to_owned(),
            what: "last write".to_owned(),
            by: text(field.get("manager")),
        })
        .collect();
    if !created.is_empty() {
        writes.push(Write {
            at: created,
            config_map: name.to_owned(),
            what: "created".to_owned(),
            by: String::new(),
        });
    }
    writes
}

/// The black box of a process, from the port that it serves its metrics on.
fn remembered(from: &str) -> Result<Vec<String>, Failure> {
    let authority = from.strip_prefix("http://").unwrap_or(from).trim_end_matches('/');
    let failed = |why: String| {
        Failure::new(format!(
            "--from {from}: {why}. It is the port of high-availability.native.metrics.port of a JobManager or TaskManager, for example \
             http://10.0.0.7:9250."
        ))
    };
    let ask = || -> std::io::Result<String> {
        let mut last = std::io::Error::other("it has no address");
        for address in authority.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, LIMIT) {
                Err(error) => last = error,
                Ok(mut stream) => {
                    stream.set_read_timeout(Some(LIMIT))?;
                    write!(
                        stream,
                        "GET {PATH} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
                    )?;
                    let mut answer = String::new();
                    stream.take(LONGEST_ANSWER).read_to_string(&mut answer)?;
                    return Ok(answer);
                }
            }
        }
        Err(last)
    };
    let answer = ask().map_err(|error| failed(error.to_string()))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    if !status.contains(" 200 ") {
        return Err(failed(format!("it answered {status:?} for {PATH}")));
    }
    Ok(body.lines().map(str::to_owned).collect())
}

impl Report for Past {
    fn tell(&self, page: &mut String) {
        if let Some(lock) = &self.lock {
            let _ = writeln!(page, "{}", who_leads::sentence(&self.cluster, lock));
            if let Some(transitions) = lock.transitions {
                let _ = writeln!(
                    page,
                    "The lock has changed hands {transitions} times since its ConfigMap was made."
                );
            }
        }
        let _ = writeln!(
            page,
            "\n{BOLD}What Kubernetes has noted{BOLD:#} {FAINT}(of each writer the last write){FAINT:#}"
        );
        let rows: Vec<_> = (self.writes.iter())
            .map(|write| {
                vec![
                    cell(&write.at),
                    cell(&write.config_map),
                    cell(&write.what),
                    cell(&write.by),
                ]
            })
            .collect();
        table(page, &["AT", "CONFIGMAP", "", "BY"], &rows);
        match &self.events {
            Some(events) => {
                let _ = writeln!(page, "\n{BOLD}What the process remembers{BOLD:#}");
                for event in events {
                    let _ = writeln!(page, "{event}");
                }
            }
            None => {
                let _ = writeln!(
                    page,
                    "\n{FAINT}Leases and writes one by one are in the black box of a process: --from http://HOST:PORT where \
                     high-availability.native.metrics.port is set, else its log or MBean.{FAINT:#}"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_writer_is_named_with_its_last_write() {
        let object = json!({"metadata": {
            "creationTimestamp": "2026-11-20T10:00:00Z",
            "managedFields": [{"manager": "flink", "time": "2026-11-20T11:00:00Z"}, {"manager": "kubectl", "time": "2026-11-20T10:30:00Z"}],
        }});
        let mut writes = writes_of("c", &object);
        writes.sort();
        let told: Vec<_> = writes
            .iter()
            .map(|write| (write.what.as_str(), write.by.as_str()))
            .collect();
        assert_eq!(
            told,
            [("created", ""), ("last write", "kubectl"), ("last write", "flink")]
        );
        assert_eq!(writes_of("c", &json!({})), []);
    }
}
