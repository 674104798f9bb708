//! Native storage on Google's cloud: a real server that checks signatures, and one that does what no real one does on demand.

#![cfg(feature = "gs")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::fs;

use flinkkubeha::error::{ErrorCode, HaError};
use flinkkubeha::storage::Storage;
use serde_json::Value;
use support::gcs_server::GcsServer;
use support::object_store::ObjectStoreServer;

const ROOT: &str = "gs://flink/ha";

impl ObjectStoreServer for GcsServer {
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
        self.storage(ROOT, &url.map_or_else(|| self.url(), str::to_owned))
    }
}

object_store_tests!(GcsServer);

fn assert_says(error: &HaError, root: &str, said: &str) {
    let prefix = format!("high-availability.storageDir: {root} cannot be used (");
    assert!(
        error.message.starts_with(&prefix) && error.message.contains(said),
        "{error}"
    );
    assert!(!error.message.contains("eyJ"), "no token: {error}");
}

#[test]
fn what_is_wrong_is_said_in_one_sentence_and_nothing_secret() {
    let (Some(server), Some(other)) = (GcsServer::start(), GcsServer::start()) else {
        return;
    };
    let error = other.storage(ROOT, &server.url()).probe(ROOT).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidSetting, "{error}");
    assert_says(&error, ROOT, "AuthenticationRequired");
    let root = "gs://no-such-bucket/ha";
    let error = server.storage(root, &server.url()).probe(root).unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageFailed, "{error}");
    assert_says(&error, root, "NoSuchBucket");
}

#[test]
fn a_key_that_is_none_is_never_shown() {
    let Some(server) = GcsServer::start() else { return };
    let storage = server.storage_at(None);
    let file = server.credentials();
    let mut key: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    key["private_key"] = "hidden".into();
    fs::write(&file, key.to_string()).unwrap();
    let error = storage.probe(ROOT).unwrap_err();
    assert_says(&error, ROOT, "");
    assert!(!error.message.contains("hidden"), "{error}");
    assert_eq!(error.code, ErrorCode::InvalidSetting, "{error}");

    // It is not the object that is missing.
    let storage = server.storage_at(None);
    fs::remove_file(&file).unwrap();
    let error = storage.read(&format!("{ROOT}/a")).unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageFailed, "{error}");
    let named = error.message.contains(file.to_str().unwrap());
    assert!(
        named && error.message.contains("check gs.auth.service.account.json.keyfile"),
        "{error}"
    );
}

#[test]
fn an_account_may_stand_in_the_configuration() {
    let Some(server) = GcsServer::start() else { return };
    let key: Value = serde_json::from_slice(&fs::read(server.credentials()).unwrap()).unwrap();
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    let options = [
        ("gs.storage.root.url", server.url()),
        ("gs.auth.service.account.email", text("client_email")),
        ("gs.auth.service.account.private.key.id", text("private_key_id")),
        ("gs.auth.service.account.private.key", text("private_key")),
    ];
    let options = options.map(|(key, value)| (key.to_owned(), value)).into();
    Storage::open(ROOT, &options).unwrap().probe(ROOT).unwrap();
}
