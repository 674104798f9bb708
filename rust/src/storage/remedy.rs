//! What to do about the answer of a store.

use std::error::Error;

use super::answer;
use super::failure::os_error;
use super::location::Location;
use crate::error::ErrorCode;

/// Whether a setting is wrong, and what to do.
pub(super) type Remedy = (ErrorCode, &'static str);

const CLOCKS: &str = "set the clock of this machine, from which that of the store differs too much";
const BUCKET: &str = "make it, or name another in high-availability.storageDir";

/// By the store's word for what is wrong, and by the one that speaks there.
pub(super) fn of(location: &Location, error: &(dyn Error + 'static)) -> Option<Remedy> {
    use ErrorCode::{InvalidSetting, StorageFailed};
    let keys = keys(location.scheme())?;
    if os_error(error).is_some_and(is_of_the_way) {
        return Some((StorageFailed, keys.address));
    }
    // The client keeps nothing else of a redirect to another region.
    let is_elsewhere = answer::of(error).contains("incorrectly configured region");
    let word = if is_elsewhere {
        Some("PermanentRedirect".to_owned())
    } else {
        answer::word(error)
    };
    let remedy = match word?.as_str() {
        "RequestTimeTooSkewed" | "RequestExpired" => (StorageFailed, CLOCKS),
        "NoSuchBucket" | "ContainerNotFound" | "FilesystemNotFound" => (StorageFailed, BUCKET),
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
            (InvalidSetting, "set s3.endpoint.region to the region of the bucket")
        }
        "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => (
            InvalidSetting,
            "set an s3.session-token that belongs to the keys and has not expired, or leave the credentials to the pod",
        ),
        "InvalidIdentityToken" | "ExpiredTokenException" | "IDPRejectedClaim" | "IDPCommunicationError" => (
            InvalidSetting,
            "check AWS_ROLE_ARN and the token in AWS_WEB_IDENTITY_TOKEN_FILE",
        ),
        // The first three are Amazon's, and with the next what servers that speak its protocol say.
        "SignatureDoesNotMatch"
        | "InvalidAccessKeyId"
        | "AuthFailure"
        | "XAdminUserNotFound"
        | "AuthenticationFailed"
        | "AuthorizationFailure"
        | "InvalidAuthenticationInfo"
        | "NoAuthenticationInformation"
        | "AuthenticationRequired" => (InvalidSetting, keys.credentials),
        _ => return None,
    };
    Some(remedy)
}

/// When no client could be made of what is set.
#[cfg(feature = "remote")]
pub(super) fn of_client(location: &Location, error: &(dyn Error + 'static)) -> Option<Remedy> {
    let keys = keys(location.scheme())?;
    // Amazon is asked for the region of a bucket before there is a client.
    if answer::of(error).starts_with("Bucket '") {
        return Some((ErrorCode::StorageFailed, BUCKET));
    }
    Some((ErrorCode::InvalidSetting, keys.credentials))
}

/// What the user has set, for a store.
struct Keys {
    credentials: &'static str,
    address: &'static str,
}

/// None for files.
fn keys(scheme: &str) -> Option<Keys> {
    match scheme {
        "s3" | "s3a" | "s3p" => Some(Keys {
            credentials: "check s3.access-key and s3.secret-key, or where else the credentials come from",
            address: "check s3.endpoint, and that it can be reached from here",
        }),
        "gs" => Some(Keys {
            credentials: "check gs.auth.service.account.json.keyfile, or where else the credentials come from",
            address: "check fs.gs.storage.root.url, and that the store can be reached from here",
        }),
        "abfs" | "abfss" | "wasb" | "wasbs" => Some(Keys {
            credentials: "check the fs.azure.account.key or the shared access signature of the account, or where else the credentials \
                          come from",
            address: "check the host in high-availability.storageDir, and that it can be reached from here",
        }),
        _ => None,
    }
}

/// Nobody answers there, or the name is unknown.
fn is_of_the_way(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut};
    matches!(
        error.kind(),
        ConnectionRefused | HostUnreachable | NetworkUnreachable | TimedOut
    ) || error.to_string().contains("lookup")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn said(root: &str, text: &'static str) -> Option<Remedy> {
        let error = object_store::Error::Generic {
            store: "store",
            source: text.into(),
        };
        of(&Location::parse(root).unwrap(), &error)
    }

    #[test]
    fn the_remedy_names_what_is_set_for_the_store() {
        let skewed = "403 Forbidden: <Error><Code>RequestTimeTooSkewed</Code><Message>x</Message></Error>";
        assert_eq!(
            said("s3://b/ha", skewed),
            Some((ErrorCode::StorageFailed, CLOCKS)),
            "the machine is wrong, no setting"
        );
        let unknown = "403 Forbidden: <Error><Code>SignatureDoesNotMatch</Code></Error>";
        for (root, key) in [
            ("s3a://b/ha", "s3.secret-key"),
            ("gs://b/ha", "gs.auth.service.account.json.keyfile"),
            ("abfs://c@a.dfs.core.windows.net/ha", "fs.azure.account.key"),
        ] {
            let (code, remedy) = said(root, unknown).unwrap();
            assert!(code == ErrorCode::InvalidSetting && remedy.contains(key), "{remedy}");
        }
    }

    #[test]
    fn what_is_not_known_has_none() {
        assert_eq!(said("s3://b/ha", "500 <Error><Code>InternalError</Code></Error>"), None);
        assert_eq!(said("s3://b/ha", "operation timed out"), None);
        assert_eq!(said("file:///ha", "<Code>RequestTimeTooSkewed</Code>"), None);
    }
}
