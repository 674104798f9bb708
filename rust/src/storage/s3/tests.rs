#![allow(clippy::unwrap_used)]

use super::*;
use crate::storage::options::configured;

fn opened(root: &str, options: &[(&str, &str)]) -> Result<Remote<Bucket>, HaError> {
    open_in(
        &Location::parse(root).unwrap(),
        &configured(options),
        &Surroundings::default(),
    )
}

#[test]
fn errors_name_what_is_wrong_and_no_secret() {
    for (root, options, code, text) in [
        ("s3:/flink", &[][..], ErrorCode::InvalidSetting, "names no bucket"),
        (
            "s3://b/x",
            &[("s3.access-key", "hidden")],
            ErrorCode::InvalidSetting,
            "s3.access-key: ",
        ),
        (
            "s3a://b/x",
            &[("s3.proxy.host", "hidden")],
            ErrorCode::Unsupported,
            "for s3a: it cannot honour s3.proxy.host.",
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
fn the_client_is_told_everything_that_is_set() {
    let options = [
        ("s3.endpoint", "http://gateway:9000"),
        ("s3.path.style.access", "true"),
        ("s3.access-key", "a"),
        ("s3.secret-key", "b"),
        ("s3.server-side-encryption-algorithm", "AES256"),
    ];
    let settings = Settings::read(&configured(&options), "/x").unwrap();
    let value = |settings: &Settings, key: AmazonS3ConfigKey| {
        builder("bucket", settings, &Surroundings::default()).get_config_value(&key)
    };
    assert_eq!(
        value(&settings, AmazonS3ConfigKey::Endpoint).as_deref(),
        Some("http://gateway:9000")
    );
    assert_eq!(value(&settings, AmazonS3ConfigKey::AccessKeyId).as_deref(), Some("a"));
    assert_eq!(value(&settings, ENCRYPTION.parse().unwrap()).as_deref(), Some("AES256"));
    let in_the_host = Settings {
        path_style: false,
        ..settings
    };
    let endpoint = value(&in_the_host, AmazonS3ConfigKey::Endpoint);
    assert_eq!(endpoint.as_deref(), Some("http://bucket.gateway:9000"));
}

#[test]
fn a_bucket_stands_in_the_host_where_it_can() {
    for (bucket, endpoint, can) in [
        ("flink", None, true),
        ("flink", Some("https://minio.example.com:9000"), true),
        ("flink", Some("http://127.0.0.1:9000"), false),
        ("flink", Some("http://10.0.0.1"), false),
        ("flink", Some("http://[::1]:9000/x"), false),
        ("flink.ha", None, false),
        ("Flink_HA", Some("https://minio"), false),
    ] {
        assert_eq!(can_be_host(bucket, endpoint), can, "{bucket} at {endpoint:?}");
    }
}
