//! Kubeconfig files.

use std::path::{Path, PathBuf};

use kube::config::{Cluster, Context, Kubeconfig, KubeconfigError};

use super::access::Access;
use super::certificate_authority::{PlacedPem, from_base64, from_file};
use super::error::{ClientError, capital};
use super::file_stamp::StampedFiles;

/// The way that a context of these files, merged, describes.
pub(super) fn read(paths: &[PathBuf], context: Option<&str>) -> Result<Access, ClientError> {
    let mut files = StampedFiles::default();
    for path in paths {
        files.add(path);
    }
    let (merged, place) = merge(paths)?;
    let context = chosen_context(&merged, context, &place)?;
    let Some(cluster) = merged
        .clusters
        .iter()
        .find(|named| named.name == context.cluster)
        .and_then(|named| named.cluster.clone())
    else {
        return Err(ClientError::new(format!(
            "{} has no cluster {:?}, which the context names; add it or choose another kubernetes.context.",
            capital(&place),
            context.cluster
        )));
    };
    // A context without a user, or with one that is not listed, is anonymous for every client.
    let user = context.user.unwrap_or_default();
    let mut auth = merged
        .auth_infos
        .iter()
        .find(|named| named.name == user)
        .and_then(|named| named.auth_info.clone())
        .unwrap_or_default();
    if let Some(exec) = &mut auth.exec
        && exec.provide_cluster_info
    {
        exec.cluster = Some((&cluster).try_into().map_err(|error: KubeconfigError| {
            ClientError::new(format!(
                "The cluster {:?} of {place} cannot be handed to the plug-in of user {user:?} ({error}); correct it.",
                context.cluster
            ))
        })?);
    }

    let cluster_place = format!("cluster {:?} of {place}", context.cluster);
    let ca = certificate_authority_of(&cluster, &cluster_place, &mut files)?;
    Ok(Access {
        server: non_empty(cluster.server.as_deref()).map(|server| (server.to_owned(), cluster_place.clone())),
        ca,
        insecure: (cluster.insecure_skip_tls_verify == Some(true))
            .then(|| format!("insecure-skip-tls-verify of {cluster_place}")),
        tls_server_name: cluster.tls_server_name.filter(|name| !name.is_empty()),
        proxy: non_empty(cluster.proxy_url.as_deref())
            .map(|url| (url.to_owned(), format!("proxy-url of {cluster_place}"))),
        auth,
        whose: format!("user {user:?} of {place}"),
        place,
        files,
    })
}

/// The namespace that a context of these files, merged, names.
pub(super) fn namespace(paths: &[PathBuf], context: Option<&str>) -> Result<Option<String>, ClientError> {
    let (merged, place) = merge(paths)?;
    let context = chosen_context(&merged, context, &place)?;
    Ok(context.namespace.filter(|namespace| !namespace.is_empty()))
}

/// With what messages call them.
fn merge(paths: &[PathBuf]) -> Result<(Kubeconfig, String), ClientError> {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let mut merged = Kubeconfig::default();
    for path in paths {
        merged = Kubeconfig::read_from(path)
            .and_then(|next| merged.merge(next))
            .map_err(|error| unreadable(path, &error))?;
    }
    Ok((merged, format!("the kubeconfig {}", names.join(":"))))
}

fn chosen_context(merged: &Kubeconfig, wanted: Option<&str>, place: &str) -> Result<Context, ClientError> {
    let (name, named_by) = match (wanted, &merged.current_context) {
        (Some(name), _) => (name, "kubernetes.context"),
        (None, Some(name)) if !name.is_empty() => (name.as_str(), "its current-context"),
        _ => {
            return Err(ClientError::new(format!(
                "{} has no current-context; set kubernetes.context.",
                capital(place)
            )));
        }
    };
    let found = merged
        .contexts
        .iter()
        .find(|named| named.name == name)
        .and_then(|named| named.context.clone());
    found.ok_or_else(|| {
        let known: Vec<&str> = merged.contexts.iter().map(|named| named.name.as_str()).collect();
        let known = if known.is_empty() {
            "there is none".to_owned()
        } else {
            known.join(", ")
        };
        ClientError::new(format!(
            "{} has no context {name:?}, which {named_by} names; set kubernetes.context to one that it has: {known}.",
            capital(place)
        ))
    })
}

fn certificate_authority_of(
    cluster: &Cluster,
    place: &str,
    files: &mut StampedFiles,
) -> Result<Option<PlacedPem>, ClientError> {
    let data = non_empty(cluster.certificate_authority_data.as_deref());
    let file = non_empty(cluster.certificate_authority.as_deref());
    match (data, file) {
        (Some(data), _) => from_base64(data, &format!("certificate-authority-data of {place}")).map(Some),
        (None, Some(file)) => from_file(Path::new(file), &format!("certificate-authority of {place}"), files).map(Some),
        (None, None) => Ok(None),
    }
}

/// The YAML library quotes the lines around a mistake, which may hold tokens: only the place is told.
fn unreadable(path: &Path, error: &KubeconfigError) -> ClientError {
    let path = path.display();
    ClientError::new(match error {
        KubeconfigError::ReadConfig(error, _) => {
            format!("The kubeconfig {path} cannot be read ({error}); make it readable for this user.")
        }
        KubeconfigError::Parse(error) => {
            let place = error
                .location()
                .map(|location| format!(" at line {}, column {}", location.line(), location.column()))
                .unwrap_or_default();
            format!(
                "The kubeconfig {path} is not valid{place}; correct it, for example by writing it anew with kubectl config."
            )
        }
        error => format!("The kubeconfig {path} cannot be used ({error}); correct it."),
    })
}

fn non_empty(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}
