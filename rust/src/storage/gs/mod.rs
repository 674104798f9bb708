//! The scheme of Flink's plug-in for Google's cloud.

mod settings;
mod surroundings;

use std::collections::BTreeMap;
use std::path::Path;

use object_store::gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder};
use serde_json::json;

use super::location::Location;
use super::remote::{self, Remote, StoreFactory};
use crate::error::{ErrorCode, HaError};
use settings::{Credentials, Settings};
use surroundings::Surroundings;

pub(super) const SCHEME: &str = "gs";
/// Names the directory with Hadoop's configuration, as the variable of the environment does that comes after it.
const HADOOP: &str = "env.hadoop.conf.dir";

/// Nothing is sent yet.
pub(super) fn open(root: &Location, options: &BTreeMap<String, String>) -> Result<Remote<Bucket>, HaError> {
    open_in(root, options, Surroundings::of_this_process())
}

fn open_in(
    root: &Location,
    options: &BTreeMap<String, String>,
    mut around: Surroundings,
) -> Result<Remote<Bucket>, HaError> {
    if root.authority().is_empty() {
        let message =
            format!("high-availability.storageDir: {root} names no bucket, write it like gs://bucket/flink/ha.");
        return Err(HaError::new(ErrorCode::InvalidSetting, message));
    }
    let mut options = options.clone();
    if let Some(directory) = options.remove(HADOOP) {
        around.hadoop = Some((HADOOP, Path::new(&directory).to_owned()));
    }
    let settings = Settings::read(&options).and_then(|settings| {
        around.check(&settings)?;
        Ok(settings)
    });
    let settings = settings.map_err(|refusal| refusal.into_error(root))?;
    Remote::open(root, Bucket(builder(root.authority(), &settings, &around)))
}

/// What a client is made of when the first object is asked for.
pub(super) struct Bucket(GoogleCloudStorageBuilder);

impl StoreFactory for Bucket {
    type Store = GoogleCloudStorage;

    async fn make(&self) -> object_store::Result<GoogleCloudStorage> {
        self.0.clone().build()
    }
}

fn builder(bucket: &str, settings: &Settings, around: &Surroundings) -> GoogleCloudStorageBuilder {
    let plain = settings
        .server
        .as_ref()
        .is_some_and(|server| server.starts_with("http://"));
    let builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(bucket)
        .with_retry(remote::retries())
        .with_client_options(remote::client_options().with_allow_http(plain));
    let builder = match &settings.server {
        Some(server) => builder.with_base_url(server),
        None => builder,
    };
    match (&settings.credentials, around.file(settings)) {
        (Credentials::Account(account), _) => {
            // As it stands in the file that Google hands out.
            let key = json!({
                "client_email": account.email,
                "private_key_id": account.key_id.0,
                "private_key": account.key.0,
            });
            builder.with_service_account_key(key.to_string())
        }
        (_, Some(file)) => builder.with_application_credentials(file),
        (_, None) => builder,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use object_store::gcp::GoogleConfigKey;

    use super::*;
    use crate::storage::options::configured;

    fn opened(root: &str, options: &[(&str, &str)]) -> Result<Remote<Bucket>, HaError> {
        let root = Location::parse(root).unwrap();
        open_in(&root, &configured(options), Surroundings::default())
    }

    #[test]
    fn errors_name_what_is_wrong_and_no_secret() {
        for (root, options, code, text) in [
            ("gs:/flink", &[][..], ErrorCode::InvalidSetting, "names no bucket"),
            (
                "gs://b/x",
                &[("gs.auth.service.account.private.key.id", "hidden")],
                ErrorCode::InvalidSetting,
                "gs.auth.service.account.private.key.id: ",
            ),
            (
                "gs://b/x",
                &[("gs.proxy.address", "hidden")],
                ErrorCode::Unsupported,
                "for gs: it cannot honour gs.proxy.address.",
            ),
        ] {
            let error = opened(root, options).err().unwrap();
            assert_eq!(error.code, code, "{error}");
            assert!(
                error.message.contains(text) && !error.message.contains("hidden"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_directory_of_hadoop_may_be_configured() {
        let directory = tempfile::tempdir().unwrap();
        let options = [(HADOOP, directory.path().to_str().unwrap())];
        assert!(opened("gs://b/x", &options).is_ok());
        std::fs::write(
            directory.path().join("core-site.xml"),
            "<name>google.cloud.auth.type</name>",
        )
        .unwrap();
        let error = opened("gs://b/x", &options).err().unwrap();
        assert!(
            error.message.contains("the core-site.xml of env.hadoop.conf.dir"),
            "{error}"
        );
    }

    #[test]
    fn the_client_is_told_everything_that_is_set() {
        let told = |options: &[(&str, &str)], around: &Surroundings, key: GoogleConfigKey| {
            let settings = Settings::read(&configured(options)).unwrap();
            builder("bucket", &settings, around).get_config_value(&key)
        };
        let nothing = Surroundings::default();
        let server = told(
            &[("gs.storage.root.url", "http://gateway:4443")],
            &nothing,
            GoogleConfigKey::BaseUrl,
        );
        assert_eq!(server.as_deref(), Some("http://gateway:4443"));
        let named = Surroundings {
            credentials: Some("/a.json".to_owned()),
            ..Surroundings::default()
        };
        let file = told(&[], &named, GoogleConfigKey::ApplicationCredentials);
        assert_eq!(file.as_deref(), Some("/a.json"));
        let account = [
            ("gs.auth.service.account.email", "a@b"),
            ("gs.auth.service.account.private.key.id", "id"),
            ("gs.auth.service.account.private.key", "a\nb"),
        ];
        let key = told(&account, &named, GoogleConfigKey::ServiceAccountKey).unwrap();
        assert!(key.contains(r#""private_key":"a\nb""#), "{key}");
        assert_eq!(told(&account, &named, GoogleConfigKey::ApplicationCredentials), None);
    }
}
