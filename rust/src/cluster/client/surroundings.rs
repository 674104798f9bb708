//! What the process stands in: environment, home directory, the pod's service account.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Everything outside Flink's configuration that stock's client looks at, as values, so that tests need no process of their own.
#[derive(Clone)]
pub struct Surroundings {
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// The directory that holds `token` and `ca.crt` of the pod's service account.
    pub service_account: PathBuf,
}

impl Surroundings {
    /// Those of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            environment: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            service_account: PathBuf::from("/var/run/secrets/kubernetes.io/serviceaccount"),
        }
    }
}

impl fmt::Debug for Surroundings {
    // Environments hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("service_account", &self.service_account)
            .finish_non_exhaustive()
    }
}
