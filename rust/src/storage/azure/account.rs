//! Whom a URI of Flink's plug-in for Azure names.

use crate::error::{ErrorCode, HaError};
use crate::storage::location::Location;

/// A container of an account, at one of its two hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) container: String,
    /// As the URI has it; settings of the account end with it.
    pub(super) host: String,
    /// Whether the URI is one of the newer driver (`abfs`), which has settings of its own.
    pub(super) is_new: bool,
    /// Whether the scheme asks for TLS.
    pub(super) encrypted: bool,
}

/// `abfs` and `wasb` are two drivers in one plug-in, each with a scheme for TLS.
pub(in crate::storage) fn is_scheme(scheme: &str) -> bool {
    matches!(scheme, "abfs" | "abfss" | "wasb" | "wasbs")
}

impl Account {
    pub(super) fn of(root: &Location) -> Result<Self, HaError> {
        let scheme = root.scheme();
        let is_new = scheme.starts_with("abfs");
        let service = if is_new { "dfs" } else { "blob" };
        let (container, host) = root.authority().split_once('@').unwrap_or_default();
        let name = host.split('.').next().unwrap_or_default();
        if container.is_empty() || name.is_empty() {
            let message = format!(
                "high-availability.storageDir: {root} names no container and account, \
                 write it like {scheme}://container@account.{service}.core.windows.net/flink/ha."
            );
            return Err(HaError::new(ErrorCode::InvalidSetting, message));
        }
        // A host of another kind, such as that of OneLake, has other rules for its paths.
        if !["dfs", "blob"]
            .iter()
            .any(|service| host.starts_with(&format!("{name}.{service}.core.")))
        {
            let message = format!("The native storage for {scheme}: it knows no host like {host}.");
            return Err(HaError::new(ErrorCode::Unsupported, message));
        }
        Ok(Self {
            name: name.to_owned(),
            container: container.to_owned(),
            host: host.to_owned(),
            is_new,
            encrypted: scheme.ends_with('s') && scheme != "abfs",
        })
    }

    /// The host that serves blobs, in front of which the other one serves the same objects as files.
    pub(super) fn blob_host(&self) -> String {
        self.host.replacen(".dfs.", ".blob.", 1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn account(root: &str) -> Result<Account, HaError> {
        Account::of(&Location::parse(root).unwrap())
    }

    #[test]
    fn a_uri_names_container_and_account() {
        for (root, is_new, encrypted) in [
            ("abfs://c@a.dfs.core.windows.net/x", true, false),
            ("abfss://c@a.dfs.core.windows.net/x", true, true),
            ("wasb://c@a.blob.core.windows.net/x", false, false),
            ("wasbs://c@a.blob.core.windows.net/x", false, true),
        ] {
            let account = account(root).unwrap();
            assert_eq!(
                (account.name.as_str(), account.container.as_str()),
                ("a", "c"),
                "{root}"
            );
            assert_eq!((account.is_new, account.encrypted), (is_new, encrypted), "{root}");
            assert_eq!(account.blob_host(), "a.blob.core.windows.net");
        }
        let china = account("abfss://c@a.dfs.core.chinacloudapi.cn/x").unwrap();
        assert_eq!(china.blob_host(), "a.blob.core.chinacloudapi.cn");
    }

    #[test]
    fn other_uris_are_refused() {
        for (root, code) in [
            ("abfs:/x", ErrorCode::InvalidSetting),
            ("abfss://a.dfs.core.windows.net/x", ErrorCode::InvalidSetting),
            ("abfss://@a.dfs.core.windows.net/x", ErrorCode::InvalidSetting),
            ("abfss://c@onelake.dfs.fabric.microsoft.com/x", ErrorCode::Unsupported),
            ("wasb://c@storageemulator/x", ErrorCode::Unsupported),
        ] {
            assert_eq!(account(root).unwrap_err().code, code, "{root}");
        }
    }
}
