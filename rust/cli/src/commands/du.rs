//! `flink-ha du`

use std::process::ExitCode;

use flinkkubeha::protocol::config_map::DATA_BYTES_LIMIT;
use serde::Serialize;

use super::snapshot;
use crate::arguments::{Arguments, Several};
use crate::config_map::{ConfigMap, Content};
use crate::failure::Failure;
use crate::output::{self, BAD, ODD, PLAIN, Report, cell, styled, table};
use crate::units;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    limit_bytes: usize,
    /// Largest first.
    config_maps: Vec<Size>,
    #[serde(skip)]
    with_namespaces: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Size {
    namespace: String,
    cluster: String,
    name: String,
    bytes: usize,
    share_of_limit_percent: f64,
    keys: usize,
    /// Of which pointers.
    pointers: usize,
    largest_key: Option<String>,
}

pub(super) fn run(arguments: &Arguments, several: &Several) -> Result<ExitCode, Failure> {
    let (_, snapshot) = snapshot(arguments, several, "du")?;
    let mut config_maps: Vec<Size> = snapshot
        .clusters
        .iter()
        .flat_map(|cluster| cluster.maps().map(|map| size(&cluster.namespace, &cluster.id, map)))
        .collect();
    config_maps.sort_by(|one, other| other.bytes.cmp(&one.bytes).then_with(|| one.name.cmp(&other.name)));
    let usage = Usage {
        limit_bytes: DATA_BYTES_LIMIT,
        config_maps,
        with_namespaces: several.all_namespaces,
    };
    output::print(&usage, arguments.output)?;
    Ok(ExitCode::SUCCESS)
}

fn size(namespace: &str, cluster: &str, map: &ConfigMap) -> Size {
    Size {
        namespace: namespace.to_owned(),
        cluster: cluster.to_owned(),
        name: map.name.clone(),
        bytes: map.bytes,
        share_of_limit_percent: map.share_of_limit_percent,
        keys: map.entries.len(),
        pointers: map
            .entries
            .iter()
            .filter(|entry| matches!(entry.content, Content::Pointer(_)))
            .count(),
        largest_key: map
            .entries
            .iter()
            .max_by_key(|entry| entry.bytes)
            .map(|entry| entry.key.clone()),
    }
}

impl Report for Usage {
    fn tell(&self, page: &mut String) {
        if self.config_maps.is_empty() {
            page.push_str("No Flink cluster has HA ConfigMaps here.\n");
            return;
        }
        let mut heads = vec!["CONFIGMAP", "SIZE", "OF 1 MiB", "KEYS", "POINTERS", "LARGEST KEY"];
        if self.with_namespaces {
            heads.insert(0, "NAMESPACE");
        }
        let rows: Vec<_> = self
            .config_maps
            .iter()
            .map(|size| {
                let share = size.share_of_limit_percent;
                let style = match share {
                    95.0.. => BAD,
                    80.0.. => ODD,
                    _ => PLAIN,
                };
                let mut row = vec![
                    cell(&size.name),
                    cell(units::bytes(size.bytes as u64)),
                    styled(format!("{share:.1} %"), style),
                    cell(size.keys.to_string()),
                    cell(size.pointers.to_string()),
                    cell(size.largest_key.as_deref().unwrap_or("–")),
                ];
                if self.with_namespaces {
                    row.insert(0, cell(&size.namespace));
                }
                row
            })
            .collect();
        table(page, &heads, &rows);
    }
}
