//! The one error type that leaves the library, with the numbers both languages share.

use std::fmt;

/// Number of an error, shared with Java's `io.flinkkubeha.bridge.ErrorCode`. Append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum ErrorCode {
    /// A bug of ours, or a panic.
    Internal = 1,
    /// A setting that cannot work; the message names key, value and remedy.
    InvalidSetting = 2,
    /// The object was closed, or is being closed.
    Closed = 3,
    /// A handle that never existed, was closed, or belongs to another kind.
    BadHandle = 4,
    /// The grant that the caller worked under has ended; nothing was written.
    NotLeader = 5,
    /// The key already holds another live value.
    AlreadyExists = 6,
    /// The key is absent.
    NotExists = 7,
    /// The key holds a value whose removal has begun.
    MarkedForDeletion = 8,
    /// The write may or may not have been applied and could not be settled in time.
    UnknownOutcome = 9,
    /// The API server refused the request; nothing was written.
    ApiRefused = 10,
    /// The API server cannot be reached.
    ApiUnreachable = 11,
    /// The call did not end within its deadline; nothing was written.
    TimedOut = 12,
    /// The `ConfigMap` would exceed the size that Kubernetes accepts.
    TooLarge = 13,
    /// A stored value cannot be decoded.
    Undecodable = 14,
    /// The `ConfigMap` is absent.
    ConfigMapMissing = 15,
    /// The Role lacks a verb.
    Forbidden = 16,
    /// The object is not in the storage.
    StorageNotFound = 17,
    /// The object is already in the storage.
    StorageExists = 18,
    /// The storage failed.
    StorageFailed = 19,
    /// What was asked for is not supported by the native side.
    Unsupported = 20,
    /// The namespace does not exist.
    NamespaceMissing = 21,
}

impl ErrorCode {
    /// Every code, in the order of its number.
    pub const ALL: [ErrorCode; 21] = [
        Self::Internal,
        Self::InvalidSetting,
        Self::Closed,
        Self::BadHandle,
        Self::NotLeader,
        Self::AlreadyExists,
        Self::NotExists,
        Self::MarkedForDeletion,
        Self::UnknownOutcome,
        Self::ApiRefused,
        Self::ApiUnreachable,
        Self::TimedOut,
        Self::TooLarge,
        Self::Undecodable,
        Self::ConfigMapMissing,
        Self::Forbidden,
        Self::StorageNotFound,
        Self::StorageExists,
        Self::StorageFailed,
        Self::Unsupported,
        Self::NamespaceMissing,
    ];

    /// The number that crosses the boundary.
    #[must_use]
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The name of the constant on the Java side.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Internal => "INTERNAL",
            Self::InvalidSetting => "INVALID_SETTING",
            Self::Closed => "CLOSED",
            Self::BadHandle => "BAD_HANDLE",
            Self::NotLeader => "NOT_LEADER",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::NotExists => "NOT_EXISTS",
            Self::MarkedForDeletion => "MARKED_FOR_DELETION",
            Self::UnknownOutcome => "UNKNOWN_OUTCOME",
            Self::ApiRefused => "API_REFUSED",
            Self::ApiUnreachable => "API_UNREACHABLE",
            Self::TimedOut => "TIMED_OUT",
            Self::TooLarge => "TOO_LARGE",
            Self::Undecodable => "UNDECODABLE",
            Self::ConfigMapMissing => "CONFIG_MAP_MISSING",
            Self::Forbidden => "FORBIDDEN",
            Self::StorageNotFound => "STORAGE_NOT_FOUND",
            Self::StorageExists => "STORAGE_EXISTS",
            Self::StorageFailed => "STORAGE_FAILED",
            Self::Unsupported => "UNSUPPORTED",
            Self::NamespaceMissing => "NAMESPACE_MISSING",
        }
    }
}

/// What went wrong: a code for programs and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaError {
    /// For programs.
    pub code: ErrorCode,
    /// For people: what, which `ConfigMap` or key, which value, what to do next. Never a secret.
    pub message: String,
}

impl HaError {
    /// An error of this code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(crate) fn closed_meanwhile() -> Self {
        let message =
            "The HA services were closed while the write was on its way; whether it was applied is not known.";
        Self::new(ErrorCode::UnknownOutcome, message)
    }

    /// Everything was closed before.
    pub(crate) fn closed() -> Self {
        Self::new(ErrorCode::Closed, "The HA services are closed.")
    }
}

impl fmt::Display for HaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for HaError {}
