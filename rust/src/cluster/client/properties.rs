//! The system properties and environment variables that stock's client (fabric8 7.3.1 `Config`) lets override everything else.

use std::collections::BTreeMap;

use super::error::{ClientError, capital};

/// Names of the Java system properties that matter here: what Java should pass in [`super::ClientSettings::system_properties`].
///
/// All but the last four can be environment variables as well, in capitals and with `_` for `.`.
pub const SYSTEM_PROPERTIES: &[&str] = &[
    "kubeconfig",
    "kubernetes.master",
    "kubernetes.auth.token",
    "kubernetes.auth.basic.username",
    "kubernetes.auth.basic.password",
    "kubernetes.auth.tryKubeConfig",
    "kubernetes.auth.tryServiceAccount",
    "kubernetes.auth.serviceAccount.token",
    "kubernetes.trust.certificates",
    "kubernetes.certs.ca.file",
    "kubernetes.certs.ca.data",
    "kubernetes.certs.client.file",
    "kubernetes.certs.client.data",
    "kubernetes.certs.client.key.file",
    "kubernetes.certs.client.key.data",
    "kubernetes.impersonate.username",
    "kubernetes.impersonate.group",
    "kubernetes.disable.hostname.verification",
    "kubernetes.disable.autoConfig",
    "kubernetes.api.version",
    "kubernetes.tls.versions",
    "kubernetes.truststore.file",
    "kubernetes.keystore.file",
    "https.proxy",
    "http.proxy",
    "all.proxy",
    "no.proxy",
    "proxy.username",
    "proxy.password",
    "user.home",
    "https.proxyHost",
    "https.proxyPort",
    "http.proxyHost",
    "http.proxyPort",
    "http.nonProxyHosts",
];

/// System properties first, then environment variables, as fabric8's `Utils.getSystemPropertyOrEnvVar` has it.
#[derive(Clone, Copy)]
pub(super) struct Properties<'a> {
    pub(super) system: &'a BTreeMap<String, String>,
    pub(super) environment: &'a BTreeMap<String, String>,
}

impl<'a> Properties<'a> {
    /// The value and, for messages, where it stands; an empty value is as good as none.
    pub(super) fn named(&self, name: &str) -> Option<(&'a str, String)> {
        if let Some(value) = self.only_system(name) {
            return Some((value, format!("the system property {name}")));
        }
        let variable: String = name
            .chars()
            .map(|c| {
                if c == '.' || c == '-' {
                    '_'
                } else {
                    c.to_ascii_uppercase()
                }
            })
            .collect();
        let value = self
            .environment
            .get(&variable)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())?;
        Some((value, format!("the environment variable {variable}")))
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.named(name).map(|(value, _)| value)
    }

    /// `None` when it is not set; anything but `true` is false, as in Java.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(|value| value.eq_ignore_ascii_case("true"))
    }

    pub(super) fn only_system(&self, name: &str) -> Option<&'a str> {
        self.system
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// Refuses by name what stock's client would do and this one cannot do exactly.
    pub(super) fn refuse_unsupported(&self) -> Result<(), ClientError> {
        let refuse = |name: &str, remedy: &str| match self.named(name) {
            Some((value, place)) => Err(ClientError::new(format!(
                "{} is {value:?}, which is not supported: {remedy}.",
                capital(&place)
            ))),
            None => Ok(()),
        };
        refuse(
            "kubernetes.truststore.file",
            "Java trust stores are not read; put the CA in PEM form into kubernetes.certs.ca.file or into the kubeconfig",
        )?;
        refuse(
            "kubernetes.keystore.file",
            "Java key stores are not read; put certificate and key in PEM form into the kubeconfig",
        )?;
        if self.flag("kubernetes.disable.hostname.verification") == Some(true) {
            refuse(
                "kubernetes.disable.hostname.verification",
                "set tls-server-name in the kubeconfig to the name that the server's certificate bears",
            )?;
        }
        if self.flag("kubernetes.disable.autoConfig") == Some(true) {
            refuse(
                "kubernetes.disable.autoConfig",
                "remove it, and the kubernetes.* properties and variables that should not apply",
            )?;
        }
        if self
            .get("kubernetes.api.version")
            .is_some_and(|version| version != "v1")
        {
            refuse(
                "kubernetes.api.version",
                "the only version of ConfigMaps is v1; remove it",
            )?;
        }
        if let Some(versions) = self.get("kubernetes.tls.versions") {
            let mut versions: Vec<&str> = versions.split(',').map(str::trim).collect();
            versions.sort_unstable();
            if versions != ["TLSv1.2", "TLSv1.3"] {
                refuse(
                    "kubernetes.tls.versions",
                    "TLSv1.2 and TLSv1.3 are offered, always both; remove it",
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_system_property_wins_over_its_environment_variable() {
        let (system, environment) = (
            map(&[("kubernetes.master", "a")]),
            map(&[
                ("KUBERNETES_MASTER", "b"),
                ("KUBERNETES_AUTH_TOKEN", "t"),
                ("NO_PROXY", " "),
            ]),
        );
        let properties = Properties {
            system: &system,
            environment: &environment,
        };
        assert_eq!(properties.get("kubernetes.master"), Some("a"));
        assert_eq!(
            properties.named("kubernetes.auth.token").unwrap().1,
            "the environment variable KUBERNETES_AUTH_TOKEN"
        );
        assert_eq!(properties.get("no.proxy"), None);
    }

    #[test]
    fn what_cannot_be_honoured_is_refused_by_name() {
        let nothing = BTreeMap::new();
        for (name, value, refused) in [
            ("kubernetes.truststore.file", "/x", true),
            ("kubernetes.keystore.file", "/x", true),
            ("kubernetes.disable.hostname.verification", "true", true),
            ("kubernetes.disable.hostname.verification", "false", false),
            ("kubernetes.disable.autoConfig", "true", true),
            ("kubernetes.api.version", "v1", false),
            ("kubernetes.api.version", "v2", true),
            ("kubernetes.tls.versions", "TLSv1.3,TLSv1.2", false),
            ("kubernetes.tls.versions", "TLSv1.3", true),
            ("kubernetes.request.retry.backoffLimit", "3", false),
        ] {
            let system = map(&[(name, value)]);
            let answer = Properties {
                system: &system,
                environment: &nothing,
            }
            .refuse_unsupported();
            assert_eq!(answer.is_err(), refused, "{name}={value}");
            if let Err(error) = answer {
                assert!(
                    error.message().contains(name) && error.message().contains(value),
                    "{error}"
                );
            }
        }
    }
}
