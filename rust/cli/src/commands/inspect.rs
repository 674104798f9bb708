//! `flink-ha inspect`

use std::fmt::Write as _;
use std::process::ExitCode;

use serde::Serialize;

use super::who_leads::sentence;
use super::{one_cluster, verdict};
use crate::access::Access;
use crate::arguments::{Arguments, One};
use crate::config_map::{ConfigMap, Content};
use crate::failure::Failure;
use crate::findings::{self, Finding, Level};
use crate::lock::Lock;
use crate::output::{self, BAD, BOLD, FAINT, Report, cell, styled, table};
use crate::units;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Inspection<'a> {
    namespace: &'a str,
    cluster: &'a str,
    lock: Option<Lock>,
    config_maps: Vec<&'a ConfigMap>,
    findings: Vec<Finding>,
}

pub(super) fn run(arguments: &Arguments, one: &One) -> Result<ExitCode, Failure> {
    let access = Access::open(&arguments.connection, false, "inspect")?;
    let snapshot = one_cluster(&access, &one.cluster)?;
    let mut is_well = true;
    for cluster in &snapshot.clusters {
        let findings = findings::of(cluster, snapshot.at);
        is_well &= findings.iter().all(|finding| finding.level < Level::Error);
        let inspection = Inspection {
            namespace: &cluster.namespace,
            cluster: &cluster.id,
            lock: cluster.lock(snapshot.at),
            config_maps: cluster.maps().collect(),
            findings,
        };
        output::print(&inspection, arguments.output)?;
    }
    Ok(verdict(is_well))
}

impl Report for Inspection<'_> {
    fn tell(&self, page: &mut String) {
        if let Some(lock) = &self.lock {
            let _ = writeln!(page, "{}", sentence(self.cluster, lock));
        }
        for map in &self.config_maps {
            let written = map.written.map(|time| format!(", written {time}"));
            let _ = writeln!(
                page,
                "\n{BOLD}{}{BOLD:#} ({}, {:.1} % of 1 MiB{})",
                map.name,
                units::bytes(map.bytes as u64),
                map.share_of_limit_percent,
                written.unwrap_or_default()
            );
            if map.entries.is_empty() {
                let _ = writeln!(page, "{FAINT}no data{FAINT:#}");
            } else {
                let rows: Vec<_> = map
                    .entries
                    .iter()
                    .map(|entry| {
                        let (kind, text) = describe(&entry.content);
                        vec![cell(&entry.key), kind, text]
                    })
                    .collect();
                table(page, &["KEY", "HOLDS", "VALUE"], &rows);
            }
            for note in &map.notes {
                let text = match &note.content {
                    Some(content) => content.to_string(),
                    None => "cannot be read by this version".to_owned(),
                };
                let _ = writeln!(page, "{FAINT}{}{FAINT:#}  {text}", note.annotation);
            }
        }
        if !self.findings.is_empty() {
            page.push('\n');
            output::findings(page, &self.findings);
        }
    }
}

fn describe(content: &Content) -> (output::Cell, output::Cell) {
    match content {
        Content::Leader {
            session_id, address, ..
        } => (cell("leader"), cell(format!("{address} (session {session_id})"))),
        Content::Counter { next } => (cell("counter"), cell(format!("next checkpoint: {next}"))),
        Content::Pointer(pointer) => {
            let size = u64::try_from(pointer.size).map_or_else(|_| pointer.size.to_string(), units::bytes);
            let text = format!("{} ({size})", pointer.uri);
            if pointer.marked_for_deletion {
                (
                    styled(pointer.what, FAINT),
                    styled(format!("{text}, marked for deletion"), FAINT),
                )
            } else {
                (cell(pointer.what), cell(text))
            }
        }
        Content::Damaged { what, reason } => (styled(*what, BAD), styled(format!("damaged: {reason}"), BAD)),
        Content::Foreign => (styled("?", FAINT), styled("nothing that Flink writes", FAINT)),
    }
}
