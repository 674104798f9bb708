//! A way to the API server, put together from several places and then checked.

use std::path::Path;

use http::Uri;
use kube::config::AuthInfo;
use serde_json::{Value, json};

use super::certificate_authority::{self, PlacedPem, from_base64, from_file};
use super::error::{ClientError, capital};
use super::file_stamp::StampedFiles;
use super::properties::Properties;
use super::proxy;
use super::source::{Credentials, Loaded};
use super::token_file::{TokenFile, bearer};

/// A way to the API server, before it is checked.
#[derive(Default)]
pub(super) struct Access {
    /// For messages: where most of it stands.
    pub(super) place: String,
    pub(super) server: Option<(String, String)>,
    pub(super) ca: Option<PlacedPem>,
    /// Where the verification of certificates is turned off, if it is.
    pub(super) insecure: Option<String>,
    pub(super) tls_server_name: Option<String>,
    pub(super) proxy: Option<(String, String)>,
    pub(super) auth: AuthInfo,
    /// Whose credentials `auth` holds.
    pub(super) whose: String,
    pub(super) files: StampedFiles,
}

/// System properties and environment variables win over every file, also over `kubernetes.config.file`.
pub(super) fn override_by(properties: Properties<'_>, access: &mut Access) -> Result<(), ClientError> {
    if let Some((server, place)) = properties.named("kubernetes.master") {
        access.server = Some((server.to_owned(), place));
    }
    if let Some((_, place)) = properties.named("kubernetes.trust.certificates") {
        access.insecure = (properties.flag("kubernetes.trust.certificates") == Some(true)).then_some(place);
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
        auth.insert("as-groups".to_owned(), groups.split(',').map(str::trim).collect());
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
        (old.client_certificate, old.client_certificate_data) = (new.client_certificate, new.client_certificate_data);
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

/// Checks everything that can be checked without sending.
pub(super) fn finish(mut access: Access, properties: Properties<'_>) -> Result<Loaded, ClientError> {
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
            config.root_cert = Some(certificate_authority::parse(&pem, &place)?);
            place
        }
        None => "the certificate authorities of the operating system, because none is configured".to_owned(),
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
    let by_kube = auth.auth_provider.is_some() || (auth.username.is_some() && auth.password.is_some());
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
        let header = bearer(&token)
            .map_err(|why| ClientError::new(format!("The token of {whose} {why}; put a valid bearer token there.")))?;
        return Ok((Credentials::Fixed(header), format!("the token of {whose}")));
    }
    Ok((Credentials::Kube, format!("the credentials of {whose}")))
}

/// `http::Uri` takes any text for a port and then has none.
pub(super) fn port_is_sound(uri: &Uri) -> bool {
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    let address = authority.rsplit('@').next().unwrap_or_default();
    let port = address.strip_prefix(uri.host().unwrap_or_default()).unwrap_or_default();
    port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
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
    if !port_is_sound(&uri) {
        return Err(wrong("has no port that can be"));
    }
    if uri.query().is_some() {
        return Err(wrong("holds a query"));
    }
    Ok(uri)
}
