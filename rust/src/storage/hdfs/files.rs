//! Files of HDFS behind the pointers.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt;
use hdfs_native::client::FileStatus;
use hdfs_native::file::FileReader;
use hdfs_native::{Client, HdfsError, WriteOptions};

use super::answer::Fault;
use super::connection::{Connection, answered, random};
use super::download;
use super::settings::Settings;
use super::tree;
use crate::error::{ErrorCode, HaError};
use crate::storage::Object;
use crate::storage::backend::Backend;
use crate::storage::failure::{Action, Failure};
use crate::storage::location::Location;
use crate::storage::transfer::{self, CopyFailure};

/// Of a file that is not complete. Names that begin with a dot are hidden from Hadoop's own tools, too.
const PART: (&str, &str) = (".", ".flink-kube-ha.part");

/// Files below one root. A file is written beside its name and renamed when it is complete, which HDFS does at once.
pub(super) struct HdfsFiles {
    connection: Connection,
    root: Location,
}

impl HdfsFiles {
    pub(super) fn open(root: &Location, settings: Settings) -> Result<Self, HaError> {
        Ok(Self {
            connection: Connection::new(root, settings)?,
            root: root.clone(),
        })
    }

    fn path<'a>(&self, location: &'a Location) -> Result<&'a str, HaError> {
        if location.authority() == self.root.authority() {
            return Ok(location.path());
        }
        let message = format!("{location} lies elsewhere than its storage, {}.", self.root);
        Err(HaError::new(ErrorCode::Unsupported, message))
    }

    fn run<T>(
        &self,
        action: Action,
        location: &Location,
        work: impl AsyncFnMut(&Client) -> Result<T, Fault>,
    ) -> Result<T, Failure> {
        let result = self.connection.run(work);
        result.map_err(|fault| Failure::new(action, location, &fault.into_error()))
    }

    fn copy(
        &self,
        action: Action,
        location: &Location,
        file: &Path,
        work: impl AsyncFnMut(&Client) -> Result<(), Fault>,
    ) -> Result<(), Failure> {
        self.connection.run(work).map_err(|fault| match fault {
            Fault::File(error) => CopyFailure::File(error).into_failure(action, location, file),
            fault => Failure::new(action, location, &fault.into_error()),
        })
    }

    /// As stock's file system makes them.
    fn new_file(&self) -> WriteOptions {
        let settings = self.connection.settings();
        WriteOptions {
            block_size: settings.block_size,
            replication: Some(settings.replication),
            permission: 0o666 & !settings.umask,
            ..WriteOptions::default()
        }
    }

    /// A name beside this one. Another one for each attempt: what an earlier one has left is of no use.
    fn part(path: &str) -> String {
        let (before, after) = PART;
        let directory = tree::parent(path).unwrap_or_default().trim_end_matches('/');
        format!("{directory}/{before}{:016x}{after}", random())
    }

    async fn write(
        &self,
        client: &Client,
        part: &str,
        mut pieces: impl FnMut() -> io::Result<Option<Bytes>>,
    ) -> Result<(), Fault> {
        let mut writer = match answered(client.create(part, self.new_file())).await {
            // The name is drawn: it is a file that stands where a directory should be.
            Err(fault) if fault.kind() == ErrorKind::AlreadyExists => return Err(not_a_directory().into()),
            created => created?,
        };
        while let Some(piece) = pieces()? {
            answered(Box::pin(writer.write_bytes(piece))).await?;
        }
        answered(Box::pin(writer.close())).await
    }

    /// Nothing depends on it: nobody looks for such names. If HDFS has gone away, one attempt tells.
    fn delete_parts(&self, parts: &[String]) {
        let delete = async |client: &Client| {
            for part in parts {
                answered(client.delete(part, false)).await?;
            }
            Ok(())
        };
        if let Err(fault) = self.connection.try_once(delete) {
            let parts = parts.join(", ");
            log::debug!("Not all of {parts} could be deleted: {}", fault.into_error());
        }
    }

    fn make_directory<'a>(&self, client: &'a Client, path: &'a str) -> impl Future<Output = Result<(), Fault>> + 'a {
        let permission = 0o777 & !self.connection.settings().umask;
        async move {
            match answered(client.mkdirs(path, permission, true)).await {
                Err(fault) if fault.kind() == ErrorKind::AlreadyExists => Err(not_a_directory().into()),
                made => made,
            }
        }
    }

    fn below(&self, location: &Location) -> Result<Vec<FileStatus>, Failure> {
        let path = self.path(location)?;
        let mut found = self.run(Action::List, location, async |client| tree::below(client, path).await)?;
        found.retain(|status| !status.isdir && !is_part(name(status)));
        found.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }
}

impl Backend for HdfsFiles {
    fn create(&self, location: &Location, content: Vec<u8>) -> Result<(), Failure> {
        let path = self.path(location)?;
        let content = Bytes::from(content);
        let (mut parts, mut unsure) = (Vec::new(), false);
        let written = self.run(Action::Write, location, async |client| {
            let part = Self::part(path);
            parts.push(part.clone());
            let mut rest = Some(content.clone()).filter(|content| !content.is_empty());
            self.write(client, &part, || Ok(rest.take())).await?;
            match answered(client.rename(&part, path, false)).await {
                Err(fault) if fault.kind() == ErrorKind::AlreadyExists => Ok(false),
                Err(fault) => {
                    unsure |= fault.may_pass();
                    Err(fault)
                }
                Ok(()) => {
                    parts.pop();
                    Ok(true)
                }
            }
        });
        if !parts.is_empty() {
            self.delete_parts(&parts);
        }
        // The answer to a rename can be lost, and the repeated one refused: what lies there tells.
        let is_there = |found: Result<Vec<u8>, Fault>| found.is_ok_and(|found| found == content);
        match written {
            Ok(true) => Ok(()),
            Ok(false) if unsure && is_there(self.connection.run(async |client| whole(client, path).await)) => Ok(()),
            Ok(false) => Err(Failure::exists(location)),
            // An HDFS that has not answered for so long is asked only once.
            Err(_) if unsure && is_there(self.connection.try_once(async |client| whole(client, path).await)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    fn read(&self, location: &Location) -> Result<Vec<u8>, Failure> {
        let path = self.path(location)?;
        self.run(Action::Read, location, async |client| whole(client, path).await)
    }

    fn delete(&self, location: &Location) -> Result<bool, Failure> {
        let path = self.path(location)?;
        self.run(Action::Delete, location, async |client| {
            match answered(client.delete(path, false)).await {
                Err(fault) if fault.is_absence() => Ok(false),
                deleted => deleted,
            }
        })
    }

    fn delete_prefix(&self, location: &Location, root: &Location) -> Result<usize, Failure> {
        let path = self.path(location)?;
        let mut count = 0;
        self.run(Action::Delete, location, async |client| {
            tree::remove(client, path, &mut count).await
        })?;
        // Nothing depends on it, and stock ignores this too.
        let above = self
            .connection
            .try_once(async |client| tree::remove_empty_parents(client, path, root.path()).await);
        if let Err(fault) = above {
            log::debug!(
                "A directory above {location} could not be deleted: {}",
                fault.into_error()
            );
        }
        Ok(count)
    }

    fn exists(&self, location: &Location) -> Result<bool, Failure> {
        let path = self.path(location)?;
        self.run(Action::Read, location, async |client| {
            tree::has_file(client, path).await
        })
    }

    fn list(&self, location: &Location) -> Result<Vec<String>, Failure> {
        Ok(self
            .below(location)?
            .iter()
            .map(|status| name(status).to_owned())
            .collect())
    }

    fn objects(&self, location: &Location) -> Result<Vec<Object>, Failure> {
        let objects = self.below(location)?.into_iter().map(|status| Object {
            name: name(&status).to_owned(),
            size: status.length as u64,
            modified: SystemTime::UNIX_EPOCH + Duration::from_millis(status.modification_time),
        });
        Ok(objects.collect())
    }

    fn rename(&self, from: &Location, to: &Location) -> Result<(), Failure> {
        let (source, target) = (self.path(from)?, self.path(to)?);
        let mut unsure = false;
        self.run(Action::Rename, from, async |client| {
            let mut renamed = answered(client.rename(source, target, true)).await;
            if renamed.as_ref().is_err_and(Fault::is_absence) {
                // Of what is renamed, or of the directory that it goes to.
                if tree::has_file(client, source).await? {
                    self.make_directory(client, tree::parent(target).unwrap_or("/")).await?;
                    renamed = answered(client.rename(source, target, true)).await;
                } else if unsure && tree::has_file(client, target).await? {
                    return Ok(());
                }
            }
            unsure |= renamed.as_ref().is_err_and(Fault::may_pass);
            renamed
        })
    }

    fn upload(&self, file: &Path, location: &Location) -> Result<(), Failure> {
        let path = self.path(location)?;
        let mut parts = Vec::new();
        let written = self.copy(Action::Write, location, file, async |client| {
            let mut source = File::open(file)?;
            let part = Self::part(path);
            parts.push(part.clone());
            self.write(client, &part, || transfer::next_piece(&mut source)).await?;
            answered(client.rename(&part, path, true)).await?;
            parts.pop();
            Ok(())
        });
        if !parts.is_empty() {
            self.delete_parts(&parts);
        }
        written
    }

    fn download(&self, location: &Location, file: &Path) -> Result<(), Failure> {
        let path = self.path(location)?;
        self.copy(Action::Read, location, file, async |client| {
            let reader = answered(client.read(path)).await?;
            download::save(pieces(&reader), file).await
        })
    }

    fn ensure_directory(&self, location: &Location) -> Result<(), Failure> {
        let path = self.path(location)?;
        self.run(Action::MakeDirectory, location, async |client| {
            self.make_directory(client, path).await
        })
    }
}

async fn whole(client: &Client, path: &str) -> Result<Vec<u8>, Fault> {
    let reader = answered(client.read(path)).await?;
    let mut content = Vec::with_capacity(reader.file_length());
    let mut pieces = std::pin::pin!(pieces(&reader));
    while let Some(piece) = pieces.next().await {
        content.extend_from_slice(&piece?);
    }
    Ok(content)
}

/// The whole content; an error after what was to be the last piece, if that is less.
fn pieces(reader: &FileReader) -> impl futures_util::Stream<Item = Result<Bytes, Fault>> {
    let length = reader.file_length();
    let stream = Box::pin(reader.read_range_stream(0, length));
    futures_util::stream::try_unfold((stream, length), |(mut stream, missing)| async move {
        match answered(async { stream.next().await.transpose() }).await? {
            Some(piece) => {
                let missing = missing.saturating_sub(piece.len());
                Ok(Some((piece, (stream, missing))))
            }
            None if missing == 0 => Ok(None),
            None => Err(HdfsError::DataTransferError(format!("the last {missing} bytes did not come")).into()),
        }
    })
}

fn not_a_directory() -> HdfsError {
    HdfsError::IOError(ErrorKind::NotADirectory.into())
}

fn name(status: &FileStatus) -> &str {
    status.path.rsplit('/').next().unwrap_or_default()
}

fn is_part(name: &str) -> bool {
    name.starts_with(PART.0) && name.ends_with(PART.1)
}
