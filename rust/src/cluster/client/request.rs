//! Requests on `ConfigMap`s, and nothing else: the six verbs of the documented Role.

use std::fmt::{self, Write as _};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

const JSON: &str = "application/json";
/// Metadata alone, from Kubernetes 1.15 on; a server that cannot may send everything.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/// A verb of a Role, on `configmaps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Read one.
    Get,
    /// Read several.
    List,
    /// Follow changes.
    Watch,
    /// POST.
    Create,
    /// PUT.
    Update,
    /// DELETE.
    Delete,
}

impl Verb {
    /// The six verbs of the documented Role.
    pub const ALL: [Verb; 6] = [
        Self::Get,
        Self::List,
        Self::Watch,
        Self::Create,
        Self::Update,
        Self::Delete,
    ];

    /// As a Role spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    pub(super) const fn method(self) -> Method {
        match self {
            Self::Get | Self::List | Self::Watch => Method::GET,
            Self::Create => Method::POST,
            Self::Update => Method::PUT,
            Self::Delete => Method::DELETE,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One request, ready to be sent any number of times.
#[derive(Clone, Debug)]
pub(super) struct ConfigMapRequest {
    pub(super) verb: Verb,
    /// Path and query, below the path of the server's address.
    pub(super) target: String,
    /// In which form the answer is wanted.
    pub(super) accept: &'static str,
    pub(super) body: Bytes,
    /// The `ConfigMap`, for messages.
    pub(super) name: String,
}

/// Builds the requests of one namespace, or of all where it has no name.
#[derive(Clone, Debug)]
pub(super) struct Requests {
    path: String,
}

impl Requests {
    pub(super) fn new(namespace: &str) -> Self {
        let path = if namespace.is_empty() {
            "/api/v1/configmaps".to_owned()
        } else {
            format!("/api/v1/namespaces/{}/configmaps", encode(namespace))
        };
        Self { path }
    }

    pub(super) fn get(&self, name: &str) -> ConfigMapRequest {
        ConfigMapRequest {
            verb: Verb::Get,
            target: self.of_one(name),
            accept: JSON,
            body: Bytes::new(),
            name: name.to_owned(),
        }
    }

    pub(super) fn list(&self, name: &str, resource_version: Option<&str>) -> ConfigMapRequest {
        let mut target = format!(
            "{}?fieldSelector={}",
            self.path,
            encode(&format!("metadata.name={name}"))
        );
        if let Some(version) = resource_version {
            let _ = write!(target, "&resourceVersion={}", encode(version));
        }
        ConfigMapRequest {
            verb: Verb::List,
            target,
            accept: JSON,
            body: Bytes::new(),
            name: name.to_owned(),
        }
    }

    pub(super) fn list_labelled(&self, labels: &str, continued: Option<&str>, most: usize) -> ConfigMapRequest {
        let mut target = format!("{}?labelSelector={}&limit={most}", self.path, encode(labels));
        if let Some(token) = continued {
            let _ = write!(target, "&continue={}", encode(token));
        }
        ConfigMapRequest {
            verb: Verb::List,
            target,
            accept: JSON,
            body: Bytes::new(),
            name: format!("{{{labels}}}"),
        }
    }

    pub(super) fn watch(&self, name: &str, resource_version: &str, timeout: Duration) -> ConfigMapRequest {
        let target = format!(
            "{}?allowWatchBookmarks=true&fieldSelector={}&resourceVersion={}&timeoutSeconds={}&watch=true",
            self.path,
            encode(&format!("metadata.name={name}")),
            encode(resource_version),
            timeout.as_secs().max(1),
        );
        ConfigMapRequest {
            verb: Verb::Watch,
            target,
            accept: JSON,
            body: Bytes::new(),
            name: name.to_owned(),
        }
    }

    pub(super) fn watch_metadata(&self, name: &str, resource_version: &str, timeout: Duration) -> ConfigMapRequest {
        ConfigMapRequest {
            accept: METADATA,
            ..self.watch(name, resource_version, timeout)
        }
    }

    pub(super) fn create(&self, object: &Value) -> ConfigMapRequest {
        ConfigMapRequest {
            verb: Verb::Create,
            target: self.path.clone(),
            accept: JSON,
            body: bytes_of(object),
            name: name_of(object),
        }
    }

    pub(super) fn replace(&self, object: &Value) -> ConfigMapRequest {
        let name = name_of(object);
        ConfigMapRequest {
            verb: Verb::Update,
            target: self.of_one(&name),
            accept: JSON,
            body: bytes_of(object),
            name,
        }
    }

    pub(super) fn delete(&self, name: &str, uid: &str, resource_version: &str) -> ConfigMapRequest {
        let options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid, "resourceVersion": resource_version},
        });
        ConfigMapRequest {
            verb: Verb::Delete,
            target: self.of_one(name),
            accept: JSON,
            body: bytes_of(&options),
            name: name.to_owned(),
        }
    }

    fn of_one(&self, name: &str) -> String {
        format!("{}/{}", self.path, encode(name))
    }
}

impl ConfigMapRequest {
    /// The same request as one that changes nothing (Kubernetes 1.13 and newer; older servers ignore the parameter).
    pub(super) fn dry_run(mut self) -> Self {
        self.target.push_str(if self.target.contains('?') {
            "&dryRun=All"
        } else {
            "?dryRun=All"
        });
        self
    }
}

fn name_of(object: &Value) -> String {
    object
        .get("metadata")
        .and_then(|metadata| metadata.get("name"))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn bytes_of(object: &Value) -> Bytes {
    Bytes::from(object.to_string())
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_those_of_stock() {
        let requests = Requests::new("flink");
        assert_eq!(requests.get("c").target, "/api/v1/namespaces/flink/configmaps/c");
        assert_eq!(
            requests.list("c", Some("0")).target,
            "/api/v1/namespaces/flink/configmaps?fieldSelector=metadata.name%3Dc&resourceVersion=0"
        );
        assert_eq!(
            requests.watch("c", "17", Duration::from_secs(600)).target,
            "/api/v1/namespaces/flink/configmaps?allowWatchBookmarks=true&fieldSelector=metadata.name%3Dc&resourceVersion=17&timeoutSeconds=600&watch=true"
        );
        assert_eq!(
            requests.create(&json!({})).dry_run().target,
            "/api/v1/namespaces/flink/configmaps?dryRun=All"
        );
        assert_eq!(
            requests.replace(&json!({"metadata": {"name": "c"}})).target,
            "/api/v1/namespaces/flink/configmaps/c"
        );
    }

    #[test]
    fn lists_by_label_are_of_one_namespace_or_of_all() {
        assert_eq!(
            Requests::new("flink").list_labelled("app=c,type=t", None, 7).target,
            "/api/v1/namespaces/flink/configmaps?labelSelector=app%3Dc%2Ctype%3Dt&limit=7"
        );
        assert_eq!(
            Requests::new("").list_labelled("type=t", Some("a b"), 7).target,
            "/api/v1/configmaps?labelSelector=type%3Dt&limit=7&continue=a%20b"
        );
    }

    #[test]
    fn a_name_cannot_leave_its_place() {
        assert_eq!(
            Requests::new("a/b").get("../x?y").target,
            "/api/v1/namespaces/a%2Fb/configmaps/..%2Fx%3Fy"
        );
    }
}
