//! A bearer token in a file that others replace.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use http::HeaderValue;

use super::error::ClientError;
use super::file_stamp::FileStamp;

/// The token of a file, as the header that carries it.
///
/// The last token that could be read stays in use when the file is gone or empty for a moment: the kubelet swaps the
/// directory behind the path.
pub(super) struct TokenFile {
    path: PathBuf,
    state: RwLock<(FileStamp, HeaderValue)>,
}

impl TokenFile {
    /// Reads the file. Blocks.
    pub(super) fn open(path: &Path, whose: &str) -> Result<Self, ClientError> {
        let (stamp, header) = read(path).map_err(|reason| {
            ClientError::new(format!(
                "The token file {} of {whose} {reason}; put a valid bearer token there.",
                path.display()
            ))
        })?;
        Ok(Self {
            path: path.to_owned(),
            state: RwLock::new((stamp, header)),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// `Bearer …`, marked sensitive.
    pub(super) fn header(&self) -> HeaderValue {
        self.state.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Reads the file again, whatever its stamp says; true when it holds another token than `used`. Blocks.
    pub(super) fn differs_from(&self, used: &HeaderValue) -> bool {
        self.read_again();
        self.header() != *used
    }

    /// Reads the file again if its stamp changed. Blocks.
    pub(super) fn read_if_changed(&self) {
        let known = self.state.read().unwrap_or_else(PoisonError::into_inner).0;
        if FileStamp::of(&self.path) != known {
            self.read_again();
        }
    }

    fn read_again(&self) {
        match read(&self.path) {
            Ok(fresh) => *self.state.write().unwrap_or_else(PoisonError::into_inner) = fresh,
            Err(reason) => log::warn!(
                "The token file {} {reason}; the last token read from it stays in use.",
                self.path.display()
            ),
        }
    }
}

fn read(path: &Path) -> Result<(FileStamp, HeaderValue), String> {
    // The stamp first: a file that changes in between is then read once more, never once less.
    let stamp = FileStamp::of(path);
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read ({error})"))?;
    Ok((stamp, bearer(&text)?))
}

/// The header of a token; the error completes a sentence and never quotes the token.
pub(super) fn bearer(token: &str) -> Result<HeaderValue, String> {
    let token = token.trim();
    if token.is_empty() {
        return Err("holds no token".to_owned());
    }
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))
        .ok()
        .filter(|_| token.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or("holds characters that no token has")?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_trimmed_and_hidden() {
        let header = bearer(" abc\n").unwrap();
        assert_eq!(header, "Bearer abc");
        assert!(header.is_sensitive());
        assert!(!bearer("a\nb").unwrap_err().contains('b'.to_string().repeat(2).as_str()));
        assert!(bearer("\n").is_err());
        assert!(bearer("two words").is_err());
    }

    #[test]
    fn a_replaced_file_is_noticed_and_a_missing_one_is_survived() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, "one").unwrap();
        let token = TokenFile::open(&path, "a test").unwrap();
        let first = token.header();
        assert!(!token.differs_from(&first));

        std::fs::write(directory.path().join("next"), "two").unwrap();
        std::fs::rename(directory.path().join("next"), &path).unwrap();
        token.read_if_changed();
        assert_eq!(token.header(), "Bearer two");
        assert!(token.differs_from(&first));

        std::fs::remove_file(&path).unwrap();
        token.read_if_changed();
        assert_eq!(token.header(), "Bearer two");
    }

    #[test]
    fn a_missing_file_is_one_sentence() {
        let error = TokenFile::open(Path::new("/nowhere/token"), "the pod's service account")
            .err()
            .unwrap();
        assert_eq!(
            error.message(),
            "The token file /nowhere/token of the pod's service account cannot be read (No such file or directory (os error 2)); put a valid bearer token there."
        );
    }
}
