//! What a scheme is served by.

use std::path::Path;

use super::Object;
use super::failure::Failure;
use super::location::Location;

/// The operations of [`Storage`](super::Storage), which documents them, for one scheme.
pub(super) trait Backend: Send + Sync {
    fn create(&self, location: &Location, content: Vec<u8>) -> Result<(), Failure>;
    fn read(&self, location: &Location) -> Result<Vec<u8>, Failure>;
    fn delete(&self, location: &Location) -> Result<bool, Failure>;
    /// Directories above that become empty go too, down to this root.
    fn delete_prefix(&self, location: &Location, root: &Location) -> Result<usize, Failure>;
    fn exists(&self, location: &Location) -> Result<bool, Failure>;
    fn list(&self, location: &Location) -> Result<Vec<String>, Failure>;
    fn objects(&self, location: &Location) -> Result<Vec<Object>, Failure>;
    fn rename(&self, from: &Location, to: &Location) -> Result<(), Failure>;
    fn upload(&self, file: &Path, location: &Location) -> Result<(), Failure>;
    fn download(&self, location: &Location, file: &Path) -> Result<(), Failure>;
    fn ensure_directory(&self, location: &Location) -> Result<(), Failure>;
}
