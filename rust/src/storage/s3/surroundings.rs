//! What the environment of the process says, in the variables of Amazon's own tools.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

use object_store::aws::AmazonS3Builder;

use super::configured;
use super::settings::{Credentials, Settings};
use crate::storage::options::Refusal;

/// Keys, web identity (a service account of Kubernetes), and what a container or a pod identity agent offers. Without any of
/// them the instance is asked.
const CREDENTIALS: [&str; 10] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];
/// Any of these is enough for a client to find credentials before it would look into a profile.
const BEFORE_PROFILES: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"];
const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// Environment variables, and whether there is a file of profiles.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    variables: BTreeMap<&'static str, String>,
    has_profiles: bool,
}

impl Surroundings {
    pub(super) fn of_this_process() -> Self {
        let value = |name: &'static str| env::var(name).ok().filter(|value| !value.is_empty());
        let variables = CREDENTIALS.iter().chain(&REGIONS);
        let home = value("HOME").map(|home| PathBuf::from(home).join(".aws/credentials"));
        let profiles = value("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from).or(home);
        Self {
            variables: variables.filter_map(|name| Some((*name, value(name)?))).collect(),
            has_profiles: value("AWS_PROFILE").is_some() || profiles.is_some_and(|file| file.exists()),
        }
    }

    /// Profiles of Amazon's tools are read by the plug-in only.
    pub(super) fn check(&self, settings: &Settings) -> Result<(), Refusal> {
        let found = BEFORE_PROFILES.iter().any(|name| self.variables.contains_key(name));
        if settings.credentials == Credentials::Ambient && self.has_profiles && !found {
            return Err(Refusal::Unsupported("it reads no credentials from profiles".to_owned()));
        }
        Ok(())
    }

    /// The region of the environment, or that of the endpoint's name.
    pub(super) fn region(&self, endpoint: Option<&str>) -> Option<String> {
        let named = REGIONS.iter().find_map(|name| self.variables.get(name).cloned());
        named.or_else(|| region_of(endpoint?))
    }

    pub(super) fn credentials(&self, builder: AmazonS3Builder) -> AmazonS3Builder {
        CREDENTIALS
            .iter()
            .fold(builder, |builder, name| match self.variables.get(name) {
                Some(value) => configured(builder, &name.to_ascii_lowercase(), value),
                None => builder,
            })
    }
}

/// `eu-west-1` of `https://s3.eu-west-1.amazonaws.com`, and of the older `s3-eu-west-1`.
fn region_of(endpoint: &str) -> Option<String> {
    let host = endpoint.split_once("://")?.1.split(['/', ':']).next()?;
    let name = host
        .strip_suffix(".amazonaws.com")
        .or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    let region = name.strip_prefix("s3.").or_else(|| name.strip_prefix("s3-"))?;
    let region = region.strip_prefix("dualstack.").unwrap_or(region);
    (region.contains('-') && !region.contains('.')).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_part_of_amazons_names() {
        for (endpoint, region) in [
            ("https://s3.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("https://s3-us-west-2.amazonaws.com:443/x", Some("us-west-2")),
            ("https://s3.dualstack.eu-north-1.amazonaws.com", Some("eu-north-1")),
            ("https://s3.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("https://s3.amazonaws.com", None),
            ("http://minio:9000", None),
        ] {
            assert_eq!(region_of(endpoint).as_deref(), region, "{endpoint}");
        }
    }

    #[test]
    fn profiles_are_left_to_the_plug_in_unless_something_comes_first() {
        let mut around = Surroundings {
            has_profiles: true,
            ..Surroundings::default()
        };
        let settings = Settings::default();
        assert!(matches!(around.check(&settings), Err(Refusal::Unsupported(_))));
        let anonymous = Settings {
            credentials: Credentials::Anonymous,
            ..Settings::default()
        };
        assert_eq!(around.check(&anonymous), Ok(()));
        around
            .variables
            .insert("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token".to_owned());
        assert_eq!(around.check(&settings), Ok(()));
    }

    #[test]
    fn every_variable_has_its_place_in_the_client() {
        for name in CREDENTIALS {
            let key = name
                .to_ascii_lowercase()
                .parse::<object_store::aws::AmazonS3ConfigKey>();
            assert!(key.is_ok(), "{name}");
        }
    }
}
