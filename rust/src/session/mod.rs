//! One HA services instance: its runtime, its tasks, its ordered shutdown.
//!
//! Every method blocks the calling thread and never a thread of the runtime. Callers wait for replies of tasks, which answer within their own
//! deadlines; when a session is closed meanwhile, the tasks drop their replies and the callers learn that it is closed.

mod handle;
mod mirror;
mod settings;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use log::debug;
use tokio::runtime::{Handle, Runtime};

use crate::cluster::client::ApiClient;
use crate::cluster::clock::SystemClock;
use crate::cluster::events::Taken;
use crate::cluster::services::{MirrorSettings, Services, Work, stopped_within};
use crate::error::{ErrorCode, HaError};
use crate::protocol::elector::GrantId;
use crate::storage::Storage;
pub use handle::ConfigMapHandle;
use mirror::StorageVault;
use settings::SessionSettings;

/// Two threads: one may be busy with a large object while the other serves the election.
const RUNTIME_THREADS: usize = 2;

/// One HA services instance.
pub struct Session {
    runtime: Mutex<Option<Runtime>>,
    handle: Handle,
    services: Arc<Services>,
    closing: AtomicBool,
}

impl Session {
    /// Opens a session; sends nothing that it would have to wait for.
    pub fn open(settings: &BTreeMap<String, String>) -> Result<Self, HaError> {
        let settings = SessionSettings::parse(settings)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(RUNTIME_THREADS)
            .thread_name("flink-kube-ha")
            .enable_all()
            .build()
            .map_err(|error| {
                HaError::new(
                    ErrorCode::Internal,
                    format!("The native threads could not be started: {error}"),
                )
            })?;
        let api = runtime
            .block_on(ApiClient::connect(settings.client))
            .map_err(HaError::from)?;
        let handle = runtime.handle().clone();
        let spawn = {
            let handle = handle.clone();
            // The runtime's shutdown ends them all.
            Arc::new(move |work: Work| drop(handle.spawn(work)))
        };
        Ok(Self {
            services: Arc::new(Services::start(api, Arc::new(SystemClock), spawn, settings.services)),
            runtime: Mutex::new(Some(runtime)),
            handle,
            closing: AtomicBool::new(false),
        })
    }

    /// Waits until the API server answered the first list. Without a limit an API server that cannot be reached is waited for.
    pub fn await_ready(&self, limit: Option<Duration>) -> Result<(), HaError> {
        self.services.ready().wait(limit)
    }

    /// Closes everything in order, within the limit: the elector (it releases the lock), the mirror, the tasks, the event queue,
    /// the runtime.
    pub fn close(&self, limit: Duration) {
        if self.closing.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Err(error) = self.stop_election(limit / 2) {
            debug!("The election did not stop in order: {error}");
        }
        if let Err(error) = self.flush_mirror(limit / 4) {
            debug!("The last changes of ConfigMaps were not mirrored: {error}");
        }
        self.services.end();
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            runtime.shutdown_timeout(limit / 4);
        }
    }

    /// Mirrors what `ConfigMap`s point to in this storage, below `<storageDir>/<high-availability.cluster-id>`; to be called before the election is
    /// started. Sends nothing yet. `job_results` is the directory in which results of jobs lie. Both are URIs.
    pub fn start_mirror(&self, storage: Arc<Storage>, root: &str, job_results: &str) {
        let vault = StorageVault::new(storage, self.services.mirror_directory(root));
        let settings = MirrorSettings {
            root: root.to_owned(),
            job_results: job_results.to_owned(),
        };
        self.services.start_mirror(Arc::new(vault), settings);
    }

    /// Waits until what was stored is mirrored, up to the limit.
    pub fn flush_mirror(&self, limit: Duration) -> Result<(), HaError> {
        let services = Arc::clone(&self.services);
        handle::run(&self.handle, async move { services.flush_mirror(limit).await })
    }

    /// The next event, waiting for it up to the limit.
    #[must_use]
    pub fn take_event(&self, limit: Duration) -> Taken {
        self.services.events().take(limit)
    }

    /// Ends the present wait for an event, or else the next, with nothing. Never blocks, and never logs.
    pub fn nudge(&self) {
        self.services.events().nudge();
    }

    /// A sign of life of the JVM, to be given every second or so. Never blocks, and never logs.
    pub fn pulse(&self) {
        self.services.pulse();
    }

    /// Everything that is counted or can be said now, in Prometheus' text format 0.0.4. Never blocks for long, also when it is closed.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.services.metrics()
    }

    /// The newest events of the lease and of writes, a line for each, oldest first.
    #[must_use]
    pub fn black_box(&self) -> String {
        self.services.black_box()
    }

    /// Becomes a candidate, once the Role was found to allow what a leader does.
    pub fn start_election(&self) -> Result<(), HaError> {
        self.services.start_election()
    }

    /// Stops being a candidate and waits, up to the limit, until the lock is released.
    pub fn stop_election(&self, limit: Duration) -> Result<(), HaError> {
        let stopped = self.services.stop_election()?;
        handle::run(&self.handle, stopped_within(limit, stopped))
    }

    /// Whether this grant holds now, by the local clock alone.
    #[must_use]
    pub fn has_leadership(&self, grant: u64) -> bool {
        self.services.grants().holds(GrantId(grant))
    }

    /// Whoever had to hear of the end of this grant has. Until then its lock is not handed over to anybody.
    pub fn revoke_heard(&self, grant: u64) {
        self.services.revoke_heard(GrantId(grant));
    }

    /// Queues a leader's address (`<session id>,<address>`) or its removal, and returns. It counts as long as this grant holds: Flink may
    /// confirm a leadership whose end it has not heard of yet, when the next one has begun already.
    pub fn publish_leader(&self, grant: u64, component: &str, value: Option<&str>) -> Result<(), HaError> {
        self.services.publish_leader(GrantId(grant), component, value)
    }

    /// Subscribes to a component's leader. The events carry the returned number.
    pub fn watch_leader(&self, component: &str) -> Result<u64, HaError> {
        self.services.watch_leader(component)
    }

    /// Ends a subscription. An event that is in the queue already is still delivered.
    pub fn unwatch_leader(&self, subscription: u64) {
        self.services.unwatch_leader(subscription);
    }

    /// Opens a `ConfigMap` under the grant that holds now; without one it can be read and not written. `create` makes a job `ConfigMap` that is
    /// absent, with stock's labels and the claim of this grant.
    pub fn open_config_map(&self, name: &str, create: bool) -> Result<ConfigMapHandle, HaError> {
        let (services, name) = (Arc::clone(&self.services), name.to_owned());
        let map = self.run(async move { services.open_config_map(&name, create).await })?;
        Ok(ConfigMapHandle::new(map, self.handle.clone()))
    }

    /// Deletes a `ConfigMap`; an absent one is fine. The cluster's is kept when another process holds its lock.
    pub fn delete_config_map(&self, name: &str) -> Result<(), HaError> {
        let (services, name) = (Arc::clone(&self.services), name.to_owned());
        self.run(async move { services.delete_config_map(&name).await })
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, HaError>> + Send + 'static,
    ) -> Result<T, HaError> {
        if self.closing.load(Ordering::Acquire) {
            return Err(HaError::closed());
        }
        handle::run(&self.handle, work)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A runtime must not be dropped where it would block; `close` has the orderly way.
        if let Some(runtime) = self.runtime.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            runtime.shutdown_background();
        }
    }
}
