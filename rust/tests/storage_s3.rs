//! Native storage on S3: a real gateway with signatures, and a server that does what no real one does on demand.

#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::process::Command;

use flinkkubeha::error::ErrorCode;
use flinkkubeha::storage::Storage;
use support::fault_server::{FaultServer, Reaction};
use support::object_store::{ObjectStoreServer, unrepeated};
use support::path::Path;
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

    fn url(&self) -> String {
        self.url()
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
            ErrorCode::InvalidSetting,
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

/// Requests for whatever name go to the gateway, as to a proxy: names of hosts on loopback are known to no resolver everywhere.
const DOMAIN: &str = "gateway.test:9000";

/// Set where that is so: the variable of a proxy counts for a whole process.
const IN_THE_HOST: &str = "FLINKKUBEHA_TEST_BUCKET_IN_THE_HOST";

#[test]
fn a_bucket_in_the_name_of_the_host() {
    if std::env::var_os(IN_THE_HOST).is_some() {
        return use_a_bucket_in_the_name_of_the_host();
    }
    let Some(gateway) = S3Gateway::start_with(&["--virtual-domain", DOMAIN]) else {
        return;
    };
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_bucket_in_the_name_of_the_host", "--nocapture"])
        .envs([("http_proxy", gateway.url()), (IN_THE_HOST, "1".to_owned())])
        .env_remove("no_proxy")
        .output()
        .unwrap();
    let said = [child.stdout, child.stderr].concat();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&said));
    assert_eq!(fs::read(gateway.file("ha/d/a b")).unwrap(), b"content");
    assert!(fs::read(gateway.file("ha/jar")).unwrap() == unrepeated(20 << 20));
}

fn use_a_bucket_in_the_name_of_the_host() {
    let storage = |settings: &[(&str, &str)]| {
        let style = [("s3.path.style.access", "false")];
        let all: Vec<_> = style.iter().chain(settings).copied().collect();
        Storage::open(ROOT, &options(&format!("http://{DOMAIN}"), &all)).unwrap()
    };
    let wrong = storage(&[("s3.secret-key", "wrong")]).probe(ROOT).unwrap_err();
    assert!(wrong.message.contains("SignatureDoesNotMatch"), "{wrong}");
    let storage = storage(&[]);
    storage.probe(ROOT).unwrap();
    storage.create(&uri("d/a%20b"), b"content".into()).unwrap();
    assert_eq!(storage.read(&uri("d/a%20b")).unwrap(), b"content");
    assert_eq!(storage.list(&uri("d")).unwrap(), ["a b"]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("jar");
    fs::write(&file, unrepeated(20 << 20)).unwrap();
    storage.upload(&file, &uri("jar")).unwrap();
    storage.create(&uri("gone/x"), b"x".into()).unwrap();
    assert_eq!(storage.delete_prefix(&uri("gone")).unwrap(), 1);
}

#[test]
fn every_write_asks_for_the_encryption_that_is_set() {
    let Some(gateway) = S3Gateway::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("jar");
    fs::write(&file, unrepeated(9 << 20)).unwrap();
    for (settings, asked) in [
        (
            &[("fs.s3a.encryption.algorithm", "AES256")][..],
            &["x-amz-server-side-encryption: AES256"][..],
        ),
        (
            &[
                ("fs.s3a.encryption.algorithm", "SSE-KMS"),
                ("fs.s3a.encryption.key", "key-of-this-test"),
            ],
            &[
                "x-amz-server-side-encryption: aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id: key-of-this-test",
            ],
        ),
        (
            &[("presto.s3.sse.enabled", "true")],
            &["x-amz-server-side-encryption: AES256"],
        ),
    ] {
        let path = Path::to(&gateway.url(), &[]);
        let storage = Storage::open(ROOT, &options(&path.url(), settings)).unwrap();
        storage.create(&uri("small"), b"x".into()).unwrap();
        storage.upload(&file, &uri("large")).unwrap();
        storage.rename(&uri("small"), &uri("renamed")).unwrap();
        storage.delete(&uri("renamed")).unwrap();
        let sent = path.sent();
        let heads: Vec<&str> = sent.split("\r\n\r\n").collect();
        // An object, the beginning of one in parts, and a copy.
        for request in [
            "PUT /flink/ha/small ",
            "POST /flink/ha/large?uploads",
            "PUT /flink/ha/renamed ",
        ] {
            let head = heads.iter().find_map(|head| Some(&head[head.find(request)?..]));
            let head = head.unwrap_or_else(|| panic!("no {request}"));
            for header in asked {
                let (name, value) = header.split_once(": ").unwrap();
                let found = head
                    .lines()
                    .any(|line| line.eq_ignore_ascii_case(&format!("{name}: {value}")));
                assert!(found, "no {header} in {head}");
            }
        }
    }
}

#[test]
fn temporary_keys_come_with_their_token() {
    let Some(gateway) = S3Gateway::start() else { return };
    let path = Path::to(&gateway.url(), &[]);
    let settings = [("s3.session-token", "token-of-this-test")];
    let storage = Storage::open(ROOT, &options(&path.url(), &settings)).unwrap();
    // What comes of it depends on the store, which knows no such token.
    let outcome = storage.create(&uri("a"), b"x".into());
    assert!(
        path.sent()
            .lines()
            .any(|line| line.eq_ignore_ascii_case("x-amz-security-token: token-of-this-test"))
    );
    if let Err(error) = outcome {
        assert!(!error.message.contains("token-of-this-test"), "{error}");
    }
}

#[test]
fn what_to_do_is_said_with_the_answer() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (status, code, error_code, remedy) in [
        (
            403,
            "RequestTimeTooSkewed",
            ErrorCode::StorageFailed,
            "set the clock of this machine",
        ),
        (
            403,
            "InvalidAccessKeyId",
            ErrorCode::InvalidSetting,
            "check s3.access-key and s3.secret-key",
        ),
        (
            403,
            "ExpiredToken",
            ErrorCode::InvalidSetting,
            "set an s3.session-token that",
        ),
        (
            301,
            "PermanentRedirect",
            ErrorCode::InvalidSetting,
            "set s3.endpoint.region to",
        ),
        (
            404,
            "NoSuchBucket",
            ErrorCode::StorageFailed,
            "make it, or name another",
        ),
    ] {
        // The client keeps nothing else of a redirect.
        let said = if status == 301 {
            "incorrectly configured region"
        } else {
            code
        };
        let body = format!("<Error><Code>{code}</Code><Message>It is said here.</Message></Error>");
        let server = runtime.block_on(FaultServer::start(move |_| Reaction::Answer(status, "", body.clone())));
        let storage = Storage::open(ROOT, &options(&server.url(), &[])).unwrap();
        let error = storage.probe(ROOT).unwrap_err();
        assert_eq!(error.code, error_code, "{error}");
        assert!(
            error.message.contains(said) && error.message.contains(remedy),
            "{error}"
        );
        let error = storage.create(&uri("a"), b"x".into()).unwrap_err();
        assert!(
            error.message.contains(said) && error.message.contains(remedy),
            "{error}"
        );
        let _context = runtime.enter();
        drop(server);
    }
}
