//! What Flink's S3 plug-ins are told in the configuration, as far as it can be honoured here to the letter.

use std::collections::BTreeMap;

use crate::storage::options::{Given, Refusal, Secret, invalid, server_url, unsupported};

/// Prefixes of the same settings: of both plug-ins, of the one on Hadoop's client, and of the one on Presto's.
const PREFIXES: [&str; 4] = ["s3.", "s3a.", "fs.s3a.", "presto.s3."];
/// Tokens that Flink obtains and hands out itself take the place of every other credential.
const DELEGATION_TOKENS: &str = "security.delegation.token.provider.s3";

/// Settings that bound or tune the plug-in's own work: what is read and written is the same without them.
const TUNING: &[&str] = &[
    "attempts.maximum",
    "block.size",
    "buffer.dir",
    "bulk.delete",
    "change.detection",
    "committer",
    "connection.establish",
    "connection.maximum",
    "connection.timeout",
    "connect.timeout",
    "directory.marker",
    "entropy",
    "experimental",
    "fast.upload",
    "input",
    "list.version",
    "max",
    "metrics",
    "multipart",
    "paging.maximum",
    "readahead.range",
    "retry",
    "socket",
    "staging.directory",
    "statistics",
    "threads",
    "upload",
    "user.agent.prefix",
];

/// How the credentials are found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Credentials {
    /// As on every machine of that cloud: environment, web identity, container, instance.
    #[default]
    Ambient,
    /// From the configuration.
    Keys(Keys),
    /// Requests are not signed.
    Anonymous,
}

/// An access key and what belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) access: Secret,
    pub(super) secret: Secret,
    pub(super) session_token: Option<Secret>,
}

/// What the store encrypts objects with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// A key of the store.
    Store,
    /// A key of the key management service; its default one without an id.
    Managed(Option<String>),
}

/// Everything that is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) credentials: Credentials,
    /// A URL with its scheme.
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    pub(super) path_style: bool,
    pub(super) requester_pays: bool,
    pub(super) encryption: Option<Encryption>,
}

impl Settings {
    /// Reads the keys with one of the known prefixes. `path` is that of the storage directory.
    pub(super) fn read(options: &BTreeMap<String, String>, path: &str) -> Result<Self, Refusal> {
        if let Some(key) = options.keys().find(|key| key.starts_with(DELEGATION_TOKENS)) {
            return unsupported(format!("it cannot honour {key}"));
        }
        // Both plug-ins take either character in most names.
        let mut given = Given::collect(options, &PREFIXES, |name| name.replace('-', "."))?;
        if let Some((key, marker)) = given.take("entropy.key")
            && path.contains(marker)
        {
            return unsupported(format!("it replaces {marker} of {key} in paths"));
        }
        let settings = Self {
            credentials: credentials(&mut given)?,
            endpoint: endpoint(&mut given)?,
            region: region(&mut given)?,
            path_style: given.flag("path.style.access")?.unwrap_or(false),
            requester_pays: given.flag("requester.pays.enabled")?.unwrap_or(false),
            encryption: encryption(&mut given)?,
        };
        given.finish(TUNING)?;
        Ok(settings)
    }
}

fn credentials(given: &mut Given<'_>) -> Result<Credentials, Refusal> {
    let access = given.first(&["access.key", "awsAccessKeyId"])?;
    let secret = given.first(&["secret.key", "awsSecretAccessKey"])?;
    let token = given.take("session.token");
    let provider = given.take("aws.credentials.provider");
    let keys = match (access, secret) {
        (Some((_, access)), Some((_, secret))) => Some(Keys {
            access: Secret(access.to_owned()),
            secret: Secret(secret.to_owned()),
            session_token: token.map(|(_, token)| Secret(token.to_owned())),
        }),
        (None, None) => None,
        (Some((key, _)), None) => return invalid(key, "has no secret key beside it, set s3.secret-key too."),
        (None, Some((key, _))) => return invalid(key, "has no access key beside it, set s3.access-key too."),
    };
    let Some((key, provider)) = provider else {
        return Ok(keys.map_or_else(Credentials::default, Credentials::Keys));
    };
    match (provider.rsplit('.').next().unwrap_or_default(), keys) {
        ("AnonymousAWSCredentialsProvider" | "AnonymousCredentialsProvider", _) => Ok(Credentials::Anonymous),
        ("SimpleAWSCredentialsProvider" | "TemporaryAWSCredentialsProvider", Some(keys)) => Ok(Credentials::Keys(keys)),
        _ => unsupported(format!("it cannot honour {key}: {provider}")),
    }
}

fn endpoint(given: &mut Given<'_>) -> Result<Option<String>, Refusal> {
    let encrypted = [given.flag("connection.ssl.enabled")?, given.flag("ssl.enabled")?];
    let encrypted = encrypted.into_iter().flatten().all(|enabled| enabled);
    let Some((key, endpoint)) = given.take("endpoint") else {
        return Ok(None);
    };
    let scheme = if encrypted { "https" } else { "http" };
    let example = "https://s3.example.com:9000";
    Ok(Some(server_url(key, endpoint, Some(scheme), example)?))
}

fn region(given: &mut Given<'_>) -> Result<Option<String>, Refusal> {
    let region = given.first(&["endpoint.region", "region"])?;
    Ok(region.map(|(_, region)| region.to_owned()))
}

fn encryption(given: &mut Given<'_>) -> Result<Option<Encryption>, Refusal> {
    let id = given.first(&["encryption.key", "server.side.encryption.key", "sse.kms.key.id"])?;
    let id = id.map(|(_, id)| id.to_owned());
    if given.flag("sse.enabled")? == Some(true) {
        return match given.take("sse.type") {
            None | Some((_, "S3")) => Ok(Some(Encryption::Store)),
            Some((_, "KMS")) => Ok(Some(Encryption::Managed(id))),
            Some((key, value)) => unsupported(format!("it cannot honour {key}: {value}")),
        };
    }
    given.take("sse.type");
    match given.first(&["encryption.algorithm", "server.side.encryption.algorithm"])? {
        None => Ok(None),
        Some((_, "AES256")) => Ok(Some(Encryption::Store)),
        Some((_, "SSE-KMS")) => Ok(Some(Encryption::Managed(id))),
        Some((key, value)) => unsupported(format!("it cannot honour {key}: {value}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::storage::options::configured;

    fn read(options: &[(&str, &str)]) -> Result<Settings, Refusal> {
        Settings::read(&configured(options), "/flink/_entropy_/ha")
    }

    #[test]
    fn nothing_is_needed() {
        assert_eq!(read(&[]).unwrap(), Settings::default());
    }

    #[test]
    fn every_prefix_and_either_character_means_the_same() {
        let keys = Keys {
            access: Secret("a".to_owned()),
            secret: Secret("b".to_owned()),
            session_token: None,
        };
        for (access, secret) in [
            ("s3.access-key", "s3.secret-key"),
            ("s3.access.key", "s3.secret.key"),
            ("s3a.access.key", "s3a.secret.key"),
            ("fs.s3a.access.key", "fs.s3a.secret.key"),
            ("presto.s3.access-key", "presto.s3.secret-key"),
        ] {
            let settings = read(&[(access, "a"), (secret, " b ")]).unwrap();
            assert_eq!(settings.credentials, Credentials::Keys(keys.clone()), "{access}");
        }
    }

    #[test]
    fn everything_that_is_honoured() {
        let settings = read(&[
            ("s3.access-key", "a"),
            ("s3.secret-key", "b"),
            ("s3.session-token", "c"),
            ("s3.endpoint", "http://127.0.0.1:9000/"),
            ("s3.endpoint.region", "eu-central-1"),
            ("s3.path.style.access", "TRUE"),
            ("fs.s3a.requester.pays.enabled", "true"),
            ("fs.s3a.encryption.algorithm", "SSE-KMS"),
            ("fs.s3a.encryption.key", "id"),
            ("s3.entropy.key", "_other_"),
            ("s3.upload.max.concurrent.uploads", "8"),
            ("fs.s3a.connection.maximum", "100"),
            ("fs.s3a.threads.max", "100"),
            ("presto.s3.max-connections", "100"),
        ]);
        let settings = settings.unwrap();
        assert_eq!(settings.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
        assert_eq!(settings.region.as_deref(), Some("eu-central-1"));
        assert!(settings.path_style && settings.requester_pays);
        assert_eq!(settings.encryption, Some(Encryption::Managed(Some("id".to_owned()))));
        let Credentials::Keys(keys) = &settings.credentials else {
            panic!()
        };
        assert_eq!(keys.session_token, Some(Secret("c".to_owned())));
        let text = format!("{settings:?}");
        assert!(text.contains("***") && !text.contains("\"b\""), "{text}");
    }

    #[test]
    fn an_endpoint_without_scheme_is_encrypted_unless_that_is_off() {
        let endpoint = |options: &[(&str, &str)]| read(options).unwrap().endpoint.unwrap();
        assert_eq!(endpoint(&[("s3.endpoint", "s3.example.com")]), "https://s3.example.com");
        for off in ["fs.s3a.connection.ssl.enabled", "presto.s3.ssl.enabled"] {
            assert_eq!(endpoint(&[("s3.endpoint", "h:1"), (off, "false")]), "http://h:1");
        }
    }

    #[test]
    fn what_only_the_plug_in_can_do_is_left_to_it() {
        for options in [
            &[("s3.entropy.key", "_entropy_")][..],
            &[("fs.s3a.aws.credentials.provider", "com.example.Vault")],
            &[(
                "fs.s3a.aws.credentials.provider",
                "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
            )],
            &[("fs.s3a.assumed.role.arn", "arn")],
            &[("fs.s3a.proxy.host", "proxy")],
            &[("fs.s3a.encryption.algorithm", "SSE-C")],
            &[("presto.s3.sse.enabled", "true"), ("presto.s3.sse.type", "OTHER")],
            &[("presto.s3.kms-key-id", "client-side")],
            &[("s3.endpoint", "http://a"), ("fs.s3a.endpoint", "http://b")],
            &[("security.delegation.token.provider.s3-hadoop.access-key", "a")],
            &[("s3.something.new", "x")],
        ] {
            assert!(matches!(read(options), Err(Refusal::Unsupported(_))), "{options:?}");
        }
    }

    #[test]
    fn what_cannot_be_right_is_refused_by_its_key() {
        for (options, key) in [
            (&[("s3.access-key", "a")][..], "s3.access-key"),
            (&[("s3.secret.key", "a")], "s3.secret.key"),
            (&[("s3.path.style.access", "yes")], "s3.path.style.access"),
            (&[("s3.endpoint", "ftp://a")], "s3.endpoint"),
            (&[("s3.endpoint", "http://user:secret@a")], "s3.endpoint"),
        ] {
            let Err(Refusal::Invalid(message)) = read(options) else {
                panic!("{options:?}")
            };
            assert!(
                message.starts_with(&format!("{key}: ")) && !message.contains("secret@"),
                "{message}"
            );
        }
    }

    #[test]
    fn presto_names_for_encryption() {
        let encryption = |options: &[(&str, &str)]| read(options).unwrap().encryption;
        assert_eq!(
            encryption(&[("presto.s3.sse.enabled", "true")]),
            Some(Encryption::Store)
        );
        let managed = [
            ("presto.s3.sse.enabled", "true"),
            ("presto.s3.sse.type", "KMS"),
            ("presto.s3.sse.kms-key-id", "k"),
        ];
        assert_eq!(encryption(&managed), Some(Encryption::Managed(Some("k".to_owned()))));
        assert_eq!(encryption(&[("presto.s3.sse.enabled", "false")]), None);
    }
}
