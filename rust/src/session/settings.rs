//! The settings of a session, as Java passes them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::cluster::client::ClientSettings;
use crate::cluster::services::{FailoverSettings, ServicesSettings};
use crate::error::{ErrorCode, HaError};
use crate::protocol::elector::{ElectorSettings, OutageHold};
use crate::protocol::jvm_stall;
use crate::protocol::lease::LeaseSettings;
use crate::protocol::lock_record::LeaseFormat;
use crate::protocol::names;

const SYSTEM_PROPERTY: &str = "system-property.";
/// A store call waits this much longer than a lease, so that a change of leader or a restart of the API server falls within it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything that a session needs to know, checked.
pub(crate) struct SessionSettings {
    pub(crate) client: ClientSettings,
    pub(crate) services: ServicesSettings,
}

impl SessionSettings {
    /// Reads and checks the settings; a wrong one ends in a sentence with key, value and remedy.
    pub(crate) fn parse(settings: &BTreeMap<String, String>) -> Result<Self, HaError> {
        let get = |key: &str| settings.get(key).map(String::as_str).filter(|value| !value.is_empty());
        // An empty cluster id is told apart from a missing one.
        let cluster_id = settings.get("cluster-id").map(String::as_str);
        names::validate_cluster_id(cluster_id).map_err(invalid)?;
        let lease = LeaseSettings {
            lease_duration: millis(settings, "lease-millis")?,
            renew_deadline: millis(settings, "renew-deadline-millis")?,
            retry_period: millis(settings, "retry-period-millis")?,
        };
        let timings = lease.validate().map_err(invalid)?;
        let jvm_stall_timeout = match get("jvm-stall-timeout-millis") {
            Some(_) => {
                let timeout = millis(settings, "jvm-stall-timeout-millis")?;
                Some(jvm_stall::checked(timeout, timings.lease_duration).map_err(invalid)?)
            }
            None => None,
        };
        let outage_hold = match get("outage-hold-millis") {
            Some(_) => OutageHold {
                duration: millis(settings, "outage-hold-millis")?,
                despite_strangers: get("outage-hold-explicit") == Some("true"),
            },
            None => OutageHold::default(),
        };
        Ok(Self {
            client: ClientSettings {
                config_file: get("config-file").map(PathBuf::from),
                context: get("context").map(str::to_owned),
                namespace: get("namespace").unwrap_or("default").to_owned(),
                user_agent: get("user-agent").unwrap_or("flink").to_owned(),
                system_properties: settings
                    .iter()
                    .filter_map(|(key, value)| Some((key.strip_prefix(SYSTEM_PROPERTY)?.to_owned(), value.clone())))
                    .collect(),
            },
            services: ServicesSettings {
                cluster_id: cluster_id.unwrap_or_default().to_owned(),
                identity: get("identity")
                    .ok_or_else(|| internal("identity is missing"))?
                    .to_owned(),
                labels: labels(get("labels").unwrap_or_default())?,
                lease_format: match get("lease-format") {
                    Some("number") => LeaseFormat::Number,
                    Some("iso") => LeaseFormat::Iso,
                    other => return Err(internal(&format!("lease-format is {other:?}, neither number nor iso"))),
                },
                elector: ElectorSettings {
                    timings,
                    outage_hold,
                    jvm_stall_timeout,
                },
                // Waits that began with an outage outlive it.
                patience: PATIENCE + timings.lease_duration + outage_hold.duration,
                pod_uid: get("pod-uid").map(str::to_owned),
                fast_failover: fast_failover(get)?,
                contends: get("role") == Some("jobmanager"),
            },
        })
    }
}

/// Without a host there is none.
fn fast_failover<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Option<FailoverSettings>, HaError> {
    let Some(host) = get("fast-failover-host") else {
        return Ok(None);
    };
    let port = get("fast-failover-port").unwrap_or("0");
    Ok(Some(FailoverSettings {
        host: host.to_owned(),
        bind_host: get("fast-failover-bind-host").map(str::to_owned),
        port: port
            .parse()
            .map_err(|_| internal(&format!("fast-failover-port is {port}, not a port")))?,
    }))
}

fn millis(settings: &BTreeMap<String, String>, key: &str) -> Result<Duration, HaError> {
    let value = settings
        .get(key)
        .ok_or_else(|| internal(&format!("{key} is missing")))?;
    // A negative duration is a setting that cannot work; as zero it is refused with the sentence for it.
    let millis: i64 = value
        .parse()
        .map_err(|_| internal(&format!("{key} is {value}, not a number")))?;
    Ok(Duration::from_millis(u64::try_from(millis).unwrap_or_default()))
}

fn labels(text: &str) -> Result<BTreeMap<String, String>, HaError> {
    let pair = |label: &str| {
        label
            .split_once('=')
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
    };
    let labels = text.split(',').filter(|label| !label.is_empty());
    labels
        .map(|label| pair(label).ok_or_else(|| internal(&format!("label {label} has no value"))))
        .collect()
}

fn invalid(error: impl std::fmt::Display) -> HaError {
    HaError::new(ErrorCode::InvalidSetting, error.to_string())
}

/// Java passes these, not the user: a wrong one is a bug.
fn internal(what: &str) -> HaError {
    HaError::new(ErrorCode::Internal, format!("The session settings are wrong: {what}."))
}
