//! Native storage on Azure: a real server that checks signatures, and one that does what no real one does on demand.

#![cfg(feature = "azure")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use flinkkubeha::error::ErrorCode;
use flinkkubeha::storage::Storage;
use support::azurite::{ACCOUNT, Azurite, CONTAINER, KEY, root, storage};
use support::object_store::ObjectStoreServer;

impl ObjectStoreServer for Azurite {
    const ROOT: &'static str = "abfs://flink@flinktests.dfs.core.windows.net/ha";
    const REFUSAL: (u16, &'static str) = (409, "BlobAlreadyExists");
    const ABSENCE: &'static str = "BlobNotFound";

    fn start() -> Option<Self> {
        Self::start()
    }

    fn url(&self) -> String {
        self.url()
    }

    fn storage_at(&self, url: Option<&str>) -> Storage {
        storage(Self::ROOT, &url.map_or_else(|| self.url(), str::to_owned), KEY)
    }
}

object_store_tests!(Azurite);

#[test]
fn what_is_wrong_is_said_in_one_sentence_and_nothing_secret() {
    let Some(server) = Azurite::start() else { return };
    let wrong = "d3Jvbmc=";
    for (container, key, code, said) in [
        (
            CONTAINER,
            wrong,
            ErrorCode::InvalidSetting,
            "403 Forbidden: AuthorizationFailure",
        ),
        (
            "no-such-container",
            KEY,
            ErrorCode::StorageFailed,
            "404 Not Found: ContainerNotFound",
        ),
        (CONTAINER, "not%base64", ErrorCode::InvalidSetting, "Invalid"),
    ] {
        let root = root(container);
        let error = storage(&root, &server.url(), key).probe(&root).unwrap_err();
        let prefix = format!("high-availability.storageDir: {root} cannot be used (");
        assert!(
            error.message.starts_with(&prefix) && error.message.contains(said),
            "{error}"
        );
        assert_eq!(error.code, code, "{error}");
        let remedy = if container == CONTAINER {
            "check the fs.azure.account.key"
        } else {
            "make it"
        };
        assert!(error.message.contains(remedy), "{error}");
        let shown = error.message.strip_prefix(&prefix).unwrap_or_default();
        for secret in [wrong, KEY, "not%base64", &format!("SharedKey {ACCOUNT}")] {
            assert!(!shown.contains(secret), "{error}");
        }
    }
}
