//! What HDFS has answered, as the operating system would say it of a local file.

use std::io::{self, ErrorKind};
use std::time::Duration;

use hdfs_native::HdfsError;

/// Longer answers are cut.
const LONGEST: usize = 300;

/// Why an operation did not end well.
#[derive(Debug)]
pub(super) enum Fault {
    Hdfs(HdfsError),
    /// Nothing came for that long.
    Silent(Duration),
    /// Of the local file that is copied from or to.
    File(io::Error),
}

impl From<HdfsError> for Fault {
    fn from(error: HdfsError) -> Self {
        Self::Hdfs(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl Fault {
    /// Whether the same may succeed a little later: a `NameNode` or `DataNode` that is restarted, a connection that broke.
    pub(super) fn may_pass(&self) -> bool {
        use HdfsError::{
            BlocksNotFound, ChecksumError, DataTransferError, FatalRPCError, IOError, InvalidRPCResponse,
            OperationFailed, RPCError,
        };
        match self {
            Self::File(_) => false,
            Self::Silent(_) => true,
            Self::Hdfs(RPCError(class, text) | FatalRPCError(class, text)) => exception_may_pass(class, text),
            Self::Hdfs(error) => matches!(
                error,
                IOError(_)
                    | DataTransferError(_)
                    | ChecksumError
                    | BlocksNotFound(_)
                    | OperationFailed(_)
                    | InvalidRPCResponse(_)
            ),
        }
    }

    /// Whether there is nothing of this name. A file where a directory was expected leaves no room for anything below it.
    pub(super) fn is_absence(&self) -> bool {
        matches!(self.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
    }

    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Hdfs(HdfsError::RPCError(class, text) | HdfsError::FatalRPCError(class, text)) => {
                kind_of(class, text)
            }
            Self::Hdfs(HdfsError::FileNotFound(_)) => ErrorKind::NotFound,
            Self::Hdfs(HdfsError::AlreadyExists(_)) => ErrorKind::AlreadyExists,
            Self::Hdfs(HdfsError::IOError(error)) | Self::File(error) => error.kind(),
            Self::Hdfs(_) => ErrorKind::Other,
            Self::Silent(_) => ErrorKind::TimedOut,
        }
    }

    /// For people.
    pub(super) fn into_error(self) -> io::Error {
        let kind = self.kind();
        match self {
            Self::File(error) | Self::Hdfs(HdfsError::IOError(error)) => error,
            Self::Silent(limit) => io::Error::new(kind, format!("there was no answer for {} s", limit.as_secs())),
            Self::Hdfs(HdfsError::RPCError(class, text) | HdfsError::FatalRPCError(class, text)) => {
                io::Error::new(kind, sentence(&class, &text))
            }
            Self::Hdfs(HdfsError::UnsupportedFeature(text)) if text.contains("encryption zone") => {
                let remedy = "only Hadoop's client reads and writes in an encryption zone, set high-availability.native.storage to 'flink'";
                io::Error::new(kind, remedy)
            }
            Self::Hdfs(error) => io::Error::new(kind, cut(&error.to_string())),
        }
    }
}

fn exception_may_pass(class: &str, text: &str) -> bool {
    match simple(class) {
        "RetriableException"
        | "StandbyException"
        | "ObserverRetryOnActiveException"
        | "NotReplicatedYetException"
        // Of a file whose writer was given up meanwhile: the next attempt writes another one.
        | "LeaseExpiredException" => true,
        // At its start a NameNode leaves it by itself.
        "SafeModeException" => !text.contains("manually"),
        // After a restart they have not reported yet.
        "IOException" => text.contains("There are 0 datanode(s) running"),
        _ => false,
    }
}

fn kind_of(class: &str, text: &str) -> ErrorKind {
    match simple(class) {
        // Of a path below a file.
        "AccessControlException" if text.contains("(is not a directory)") => ErrorKind::NotADirectory,
        "FileNotFoundException" => ErrorKind::NotFound,
        "ParentNotDirectoryException" => ErrorKind::NotADirectory,
        "FileAlreadyExistsException" => ErrorKind::AlreadyExists,
        "PathIsNotEmptyDirectoryException" => ErrorKind::DirectoryNotEmpty,
        "AccessControlException" | "AuthorizationException" => ErrorKind::PermissionDenied,
        "NSQuotaExceededException" | "DSQuotaExceededException" | "QuotaByStorageTypeExceededException" => {
            ErrorKind::QuotaExceeded
        }
        "InvalidPathException" | "PathComponentTooLongException" => ErrorKind::InvalidFilename,
        _ => ErrorKind::Other,
    }
}

/// Without package and enclosing class.
fn simple(class: &str) -> &str {
    class.rsplit(['.', '$']).next().unwrap_or(class)
}

/// The exception and what it says, without where in the server it was thrown.
fn sentence(class: &str, text: &str) -> String {
    let said = text.lines().take_while(|line| !line.trim_start().starts_with("at "));
    let said = cut(&said.collect::<Vec<_>>().join(" "));
    match (simple(class), said) {
        ("", said) => said,
        (class, said) if said.is_empty() => class.to_owned(),
        (class, said) => format!("{class}: {said}"),
    }
}

fn cut(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches('.').chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rpc(class: &str, text: &str) -> Fault {
        HdfsError::RPCError(class.to_owned(), text.to_owned()).into()
    }

    #[test]
    fn an_exception_is_one_sentence_without_its_trace() {
        let denied = rpc(
            "org.apache.hadoop.security.AccessControlException",
            "Permission denied: user=flink, access=WRITE, inode=\"/\":root:supergroup:drwxr-xr-x\n\tat org.apache.hadoop.A.b(A.java:1)\n\tat c",
        );
        let error = denied.into_error();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert_eq!(
            error.to_string(),
            "AccessControlException: Permission denied: user=flink, access=WRITE, inode=\"/\":root:supergroup:drwxr-xr-x"
        );
        assert_eq!(rpc("java.io.IOException", "").into_error().to_string(), "IOException");
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let safe_mode = "org.apache.hadoop.hdfs.server.namenode.SafeModeException";
        let none_running = "File /a could only be written to 0 of the 1 minReplication nodes. There are 0 datanode(s) running and 0 node(s) are excluded in this operation.";
        for (fault, may_pass) in [
            (rpc("org.apache.hadoop.ipc.RetriableException", "x"), true),
            (
                rpc(
                    safe_mode,
                    "Name node is in safe mode.\nIt will be turned off automatically.",
                ),
                true,
            ),
            (
                rpc(safe_mode, "Name node is in safe mode.\nIt was turned on manually."),
                false,
            ),
            (rpc("java.io.IOException", none_running), true),
            (rpc("java.io.IOException", "x"), false),
            (rpc("org.apache.hadoop.security.AccessControlException", "x"), false),
            (HdfsError::IOError(ErrorKind::ConnectionRefused.into()).into(), true),
            (HdfsError::FileNotFound("/a".to_owned()).into(), false),
            (HdfsError::UnsupportedFeature("encryption".to_owned()).into(), false),
            (Fault::File(ErrorKind::NotFound.into()), false),
            (Fault::Silent(Duration::from_secs(1)), true),
        ] {
            assert_eq!(fault.may_pass(), may_pass, "{fault:?}");
        }
    }
}
