//! The scheme `file`: a directory that all `JobManager`s share, on NFS for example.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use log::info;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};

use super::Object;
use super::backend::Backend;
use super::failure::{Action, Failure, is_missing, kind, os_error};
use super::location::Location;
use super::transfer;
use super::{calling_thread, directories};
use crate::error::{ErrorCode, HaError};

/// `EPERM`: what link(2) says of a file system without hard links. Its kind is the same as that of a lack of permission.
const EPERM: i32 = 1;

/// How often the directory is made again for a new file, while somebody else deletes it as empty.
const ATTEMPTS: usize = 10;

/// Files of this machine.
pub(super) struct LocalFiles {
    durable: LocalFileSystem,
    /// For file systems that cannot sync a directory, where `durable` fails after its work is done.
    plain: LocalFileSystem,
    syncs_directories: OnceLock<bool>,
    /// A new object is written beside its name and linked under it when it is complete. CIFS, FAT and some FUSE file systems
    /// have no hard links.
    lacks_links: AtomicBool,
}

impl LocalFiles {
    pub(super) const SCHEME: &str = "file";

    pub(super) fn open(options: &BTreeMap<String, String>) -> Result<Self, HaError> {
        if let Some(key) = options.keys().next() {
            let message = format!("The native storage for file: cannot honour {key}.");
            return Err(HaError::new(ErrorCode::Unsupported, message));
        }
        Ok(Self {
            durable: LocalFileSystem::new().with_fsync(true),
            plain: LocalFileSystem::new(),
            syncs_directories: OnceLock::new(),
            lacks_links: AtomicBool::new(false),
        })
    }

    /// Whether directories can be made durable here, found out with the directory of the first file that is written.
    fn syncs_directories(&self, file: &Path) -> io::Result<bool> {
        if let Some(syncs) = self.syncs_directories.get() {
            return Ok(*syncs);
        }
        let directory = file.parent().unwrap_or(file);
        directories::make(directory)?;
        let syncs = directories::sync(directory)?;
        if self.syncs_directories.set(syncs).is_ok() && !syncs {
            info!(
                "Directories cannot be synced in {}: after a power failure a new file may be missing.",
                directory.display()
            );
        }
        Ok(syncs)
    }

    fn for_writing(&self, file: &Path) -> io::Result<&LocalFileSystem> {
        let syncs = self.syncs_directories(file)?;
        Ok(if syncs { &self.durable } else { &self.plain })
    }

    /// What `object_store` calls this file. It keeps names for itself that end in `#` and digits, and takes a name like `C|` for
    /// a drive of Windows: what it would not map to exactly this path is refused.
    fn object_path(&self, location: &Location) -> Result<ObjectPath, HaError> {
        let object = ObjectPath::parse(location.path()).ok();
        let is_exact = |object: &ObjectPath| {
            let file = self.durable.path_to_filesystem(object);
            file.is_ok_and(|file| file.as_os_str() == location.path())
        };
        object.filter(is_exact).ok_or_else(|| {
            let message = format!("{location} cannot be served natively: the library for files has no such names.");
            HaError::new(ErrorCode::Unsupported, message)
        })
    }
}

impl Backend for LocalFiles {
    fn create(&self, location: &Location, content: Vec<u8>) -> Result<(), Failure> {
        let (object, file) = (self.object_path(location)?, Path::new(location.path()));
        let content = Bytes::from(content);
        let syncs = self.syncs_directories(file);
        let syncs = syncs.map_err(|error| Failure::new(Action::Write, location, &error))?;
        if syncs && !self.lacks_links.load(Ordering::Relaxed) {
            let payload = content.clone().into();
            let put = self.durable.put_opts(&object, payload, PutMode::Create.into());
            match calling_thread::run(put) {
                Ok(_) => return Ok(()),
                Err(object_store::Error::AlreadyExists { .. }) => {
                    return Err(Failure::exists(location));
                }
                Err(error) if says_no_links(&error) => {}
                Err(error) => return Err(Failure::new(Action::Write, location, &error)),
            }
        }
        create_in_place(file, &content).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Failure::exists(location),
            _ => Failure::new(Action::Write, location, &error),
        })?;
        if syncs && !self.lacks_links.swap(true, Ordering::Relaxed) {
            info!("There are no hard links at {location}: new files are written in place.");
        }
        Ok(())
    }

    fn read(&self, location: &Location) -> Result<Vec<u8>, Failure> {
        let object = self.object_path(location)?;
        let read = async { self.durable.get(&object).await?.bytes().await };
        calling_thread::run(read)
            .map(Into::into)
            .map_err(|error| Failure::new(Action::Read, location, &error))
    }

    fn delete(&self, location: &Location) -> Result<bool, Failure> {
        let object = self.object_path(location)?;
        match calling_thread::run(self.durable.delete(&object)) {
            Ok(()) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(Failure::new(Action::Delete, location, &error)),
        }
    }

    fn delete_prefix(&self, location: &Location, root: &Location) -> Result<usize, Failure> {
        let path = Path::new(location.path());
        let count = directories::remove_tree(path).map_err(|error| Failure::new(Action::Delete, location, &error))?;
        // Nothing depends on it, and stock ignores this too.
        if let Err(error) = directories::remove_empty_parents(path, Path::new(root.path())) {
            log::debug!("A directory above {location} could not be deleted: {error}");
        }
        Ok(count)
    }

    fn exists(&self, location: &Location) -> Result<bool, Failure> {
        let object = self.object_path(location)?;
        match calling_thread::run(self.durable.head(&object)) {
            Ok(_) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(Failure::new(Action::Read, location, &error)),
        }
    }

    fn list(&self, location: &Location) -> Result<Vec<String>, Failure> {
        let mut names = directories::file_names(Path::new(location.path()))
            .map_err(|error| Failure::new(Action::List, location, &error))?;
        names.retain(|name| !is_part(name));
        Ok(names)
    }

    fn objects(&self, location: &Location) -> Result<Vec<Object>, Failure> {
        let mut objects = directories::files(Path::new(location.path()))
            .map_err(|error| Failure::new(Action::List, location, &error))?;
        objects.retain(|object| !is_part(&object.name));
        Ok(objects)
    }

    fn rename(&self, from: &Location, to: &Location) -> Result<(), Failure> {
        let (source, target) = (self.object_path(from)?, self.object_path(to)?);
        let store = self.for_writing(Path::new(to.path()));
        let store = store.map_err(|error| Failure::new(Action::Write, to, &error))?;
        calling_thread::run(store.rename(&source, &target)).map_err(|error| Failure::new(Action::Rename, from, &error))
    }

    fn upload(&self, file: &Path, location: &Location) -> Result<(), Failure> {
        let (object, target) = (self.object_path(location)?, Path::new(location.path()));
        let failed = |error: io::Error| Failure::new(Action::Write, location, &error);
        let store = self.for_writing(target).map_err(failed)?;
        calling_thread::run(transfer::upload(store, file, &object))
            .map_err(|failure| failure.into_failure(Action::Write, location, file))?;
        if std::ptr::eq(store, &raw const self.plain) {
            File::open(target)
                .and_then(|target| target.sync_all())
                .map_err(failed)?;
        }
        Ok(())
    }

    fn download(&self, location: &Location, file: &Path) -> Result<(), Failure> {
        let object = self.object_path(location)?;
        calling_thread::run(transfer::download(&self.durable, &object, file))
            .map_err(|failure| failure.into_failure(Action::Read, location, file))
    }

    fn ensure_directory(&self, location: &Location) -> Result<(), Failure> {
        directories::make(Path::new(location.path()))
            .map_err(|error| Failure::new(Action::MakeDirectory, location, &error))
    }
}

/// Whether `object_store` takes a file of this name for one that it has not finished writing.
fn is_part(name: &str) -> bool {
    name.split_once('#')
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
}

fn says_no_links(error: &object_store::Error) -> bool {
    matches!(kind(error), Some(ErrorKind::Unsupported | ErrorKind::TooManyLinks))
        || os_error(error).and_then(io::Error::raw_os_error) == Some(EPERM)
}

/// A crash can leave a part of the file under its name, which no pointer knows of.
fn create_in_place(file: &Path, content: &[u8]) -> io::Result<()> {
    let mut target = create_new(file)?;
    let written = target.write_all(content).and_then(|()| target.sync_all());
    if written.is_err() {
        drop(target);
        // The error of the write says what is wrong.
        let _ = fs::remove_file(file);
        return written;
    }
    directories::sync(file.parent().unwrap_or(file)).map(drop)
}

fn create_new(file: &Path) -> io::Result<File> {
    let mut attempts = 0;
    loop {
        match File::create_new(file) {
            Err(error) if error.kind() == ErrorKind::NotFound && attempts < ATTEMPTS => {
                attempts += 1;
                directories::make(file.parent().unwrap_or(file))?;
            }
            created => return created,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_file_is_created_in_place_where_there_are_no_links() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a/b/file");
        create_in_place(&file, b"content").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"content");
        let error = create_in_place(&file, b"other").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&file).unwrap(), b"content");
    }

    #[test]
    fn answers_of_file_systems_without_links_are_known() {
        let says = |number: i32| {
            says_no_links(&object_store::Error::Generic {
                store: "LocalFileSystem",
                source: Box::new(io::Error::from_raw_os_error(number)),
            })
        };
        // EPERM, EMLINK, ENOSYS, EOPNOTSUPP.
        assert!([1, 31, 38, 95].into_iter().all(says));
        // ENOENT, EACCES, EEXIST, ENOSPC.
        assert!(![2, 13, 17, 28].into_iter().any(says));
    }

    #[test]
    fn names_of_incomplete_files_are_known() {
        assert!(["a#1", "#12"].into_iter().all(is_part));
        assert!(!["a", "a#", "a#b", "a#1b", "1"].into_iter().any(is_part));
    }
}
