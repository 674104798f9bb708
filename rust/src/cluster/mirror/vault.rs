//! Where manifests lie.

use crate::error::HaError;

/// A directory of small files that are written once. Every method blocks, and is called where that may be.
pub trait Vault: Send + Sync + 'static {
    /// Writes a file; one of this name is the same.
    fn write(&self, name: &str, content: String) -> Result<(), HaError>;
    /// The names of all files.
    fn list(&self) -> Result<Vec<String>, HaError>;
    /// The content of a file; `None` when there is none.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, HaError>;
    /// Deletes a file; an absent one is fine. `is_last` when the directory may be empty then, and is to go too.
    fn delete(&self, name: &str, is_last: bool) -> Result<(), HaError>;
}
