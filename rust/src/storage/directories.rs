//! Directories of the local file system, which object stores do not have.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::Object;

const ENOTDIR: i32 = 20;

/// Makes a directory and those above it, durably: a file in it is lost with the entry of any of them.
pub(super) fn make(directory: &Path) -> io::Result<()> {
    let existing = directory
        .ancestors()
        .find(|parent| parent.is_dir())
        .unwrap_or(directory);
    if existing == directory {
        return Ok(());
    }
    fs::create_dir_all(directory).map_err(|error| match error.kind() {
        // Of a file that stands where a directory should be, which must not be taken for an object that exists.
        ErrorKind::AlreadyExists => io::Error::from_raw_os_error(ENOTDIR),
        _ => error,
    })?;
    for parent in directory.ancestors().skip(1) {
        sync(parent)?;
        if parent == existing {
            break;
        }
    }
    Ok(())
}

/// Makes the entries of a directory durable; `false` where the file system cannot (CIFS and some FUSE file systems), or where the
/// directory may be written and not read.
pub(super) fn sync(directory: &Path) -> io::Result<bool> {
    match File::open(directory).and_then(|directory| directory.sync_all()) {
        Ok(()) => Ok(true),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported | ErrorKind::PermissionDenied
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Names of the files directly below; nothing for a directory that is absent. Names that are no text cannot be ours.
pub(super) fn file_names(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.path().is_file()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The files directly below, with what the file system says of them; nothing for a directory that is absent.
pub(super) fn files(directory: &Path) -> io::Result<Vec<Object>> {
    let mut objects = Vec::new();
    for name in file_names(directory)? {
        match fs::metadata(directory.join(&name)) {
            Ok(metadata) => objects.push(Object {
                name,
                size: metadata.len(),
                modified: metadata.modified()?,
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(objects)
}

/// Deletes a file, or a directory with everything below it, and answers how many files that were. Links are deleted, not followed.
/// Others may delete at the same time, and what they add meanwhile stays.
pub(super) fn remove_tree(path: &Path) -> io::Result<usize> {
    let is_directory = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.is_dir(),
        Err(error) => return absent_as(error, 0),
    };
    if !is_directory {
        return fs::remove_file(path).map(|()| 1).or_else(|error| absent_as(error, 0));
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return absent_as(error, 0),
    };
    let mut count = 0;
    for entry in entries {
        count += remove_tree(&entry?.path())?;
    }
    remove_if_empty(path)?;
    Ok(count)
}

/// Deletes the directories above `path` that are empty, from below, and neither `root` nor anything above it.
pub(super) fn remove_empty_parents(path: &Path, root: &Path) -> io::Result<()> {
    for parent in path.ancestors().skip(1) {
        if parent == root || !parent.starts_with(root) || !remove_if_empty(parent)? {
            break;
        }
    }
    Ok(())
}

/// Whether the directory is gone.
fn remove_if_empty(directory: &Path) -> io::Result<bool> {
    match fs::remove_dir(directory) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(error) => absent_as(error, true),
    }
}

fn absent_as<T>(error: io::Error, answer: T) -> io::Result<T> {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Ok(answer),
        _ => Err(error),
    }
}
