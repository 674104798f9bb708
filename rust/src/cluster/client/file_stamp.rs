//! Noticing that a file was replaced or rewritten without reading it.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where a file's content stands; through symbolic links, because the kubelet and cert-manager swap those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileStamp(Option<(u64, u64, u64, i64, i64)>);

impl FileStamp {
    /// Of a path; a missing file has a stamp too. Blocks.
    pub(super) fn of(path: &Path) -> Self {
        Self(
            std::fs::metadata(path)
                .ok()
                .map(|data| (data.dev(), data.ino(), data.size(), data.mtime(), data.mtime_nsec())),
        )
    }
}

/// The files that a configuration was read from, as they stood then.
#[derive(Clone, Debug, Default)]
pub(super) struct StampedFiles(Vec<(PathBuf, FileStamp)>);

impl StampedFiles {
    /// Notes a file; called before it is read.
    pub(super) fn add(&mut self, path: &Path) {
        self.0.push((path.to_owned(), FileStamp::of(path)));
    }

    /// The first file that changed. Blocks.
    pub(super) fn changed(&self) -> Option<&Path> {
        self.0
            .iter()
            .find(|(path, stamp)| FileStamp::of(path) != *stamp)
            .map(|(path, _)| path.as_path())
    }
}
