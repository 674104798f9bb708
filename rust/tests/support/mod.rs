//! What the tests stand on: a real control plane, real object stores, a real HDFS, and a server that fails as it is told.
// Each test uses a part of it.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

pub mod azurite;
pub mod control_plane;
pub mod detour;
pub mod fault_server;
pub mod gcs_server;
pub mod hdfs_server;
pub mod object_store;
pub mod path;
pub mod s3_gateway;
pub mod server_process;
pub mod sessions;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use flinkkubeha::cluster::client::{ApiClient, ClientSettings, Surroundings};
use serde_json::{Value, json};

/// Surroundings with nothing in them.
pub fn nowhere() -> Surroundings {
    Surroundings {
        environment: BTreeMap::new(),
        service_account: PathBuf::from("/nowhere"),
    }
}

/// Settings that name a kubeconfig.
pub fn settings(kubeconfig: &Path, namespace: &str) -> ClientSettings {
    ClientSettings {
        config_file: Some(kubeconfig.to_owned()),
        namespace: namespace.to_owned(),
        user_agent: "client-test/1".to_owned(),
        ..ClientSettings::default()
    }
}

/// A kubeconfig of one context (JSON is YAML).
pub fn kubeconfig(cluster: &Value, user: &Value) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "there", "user": "me", "namespace": "ignored"}}],
        "clusters": [{"name": "there", "cluster": cluster}],
        "users": [{"name": "me", "user": user}],
    })
    .to_string()
}

/// Replaces a file at once, as the kubelet and `kubectl` do.
pub fn replace_file(path: &Path, content: &str) {
    let next = path.with_extension("next");
    std::fs::write(&next, content).unwrap();
    std::fs::rename(next, path).unwrap();
}

/// A client for this kubeconfig and namespace.
pub async fn connect(kubeconfig: &Path, namespace: &str) -> ApiClient {
    ApiClient::connect_in(settings(kubeconfig, namespace), nowhere())
        .await
        .unwrap()
}

/// A `ConfigMap` to be written.
pub fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": value}})
}
