//! Where the way to the API server is written down, read in stock's order.
//!
//! `kubernetes.config.file`, else the files of `KUBECONFIG`, else `~/.kube/config`, else the service account of the pod; then the
//! system properties and environment variables of [`super::properties`] on top. Everything here blocks and nothing here sends.

use std::fmt;
use std::path::PathBuf;

use http::HeaderValue;

use super::ClientSettings;
use super::access;
use super::error::ClientError;
use super::file_stamp::StampedFiles;
use super::kubeconfig;
use super::properties::Properties;
use super::service_account;
use super::surroundings::Surroundings;
use super::token_file::TokenFile;

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

impl Source {
    /// Reads everything anew. Blocks.
    pub(super) fn load(&self) -> Result<Loaded, ClientError> {
        let properties = Properties {
            system: &self.settings.system_properties,
            environment: &self.surroundings.environment,
        };
        properties.refuse_unsupported()?;
        let mut access = match self.kubeconfig_files(properties)? {
            Some(files) => kubeconfig::read(&files, self.settings.context.as_deref())?,
            None => service_account::read(&self.surroundings, properties)?,
        };
        access::override_by(properties, &mut access)?;
        access::finish(access, properties)
    }

    /// The namespace that the surroundings name. Blocks.
    pub(super) fn namespace(&self) -> Result<Option<String>, ClientError> {
        let properties = Properties {
            system: &self.settings.system_properties,
            environment: &self.surroundings.environment,
        };
        match self.kubeconfig_files(properties)? {
            Some(files) => kubeconfig::namespace(&files, self.settings.context.as_deref()),
            None => Ok(service_account::namespace(&self.surroundings)),
        }
    }

    fn kubeconfig_files(&self, properties: Properties<'_>) -> Result<Option<Vec<PathBuf>>, ClientError> {
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
        let existing: Vec<PathBuf> = candidates.into_iter().filter(|path| path.is_file()).collect();
        Ok(if existing.is_empty() { None } else { Some(existing) })
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
