//! How tasks are started: on a runtime of threads, or on a paused one in simulations.

use std::pin::Pin;
use std::sync::Arc;

/// A task for [`Spawn`].
pub type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Starts a task: on a runtime in production; in a simulation as part of a process that can be frozen and can crash.
pub type Spawn = Arc<dyn Fn(Work) + Send + Sync>;
