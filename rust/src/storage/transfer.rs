//! Copies between local files and objects, in pieces.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;

use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, TryStreamExt};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};

use super::failure::{Action, Failure};
use super::location::Location;
use crate::error::{ErrorCode, HaError};

/// A file is sent in pieces of that size, a smaller one whole. S3 takes 10,000 parts of at least 5 MiB; 8 MiB allows for 78 GiB.
const PIECE_BYTES: u64 = 8 * 1024 * 1024;
/// How many pieces are on their way at a time, and so in memory.
const PIECES_AT_ONCE: usize = 4;

/// What went wrong in a copy, told apart by the side that it happened on.
#[derive(Debug)]
pub(super) enum CopyFailure {
    /// The local file.
    File(io::Error),
    /// The object.
    Object(object_store::Error),
}

impl CopyFailure {
    pub(super) fn into_failure(self, action: Action, location: &Location, file: &Path) -> Failure {
        match self {
            Self::Object(error) => Failure::new(action, location, &error),
            Self::File(error) => {
                let file = file.display();
                let message = format!("Copying between {location} and the local file {file} failed: {error}.");
                HaError::new(ErrorCode::StorageFailed, message).into()
            }
        }
    }
}

impl From<io::Error> for CopyFailure {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<object_store::Error> for CopyFailure {
    fn from(error: object_store::Error) -> Self {
        Self::Object(error)
    }
}

/// Copies a file into an object, which appears when it is complete.
pub(super) async fn upload(store: &dyn ObjectStore, file: &Path, object: &ObjectPath) -> Result<(), CopyFailure> {
    let mut source = File::open(file).map_err(CopyFailure::File)?;
    let first = next_piece(&mut source).map_err(CopyFailure::File)?.unwrap_or_default();
    if first.len() < usize::try_from(PIECE_BYTES).unwrap_or(usize::MAX) {
        store.put(object, first.into()).await?;
        return Ok(());
    }
    let mut upload = store.put_multipart(object).await?;
    let copied = async {
        let mut under_way = FuturesUnordered::new();
        under_way.push(upload.put_part(first.into()));
        while let Some(piece) = next_piece(&mut source).map_err(CopyFailure::File)? {
            if under_way.len() == PIECES_AT_ONCE {
                under_way.try_next().await?;
            }
            under_way.push(upload.put_part(piece.into()));
        }
        under_way.try_collect::<()>().await?;
        Ok(())
    };
    if let Err(failure) = copied.await {
        if let Err(error) = upload.abort().await {
            log::debug!("The part of {object} that was uploaded could not be deleted: {error}");
        }
        return Err(failure);
    }
    upload.complete().await?;
    Ok(())
}

/// `None` at the end of the file.
pub(super) fn next_piece(source: &mut File) -> io::Result<Option<Bytes>> {
    let mut piece = Vec::new();
    source.take(PIECE_BYTES).read_to_end(&mut piece)?;
    Ok((!piece.is_empty()).then(|| piece.into()))
}

/// Copies an object into a file, which appears when it is complete.
pub(super) async fn download(store: &dyn ObjectStore, object: &ObjectPath, file: &Path) -> Result<(), CopyFailure> {
    let content = store.get(object).await?.into_stream();
    save(content.map_err(CopyFailure::Object), file).await
}

/// Writes everything that comes into a file, which appears when it is complete.
pub(super) async fn save<E: From<io::Error>>(
    content: impl Stream<Item = Result<Bytes, E>>,
    file: &Path,
) -> Result<(), E> {
    let mut content = pin!(content);
    let (mut target, part) = PartFile::create(file)?;
    while let Some(piece) = content.try_next().await? {
        target.write_all(&piece)?;
    }
    Ok(part.rename(file)?)
}

/// A file that is gone when it was not renamed.
struct PartFile {
    path: PathBuf,
    kept: bool,
}

impl PartFile {
    /// Beside `file`, because a rename does not leave the file system.
    fn create(file: &Path) -> io::Result<(File, Self)> {
        let mut name = file.as_os_str().to_owned();
        name.push(format!(
            ".{:016x}.part",
            RandomState::new().hash_one(std::process::id())
        ));
        let path = PathBuf::from(name);
        let target = File::create_new(&path)?;
        Ok((target, Self { path, kept: false }))
    }

    fn rename(mut self, file: &Path) -> io::Result<()> {
        fs::rename(&self.path, file)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = fs::remove_file(&self.path)
        {
            log::debug!("{} could not be deleted: {error}", self.path.display());
        }
    }
}
