//! The storages that pointers name, opened as they are met.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use flinkkubeha::error::HaError;
use flinkkubeha::storage::{Object, Storage};

/// Prefixes of the settings of Flink's S3 plug-ins, as the jar passes them on.
const S3_PREFIXES: [&str; 5] = [
    "s3.",
    "s3a.",
    "fs.s3a.",
    "presto.s3.",
    "security.delegation.token.provider.s3",
];
/// Of those of Hadoop's client.
const HDFS_PREFIXES: [&str; 3] = ["fs.hdfs.", "flink.hadoop.", "env.hadoop.conf.dir"];

/// One for each scheme and bucket.
pub(crate) struct Storages {
    settings: BTreeMap<String, String>,
    open: BTreeMap<String, Storage>,
}

impl Storages {
    pub(crate) fn new(settings: BTreeMap<String, String>) -> Self {
        Self {
            settings,
            open: BTreeMap::new(),
        }
    }

    /// The objects directly below a directory.
    pub(crate) fn objects(&mut self, directory: &str) -> Result<Vec<Object>, HaError> {
        self.of(directory)?.objects(directory)
    }

    pub(crate) fn read(&mut self, uri: &str) -> Result<Vec<u8>, HaError> {
        self.of(uri)?.read(uri)
    }

    pub(crate) fn exists(&mut self, uri: &str) -> Result<bool, HaError> {
        self.of(uri)?.exists(uri)
    }

    /// Writes, reads and deletes an object.
    pub(crate) fn probe(&mut self, directory: &str) -> Result<(), HaError> {
        self.of(directory)?.probe(directory)
    }

    /// Whether it was there.
    pub(crate) fn delete(&mut self, uri: &str) -> Result<bool, HaError> {
        self.of(uri)?.delete(uri)
    }

    fn of(&mut self, uri: &str) -> Result<&Storage, HaError> {
        let root = root(uri);
        let vacant = match self.open.entry(root.to_owned()) {
            Entry::Occupied(found) => return Ok(found.into_mut()),
            Entry::Vacant(vacant) => vacant,
        };
        let prefixes: &[&str] = match root.split_once(':') {
            Some((scheme, _)) if scheme.starts_with("s3") => &S3_PREFIXES,
            Some(("hdfs", _)) => &HDFS_PREFIXES,
            _ => &[],
        };
        let options = self
            .settings
            .iter()
            .filter(|(key, _)| prefixes.iter().any(|prefix| key.starts_with(prefix)))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        Ok(vacant.insert(Storage::open(root, &options)?))
    }
}

/// Scheme and bucket with a slash: `file:/`, `s3://bucket/`. What is none is the storage's to refuse.
fn root(uri: &str) -> &str {
    let Some((scheme, rest)) = uri.split_once(':') else {
        return uri;
    };
    let before_path = match rest.strip_prefix("//") {
        Some(authority) => 2 + authority.find('/').unwrap_or(authority.len()),
        None => 0,
    };
    let end = (scheme.len() + 1 + before_path + 1).min(uri.len());
    uri.get(..end).unwrap_or(uri)
}

/// Directory and name of the object at this URI.
pub(crate) fn split(uri: &str) -> Option<(&str, &str)> {
    let (directory, name) = uri.rsplit_once('/')?;
    (!name.is_empty() && !directory.is_empty()).then_some((directory, name))
}

/// The same directory in the one form that it is compared by: one slash after `file:`, none at its end.
pub(crate) fn normalised(directory: &str) -> String {
    let text = directory.trim_end_matches('/');
    match text.strip_prefix("file:") {
        Some(path) => format!("file:/{}", path.trim_start_matches('/')),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storages_are_told_apart_by_scheme_and_bucket() {
        for (uri, expected) in [
            ("file:/a/b", "file:/"),
            ("file:///a/b", "file:///"),
            ("s3://bucket/a/b", "s3://bucket/"),
            ("s3://bucket", "s3://bucket"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(root(uri), expected);
        }
    }

    #[test]
    fn an_object_is_split_from_its_directory() {
        assert_eq!(split("file:/a/b"), Some(("file:/a", "b")));
        assert_eq!(split("s3://bucket/a/b"), Some(("s3://bucket/a", "b")));
        assert_eq!(split("file:/a/"), None);
        assert_eq!(split("nothing"), None);
    }

    #[test]
    fn directories_have_one_form() {
        assert_eq!(normalised("file:///a/b/"), "file:/a/b");
        assert_eq!(normalised("file:/a/b"), "file:/a/b");
        assert_eq!(normalised("s3://bucket/a/"), "s3://bucket/a");
    }
}
