//! The whole text, held against Prometheus' conventions and against the dashboard.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::protocol::black_box::{Answer, LossCause, Outcome, Renewal};

const DASHBOARD: &str = include_str!("../../grafana/flink-kube-ha.json");
/// What a session says beside what is counted here.
const OF_THE_SESSION: [&str; 4] = [
    "is_leader",
    "lease_remaining_seconds",
    "watch_age_seconds",
    "jvm_pulse_age_seconds",
];

fn text() -> String {
    let (api, lease, storage) = (
        ApiMetrics::default(),
        LeaseMetrics::default(),
        StorageMetrics::new("s3"),
    );
    for (verb, answer) in [
        ("update", Answer::Code(200)),
        ("get", Answer::Code(418)),
        ("list", Answer::TimedOut),
    ] {
        api.request(verb, answer, Duration::from_millis(3));
    }
    let write = |config_map, of_cluster, bytes| {
        api.write(&Write {
            config_map,
            of_cluster,
            outcome: Outcome::Applied,
            bytes,
        });
    };
    write("cluster", true, Some(524_288));
    write("job-1", false, Some(10));
    write("job-2", false, Some(30));
    write("job-3", false, Some(9_000));
    write("job-3", false, None);
    api.clock_offset(-1_500_000);
    lease.granted();
    lease.renewed(Renewal {
        took: Duration::from_millis(4),
        outcome: Outcome::Applied,
    });
    lease.stood_still(Duration::from_millis(2_500));
    lease.lost(&LossCause::Stolen { holder: "b".to_owned() });
    storage.done("write", Duration::from_millis(30), true);
    storage.done("write", Duration::from_millis(30), false);
    let mut text = Exposition::default();
    lease.expose(&mut text);
    api.expose(&mut text);
    for name in OF_THE_SESSION {
        text.gauge(name, "Of the session.").sample(&[], 1.0);
    }
    text.into_text() + &storage.expose()
}

#[test]
fn what_was_counted_is_in_the_text() {
    let text = text();
    for line in [
        "api_requests_total{verb=\"update\",code=\"200\"} 1",
        "api_requests_total{verb=\"get\",code=\"other\"} 1",
        "api_requests_total{verb=\"list\",code=\"timeout\"} 1",
        "api_request_duration_seconds_bucket{verb=\"update\",le=\"0.002\"} 0",
        "api_request_duration_seconds_bucket{verb=\"update\",le=\"0.005\"} 1",
        "api_request_duration_seconds_bucket{verb=\"update\",le=\"+Inf\"} 1",
        "writes_total{config_map=\"job\",outcome=\"applied\"} 4",
        "config_map_bytes{config_map=\"cluster\"} 524288",
        "config_map_used_ratio{config_map=\"cluster\"} 0.5",
        "config_map_bytes{config_map=\"largest_job\"} 30",
        "job_config_maps 2",
        "clock_offset_seconds -1.5",
        "leadership_grants_total 1",
        "leadership_losses_total{cause=\"stolen\"} 1",
        "leadership_losses_total{cause=\"freeze\"} 0",
        "renewals_total{outcome=\"applied\"} 1",
        "renewal_duration_seconds_count 1",
        "standstill_seconds_total 2.5",
        "storage_errors_total{scheme=\"s3\",operation=\"write\"} 1",
        "storage_operation_duration_seconds_count{scheme=\"s3\",operation=\"write\"} 2",
    ] {
        let line = format!("{PREFIX}{line}");
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[test]
fn names_follow_the_conventions() {
    let text = text();
    let mut kinds = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        assert_eq!(kinds.insert(name, kind), None, "{name} is there twice");
        assert!(
            name.starts_with(PREFIX) && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
            "{name}"
        );
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        assert!(kind != "histogram" || name.ends_with("_seconds"), "{name}");
        assert!(text.contains(&format!("# HELP {name} ")), "{name}");
    }
    let mut samples = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (sample, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(samples.insert(sample), "{sample} is there twice");
    }
}

#[test]
fn the_dashboard_asks_for_nothing_that_is_not_there() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let text = text();
    let names: BTreeSet<_> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let panels = dashboard.get("panels").and_then(Value::as_array).unwrap();
    let (mut ids, mut asked) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        assert!(ids.insert(panel.get("id").and_then(Value::as_u64).unwrap()), "{panel}");
        for key in ["title", "type", "gridPos", "fieldConfig", "datasource"] {
            assert!(panel.get(key).is_some(), "{key} is missing in {panel}");
        }
        for target in panel.get("targets").and_then(Value::as_array).unwrap() {
            let expression = target.get("expr").and_then(Value::as_str).unwrap();
            let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let metrics: Vec<_> = words.filter(|word| word.starts_with(PREFIX)).collect();
            assert!(!metrics.is_empty(), "{expression}");
            for metric in metrics {
                assert!(names.contains(metric), "{metric} of {expression} is not exposed");
                asked.insert(metric);
            }
        }
    }
    // And it shows everything.
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().unwrap();
        assert!(
            asked.iter().any(|asked| asked.starts_with(name)),
            "{name} is on no panel"
        );
    }
    for key in ["uid", "title", "schemaVersion", "templating", "time"] {
        assert!(dashboard.get(key).is_some(), "{key}");
    }
}
