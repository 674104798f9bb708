//! Metadata objects behind the pointers: checkpoint metadata, job graphs, blobs, job results.
//!
//! The scheme of a URI picks the backend. Paths, names and bytes are stock Flink's, so that a stock `JobManager` reads what
//! was written here and the other way round. Every method blocks the calling thread; none may be called on a thread of an
//! asynchronous runtime.

mod answer;
#[cfg(feature = "azure")]
mod azure;
mod backend;
mod calling_thread;
mod directories;
mod failure;
#[cfg(feature = "gs")]
mod gs;
#[cfg(feature = "hdfs")]
mod hdfs;
mod local_files;
mod location;
mod measured;
#[cfg(any(feature = "remote", feature = "hdfs"))]
// HDFS alone needs but a part of it.
#[cfg_attr(not(feature = "remote"), allow(dead_code))]
mod options;
mod probe;
mod remedy;
#[cfg(feature = "remote")]
mod remote;
#[cfg(feature = "s3")]
mod s3;
#[cfg(any(feature = "remote", feature = "hdfs"))]
mod threads;
mod transfer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use crate::error::{ErrorCode, HaError};
use crate::metrics::StorageMetrics;
use backend::Backend;
use local_files::LocalFiles;
use location::Location;
use measured::Measured;

/// What a storage says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The last part of its URI, decoded.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last written, by the storage's clock.
    pub modified: SystemTime,
}

/// The objects below a storage directory, and anywhere else under the same scheme: a pointer may have been written under a
/// former setting.
///
/// A URI is the text of Flink's `Path.toUri()`, in which a space is `%20`, not that of `Path.toString()`.
pub struct Storage {
    root: Location,
    backend: Measured,
    metrics: Arc<StorageMetrics>,
}

impl Storage {
    /// Opens the storage that serves the scheme of `root`, the value of `high-availability.storageDir` as a URI. Nothing is
    /// read or written yet. What cannot be honoured exactly ends in [`ErrorCode::Unsupported`], so that Flink's own
    /// `FileSystem` can take its place.
    pub fn open(root: &str, options: &BTreeMap<String, String>) -> Result<Self, HaError> {
        let root = Location::parse(root)?;
        let backend: Box<dyn Backend> = match root.scheme() {
            LocalFiles::SCHEME => Box::new(LocalFiles::open(options)?),
            #[cfg(feature = "s3")]
            scheme if s3::is_scheme(scheme) => Box::new(s3::open(&root, options)?),
            #[cfg(feature = "azure")]
            scheme if azure::is_scheme(scheme) => Box::new(azure::open(&root, options)?),
            #[cfg(feature = "gs")]
            gs::SCHEME => Box::new(gs::open(&root, options)?),
            #[cfg(feature = "hdfs")]
            hdfs::SCHEME => Box::new(hdfs::open(&root, options)?),
            scheme => {
                let message = format!("There is no native storage for {scheme}, as in {root}.");
                return Err(HaError::new(ErrorCode::Unsupported, message));
            }
        };
        let metrics = Arc::new(StorageMetrics::new(root.scheme()));
        let backend = Measured::new(backend, Arc::clone(&metrics));
        Ok(Self { root, backend, metrics })
    }

    /// Writes an object that does not exist yet, with the directories above it. It is durable on return; where a local file
    /// system has hard links, and on HDFS, a crash before that leaves no part of it under this name.
    /// [`ErrorCode::StorageExists`] when it exists.
    pub fn create(&self, uri: &str, content: Vec<u8>) -> Result<(), HaError> {
        Ok(self.backend.create(&self.locate(uri)?, content)?)
    }

    /// Reads an object. [`ErrorCode::StorageNotFound`] when there is none.
    pub fn read(&self, uri: &str) -> Result<Vec<u8>, HaError> {
        Ok(self.backend.read(&self.locate(uri)?)?)
    }

    /// Deletes an object; `false` when the storage says that there was none, which most object stores do not. Its directory
    /// stays, as with stock's `FileStateHandle`.
    pub fn delete(&self, uri: &str) -> Result<bool, HaError> {
        Ok(self.backend.delete(&self.locate(uri)?)?)
    }

    /// Deletes the object or everything below the directory, and answers how many objects that were. Directories go with
    /// their last entry, and so do those above, up to the root of the storage (stock's `FileSystemBlobStore.delete` takes
    /// two levels). What others write meanwhile stays.
    pub fn delete_prefix(&self, uri: &str) -> Result<usize, HaError> {
        Ok(self.backend.delete_prefix(&self.locate(uri)?, &self.root)?)
    }

    /// Whether there is an object. A directory is none.
    pub fn exists(&self, uri: &str) -> Result<bool, HaError> {
        Ok(self.backend.exists(&self.locate(uri)?)?)
    }

    /// Names of the objects directly below, sorted; none when the directory is absent.
    pub fn list(&self, uri: &str) -> Result<Vec<String>, HaError> {
        Ok(self.backend.list(&self.locate(uri)?)?)
    }

    /// The objects directly below, sorted by name; none when the directory is absent. Without those that others delete meanwhile.
    pub fn objects(&self, uri: &str) -> Result<Vec<Object>, HaError> {
        Ok(self.backend.objects(&self.locate(uri)?)?)
    }

    /// Gives an object another name, in place of what has that name. [`ErrorCode::StorageNotFound`] when there is none.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), HaError> {
        Ok(self.backend.rename(&self.locate(from)?, &self.locate(to)?)?)
    }

    /// Copies a local file into an object, in place of what is there, as `FileSystemBlobStore.put` does. Memory is bounded,
    /// and nobody sees a part of it.
    pub fn upload(&self, file: &Path, uri: &str) -> Result<(), HaError> {
        Ok(self.backend.upload(file, &self.locate(uri)?)?)
    }

    /// Copies an object into a local file, in place of what is there. Memory is bounded, and the file is complete or absent.
    /// [`ErrorCode::StorageNotFound`] when there is no object.
    pub fn download(&self, uri: &str, file: &Path) -> Result<(), HaError> {
        Ok(self.backend.download(&self.locate(uri)?, file)?)
    }

    /// Makes a directory and those above it, where the storage has directories.
    pub fn ensure_directory(&self, uri: &str) -> Result<(), HaError> {
        Ok(self.backend.ensure_directory(&self.locate(uri)?)?)
    }

    /// Writes, reads and deletes an object below the directory. The error is one sentence with key, value, the answer of the
    /// storage and a remedy; the directory is taken for the value of `high-availability.storageDir`.
    pub fn probe(&self, uri: &str) -> Result<(), HaError> {
        probe::run(&self.backend, &self.locate(uri)?)
    }

    /// What was counted, in Prometheus' text format 0.0.4.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.metrics.expose()
    }

    fn locate(&self, uri: &str) -> Result<Location, HaError> {
        let location = Location::parse(uri)?;
        if location.scheme() == self.root.scheme() {
            return Ok(location);
        }
        let message = format!("{location} has another scheme than its storage, {}.", self.root);
        Err(HaError::new(ErrorCode::Unsupported, message))
    }
}

#[cfg(test)]
mod tests;
