//! The threads of a storage behind a network.

use tokio::runtime::{Builder, Runtime};

use super::location::Location;
use crate::error::{ErrorCode, HaError};

/// A runtime of its own for what lies below this root: it ends with the storage, and nobody else waits for it.
pub(super) fn start(root: &Location) -> Result<Runtime, HaError> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("flinkkubeha-storage")
        .enable_all()
        .build();
    runtime.map_err(|error| {
        let message = format!("The threads of the storage {root} could not be started: {error}.");
        HaError::new(ErrorCode::StorageFailed, message)
    })
}
