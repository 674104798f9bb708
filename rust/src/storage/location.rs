//! Where an object lies, read from the URI that Flink writes.

use std::fmt;

use crate::error::{ErrorCode, HaError};

/// A URI taken apart, its path decoded.
///
/// Flink turns a path text into a `java.net.URI` that quotes what a URI may not hold, percent signs first, and asks that URI for
/// its decoded path when it opens a file (`Path.getPath`, `LocalFileSystem.pathToFile`). So `file:/a b%20` is the URI
/// `file:/a%20b%2520`, and the file is `/a b%20`. A plus sign stands for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    scheme: String,
    authority: String,
    path: String,
}

impl Location {
    /// Reads the text of a `java.net.URI`. What Flink would read otherwise, or refuse, is refused.
    pub(super) fn parse(uri: &str) -> Result<Self, HaError> {
        let (scheme, rest) = split_scheme(uri)
            .ok_or_else(|| invalid(uri, "it has no scheme; write for example file:///flink/recovery"))?;
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        if path.contains(['?', '#']) {
            return Err(invalid(uri, "a ? or # of a name is written %3F or %23 in a URI"));
        }
        let path = decode(path).ok_or_else(|| invalid(uri, "a percent sign of a name is written %25 in a URI"))?;
        let path = String::from_utf8(path).map_err(|_| unsupported(uri, "the names in it are not UTF-8"))?;
        let location = Self {
            scheme: scheme.to_owned(),
            authority: authority.to_owned(),
            path: normalise(&path),
        };
        location.refuse_unusual(uri, &path)?;
        Ok(location)
    }

    /// For example `file`.
    pub(super) fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The bucket or container of an object store, the host of a file system behind a network; empty without one.
    #[cfg(any(feature = "remote", feature = "hdfs"))]
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// The decoded path: absolute, without a slash at its end unless it is the root.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The object of this name directly below.
    pub(super) fn child(&self, name: &str) -> Self {
        let path = format!("{}/{name}", self.path.trim_end_matches('/'));
        Self { path, ..self.clone() }
    }

    fn refuse_unusual(&self, uri: &str, path: &str) -> Result<(), HaError> {
        if self.scheme == "file" && !self.authority.is_empty() {
            let hint = format!(
                "the text between its slashes would be a host name; did you forget a slash, as in file:///{}{}?",
                self.authority, self.path
            );
            return Err(invalid(uri, &hint));
        }
        let is_bucket = path.is_empty() && !self.authority.is_empty();
        if !path.starts_with('/') && !is_bucket {
            return Err(unsupported(uri, "its path is relative"));
        }
        if path.split('/').any(|name| name == "." || name == "..") {
            return Err(unsupported(uri, "its path has dots for names"));
        }
        if path.contains(|character: char| character.is_ascii_control()) {
            return Err(unsupported(uri, "a name in it has a control character"));
        }
        Ok(())
    }
}

/// As `Path.toString()` writes it: nothing is quoted.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme)?;
        if !self.authority.is_empty() {
            write!(f, "//{}", self.authority)?;
        }
        f.write_str(&self.path)
    }
}

fn split_scheme(uri: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = uri.split_once(':')?;
    let named = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || matches!(character, '+' | '-' | '.'));
    named.then_some((scheme, rest))
}

/// The bytes behind percent signs; `None` when two hexadecimal digits do not follow one.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            hexadecimal(rest.next()?)? << 4 | hexadecimal(rest.next()?)?
        } else {
            byte
        });
    }
    Some(bytes)
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// Doubled slashes count once and one at the end not at all, for Flink's `Path` as for the operating system.
fn normalise(path: &str) -> String {
    let mut normal = String::with_capacity(path.len() + 1);
    for name in path.split('/').filter(|name| !name.is_empty()) {
        normal.push('/');
        normal.push_str(name);
    }
    if normal.is_empty() {
        normal.push('/');
    }
    normal
}

fn invalid(uri: &str, reason: &str) -> HaError {
    HaError::new(
        ErrorCode::InvalidSetting,
        format!("{uri} is not the URI of a storage: {reason}."),
    )
}

fn unsupported(uri: &str, reason: &str) -> HaError {
    HaError::new(
        ErrorCode::Unsupported,
        format!("{uri} cannot be served natively: {reason}."),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn paths_are_what_java_decodes() {
        // URI and path as printed by `new org.apache.flink.core.fs.Path(text).toUri()` and its `getPath()`.
        for (uri, path) in [
            ("file:/a/b", "/a/b"),
            ("file:///a/b", "/a/b"),
            ("file:/a//b/", "/a/b"),
            ("file:/", "/"),
            ("file:/a%20b", "/a b"),
            ("file:/a+b", "/a+b"),
            ("file:/a%23b%3Fc%25d", "/a#b?c%d"),
            ("file:/a%2520b", "/a%20b"),
            ("file:/\u{fc}\u{1f980}", "/\u{fc}\u{1f980}"),
            ("file:/%C3%BC", "/\u{fc}"),
            ("file:/a%C2%A0b", "/a\u{a0}b"),
            ("file:/a:b~c'd(e)", "/a:b~c'd(e)"),
            ("file:/a%5Bb%5D%7Bc%7D%5E%60%7C%22%3C%3E", "/a[b]{c}^`|\"<>"),
        ] {
            assert_eq!(Location::parse(uri).unwrap().path(), path, "{uri}");
        }
    }

    #[test]
    fn the_text_is_that_of_flinks_path() {
        for (uri, text) in [
            ("file:///a%20b/", "file:/a b"),
            ("s3://bucket/a%25b", "s3://bucket/a%b"),
            ("s3://bucket", "s3://bucket/"),
        ] {
            assert_eq!(Location::parse(uri).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_child_lies_directly_below() {
        for (uri, path) in [("file:/a", "/a/b c"), ("file:/", "/b c")] {
            assert_eq!(Location::parse(uri).unwrap().child("b c").path(), path);
        }
    }

    #[test]
    fn what_is_no_uri_of_a_storage_is_refused_with_the_reason() {
        for (uri, code, reason) in [
            ("/a/b", ErrorCode::InvalidSetting, "no scheme"),
            ("", ErrorCode::InvalidSetting, "no scheme"),
            (":/a", ErrorCode::InvalidSetting, "no scheme"),
            ("file://a/b", ErrorCode::InvalidSetting, "file:///a/b"),
            ("file:/a?b", ErrorCode::InvalidSetting, "%3F"),
            ("file:/a#b", ErrorCode::InvalidSetting, "%23"),
            ("file:/a%2", ErrorCode::InvalidSetting, "%25"),
            ("file:/a%2g", ErrorCode::InvalidSetting, "%25"),
            ("file:/a%+1", ErrorCode::InvalidSetting, "%25"),
            ("file:/a%FF", ErrorCode::Unsupported, "UTF-8"),
            ("file:a/b", ErrorCode::Unsupported, "relative"),
            ("file:", ErrorCode::Unsupported, "relative"),
            ("file:/../a", ErrorCode::Unsupported, "dots"),
            ("file:/a/%2E%2E/b", ErrorCode::Unsupported, "dots"),
            ("file:/a%0Ab", ErrorCode::Unsupported, "control"),
            ("file:/a%00b", ErrorCode::Unsupported, "control"),
        ] {
            let error = Location::parse(uri).unwrap_err();
            assert_eq!(error.code, code, "{uri}");
            assert!(error.message.contains(reason), "{error}");
        }
    }
}
