//! A backend whose operations are counted.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::Object;
use super::backend::Backend;
use super::failure::Failure;
use super::location::Location;
use crate::metrics::StorageMetrics;

/// Counts, and passes everything on.
pub(super) struct Measured {
    backend: Box<dyn Backend>,
    metrics: Arc<StorageMetrics>,
}

impl Measured {
    pub(super) fn new(backend: Box<dyn Backend>, metrics: Arc<StorageMetrics>) -> Self {
        Self { backend, metrics }
    }

    fn counted<T>(
        &self,
        operation: &'static str,
        run: impl FnOnce(&dyn Backend) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let began = Instant::now();
        let outcome = run(self.backend.as_ref());
        let failed = matches!(&outcome, Err(failure) if failure.is_of_the_storage());
        self.metrics.done(operation, began.elapsed(), failed);
        outcome
    }
}

impl Backend for Measured {
    fn create(&self, location: &Location, content: Vec<u8>) -> Result<(), Failure> {
        self.counted("write", |backend| backend.create(location, content))
    }

    fn read(&self, location: &Location) -> Result<Vec<u8>, Failure> {
        self.counted("read", |backend| backend.read(location))
    }

    fn delete(&self, location: &Location) -> Result<bool, Failure> {
        self.counted("delete", |backend| backend.delete(location))
    }

    fn delete_prefix(&self, location: &Location, root: &Location) -> Result<usize, Failure> {
        self.counted("delete", |backend| backend.delete_prefix(location, root))
    }

    fn exists(&self, location: &Location) -> Result<bool, Failure> {
        self.counted("exists", |backend| backend.exists(location))
    }

    fn list(&self, location: &Location) -> Result<Vec<String>, Failure> {
        self.counted("list", |backend| backend.list(location))
    }

    fn objects(&self, location: &Location) -> Result<Vec<Object>, Failure> {
        self.counted("list", |backend| backend.objects(location))
    }

    fn rename(&self, from: &Location, to: &Location) -> Result<(), Failure> {
        self.counted("rename", |backend| backend.rename(from, to))
    }

    fn upload(&self, file: &Path, location: &Location) -> Result<(), Failure> {
        self.counted("write", |backend| backend.upload(file, location))
    }

    fn download(&self, location: &Location, file: &Path) -> Result<(), Failure> {
        self.counted("read", |backend| backend.download(location, file))
    }

    fn ensure_directory(&self, location: &Location) -> Result<(), Failure> {
        self.counted("make_directory", |backend| backend.ensure_directory(location))
    }
}
