//! Where the way to the API server is written down, read in stock's order.
//!
//! `kubernetes.config.file`, else the files of `KUBECONFIG`, else `~/.kube/config`, else the service account of the pod; then the
//! system properties and environment variables of [`super::properties`] on top. Everything here blocks and nothing here sends.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use kube::config::{AuthInfo, Kubeconfig, KubeconfigError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

use super::ClientSettings;
use super::error::ClientError;
use super::file_stamp::StampedFiles;
use super::properties::Properties;
use super::proxy;
use super::surroundings::Surroundings;
use super::token_file::{TokenFile, bearer};

/// What to read, again and again.
pub(super) struct Source {
    pub(super) settings: ClientSettings,
    pub(super) surroundings: Surroundings,
}

/// What was read.
pub(super) struct Loaded {
    pub(super) config: kube::Config,
    pub(super) credentials: Credentials,
    /// Completes "… does not accept"
    pub(super) credentials_place: String,
    /// Completes "… is not signed by"
    pub(super) trust_place: String,
    pub(super) files: StampedFiles,
    pub(super) warnings: Vec<String>,
}

/// Who sets the `Authorization` header.
pub(super) enum Credentials {
    /// A token file, which others replace.
    File(TokenFile),
    /// A token that stands in the configuration.
    Fixed(HeaderValue),
    /// kube: client certificates, plug-ins, OIDC, basic authentication, or nobody.
    Kube,
}

/// A way to the API server, before it is checked.
#[derive(Default)]
struct Access {
    /// For messages: where most of it stands.
    place: String,
    server: Option<(String, String)>,
    /// PEM and where it stands.
    ca: Option<(Vec<u8>, String)>,
    insecure: Option<String>,
    tls_server_name: Option<String>,
    proxy: Option<(String, String)>,
    auth: AuthInfo,
    /// Whose credentials `auth` holds.
    whose: String,
    files: StampedFiles,
}

impl Source {
    /// Reads everything anew. Blocks.
    pub(super) fn load(&self) -> Result<Loaded, ClientError> {
        let properties = Properties {
            system: &self.settings.system_properties,
            environment: &self.surroundings.environment,
        };
        properties.refuse_unsupported()?;
        let mut access = match self.kubeconfig_files(properties)? {
            Some(files) => self.from_kubeconfig(&files)?,
            None => self.from_service_account(properties)?,
        };
        override_by(properties, &mut access)?;
        finish(access, properties)
    }

    fn kubeconfig_files(
        &self,
        properties: Properties<'_>,
    ) -> Result<Option<Vec<PathBuf>>, ClientError> {
        if let Some(file) = &self.settings.config_file {
            if !file.is_file() {
                return Err(ClientError::new(format!(
                    "kubernetes.config.file is {}, which is not a file; name a kubeconfig that exists.",
                    file.display()
                )));
            }
            return Ok(Some(vec![file.clone()]));
        }
        if properties.flag("kubernetes.auth.tryKubeConfig") == Some(false) {
            return Ok(None);
        }
        let candidates: Vec<PathBuf> = match properties.get("kubeconfig") {
            Some(list) => list
                .split(':')
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
                .collect(),
            None => self
                .home(properties)
                .map(|home| home.join(".kube").join("config"))
                .into_iter()
                .collect(),
        };
        let existing: Vec<PathBuf> = candidates
            .into_iter()
            .filter(|path| path.is_file())
            .collect();
        Ok(if existing.is_empty() {
            None
        } else {
            Some(existing)
        })
    }

    fn home(&self, properties: Properties<'_>) -> Option<PathBuf> {
        let environment = self
            .surroundings
            .environment
            .get("HOME")
            .filter(|home| !home.is_empty())
            .map(PathBuf::from)
            .filter(|home| home.is_dir());
        environment.or_else(|| properties.only_system("user.home").map(PathBuf::from))
    }

    fn from_kubeconfig(&self, paths: &[PathBuf]) -> Result<Access, ClientError> {
        let place = format!(
            "the kubeconfig {}",
            paths
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
                .join(":")
        );
        let mut files = StampedFiles::default();
        let mut merged = Kubeconfig::default();
        for path in paths {
            files.add(path);
            merged = Kubeconfig::read_from(path)
                .and_then(|next| merged.merge(next))
                .map_err(|error| unreadable(path, &error))?;
        }

        let (context_name, context_place) = match (&self.settings.context, &merged.current_context)
        {
            (Some(name), _) => (name, "kubernetes.context is"),
            (None, Some(name)) if !name.is_empty() => (name, "its current-context is"),
            _ => {
                return Err(ClientError::new(format!(
                    "{} has no current-context; set kubernetes.context.",
                    capital(&place)
                )));
            }
        };
        let Some(context) = merged
            .contexts
            .iter()
            .find(|named| named.name == *context_name)
            .and_then(|named| named.context.clone())
        else {
            let known: Vec<&str> = merged
                .contexts
                .iter()
                .map(|named| named.name.as_str())
                .collect();
            return Err(ClientError::new(format!(
                "{} has no context {context_name:?} ({context_place} {context_name:?}); set kubernetes.context to one that it has: {}.",
                capital(&place),
                if known.is_empty() {
                    "there is none".to_owned()
                } else {
                    known.join(", ")
                },
            )));
        };
        let Some(cluster) = merged
            .clusters
            .iter()
            .find(|named| named.name == context.cluster)
            .and_then(|named| named.cluster.clone())
        else {
            return Err(ClientError::new(format!(
                "{} has no cluster {:?}, which its context {context_name:?} names; add it or choose another kubernetes.context.",
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
                ClientError::new(format!("The cluster {:?} of {place} cannot be handed to the plug-in of user {user:?} ({error}); correct it.", context.cluster))
            })?);
        }

        let cluster_place = format!("cluster {:?} of {place}", context.cluster);
        let ca = match (
            non_empty(cluster.certificate_authority_data.as_deref()),
            non_empty(cluster.certificate_authority.as_deref()),
        ) {
            (Some(data), _) => Some(from_base64(
                data,
                &format!("certificate-authority-data of {cluster_place}"),
            )?),
            (None, Some(file)) => Some(from_file(
                Path::new(file),
                &format!("certificate-authority of {cluster_place}"),
                &mut files,
            )?),
            (None, None) => None,
        };
        Ok(Access {
            server: non_empty(cluster.server.as_deref())
                .map(|server| (server.to_owned(), cluster_place.clone())),
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

    fn from_service_account(&self, properties: Properties<'_>) -> Result<Access, ClientError> {
        let directory = &self.surroundings.service_account;
        let mut access = Access {
            place: format!("the service account in {}", directory.display()),
            whose: "the pod's service account".to_owned(),
            ..Access::default()
        };
        let variable = |name: &str| {
            self.surroundings
                .environment
                .get(name)
                .map(|value| value.trim())
                .filter(|value| !value.is_empty())
        };
        match (
            variable("KUBERNETES_SERVICE_HOST"),
            variable("KUBERNETES_SERVICE_PORT"),
        ) {
            (Some(host), Some(port)) => {
                let host = if host.contains(':') && !host.starts_with('[') {
                    format!("[{host}]")
                } else {
                    host.to_owned()
                };
                access.server = Some((
                    format!("https://{host}:{port}"),
                    "the environment variables KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT"
                        .to_owned(),
                ));
            }
            _ if directory.is_dir() => {
                access.server = Some((
                    "https://kubernetes.default.svc".to_owned(),
                    "stock's default".to_owned(),
                ))
            }
            _ if properties.get("kubernetes.master").is_some() => {}
            _ => {
                return Err(ClientError::new(format!(
                    "No way to the Kubernetes API server is configured: kubernetes.config.file is not set, no file of KUBECONFIG and no ~/.kube/config exists, and there is no service account in {}; set kubernetes.config.file, or run in a pod with a service account.",
                    directory.display()
                )));
            }
        }
        if properties.flag("kubernetes.auth.tryServiceAccount") != Some(false) {
            let token = properties
                .get("kubernetes.auth.serviceAccount.token")
                .map_or_else(|| directory.join("token"), PathBuf::from);
            if directory.is_dir() || token.is_file() {
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
}

/// System properties and environment variables win over every file, also over `kubernetes.config.file`.
fn override_by(properties: Properties<'_>, access: &mut Access) -> Result<(), ClientError> {
    if let Some((server, place)) = properties.named("kubernetes.master") {
        access.server = Some((server.to_owned(), place));
    }
    if let Some((_, place)) = properties.named("kubernetes.trust.certificates") {
        access.insecure =
            (properties.flag("kubernetes.trust.certificates") == Some(true)).then_some(place);
    }
    if let Some((data, place)) = properties.named("kubernetes.certs.ca.data") {
        access.ca = Some(if data.contains("-----BEGIN") {
            (data.as_bytes().to_vec(), place)
        } else {
            from_base64(data, &place)?
        });
    } else if let Some((file, place)) = properties.named("kubernetes.certs.ca.file") {
        access.ca = Some(from_file(Path::new(file), &place, &mut access.files)?);
    }

    let mut auth = serde_json::Map::new();
    for (property, field) in [
        ("kubernetes.certs.client.file", "client-certificate"),
        ("kubernetes.certs.client.data", "client-certificate-data"),
        ("kubernetes.certs.client.key.file", "client-key"),
        ("kubernetes.certs.client.key.data", "client-key-data"),
        ("kubernetes.auth.basic.username", "username"),
        ("kubernetes.auth.basic.password", "password"),
        ("kubernetes.impersonate.username", "as"),
        ("kubernetes.auth.token", "token"),
    ] {
        if let Some((value, place)) = properties.named(property) {
            auth.insert(field.to_owned(), json!(value));
            access.whose = place;
        }
    }
    if let Some(groups) = properties.get("kubernetes.impersonate.group") {
        auth.insert(
            "as-groups".to_owned(),
            groups.split(',').map(str::trim).collect(),
        );
    }
    if auth.is_empty() {
        return Ok(());
    }
    let has_token = auth.contains_key("token");
    let new: AuthInfo = serde_json::from_value(Value::Object(auth)).map_err(|_| {
        ClientError::new(format!(
            "The credentials in {} cannot be read; correct them.",
            access.whose
        ))
    })?;
    let old = &mut access.auth;
    if has_token {
        (old.token_file, old.exec, old.auth_provider) = (None, None, None);
    }
    // Data wins over a file, so a file that comes on top must remove the data below it.
    if new.client_certificate.is_some() || new.client_certificate_data.is_some() {
        (old.client_certificate, old.client_certificate_data) =
            (new.client_certificate, new.client_certificate_data);
    }
    if new.client_key.is_some() || new.client_key_data.is_some() {
        (old.client_key, old.client_key_data) = (new.client_key, new.client_key_data);
    }
    old.username = new.username.or(old.username.take());
    old.password = new.password.or(old.password.take());
    old.impersonate = new.impersonate.or(old.impersonate.take());
    old.impersonate_groups = new.impersonate_groups.or(old.impersonate_groups.take());
    old.token = new.token.or(old.token.take());
    Ok(())
}

fn finish(mut access: Access, properties: Properties<'_>) -> Result<Loaded, ClientError> {
    let Some((server, server_place)) = access.server.take() else {
        return Err(ClientError::new(format!(
            "{} names no server; add the address of the API server there.",
            capital(&access.place)
        )));
    };
    let server = parse_server(&server, &server_place)?;
    let mut config = kube::Config::new(server.clone());
    let mut warnings = Vec::new();

    config.accept_invalid_certs = access.insecure.is_some();
    if let Some(place) = &access.insecure
        && server.scheme_str() == Some("https")
    {
        warnings.push(format!("{} turns the verification of the API server's certificate off: whoever answers at {server} is trusted with the credentials.", capital(place)));
    }
    let trust_place = match access.ca {
        Some((pem, place)) => {
            config.root_cert = Some(parse_ca(&pem, &place)?);
            place
        }
        None => "the certificate authorities of the operating system, because none is configured"
            .to_owned(),
    };
    config.tls_server_name = access.tls_server_name;
    config.proxy_url = proxy::choose(&server, access.proxy, properties)?;
    config.default_retry = false;
    config.read_timeout = None;
    config.write_timeout = None;

    for file in [&access.auth.client_certificate, &access.auth.client_key]
        .into_iter()
        .flatten()
    {
        access.files.add(Path::new(file));
    }
    let (credentials, credentials_place) = take_token(&mut access.auth, &access.whose)?;
    config.auth_info = access.auth;
    Ok(Loaded {
        config,
        credentials,
        credentials_place,
        trust_place,
        files: access.files,
        warnings,
    })
}

/// Takes the token out of what kube gets to see: kube reads a token file at most once a minute and panics on a token that no header can hold.
fn take_token(auth: &mut AuthInfo, whose: &str) -> Result<(Credentials, String), ClientError> {
    let by_kube =
        auth.auth_provider.is_some() || (auth.username.is_some() && auth.password.is_some());
    let inline = serde_json::to_value(&*auth)
        .ok()
        .and_then(|auth| auth.get("token").and_then(Value::as_str).map(str::to_owned))
        .filter(|token| !token.is_empty());
    let file = auth.token_file.take().filter(|file| !file.is_empty());
    auth.token = None;
    if by_kube {
        return Ok((Credentials::Kube, format!("the credentials of {whose}")));
    }
    if let Some(file) = file {
        match TokenFile::open(Path::new(&file), whose) {
            Ok(token) => {
                auth.exec = None;
                let place = format!("the token in {}", token.path().display());
                return Ok((Credentials::File(token), place));
            }
            Err(error) if inline.is_none() => return Err(error),
            Err(_) => {}
        }
    }
    if let Some(token) = inline {
        auth.exec = None;
        let header = bearer(&token).map_err(|why| {
            ClientError::new(format!(
                "The token of {whose} {why}; put a valid bearer token there."
            ))
        })?;
        return Ok((Credentials::Fixed(header), format!("the token of {whose}")));
    }
    Ok((Credentials::Kube, format!("the credentials of {whose}")))
}

fn parse_server(server: &str, place: &str) -> Result<Uri, ClientError> {
    let wrong = |why: &str| {
        ClientError::new(format!(
            "The address {server:?} of the API server in {place} {why}; write it as https://host:port."
        ))
    };
    // A secret in the address must not end in a message.
    if server.contains('@') {
        return Err(ClientError::new(format!(
            "The address of the API server in {place} holds credentials; put them into the user of a kubeconfig."
        )));
    }
    let address = if server.contains("://") {
        server.to_owned()
    } else {
        format!("https://{server}")
    };
    let uri: Uri = address.parse().map_err(|_| wrong("is not a URL"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(wrong("has neither the scheme https nor http"));
    }
    if uri.host().unwrap_or_default().is_empty() {
        return Err(wrong("names no host"));
    }
    if uri.query().is_some() {
        return Err(wrong("holds a query"));
    }
    Ok(uri)
}

fn parse_ca(pem: &[u8], place: &str) -> Result<Vec<Vec<u8>>, ClientError> {
    let wrong = |why: &str| {
        ClientError::new(format!(
            "{} {why}; it must hold the API server's certificate authority in PEM form.",
            capital(place)
        ))
    };
    let mut store = rustls::RootCertStore::empty();
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| wrong("is damaged"))?;
        certificates.push(certificate.to_vec());
        store
            .add(certificate)
            .map_err(|_| wrong("holds something that is not a certificate"))?;
    }
    if certificates.is_empty() {
        return Err(wrong("holds no certificate"));
    }
    Ok(certificates)
}

fn from_base64(data: &str, place: &str) -> Result<(Vec<u8>, String), ClientError> {
    let compact: String = data.split_whitespace().collect();
    let bytes = STANDARD.decode(compact).map_err(|_| {
        ClientError::new(format!(
            "{} is not base64; it must hold a PEM file in base64.",
            capital(place)
        ))
    })?;
    Ok((bytes, place.to_owned()))
}

fn from_file(
    path: &Path,
    place: &str,
    files: &mut StampedFiles,
) -> Result<(Vec<u8>, String), ClientError> {
    files.add(path);
    let place = format!("{place}, {}", path.display());
    let bytes = std::fs::read(path).map_err(|error| {
        ClientError::new(format!(
            "{} cannot be read ({error}); name a file that can.",
            capital(&place)
        ))
    })?;
    Ok((bytes, place))
}

/// The YAML library quotes the lines around a mistake, which may hold tokens: only the place is told.
fn unreadable(path: &Path, error: &KubeconfigError) -> ClientError {
    let path = path.display();
    ClientError::new(match error {
        KubeconfigError::ReadConfig(error, _) => format!(
            "The kubeconfig {path} cannot be read ({error}); make it readable for this user."
        ),
        KubeconfigError::Parse(error) => {
            let place = error
                .location()
                .map(|location| {
                    format!(" at line {}, column {}", location.line(), location.column())
                })
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

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("server", &self.config.cluster_url)
            .field("credentials", &self.credentials_place)
            .field("trust", &self.trust_place)
            .finish_non_exhaustive()
    }
}
