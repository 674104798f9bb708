//! What a backend answered, and the error that leaves the library for it.

use std::error::Error;
use std::io;
use std::iter::successors;

use super::answer;
use super::location::Location;
use super::remedy::{self, Remedy};
use crate::error::{ErrorCode, HaError};

/// What was being done to an object, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Write,
    Read,
    Delete,
    List,
    Rename,
    MakeDirectory,
}

/// A failed operation.
#[derive(Debug)]
pub(super) struct Failure {
    error: HaError,
    cause: String,
    kind: Option<io::ErrorKind>,
    remedy: Option<Remedy>,
}

impl Failure {
    /// An action on an object ended in this error, of the operating system or of a library.
    pub(super) fn new(action: Action, location: &Location, source: &(dyn Error + 'static)) -> Self {
        let kind = kind(source);
        let cause = os_error(source).map_or_else(|| answer::of(source), ToString::to_string);
        let remedy = remedy::of(location, source);
        let (code, message) = match (action, kind) {
            (Action::Read | Action::Rename, Some(io::ErrorKind::NotFound))
            | (Action::Read, Some(io::ErrorKind::NotADirectory)) => {
                (ErrorCode::StorageNotFound, format!("There is no {location}."))
            }
            _ => {
                let action = action.participle();
                let what_to_do = remedy.map_or_else(String::new, |(_, remedy)| format!("; {remedy}"));
                (
                    ErrorCode::StorageFailed,
                    format!("{action} {location} failed: {cause}{what_to_do}."),
                )
            }
        };
        Self {
            error: HaError::new(code, message),
            cause,
            kind,
            remedy,
        }
    }

    /// The client of a store could not be made of what is set. Whatever file is missing for that, it is not the object.
    #[cfg(feature = "remote")]
    pub(super) fn of_client(action: Action, location: &Location, source: &(dyn Error + 'static)) -> Self {
        let remedy = remedy::of(location, source).or_else(|| remedy::of_client(location, source));
        let Some((_, what_to_do)) = remedy else {
            return Self::new(action, location, source);
        };
        let cause = answer::of_client(source);
        let action = action.participle();
        let message = format!("{action} {location} failed: {cause}; {what_to_do}.");
        Self {
            error: HaError::new(ErrorCode::StorageFailed, message),
            cause,
            kind: None,
            remedy,
        }
    }

    /// An object of this name exists and was not to be overwritten.
    pub(super) fn exists(location: &Location) -> Self {
        HaError::new(ErrorCode::StorageExists, format!("{location} exists already.")).into()
    }

    /// Whether the storage failed, and did not just answer that something is absent or exists already.
    pub(super) fn is_of_the_storage(&self) -> bool {
        !matches!(self.error.code, ErrorCode::StorageNotFound | ErrorCode::StorageExists)
    }

    /// The answer in the words of the operating system, if it came from there.
    pub(super) fn cause(&self) -> &str {
        &self.cause
    }

    /// What to do about the answer of a store, if that is known.
    pub(super) const fn remedy(&self) -> Option<Remedy> {
        self.remedy
    }

    /// The operating system's kind of error, if it came from there.
    pub(super) const fn kind(&self) -> Option<io::ErrorKind> {
        self.kind
    }
}

impl From<HaError> for Failure {
    fn from(error: HaError) -> Self {
        Self {
            cause: error.message.clone(),
            kind: None,
            remedy: None,
            error,
        }
    }
}

impl From<Failure> for HaError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl Action {
    const fn participle(self) -> &'static str {
        match self {
            Self::Write => "Writing",
            Self::Read => "Reading",
            Self::Delete => "Deleting",
            Self::List => "Listing",
            Self::Rename => "Renaming",
            Self::MakeDirectory => "Making the directory",
        }
    }
}

/// The kind of the operating system's error behind a library's, or what a store's answer amounts to.
pub(super) fn kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    use object_store::Error::{NotFound, PermissionDenied, Unauthenticated};
    if let Some(error) = os_error(error) {
        return Some(error.kind());
    }
    match error.downcast_ref::<object_store::Error>()? {
        NotFound { source, .. } => answer::is_of_absence(source.as_ref()).then_some(io::ErrorKind::NotFound),
        PermissionDenied { .. } | Unauthenticated { .. } => Some(io::ErrorKind::PermissionDenied),
        _ => None,
    }
}

/// Whether there is nothing of this name. A file where a directory was expected leaves no room for anything below it.
pub(super) fn is_missing(error: &(dyn Error + 'static)) -> bool {
    matches!(
        kind(error),
        Some(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
    )
}

/// The operating system's error behind a library's.
pub(super) fn os_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    sources(error).find_map(|error| error.downcast_ref())
}

/// An error and everything behind it, outermost first.
pub(super) fn sources<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |&error| error.source())
}
