//! What the machine says besides the configuration: files with credentials, and Hadoop's own configuration.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::settings::{Credentials, Settings};
use crate::storage::options::{Refusal, invalid, unsupported};

const CREDENTIALS: &str = "GOOGLE_APPLICATION_CREDENTIALS";
/// Below the home directory, where Google's tool leaves the credentials of its user.
const OF_THE_TOOL: &str = ".config/gcloud/application_default_credentials.json";
/// What a file of credentials can hold for the client.
const KINDS: [&str; 2] = ["service_account", "authorized_user"];

/// Where to look, before the instance is asked.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    /// The file that the environment names.
    pub(super) credentials: Option<String>,
    /// The file that Google's tool would have left.
    pub(super) of_the_tool: Option<PathBuf>,
    /// Where Hadoop's configuration lies, with what has named it.
    pub(super) hadoop: Option<(&'static str, PathBuf)>,
}

impl Surroundings {
    pub(super) fn of_this_process() -> Self {
        let value = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            credentials: value(CREDENTIALS),
            of_the_tool: value("HOME").map(|home| Path::new(&home).join(OF_THE_TOOL)),
            hadoop: value("HADOOP_CONF_DIR").map(|directory| ("HADOOP_CONF_DIR", directory.into())),
        }
    }

    /// The file of credentials, if there is one.
    pub(super) fn file<'a>(&'a self, settings: &'a Settings) -> Option<&'a str> {
        match &settings.credentials {
            Credentials::Account(_) => None,
            Credentials::File { path, .. } => Some(path),
            Credentials::Ambient => self.credentials.as_deref(),
        }
    }

    /// Whether the client can do what it finds. The plug-in alone reads Hadoop's configuration.
    pub(super) fn check(&self, settings: &Settings) -> Result<(), Refusal> {
        if let Some((name, directory)) = &self.hadoop {
            let text = fs::read_to_string(directory.join("core-site.xml")).unwrap_or_default();
            if text.contains("fs.gs.") || text.contains("google.cloud.") {
                return unsupported(format!("it cannot honour the core-site.xml of {name}"));
            }
        }
        let named = match &settings.credentials {
            Credentials::Account(_) => None,
            Credentials::File { key, path } => Some((key.as_str(), Path::new(path))),
            Credentials::Ambient => match &self.credentials {
                Some(path) => Some((CREDENTIALS, Path::new(path))),
                None => self
                    .of_the_tool
                    .as_deref()
                    .filter(|file| file.exists())
                    .map(|file| (OF_THE_TOOL, file)),
            },
        };
        named.map_or(Ok(()), |(key, file)| check_file(key, file))
    }
}

fn check_file(key: &str, file: &Path) -> Result<(), Refusal> {
    let shown = file.display();
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) => return invalid(key, &format!("{shown} cannot be read ({error}), name a file that can.")),
    };
    let kind = serde_json::from_slice::<Value>(&text).ok();
    let kind = kind.as_ref().and_then(|content| content.get("type")?.as_str());
    match kind {
        None => invalid(
            key,
            &format!("{shown} holds no credentials, name a key file of a service account."),
        ),
        Some(kind) if KINDS.contains(&kind) => Ok(()),
        Some(kind) => unsupported(format!(
            "it reads no credentials of the type {kind}, as in the file of {key}"
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn around(directory: &Path, content: &str) -> Surroundings {
        let file = directory.join("credentials.json");
        fs::write(&file, content).unwrap();
        Surroundings {
            credentials: Some(file.to_str().unwrap().to_owned()),
            ..Surroundings::default()
        }
    }

    #[test]
    fn the_type_of_the_credentials_decides_who_can_read_them() {
        let directory = tempfile::tempdir().unwrap();
        let check = |content: &str| around(directory.path(), content).check(&Settings::default());
        for kind in KINDS {
            assert_eq!(check(&format!(r#"{{"type": "{kind}"}}"#)), Ok(()));
        }
        let federated = check(r#"{"type": "external_account", "secret": "hidden"}"#);
        assert!(
            matches!(&federated, Err(Refusal::Unsupported(reason)) if reason.contains("type external_account, as in the file of GOOGLE_")),
            "{federated:?}"
        );
        for content in ["", "hidden", r#"{"hidden": 1}"#] {
            let Err(Refusal::Invalid(message)) = check(content) else {
                panic!("{content}")
            };
            assert!(
                message.starts_with("GOOGLE_APPLICATION_CREDENTIALS: ") && !message.contains("hidden"),
                "{message}"
            );
        }
    }

    #[test]
    fn what_is_configured_comes_first_and_then_the_environment() {
        let directory = tempfile::tempdir().unwrap();
        let mut around = around(directory.path(), r#"{"type": "service_account"}"#);
        around.of_the_tool = Some(directory.path().join("other.json"));
        fs::write(directory.path().join("other.json"), "no credentials").unwrap();
        assert_eq!(around.check(&Settings::default()), Ok(()));
        let configured = Settings {
            credentials: Credentials::File {
                key: "gs.auth.service.account.json.keyfile".to_owned(),
                path: "/nowhere/key.json".to_owned(),
            },
            ..Settings::default()
        };
        assert_eq!(around.file(&configured), Some("/nowhere/key.json"));
        let Err(Refusal::Invalid(message)) = around.check(&configured) else {
            panic!()
        };
        assert!(
            message.starts_with("gs.auth.service.account.json.keyfile: /nowhere/key.json cannot be read"),
            "{message}"
        );
        around.credentials = None;
        assert!(matches!(around.check(&Settings::default()), Err(Refusal::Invalid(_))));
    }

    #[test]
    fn hadoops_own_configuration_is_left_to_the_plug_in() {
        let directory = tempfile::tempdir().unwrap();
        let around = Surroundings {
            hadoop: Some(("HADOOP_CONF_DIR", directory.path().to_owned())),
            ..Surroundings::default()
        };
        let file = directory.path().join("core-site.xml");
        assert_eq!(around.check(&Settings::default()), Ok(()));
        fs::write(&file, "<name>fs.defaultFS</name>").unwrap();
        assert_eq!(around.check(&Settings::default()), Ok(()));
        fs::write(&file, "<name>fs.gs.project.id</name>").unwrap();
        assert!(matches!(
            around.check(&Settings::default()),
            Err(Refusal::Unsupported(_))
        ));
    }
}
