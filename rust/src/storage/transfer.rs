//! Copies between local files and objects, in pieces.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::FuturesUnordered;
use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt};

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
    fetch(async |options| store.get_opts(object, options).await, file).await
}

/// Goes on where an answer broke off, with the same version of the object. The library does so too, but counts its time from the
/// first request on: a copy that takes longer would end with the next connection that is reset.
async fn fetch(
    get: impl AsyncFn(GetOptions) -> object_store::Result<GetResult>,
    file: &Path,
) -> Result<(), CopyFailure> {
    let found = get(GetOptions::default()).await?;
    let (size, version) = (found.meta.size, found.meta.e_tag.clone());
    let mut content = found.into_stream();
    let (mut target, part) = PartFile::create(file)?;
    let (mut written, mut resumed_at) = (0, 0);
    while written < size {
        match content.try_next().await {
            Ok(Some(piece)) => {
                target.write_all(&piece)?;
                written += piece.len() as u64;
            }
            Ok(None) => return Err(broke_off(written, size).into()),
            Err(error) if written == resumed_at || version.is_none() => return Err(error.into()),
            Err(error) => {
                log::debug!("An answer broke off after {written} of {size} bytes, the rest is asked for: {error}");
                resumed_at = written;
                let options = GetOptions::default()
                    .with_range(Some(GetRange::Offset(written)))
                    .with_if_match(version.clone());
                content = get(options).await?.into_stream();
            }
        }
    }
    Ok(part.rename(file)?)
}

fn broke_off(written: u64, size: u64) -> object_store::Error {
    object_store::Error::Generic {
        store: "download",
        source: format!("the answer ended after {written} of {size} bytes").into(),
    }
}

/// A file that is gone when it was not renamed.
pub(super) struct PartFile {
    path: PathBuf,
    kept: bool,
}

impl PartFile {
    /// Beside `file`, because a rename does not leave the file system.
    pub(super) fn create(file: &Path) -> io::Result<(File, Self)> {
        let mut name = file.as_os_str().to_owned();
        name.push(format!(
            ".{:016x}.part",
            RandomState::new().hash_one(std::process::id())
        ));
        let path = PathBuf::from(name);
        let target = File::create_new(&path)?;
        Ok((target, Self { path, kept: false }))
    }

    pub(super) fn rename(mut self, file: &Path) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use futures_util::StreamExt as _;
    use futures_util::stream;
    use object_store::{GetResultPayload, ObjectMeta};

    use super::*;
    use crate::storage::calling_thread;

    const CONTENT: &[u8] = b"content of an object";

    /// What follows `from`, up to `until` if it breaks off there.
    fn answer(from: u64, until: Option<u64>) -> GetResult {
        let size = CONTENT.len() as u64;
        let end = until.unwrap_or(size);
        let piece = Bytes::from_static(&CONTENT[usize::try_from(from).unwrap()..usize::try_from(end).unwrap()]);
        let reset = until.map(|_| Err(broke_off(end, size)));
        let pieces = (!piece.is_empty()).then_some(Ok(piece)).into_iter().chain(reset);
        GetResult {
            payload: GetResultPayload::Stream(stream::iter(pieces).boxed()),
            meta: ObjectMeta {
                location: ObjectPath::from("jar"),
                last_modified: std::time::SystemTime::UNIX_EPOCH.into(),
                size,
                e_tag: Some("version".to_owned()),
                version: None,
            },
            range: from..size,
            attributes: object_store::Attributes::default(),
            extensions: object_store::Extensions::default(),
        }
    }

    /// Breaks off at each of these places in turn; what came of it, and the file.
    fn fetched(breaks: &[u64]) -> (Result<(), CopyFailure>, Option<Vec<u8>>) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("jar");
        let asked = std::cell::Cell::new(0);
        let outcome = calling_thread::run(fetch(
            async |options| {
                let number = asked.replace(asked.get() + 1);
                let from = match options.range {
                    Some(GetRange::Offset(from)) => from,
                    other => {
                        assert!(other.is_none() && number == 0);
                        0
                    }
                };
                assert_eq!(
                    options.if_match.is_some(),
                    number > 0,
                    "the rest is of the same version"
                );
                Ok(answer(from, breaks.get(number).copied()))
            },
            &file,
        ));
        let left = fs::read_dir(directory.path()).unwrap().count();
        let content = fs::read(&file).ok();
        assert_eq!(left, usize::from(content.is_some()), "nothing else is left");
        (outcome, content)
    }

    #[test]
    fn a_download_goes_on_where_it_broke_off() {
        for breaks in [&[][..], &[3], &[1, 2, 3, 7, 19], &[20]] {
            let (outcome, content) = fetched(breaks);
            outcome.unwrap();
            assert_eq!(content.unwrap(), CONTENT, "{breaks:?}");
        }
    }

    #[test]
    fn a_download_that_makes_no_progress_ends() {
        for breaks in [&[0][..], &[5, 5]] {
            let (outcome, content) = fetched(breaks);
            assert!(matches!(outcome, Err(CopyFailure::Object(_))), "{breaks:?}");
            assert_eq!(content, None);
        }
    }
}
