//! Manifests as objects of the native storage.

use std::sync::Arc;

use crate::cluster::services::Vault;
use crate::error::{ErrorCode, HaError};
use crate::storage::Storage;

/// One directory of a storage.
pub(super) struct StorageVault {
    storage: Arc<Storage>,
    directory: String,
}

impl StorageVault {
    pub(super) const fn new(storage: Arc<Storage>, directory: String) -> Self {
        Self { storage, directory }
    }

    fn uri(&self, name: &str) -> String {
        format!("{}/{name}", self.directory)
    }
}

impl Vault for StorageVault {
    fn write(&self, name: &str, content: String) -> Result<(), HaError> {
        match self.storage.create(&self.uri(name), content.into_bytes()) {
            // Of the same version of the same object.
            Err(error) if error.code == ErrorCode::StorageExists => Ok(()),
            written => written,
        }
    }

    fn list(&self) -> Result<Vec<String>, HaError> {
        self.storage.list(&self.directory)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, HaError> {
        match self.storage.read(&self.uri(name)) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.code == ErrorCode::StorageNotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn delete(&self, name: &str, is_last: bool) -> Result<(), HaError> {
        let uri = self.uri(name);
        if is_last {
            self.storage.delete_prefix(&uri).map(drop)
        } else {
            self.storage.delete(&uri).map(drop)
        }
    }
}
