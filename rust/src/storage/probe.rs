//! Whether a storage directory can be used at all, found out before anything relies on it.

use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;

use super::backend::Backend;
use super::failure::Failure;
use super::location::Location;
use crate::error::{ErrorCode, HaError};

const CONTENT: &[u8] = b"Written by flink-kube-ha to see whether this directory can be used. It may be deleted.\n";

/// Writes, reads and deletes an object of a name that nobody else uses.
pub(super) fn run(backend: &dyn Backend, directory: &Location) -> Result<(), HaError> {
    let random = RandomState::new().hash_one(std::process::id());
    let object = directory.child(&format!(".flink-kube-ha-probe-{random:016x}"));
    let read = backend
        .create(&object, CONTENT.to_vec())
        .and_then(|()| backend.read(&object));
    let deleted = backend.delete(&object);
    match read.and_then(|content| deleted.map(|_| content)) {
        Ok(content) if content == CONTENT => Ok(()),
        Ok(content) => {
            let (written, read) = (CONTENT.len(), content.len());
            let cause = format!("{written} bytes were written and {read} others read");
            let remedy = "set a directory on a file system that keeps what is written";
            Err(unusable(directory, ErrorCode::StorageFailed, &cause, remedy))
        }
        Err(failure) => Err(explain(directory, &failure)),
    }
}

fn explain(directory: &Location, failure: &Failure) -> HaError {
    use ErrorCode::{InvalidSetting, StorageFailed};
    if let Some((code, remedy)) = failure.remedy() {
        return unusable(directory, code, failure.cause(), remedy);
    }
    let (code, remedy) = match failure.kind() {
        Some(ErrorKind::PermissionDenied) => (
            InvalidSetting,
            "let the user that runs Flink read and write there, or set another directory",
        ),
        Some(ErrorKind::ReadOnlyFilesystem) => (InvalidSetting, "mount it for writing, or set another directory"),
        Some(ErrorKind::NotADirectory) => (
            InvalidSetting,
            "remove the file that is where a directory should be, or set another directory",
        ),
        Some(ErrorKind::InvalidFilename) => (InvalidSetting, "set a directory with a shorter name"),
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            (StorageFailed, "make room there, or set another directory")
        }
        _ => (
            StorageFailed,
            "set a directory that all JobManagers can write and all TaskManagers can read",
        ),
    };
    unusable(directory, code, failure.cause(), remedy)
}

fn unusable(directory: &Location, code: ErrorCode, cause: &str, remedy: &str) -> HaError {
    let message = format!("high-availability.storageDir: {directory} cannot be used ({cause}): {remedy}.");
    HaError::new(code, message)
}
