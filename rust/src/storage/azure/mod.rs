//! The schemes of Flink's plug-in for Azure, all served by the account's store of blobs.

mod account;
mod settings;

use std::collections::BTreeMap;
use std::env;

use object_store::azure::{AzureConfigKey, MicrosoftAzure, MicrosoftAzureBuilder};

use super::location::Location;
use super::options::{Refusal, invalid};
use super::remote::{self, Remote, StoreFactory};
use crate::error::HaError;
use account::Account;
pub(super) use account::is_scheme;
use settings::{Credentials, Settings};

/// Holds the key of the account where the configuration says so.
const KEY: &str = "AZURE_STORAGE_KEY";
/// Of a client, or of the identity that Kubernetes gives to a pod: a file or a secret, and who that is where.
const CREDENTIALS: [(&str, AzureConfigKey); 5] = [
    ("AZURE_FEDERATED_TOKEN_FILE", AzureConfigKey::FederatedTokenFile),
    ("AZURE_CLIENT_SECRET", AzureConfigKey::ClientSecret),
    ("AZURE_CLIENT_ID", AzureConfigKey::ClientId),
    ("AZURE_TENANT_ID", AzureConfigKey::AuthorityId),
    ("AZURE_AUTHORITY_HOST", AzureConfigKey::AuthorityHost),
];

/// What the environment of the process says of credentials.
type Environment = BTreeMap<&'static str, String>;

/// Nothing is sent yet.
pub(super) fn open(root: &Location, options: &BTreeMap<String, String>) -> Result<Remote<Container>, HaError> {
    let names = CREDENTIALS.iter().map(|(name, _)| *name).chain([KEY]);
    let set = |name: &'static str| Some((name, env::var(name).ok().filter(|value| !value.is_empty())?));
    open_in(root, options, &names.filter_map(set).collect())
}

fn open_in(
    root: &Location,
    options: &BTreeMap<String, String>,
    around: &Environment,
) -> Result<Remote<Container>, HaError> {
    let account = Account::of(root)?;
    let builder = Settings::read(options, &account).and_then(|settings| builder(&account, &settings, around));
    Remote::open(root, Container(builder.map_err(|refusal| refusal.into_error(root))?))
}

/// What a client is made of when the first object is asked for.
pub(super) struct Container(MicrosoftAzureBuilder);

impl StoreFactory for Container {
    type Store = MicrosoftAzure;

    async fn make(&self) -> object_store::Result<MicrosoftAzure> {
        self.0.clone().build()
    }
}

fn builder(account: &Account, settings: &Settings, around: &Environment) -> Result<MicrosoftAzureBuilder, Refusal> {
    let plain = settings.url.starts_with("http://");
    let builder = MicrosoftAzureBuilder::new()
        .with_account(&account.name)
        .with_container_name(&account.container)
        .with_endpoint(settings.url.clone())
        .with_retry(remote::retries())
        .with_client_options(remote::client_options().with_allow_http(plain));
    let with = |builder: MicrosoftAzureBuilder, values: &[(AzureConfigKey, Option<&str>)]| {
        values
            .iter()
            .filter_map(|(key, value)| Some((*key, (*value)?)))
            .fold(builder, |builder, (key, value)| builder.with_config(key, value))
    };
    Ok(match &settings.credentials {
        Credentials::Key(key) => with(builder, &[(AzureConfigKey::AccessKey, Some(&key.0))]),
        Credentials::KeyOfEnvironment => match around.get(KEY) {
            Some(key) => with(builder, &[(AzureConfigKey::AccessKey, Some(key))]),
            None => return invalid(KEY, "is not set in the environment, put the key of the account there."),
        },
        Credentials::Signature(signature) => with(builder, &[(AzureConfigKey::SasKey, Some(&signature.0))]),
        Credentials::Client {
            authority,
            tenant,
            id,
            secret,
        } => with(
            builder,
            &[
                (AzureConfigKey::AuthorityHost, Some(authority)),
                (AzureConfigKey::AuthorityId, Some(tenant)),
                (AzureConfigKey::ClientId, Some(id)),
                (AzureConfigKey::ClientSecret, Some(&secret.0)),
            ],
        ),
        Credentials::Machine { id, endpoint } => with(
            builder,
            &[
                (AzureConfigKey::ClientId, id.as_deref()),
                (AzureConfigKey::MsiEndpoint, endpoint.as_deref()),
            ],
        ),
        Credentials::Workload {
            authority,
            tenant,
            id,
            file,
        } => with(
            builder,
            &[
                (AzureConfigKey::AuthorityHost, authority.as_deref()),
                (AzureConfigKey::AuthorityId, Some(tenant)),
                (AzureConfigKey::ClientId, Some(id)),
                (AzureConfigKey::FederatedTokenFile, Some(file)),
            ],
        ),
        Credentials::Ambient => {
            let found = CREDENTIALS.map(|(name, key)| (key, around.get(name).map(|value| value.trim_end_matches('/'))));
            with(builder, &found)
        }
    })
}

#[cfg(test)]
mod tests;
