//! The service account that Kubernetes mounts into a pod.

use std::path::PathBuf;

use super::access::Access;
use super::certificate_authority::from_file;
use super::error::ClientError;
use super::properties::Properties;
use super::surroundings::Surroundings;

/// The namespace of the pod.
pub(super) fn namespace(surroundings: &Surroundings) -> Option<String> {
    let text = std::fs::read_to_string(surroundings.service_account.join("namespace")).ok()?;
    let name = text.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The way that a pod finds its API server.
pub(super) fn read(surroundings: &Surroundings, properties: Properties<'_>) -> Result<Access, ClientError> {
    let directory = &surroundings.service_account;
    let mut access = Access {
        place: format!("the service account in {}", directory.display()),
        whose: "the pod's service account".to_owned(),
        ..Access::default()
    };
    let variable = |name: &str| {
        surroundings
            .environment
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    };
    match (variable("KUBERNETES_SERVICE_HOST"), variable("KUBERNETES_SERVICE_PORT")) {
        (Some(host), Some(port)) => {
            let host = if host.contains(':') && !host.starts_with('[') {
                format!("[{host}]")
            } else {
                host.to_owned()
            };
            access.server = Some((
                format!("https://{host}:{port}"),
                "the environment variables KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT".to_owned(),
            ));
        }
        _ if directory.is_dir() => {
            access.server = Some((
                "https://kubernetes.default.svc".to_owned(),
                "stock's default".to_owned(),
            ));
        }
        _ if properties.get("kubernetes.master").is_some() => {}
        _ => {
            return Err(ClientError::new(format!(
                "No way to the Kubernetes API server is configured: kubernetes.config.file is not set, no file of KUBECONFIG and no ~/.kube/config exists, and there is no service account in {}; set kubernetes.config.file, or run in a pod with a service account.",
                directory.display()
            )));
        }
    }
    let other_credentials = [
        "kubernetes.auth.token",
        "kubernetes.auth.basic.username",
        "kubernetes.certs.client.file",
        "kubernetes.certs.client.data",
    ];
    if properties.flag("kubernetes.auth.tryServiceAccount") != Some(false) {
        let token = properties
            .get("kubernetes.auth.serviceAccount.token")
            .map_or_else(|| directory.join("token"), PathBuf::from);
        if other_credentials.iter().all(|name| properties.get(name).is_none()) {
            access.auth.token_file = Some(token.display().to_string());
        }
        let ca = directory.join("ca.crt");
        if ca.is_file() && properties.get("kubernetes.certs.ca.file").is_none() {
            access.ca = Some(from_file(
                &ca,
                "the CA of the pod's service account",
                &mut access.files,
            )?);
        }
    }
    Ok(access)
}
