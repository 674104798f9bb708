//! Directories of HDFS.

use std::io::ErrorKind;

use hdfs_native::Client;
use hdfs_native::client::FileStatus;

use super::answer::Fault;
use super::connection::answered;

/// What lies directly below a directory; nothing for one that is absent, or for a file.
pub(super) async fn below(client: &Client, directory: &str) -> Result<Vec<FileStatus>, Fault> {
    let mut found = listed(client, directory, false).await?;
    found.retain(|status| status.path != directory);
    Ok(found)
}

/// Whether there is a file.
pub(super) async fn has_file(client: &Client, path: &str) -> Result<bool, Fault> {
    match answered(client.get_file_info(path)).await {
        Err(fault) if fault.is_absence() => Ok(false),
        found => Ok(!found?.isdir),
    }
}

/// Deletes a file, or a directory with everything below it, and counts the files. What others add meanwhile stays.
pub(super) async fn remove(client: &Client, path: &str, count: &mut usize) -> Result<(), Fault> {
    let found = listed(client, path, true).await?;
    let (mut directories, files): (Vec<_>, Vec<_>) = found.into_iter().partition(|status| status.isdir);
    let is_file = files.iter().any(|status| status.path == path);
    for file in files {
        *count += usize::from(answered(client.delete(&file.path, false)).await?);
    }
    // Those below come after those above.
    while let Some(directory) = directories.pop() {
        remove_if_empty(client, &directory.path).await?;
    }
    if !is_file {
        remove_if_empty(client, path).await?;
    }
    Ok(())
}

/// Deletes the directories above `path` that are empty, from below, and neither `root` nor anything above it.
pub(super) async fn remove_empty_parents(client: &Client, path: &str, root: &str) -> Result<(), Fault> {
    let below_root = format!("{}/", root.trim_end_matches('/'));
    let mut path = path;
    while let Some(parent) = parent(path).filter(|parent| parent.starts_with(&below_root)) {
        if !remove_if_empty(client, parent).await? {
            break;
        }
        path = parent;
    }
    Ok(())
}

/// The directory that it lies in; none for the root.
pub(super) fn parent(path: &str) -> Option<&str> {
    match path.rsplit_once('/')? {
        ("", "") => None,
        ("", _) => Some("/"),
        (parent, _) => Some(parent),
    }
}

/// Whether the directory is gone. HDFS deletes files by the same call: what is none is left alone.
async fn remove_if_empty(client: &Client, directory: &str) -> Result<bool, Fault> {
    let deleted = async {
        let found = answered(client.get_file_info(directory)).await?;
        Ok::<bool, Fault>(found.isdir && answered(client.delete(directory, false)).await?)
    };
    match deleted.await {
        Err(fault) if fault.kind() == ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(fault) if fault.is_absence() => Ok(true),
        deleted => deleted,
    }
}

async fn listed(client: &Client, path: &str, recursive: bool) -> Result<Vec<FileStatus>, Fault> {
    let listing = client.list_status_iter(path, recursive);
    let mut found = Vec::new();
    loop {
        let next = async { listing.next().await.transpose() };
        match answered(next).await {
            Ok(Some(status)) => found.push(status),
            Ok(None) => return Ok(found),
            // Directories go while they are looked through.
            Err(fault) if fault.is_absence() => {}
            Err(fault) => return Err(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_has_no_parent() {
        for (path, above) in [("/a/b", Some("/a")), ("/a", Some("/")), ("/", None)] {
            assert_eq!(parent(path), above);
        }
    }
}
