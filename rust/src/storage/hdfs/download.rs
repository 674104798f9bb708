//! A file of HDFS on this machine.

use std::io::{self, Write};
use std::path::Path;
use std::pin::pin;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};

use crate::storage::transfer::PartFile;

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
