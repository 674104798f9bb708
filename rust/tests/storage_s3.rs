//! Native storage on S3: a real gateway with signatures, and a server that does what no real one does on demand.

#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::fs;

use flinkkubeha::error::ErrorCode;
use flinkkubeha::storage::Storage;
use support::object_store::ObjectStoreServer;
use support::s3_gateway::{ACCESS_KEY, BUCKET, S3Gateway, SECRET_KEY, options};

const ROOT: &str = "s3://flink/ha";

fn uri(path: &str) -> String {
    format!("{ROOT}/{path}")
}

impl ObjectStoreServer for S3Gateway {
    const ROOT: &'static str = ROOT;
    const REFUSAL: (u16, &'static str) = (412, "PreconditionFailed");
    const ABSENCE: &'static str = "NoSuchKey";

    fn start() -> Option<Self> {
        Self::start()
    }

    fn storage_at(&self, url: Option<&str>) -> Storage {
        let url = url.map_or_else(|| self.url(), str::to_owned);
        Storage::open(ROOT, &options(&url, &[])).unwrap()
    }
}

object_store_tests!(S3Gateway);

#[test]
fn keys_are_the_decoded_paths() {
    let Some(gateway) = S3Gateway::start() else { return };
    let storage = gateway.storage(ROOT, &[]);
    for (quoted, name) in [
        ("a%20b", "a b"),
        ("a+b", "a+b"),
        ("a%2520b", "a%20b"),
        ("x&y=z;$@!'(),:", "x&y=z;$@!'(),:"),
        ("\u{fc}\u{1f980}", "\u{fc}\u{1f980}"),
    ] {
        storage.create(&uri(&format!("d/{quoted}")), name.into()).unwrap();
        assert_eq!(
            fs::read(gateway.file(&format!("ha/d/{name}"))).unwrap(),
            name.as_bytes(),
            "{quoted}"
        );
    }
}

#[test]
fn every_scheme_of_the_plug_ins_reaches_the_same_objects() {
    let Some(gateway) = S3Gateway::start() else { return };
    gateway.storage(ROOT, &[]).create(&uri("a"), b"x".into()).unwrap();
    for scheme in ["s3a", "s3p"] {
        let root = format!("{scheme}://{BUCKET}/ha");
        assert_eq!(gateway.storage(&root, &[]).read(&format!("{root}/a")).unwrap(), b"x");
    }
}

#[test]
fn what_is_wrong_is_said_in_one_sentence_and_nothing_secret() {
    let Some(gateway) = S3Gateway::start() else { return };
    for (root, settings, code, said) in [
        (
            ROOT,
            &[("s3.secret-key", "wrong")][..],
            ErrorCode::InvalidSetting,
            "SignatureDoesNotMatch",
        ),
        (
            ROOT,
            &[("s3.access-key", "nobody")],
            // Amazon answers 403 and InvalidAccessKeyId.
            ErrorCode::StorageFailed,
            "XAdminUserNotFound",
        ),
        ("s3://no-such-bucket/ha", &[], ErrorCode::StorageFailed, "NoSuchBucket"),
    ] {
        let storage = gateway.storage(root, settings);
        let error = storage.probe(root).unwrap_err();
        assert_eq!(error.code, code, "{error}");
        let prefix = format!("high-availability.storageDir: {root} cannot be used (");
        assert!(
            error.message.starts_with(&prefix) && error.message.contains(said),
            "{error}"
        );
        assert!(
            !error.message.contains(SECRET_KEY) && !error.message.contains(ACCESS_KEY),
            "{error}"
        );
    }
}
