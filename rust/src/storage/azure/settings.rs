//! What Flink's plug-in for Azure is told in the configuration, as far as it can be honoured here to the letter.

use std::collections::BTreeMap;

use super::account::Account;
use crate::storage::options::{Given, Refusal, Secret, invalid, server_url, unsupported};

/// Prefixes of the same settings, Flink's and Hadoop's.
const PREFIXES: [&str; 2] = ["fs.azure.", "azure."];
/// Where Hadoop's client looks for the token of a pod.
const TOKEN_FILE: &str = "/var/run/secrets/azure/tokens/azure-identity-token";
/// The key comes from the environment then.
const ENVIRONMENT: &str = "org.apache.flink.fs.azurefs.EnvironmentVariableKeyProvider";

/// Settings that bound or tune the plug-in's own work: what is read and written is the same without them.
const TUNING: &[&str] = &[
    "abfs.latency.track",
    "account.expect.header.enabled",
    "account.hns.enabled",
    "account.operation.idle.timeout",
    "account.throttling.enabled",
    "analysis.period",
    "atomic.rename.dir",
    "atomic.rename.key",
    "autothrottling.enable",
    "block.blob.buffered.pread.disable",
    "block.location.impersonatedhost",
    "block.size",
    "block.upload.active.blocks",
    "buffer.dir",
    "check.block.md5",
    "client.correlationid",
    "cluster",
    "concurrentRequestCount",
    "custom.token.fetch.retry.count",
    "data.blocks.buffer",
    "disable.outputstream.flush",
    "enable",
    "flatlist.enable",
    "http.connection.timeout",
    "http.read.timeout",
    "io",
    "linear.retry",
    "list.max.results",
    "metric",
    "networking.library",
    "oauth.token.fetch.retry",
    "read",
    "readahead.range",
    "readaheadqueue.depth",
    "rename",
    "selfthrottling",
    "skipUserGroupMetadataDuringInitialization",
    "ssl.channel.mode",
    "storage.timeout",
    "store.blob.md5",
    "tracingheader.format",
    "user.agent.prefix",
    "write",
];

/// How the credentials are found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Credentials {
    /// As everywhere in that cloud: what the environment names, the identity of the machine.
    #[default]
    Ambient,
    /// The key of the account.
    Key(Secret),
    /// The key of the account, in the environment.
    KeyOfEnvironment,
    /// A signature that somebody else has made.
    Signature(Secret),
    Client {
        authority: String,
        tenant: String,
        id: String,
        secret: Secret,
    },
    /// Of the machine, which the client's id tells apart if there are several.
    Machine {
        id: Option<String>,
        endpoint: Option<String>,
    },
    /// Of the pod.
    Workload {
        authority: Option<String>,
        tenant: String,
        id: String,
        file: String,
    },
}

impl Credentials {
    /// Who reads a token on its way can use it; the others sign with what is never sent, or were meant to be sent like that.
    const fn are_tokens(&self) -> bool {
        !matches!(self, Self::Key(_) | Self::KeyOfEnvironment | Self::Signature(_))
    }
}

/// Everything that is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) credentials: Credentials,
    /// Of the account, with its name where the server has none.
    pub(super) url: String,
}

impl Settings {
    /// Reads the keys with one of the known prefixes, as far as they are for this account.
    pub(super) fn read(options: &BTreeMap<String, String>, account: &Account) -> Result<Self, Refusal> {
        let mut given = Given::collect(options, &PREFIXES, str::to_owned)?;
        given.drop(|name| is_of_another(name, account));
        let credentials = credentials(&mut given, account)?;
        let url = url(&mut given, account, credentials.are_tokens())?;
        let settings = Self { credentials, url };
        given.finish(TUNING)?;
        Ok(settings)
    }
}

/// Several accounts, and containers of the older driver, can stand in one configuration.
fn is_of_another(name: &str, account: &Account) -> bool {
    let of_this = name.ends_with(&format!(".{}", account.host));
    let of_container = format!("sas.{}.{}", account.container, account.host);
    let of_another_container = !account.is_new && name.starts_with("sas.") && name != of_container;
    of_another_container || !of_this && [".dfs.core.", ".blob.core."].iter().any(|part| name.contains(part))
}

/// The setting of this account, or else the one of all, which only the newer driver knows.
fn of_account<'a>(given: &mut Given<'a>, account: &Account, name: &str) -> Option<(&'a str, &'a str)> {
    let own = given.take(&format!("{name}.{}", account.host));
    let general = if account.is_new { given.take(name) } else { None };
    own.or(general)
}

/// Tokens are sent over TLS whatever else is said, as by Hadoop's client.
fn url(given: &mut Given<'_>, account: &Account, tokens: bool) -> Result<String, Refusal> {
    let always = account.is_new && given.flag("always.use.https")?.unwrap_or(true);
    let scheme = if account.encrypted || always || tokens {
        "https"
    } else {
        "http"
    };
    if !account.is_new {
        return Ok(format!("{scheme}://{}", account.blob_host()));
    }
    match given.take("abfs.endpoint") {
        None => Ok(format!("{scheme}://{}", account.blob_host())),
        // For servers without a name, which take the account's as the first part of the path.
        Some((key, address)) if address.contains(':') && !address.contains('/') => {
            let server = server_url(key, address, Some(scheme), "127.0.0.1:10000")?;
            Ok(format!("{server}/{}", account.name))
        }
        Some((key, _)) => invalid(key, "is not the address of a server, write it like 127.0.0.1:10000."),
    }
}

fn credentials(given: &mut Given<'_>, account: &Account) -> Result<Credentials, Refusal> {
    let key = of_account(given, account, "account.key");
    let provider = of_account(given, account, "account.keyprovider");
    let from_key = match provider {
        Some((_, ENVIRONMENT)) => Some(Credentials::KeyOfEnvironment),
        Some((key, class)) if !class.ends_with(".SimpleKeyProvider") => {
            return unsupported(format!("it cannot honour {key}: {class}"));
        }
        _ => key.map(|(_, key)| Credentials::Key(Secret(key.to_owned()))),
    };
    if !account.is_new {
        let signature = given.take(&format!("sas.{}.{}", account.container, account.host));
        let signature = signature.map(|(_, signature)| Credentials::Signature(Secret(signature.to_owned())));
        return Ok(signature.or(from_key).unwrap_or_default());
    }
    let signature = of_account(given, account, "sas.fixed.token");
    match (of_account(given, account, "account.auth.type"), signature) {
        (None | Some((_, "SharedKey")), _) => Ok(from_key.unwrap_or_default()),
        (Some((_, "SAS")), Some((_, signature))) => Ok(Credentials::Signature(Secret(signature.to_owned()))),
        (Some((_, "OAuth")), _) => oauth(given, account),
        (Some((key, kind)), _) => unsupported(format!("it cannot honour {key}: {kind}")),
    }
}

fn oauth(given: &mut Given<'_>, account: &Account) -> Result<Credentials, Refusal> {
    let mut taken = |name: &str| {
        let key = format!("account.oauth2.{name}");
        of_account(given, account, &key).map(|(key, value)| (key, value.to_owned()))
    };
    let (id, secret) = (taken("client.id"), taken("client.secret"));
    let (endpoint, tenant) = (taken("client.endpoint"), taken("msi.tenant"));
    let (machine, authority) = (taken("msi.endpoint"), taken("msi.authority"));
    let file = taken("token.file");
    let text = |found: Option<(&str, String)>| found.map(|(_, value)| value);
    let Some((key, class)) = of_account(given, account, "account.oauth.provider.type") else {
        return invalid(
            "fs.azure.account.auth.type",
            "says OAuth and nothing says which, set fs.azure.account.oauth.provider.type too.",
        );
    };
    let missing = |name: &str| {
        invalid(
            key,
            &format!("needs more than there is, set fs.azure.account.oauth2.{name} too."),
        )
    };
    match class.rsplit('.').next().unwrap_or_default() {
        "ClientCredsTokenProvider" => {
            let (Some((_, id)), Some((_, secret))) = (id, secret) else {
                return missing("client.id and fs.azure.account.oauth2.client.secret");
            };
            let Some((key, endpoint)) = endpoint else {
                return missing("client.endpoint");
            };
            let Some((authority, tenant)) = authority_and_tenant(&endpoint) else {
                return unsupported(format!("it cannot honour {key}: {endpoint}"));
            };
            Ok(Credentials::Client {
                authority,
                tenant,
                id,
                secret: Secret(secret),
            })
        }
        "MsiTokenProvider" => Ok(Credentials::Machine {
            id: text(id),
            endpoint: text(machine),
        }),
        "WorkloadIdentityTokenProvider" => {
            let (Some((_, id)), Some((_, tenant))) = (id, tenant) else {
                return missing("client.id and fs.azure.account.oauth2.msi.tenant");
            };
            Ok(Credentials::Workload {
                authority: text(authority).map(|url| url.trim_end_matches('/').to_owned()),
                tenant,
                id,
                file: text(file).unwrap_or_else(|| TOKEN_FILE.to_owned()),
            })
        }
        _ => unsupported(format!("it cannot honour {key}: {class}")),
    }
}

/// Of `https://login.microsoftonline.com/<tenant>/oauth2/token`, in either version.
fn authority_and_tenant(endpoint: &str) -> Option<(String, String)> {
    let rest = endpoint.strip_prefix("https://")?;
    let (host, rest) = rest.split_once('/')?;
    let (tenant, path) = rest.split_once('/')?;
    let known = matches!(path, "oauth2/token" | "oauth2/v2.0/token");
    known.then(|| (format!("https://{host}"), tenant.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::storage::location::Location;
    use crate::storage::options::configured;

    const NEW: &str = "abfss://c@a.dfs.core.windows.net/x";
    const OLD: &str = "wasbs://c@a.blob.core.windows.net/x";

    fn read(root: &str, options: &[(&str, &str)]) -> Result<Settings, Refusal> {
        let account = Account::of(&Location::parse(root).unwrap()).unwrap();
        Settings::read(&configured(options), &account)
    }

    fn key(text: &str) -> Credentials {
        Credentials::Key(Secret(text.to_owned()))
    }

    #[test]
    fn the_server_is_that_of_blobs() {
        let off = ("fs.azure.always.use.https", "false");
        let keys = [
            ("fs.azure.account.key.a.dfs.core.windows.net", "k"),
            ("fs.azure.account.key.a.blob.core.windows.net", "k"),
        ];
        let address = ("fs.azure.abfs.endpoint", "127.0.0.1:10000");
        for (root, options, url) in [
            (NEW, &[][..], "https://a.blob.core.windows.net"),
            (OLD, &[], "https://a.blob.core.windows.net"),
            (
                "wasb://c@a.blob.core.windows.net/x",
                &[],
                "http://a.blob.core.windows.net",
            ),
            (
                "abfs://c@a.dfs.core.windows.net/x",
                &[],
                "https://a.blob.core.windows.net",
            ),
            (
                "abfs://c@a.dfs.core.windows.net/x",
                &[off],
                "http://a.blob.core.windows.net",
            ),
            (
                "abfs://c@a.dfs.core.windows.net/x",
                &[off, address],
                "http://127.0.0.1:10000/a",
            ),
            (NEW, &[off, address], "https://127.0.0.1:10000/a"),
        ] {
            let settings = read(root, &[options, &keys].concat()).unwrap();
            assert_eq!(settings.url, url, "{root} {options:?}");
            let with_tokens = read(root, options).unwrap();
            assert_eq!(with_tokens.credentials, Credentials::Ambient);
            assert_eq!(
                with_tokens.url,
                url.replacen("http://", "https://", 1),
                "{root} {options:?}"
            );
        }
    }

    #[test]
    fn keys_belong_to_accounts() {
        let (of_files, of_blobs) = (
            ("fs.azure.account.key.a.dfs.core.windows.net", "files"),
            ("azure.account.key.a.blob.core.windows.net", "blobs"),
        );
        let of_another = ("fs.azure.account.key.b.dfs.core.windows.net", "other");
        let of_all = ("fs.azure.account.key", "all");
        let all = [of_files, of_blobs, of_another, of_all];
        assert_eq!(read(NEW, &all).unwrap().credentials, key("files"));
        assert_eq!(read(OLD, &all[..3]).unwrap().credentials, key("blobs"));
        assert_eq!(read(NEW, &all[1..]).unwrap().credentials, key("all"));
        assert_eq!(read(NEW, &[of_another]).unwrap().credentials, Credentials::Ambient);
        let environment = ("fs.azure.account.keyprovider.a.blob.core.windows.net", ENVIRONMENT);
        assert_eq!(
            read(OLD, &[of_blobs, environment]).unwrap().credentials,
            Credentials::KeyOfEnvironment
        );
    }

    #[test]
    fn signatures() {
        let signature = Credentials::Signature(Secret("sig=s".to_owned()));
        let of_another = ("fs.azure.sas.d.a.blob.core.windows.net", "sig=d");
        let old = read(OLD, &[("fs.azure.sas.c.a.blob.core.windows.net", "sig=s"), of_another]);
        assert_eq!(old.unwrap().credentials, signature);
        let kind = ("fs.azure.account.auth.type", "SAS");
        let new = read(
            NEW,
            &[kind, ("fs.azure.sas.fixed.token.a.dfs.core.windows.net", "sig=s")],
        );
        assert_eq!(new.unwrap().credentials, signature);
    }

    #[test]
    fn providers_of_tokens() {
        let oauth = |class: &'static str, more: &[(&'static str, &'static str)]| {
            let mut options = vec![
                ("fs.azure.account.auth.type.a.dfs.core.windows.net", "OAuth"),
                ("fs.azure.account.oauth.provider.type", class),
                ("fs.azure.account.oauth2.client.id", "id"),
            ];
            options.extend(more);
            read(NEW, &options)
        };
        let client = oauth(
            "org.apache.hadoop.fs.azurebfs.oauth2.ClientCredsTokenProvider",
            &[
                ("fs.azure.account.oauth2.client.secret", "hidden"),
                (
                    "fs.azure.account.oauth2.client.endpoint",
                    "https://login.microsoftonline.com/tenant/oauth2/token",
                ),
            ],
        );
        let client = client.unwrap();
        assert!(!format!("{client:?}").contains("hidden"));
        assert_eq!(
            client.credentials,
            Credentials::Client {
                authority: "https://login.microsoftonline.com".to_owned(),
                tenant: "tenant".to_owned(),
                id: "id".to_owned(),
                secret: Secret("hidden".to_owned()),
            }
        );
        let machine = oauth("x.MsiTokenProvider", &[("fs.azure.account.oauth2.msi.tenant", "t")]);
        assert_eq!(
            machine.unwrap().credentials,
            Credentials::Machine {
                id: Some("id".to_owned()),
                endpoint: None
            }
        );
        let pod = oauth(
            "x.WorkloadIdentityTokenProvider",
            &[("fs.azure.account.oauth2.msi.tenant", "t")],
        );
        assert_eq!(
            pod.unwrap().credentials,
            Credentials::Workload {
                authority: None,
                tenant: "t".to_owned(),
                id: "id".to_owned(),
                file: TOKEN_FILE.to_owned()
            }
        );
        assert!(matches!(
            oauth("x.RefreshTokenBasedTokenProvider", &[]),
            Err(Refusal::Unsupported(_))
        ));
    }

    #[test]
    fn what_only_the_plug_in_can_do_is_left_to_it() {
        for options in [
            &[("fs.azure.account.auth.type", "Custom")][..],
            &[("fs.azure.account.auth.type", "SAS")],
            &[(
                "fs.azure.account.keyprovider.a.dfs.core.windows.net",
                "x.ShellDecryptionKeyProvider",
            )],
            &[("fs.azure.client-provided-encryption-key", "x")],
            &[("fs.azure.appendblob.directories", "/x")],
            &[("fs.azure.createRemoteFileSystemDuringInitialization", "true")],
            &[("fs.azure.account.key", "a"), ("azure.account.key", "b")],
            &[("fs.azure.something.new", "x")],
        ] {
            assert!(
                matches!(read(NEW, options), Err(Refusal::Unsupported(_))),
                "{options:?}"
            );
        }
        assert!(
            read(
                NEW,
                &[
                    ("fs.azure.io.retry.max.retries", "3"),
                    ("fs.azure.write.request.size", "1")
                ]
            )
            .is_ok()
        );
    }

    #[test]
    fn what_cannot_be_right_is_refused_by_its_key() {
        for (options, key) in [
            (&[("fs.azure.abfs.endpoint", "localhost")][..], "fs.azure.abfs.endpoint"),
            (&[("fs.azure.always.use.https", "1")], "fs.azure.always.use.https"),
            (&[("fs.azure.account.auth.type", "OAuth")], "fs.azure.account.auth.type"),
            (
                &[
                    ("fs.azure.account.auth.type", "OAuth"),
                    ("fs.azure.account.oauth.provider.type", "x.ClientCredsTokenProvider"),
                    ("fs.azure.account.oauth2.client.secret", "hidden"),
                ],
                "fs.azure.account.oauth.provider.type",
            ),
        ] {
            let Err(Refusal::Invalid(message)) = read(NEW, options) else {
                panic!("{options:?}")
            };
            assert!(
                message.starts_with(&format!("{key}: ")) && !message.contains("hidden"),
                "{message}"
            );
        }
    }
}
