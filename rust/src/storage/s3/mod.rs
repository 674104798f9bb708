//! The schemes of Flink's S3 plug-ins: Amazon S3 and whatever speaks its protocol.

mod settings;
mod surroundings;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, resolve_bucket_region};

use super::location::Location;
use super::remote::{self, Remote, StoreFactory};
use crate::error::{ErrorCode, HaError};
use settings::{Credentials, Encryption, Settings};
use surroundings::Surroundings;

/// The client's name for it.
const ENCRYPTION: &str = "aws_server_side_encryption";
/// Where a server of one's own is asked for no region.
const ANY_REGION: &str = "us-east-1";

/// `s3` is served by either plug-in, the others by one of them.
pub(super) fn is_scheme(scheme: &str) -> bool {
    matches!(scheme, "s3" | "s3a" | "s3p")
}

/// Nothing is sent yet.
pub(super) fn open(root: &Location, options: &BTreeMap<String, String>) -> Result<Remote<Bucket>, HaError> {
    open_in(root, options, &Surroundings::of_this_process())
}

fn open_in(
    root: &Location,
    options: &BTreeMap<String, String>,
    around: &Surroundings,
) -> Result<Remote<Bucket>, HaError> {
    if root.authority().is_empty() {
        let message =
            format!("high-availability.storageDir: {root} names no bucket, write it like s3://bucket/flink/ha.");
        return Err(HaError::new(ErrorCode::InvalidSetting, message));
    }
    let settings = Settings::read(options, root.path()).and_then(|settings| {
        around.check(&settings)?;
        Ok(settings)
    });
    let settings = settings.map_err(|refusal| refusal.into_error(root))?;
    let region = settings
        .region
        .clone()
        .or_else(|| around.region(settings.endpoint.as_deref()));
    let bucket = Bucket {
        name: root.authority().to_owned(),
        builder: builder(root.authority(), &settings, around),
        region,
        is_amazon: settings.endpoint.is_none(),
    };
    Remote::open(root, bucket)
}

/// What a client is made of when the first object is asked for.
#[derive(Debug)]
pub(super) struct Bucket {
    name: String,
    builder: AmazonS3Builder,
    region: Option<String>,
    is_amazon: bool,
}

impl StoreFactory for Bucket {
    type Store = AmazonS3;

    /// Amazon is asked for the region of the bucket if nobody has named one, which its own clients do too.
    async fn make(&self) -> object_store::Result<AmazonS3> {
        let region = match &self.region {
            Some(region) => region.clone(),
            None if self.is_amazon => resolve_bucket_region(&self.name, &remote::client_options()).await?,
            None => ANY_REGION.to_owned(),
        };
        self.builder.clone().with_region(region).build()
    }
}

fn builder(bucket: &str, settings: &Settings, around: &Surroundings) -> AmazonS3Builder {
    let path_style = settings.path_style || !can_be_host(bucket, settings.endpoint.as_deref());
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_virtual_hosted_style_request(!path_style)
        .with_request_payer(settings.requester_pays)
        .with_retry(remote::retries())
        .with_client_options(remote::client_options());
    if let Some(endpoint) = &settings.endpoint {
        // With the bucket in the host's name the endpoint is that of the bucket.
        let endpoint = match endpoint.split_once("://") {
            Some((scheme, host)) if !path_style => format!("{scheme}://{bucket}.{host}"),
            _ => endpoint.clone(),
        };
        builder = builder
            .with_allow_http(endpoint.starts_with("http://"))
            .with_endpoint(endpoint);
    }
    builder = match &settings.encryption {
        None => builder,
        Some(Encryption::Store) => configured(builder, ENCRYPTION, "AES256"),
        Some(Encryption::Managed(None)) => configured(builder, ENCRYPTION, "aws:kms"),
        Some(Encryption::Managed(Some(id))) => builder.with_sse_kms_encryption(id),
    };
    match &settings.credentials {
        Credentials::Anonymous => builder.with_skip_signature(true),
        Credentials::Keys(keys) => {
            let builder = builder
                .with_access_key_id(&keys.access.0)
                .with_secret_access_key(&keys.secret.0);
            match &keys.session_token {
                Some(token) => builder.with_token(&token.0),
                None => builder,
            }
        }
        Credentials::Ambient => around.credentials(builder),
    }
}

/// Whether the bucket can be the first part of the server's name: not before an address, nor if it would not fit the name in a
/// certificate. Amazon's own clients decide the same way.
fn can_be_host(bucket: &str, endpoint: Option<&str>) -> bool {
    let host = endpoint
        .and_then(|endpoint| endpoint.split_once("://"))
        .map(|(_, rest)| rest);
    let host = host.map(|rest| rest.split('/').next().unwrap_or_default());
    let is_address = host.is_some_and(|host| {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        host.starts_with('[') || name.parse::<Ipv4Addr>().is_ok()
    });
    let is_label = bucket
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    is_label && !is_address
}

/// Of the names that the client has for its settings.
fn configured(builder: AmazonS3Builder, name: &str, value: &str) -> AmazonS3Builder {
    match name.parse::<AmazonS3ConfigKey>() {
        Ok(key) => builder.with_config(key, value),
        Err(_) => builder,
    }
}

#[cfg(test)]
mod tests;
