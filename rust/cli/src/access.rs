//! The way to the API server, and who may do what there.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flinkkubeha::cluster::client::{
    ApiClient, ApiError, ApiErrorKind, ClientSettings, Surroundings, Verb, WriteFailure,
};
use flinkkubeha::cluster::clock::{Clock as _, SystemClock};
use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::time::WallTime;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::arguments::Connection;
use crate::failure::Failure;

/// What all HA `ConfigMaps` of all lines of Flink bear, and some others too.
pub(crate) const TYPE_LABEL: (&str, &str) = ("type", "flink-native-kubernetes");
/// For one request: a page of a list may be large.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
/// As kubectl does.
const PAGE: usize = 500;
/// Everything at once.
const NO_LIMIT: usize = 0;

/// A client for the `ConfigMaps` of one namespace, or of all.
pub(crate) struct Access {
    runtime: Runtime,
    client: ApiClient,
    /// As the user knows it, for messages.
    command: &'static str,
}

/// What a list has shown.
pub(crate) struct Listed {
    pub(crate) objects: Vec<Value>,
    /// By the API server's clock.
    pub(crate) at: Option<WallTime>,
}

impl Access {
    /// Reads the configuration; nothing is sent yet.
    pub(crate) fn open(connection: &Connection, all_namespaces: bool, command: &'static str) -> Result<Self, Failure> {
        let mut settings = ClientSettings {
            config_file: connection.kubeconfig.clone(),
            context: connection.context.clone(),
            user_agent: concat!("flink-ha/", env!("CARGO_PKG_VERSION")).to_owned(),
            ..ClientSettings::default()
        };
        if !all_namespaces {
            settings.namespace = match &connection.namespace {
                Some(namespace) => namespace.clone(),
                None => ApiClient::namespace_around(settings.clone(), Surroundings::of_process())?
                    .unwrap_or_else(|| "default".to_owned()),
            };
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(format!("The runtime could not be started: {error}.")))?;
        let client = runtime.block_on(ApiClient::connect(settings))?;
        Ok(Self {
            runtime,
            client,
            command,
        })
    }

    /// Empty for all.
    pub(crate) fn namespace(&self) -> &str {
        self.client.namespace()
    }

    /// One `ConfigMap`, out of etcd, and the API server's time.
    pub(crate) fn get(&self, name: &str) -> Result<(Option<Value>, Option<WallTime>), Failure> {
        let answer = self
            .runtime
            .block_on(self.client.get(name, LIMIT))
            .map_err(|error| self.explain(error, "get"))?;
        Ok((answer.value, answer.server_date.and_then(wall_time)))
    }

    /// All HA `ConfigMaps` of a cluster, or of all clusters, that bear Flink's labels; out of etcd.
    pub(crate) fn list(&self, cluster: Option<&str>) -> Result<Listed, Failure> {
        let (key, value) = TYPE_LABEL;
        let labels = match cluster {
            Some(cluster) => format!("{key}={value},app={cluster}"),
            None => format!("{key}={value}"),
        };
        let bar = progress("ConfigMaps");
        let listed = match self.pages(&labels, PAGE, &bar) {
            // A list that took so long that etcd has forgotten where it began.
            Err(error) if error.kind == ApiErrorKind::Gone => self.pages(&labels, NO_LIMIT, &bar),
            listed => listed,
        };
        bar.finish_and_clear();
        listed.map_err(|error| self.explain(error, "list"))
    }

    /// Deletes this very version of a `ConfigMap`.
    pub(crate) fn delete(&self, object: &Value) -> Result<(), Failure> {
        let (name, uid, version) = (
            config_map::name(object).unwrap_or_default(),
            config_map::uid(object).unwrap_or_default(),
            config_map::resource_version(object).unwrap_or_default(),
        );
        self.runtime
            .block_on(self.client.delete(name, uid, version, LIMIT))
            .map_err(|failure| self.explain_write(&failure, "delete"))
    }

    /// Makes a `ConfigMap`, or replaces the version that is stored.
    pub(crate) fn put(&self, mut object: Value, stored: Option<&Value>) -> Result<(), Failure> {
        let Some(stored) = stored else {
            let created = self.runtime.block_on(self.client.create(&object, LIMIT));
            return created
                .map(drop)
                .map_err(|failure| self.explain_write(&failure, "create"));
        };
        for field in ["resourceVersion", "uid"] {
            if let (Some(value), Some(metadata)) = (
                stored.get("metadata").and_then(|metadata| metadata.get(field)),
                object.get_mut("metadata").and_then(Value::as_object_mut),
            ) {
                metadata.insert(field.to_owned(), value.clone());
            }
        }
        let replaced = self.runtime.block_on(self.client.replace(&object, LIMIT));
        replaced
            .map(drop)
            .map_err(|failure| self.explain_write(&failure, "update"))
    }

    /// Replaces a `ConfigMap` if it still is the version that was read; whether it was.
    pub(crate) fn replace(&self, object: &Value) -> Result<bool, Failure> {
        match self.runtime.block_on(self.client.replace(object, LIMIT)) {
            Ok(_) => Ok(true),
            Err(WriteFailure::Refused(error)) if error.kind == ApiErrorKind::Conflict => Ok(false),
            Err(failure) => Err(self.explain_write(&failure, "update")),
        }
    }

    /// Whether a verb is granted, by a request that changes nothing.
    pub(crate) fn can(&self, verb: Verb, name: &str) -> Result<(), ApiError> {
        self.runtime.block_on(self.client.can(verb, name, LIMIT))
    }

    /// The address of the API server.
    pub(crate) fn server(&self) -> String {
        self.client.server()
    }

    /// Says of a write whether it is certain.
    fn explain_write(&self, failure: &WriteFailure, verb: &str) -> Failure {
        match failure {
            WriteFailure::Refused(error) => self.explain(error.clone(), verb),
            WriteFailure::Unknown(_) => Failure::new(failure.to_string()),
        }
    }

    fn pages(&self, labels: &str, most: usize, bar: &ProgressBar) -> Result<Listed, ApiError> {
        let mut listed = Listed {
            objects: vec![],
            at: None,
        };
        let mut continued: Option<String> = None;
        loop {
            let page = self.client.list_labelled(labels, continued.as_deref(), most, LIMIT);
            let mut answer = self.runtime.block_on(page)?;
            listed.at = answer.server_date.and_then(wall_time);
            if let Some(Value::Array(items)) = answer.value.get_mut("items").map(Value::take) {
                listed.objects.extend(items);
            }
            bar.set_position(listed.objects.len() as u64);
            let next = answer.value.pointer("/metadata/continue").and_then(Value::as_str);
            match next.filter(|token| !token.is_empty()) {
                Some(token) => continued = Some(token.to_owned()),
                None => return Ok(listed),
            }
        }
    }

    /// A refusal becomes the rule that is missing.
    fn explain(&self, error: ApiError, verb: &str) -> Failure {
        if error.kind != ApiErrorKind::Forbidden {
            return error.into();
        }
        let rule = format!("{{apiGroups: [\"\"], resources: [\"configmaps\"], verbs: [\"{verb}\"]}}");
        let namespace = self.client.namespace();
        let message = if namespace.is_empty() {
            format!(
                "'{} {} --all-namespaces' needs the verb {verb} on configmaps in all namespaces, which is not granted: add the rule {rule} to a \
                 ClusterRole that is bound to you, or choose one namespace with --namespace. {}",
                crate::arguments::BINARY,
                self.command,
                error.message
            )
        } else {
            format!(
                "'{} {}' needs the verb {verb} on configmaps in namespace {namespace:?}, which is not granted: add the rule {rule} to a Role of that \
                 namespace that is bound to you, or choose another namespace with --namespace. {}",
                crate::arguments::BINARY,
                self.command,
                error.message
            )
        };
        Failure::new(message)
    }
}

/// Shown on a terminal only.
pub(crate) fn progress(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(what);
    bar
}

/// Of this machine.
pub(crate) fn local_time() -> WallTime {
    SystemClock.wall()
}

fn wall_time(time: SystemTime) -> Option<WallTime> {
    let micros = time.duration_since(UNIX_EPOCH).ok()?.as_micros();
    Some(WallTime::from_micros(i64::try_from(micros).ok()?))
}
