//! What Flink's plug-in for Google's cloud is told in the configuration, as far as it can be honoured here to the letter.

use std::collections::BTreeMap;

use crate::storage::options::{Given, Refusal, Secret, invalid, server_url, unsupported};

/// Prefixes of the same settings, Flink's and Hadoop's.
const PREFIXES: [&str; 2] = ["gs.", "fs.gs."];

/// Settings that bound or tune the plug-in's own work: what is read and written is the same without them.
const TUNING: &[&str] = &[
    "application.name.suffix",
    "batch.threads",
    "block.size",
    "bucket.delete.enable",
    "checksum.type",
    "copy",
    "create.items.conflict.check.enable",
    "filesink",
    "glob",
    "grpc",
    "hierarchical.namespace.folders.enable",
    "http.connect-timeout",
    "http.max.retry",
    "http.read-timeout",
    "http.transport.type",
    "implicit.dir",
    "inputstream",
    "lazy.init.enable",
    "list.max.items.per.call",
    "marker.file.pattern",
    "max",
    "metrics",
    "outputstream",
    "performance.cache",
    // Whom a bucket that the plug-in makes or lists belongs to.
    "project.id",
    "reported.permissions",
    "retry",
    "rewrite.max.bytes.per.call",
    "rewrite.max.chunk.size",
    "status.parallel.enable",
    "tracelog.enable",
    "working.dir",
    "writer",
];

/// How the credentials are found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Credentials {
    /// As everywhere in that cloud: what the environment names, what Google's tool has left, the instance.
    #[default]
    Ambient,
    /// In this file, with the key that names it.
    File { key: String, path: String },
    /// From the configuration.
    Account(Account),
}

/// The key of a service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) email: String,
    pub(super) key_id: Secret,
    pub(super) key: Secret,
}

/// Everything that is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) credentials: Credentials,
    /// A URL with its scheme; Google's own without it.
    pub(super) server: Option<String>,
}

impl Settings {
    /// Reads the keys with one of the known prefixes.
    pub(super) fn read(options: &BTreeMap<String, String>) -> Result<Self, Refusal> {
        let mut given = Given::collect(options, &PREFIXES, str::to_owned)?;
        let settings = Self {
            credentials: credentials(&mut given)?,
            server: server(&mut given)?,
        };
        if let Some((key, mode)) = given.take("requester.pays.mode")
            && !mode.eq_ignore_ascii_case("DISABLED")
        {
            return unsupported(format!("it cannot honour {key}: {mode}"));
        }
        given.finish(TUNING)?;
        Ok(settings)
    }
}

/// In the order of the plug-in: a key, a file.
fn credentials(given: &mut Given<'_>) -> Result<Credentials, Refusal> {
    if let Some(false) = given.flag("auth.service.account.enable")? {
        return unsupported("it cannot honour fs.gs.auth.service.account.enable: false".to_owned());
    }
    let file = given.take("auth.service.account.json.keyfile");
    let Some((key_of_id, key_id)) = given.take("auth.service.account.private.key.id") else {
        return Ok(file.map_or(Credentials::Ambient, |(key, path)| Credentials::File {
            key: key.to_owned(),
            path: path.to_owned(),
        }));
    };
    let (email, key) = (
        given.take("auth.service.account.email"),
        given.take("auth.service.account.private.key"),
    );
    let (Some((_, email)), Some((_, key))) = (email, key) else {
        let fault = "is not all of an account, set fs.gs.auth.service.account.private.key and fs.gs.auth.service.account.email too.";
        return invalid(key_of_id, fault);
    };
    Ok(Credentials::Account(Account {
        email: email.to_owned(),
        key_id: Secret(key_id.to_owned()),
        key: Secret(key.to_owned()),
    }))
}

fn server(given: &mut Given<'_>) -> Result<Option<String>, Refusal> {
    let Some((key, url)) = given.take("storage.root.url") else {
        return Ok(None);
    };
    server_url(key, url, None, "https://storage.googleapis.com").map(Some)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::storage::options::configured;

    fn read(options: &[(&str, &str)]) -> Result<Settings, Refusal> {
        Settings::read(&configured(options))
    }

    #[test]
    fn nothing_is_needed() {
        assert_eq!(read(&[]).unwrap(), Settings::default());
    }

    #[test]
    fn a_file_is_named_under_either_prefix() {
        for key in [
            "gs.auth.service.account.json.keyfile",
            "fs.gs.auth.service.account.json.keyfile",
        ] {
            let expected = Credentials::File {
                key: key.to_owned(),
                path: "/a.json".to_owned(),
            };
            assert_eq!(read(&[(key, " /a.json ")]).unwrap().credentials, expected);
        }
    }

    #[test]
    fn everything_that_is_honoured() {
        let settings = read(&[
            ("gs.auth.service.account.enable", "true"),
            ("gs.auth.service.account.email", "a@b"),
            ("gs.auth.service.account.private.key.id", "id-of-it"),
            ("gs.auth.service.account.private.key", "hidden"),
            ("fs.gs.storage.root.url", "http://127.0.0.1:4443/"),
            ("fs.gs.requester.pays.mode", "disabled"),
            ("gs.writer.chunk.size", "8mb"),
            ("gs.retry.max-attempt", "3"),
            ("fs.gs.inputstream.fadvise", "AUTO"),
        ]);
        let settings = settings.unwrap();
        assert_eq!(settings.server.as_deref(), Some("http://127.0.0.1:4443"));
        let Credentials::Account(account) = &settings.credentials else {
            panic!()
        };
        assert_eq!((account.email.as_str(), account.key.0.as_str()), ("a@b", "hidden"));
        let text = format!("{settings:?}");
        assert!(!text.contains("hidden") && !text.contains("id-of-it"), "{text}");
    }

    #[test]
    fn what_only_the_plug_in_can_do_is_left_to_it() {
        for options in [
            &[("gs.auth.service.account.enable", "false")][..],
            &[("gs.auth.service.account.keyfile", "/a.p12")],
            &[("gs.auth.null.enable", "true")],
            &[("gs.auth.access.token.provider.impl", "com.example.Vault")],
            &[("gs.auth.impersonation.service.account", "a@b")],
            &[("fs.gs.proxy.address", "proxy:3128")],
            &[("fs.gs.encryption.key", "x")],
            &[("fs.gs.requester.pays.mode", "AUTO")],
            &[
                ("fs.gs.storage.root.url", "http://a"),
                ("gs.storage.root.url", "http://b"),
            ],
            &[("env.hadoop.conf.dir", "/etc/hadoop")],
            &[("gs.something.new", "x")],
        ] {
            assert!(matches!(read(options), Err(Refusal::Unsupported(_))), "{options:?}");
        }
    }

    #[test]
    fn what_cannot_be_right_is_refused_by_its_key() {
        for (options, key) in [
            (
                &[("gs.auth.service.account.private.key.id", "a")][..],
                "gs.auth.service.account.private.key.id",
            ),
            (
                &[("fs.gs.storage.root.url", "localhost:4443")],
                "fs.gs.storage.root.url",
            ),
            (
                &[("gs.auth.service.account.enable", "yes")],
                "gs.auth.service.account.enable",
            ),
        ] {
            let Err(Refusal::Invalid(message)) = read(options) else {
                panic!("{options:?}")
            };
            assert!(message.starts_with(&format!("{key}: ")), "{message}");
        }
    }
}
