//! One HA services instance: its runtime, its tasks, its ordered shutdown.
//!
//! Every method blocks the calling thread and never a thread of the runtime. Callers wait for replies of tasks, which answer within their own
//! deadlines; when a session is closed meanwhile, the tasks drop their replies and the callers learn that it is closed.

pub mod error;
pub mod event;
mod handle;
pub mod queue;
pub(crate) mod ready;
mod settings;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use log::debug;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{mpsc, oneshot};

use crate::cluster::client::ApiClient;
use crate::cluster::clock::{Clock, SystemClock};
use crate::cluster::config_map::job_maps::JobMaps;
use crate::cluster::context::Context;
use crate::cluster::election::{Command, Election};
use crate::cluster::grant::GrantCell;
use crate::cluster::watch::ConfigMapWatch;
use crate::protocol::names;
use crate::protocol::time::BootTime;
use error::{ErrorCode, HaError};
use event::Taken;
pub use handle::ConfigMapHandle;
use queue::EventQueue;
use ready::Ready;
use settings::SessionSettings;

/// A store call waits this much longer than a lease, so that a change of leader or a restart of the API server falls within it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Two threads: one may be busy with a large object while the other serves the election.
const RUNTIME_THREADS: usize = 2;

/// One HA services instance.
pub struct Session {
    runtime: Mutex<Option<Runtime>>,
    handle: Handle,
    context: Context,
    jobs: Arc<JobMaps>,
    events: Arc<EventQueue>,
    ready: Arc<Ready>,
    subscriptions: AtomicU64,
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
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (commands, command_receiver) = mpsc::unbounded_channel();
        let (seen, seen_receiver) = mpsc::unbounded_channel();
        let events = Arc::new(EventQueue::default());
        let ready = Arc::new(Ready::default());
        let context = Context {
            api: api.clone(),
            clock: Arc::clone(&clock),
            grants: GrantCell::new(Arc::clone(&clock)),
            election: commands,
            cluster_map: names::cluster_config_map(&settings.cluster_id),
            identity: settings.identity,
            labels: Arc::new(settings.labels),
            lease_format: settings.lease_format,
            timings: settings.timings,
        };
        let watch = ConfigMapWatch::new(api, clock, context.cluster_map.clone(), seen, Arc::clone(&ready));
        runtime.spawn(watch.run());
        runtime.spawn(Election::new(context.clone(), command_receiver, seen_receiver, Arc::clone(&events)).run());
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
            jobs: Arc::new(JobMaps::new(context.clone())),
            context,
            events,
            ready,
            subscriptions: AtomicU64::new(1),
            closing: AtomicBool::new(false),
        })
    }

    /// Waits until the API server answered the first list. Without a limit an API server that cannot be reached is waited for.
    pub fn await_ready(&self, limit: Option<Duration>) -> Result<(), HaError> {
        self.ready.wait(limit)
    }

    /// Closes everything in order, within the limit: the elector (it releases the lock), the tasks, the event queue, the runtime.
    pub fn close(&self, limit: Duration) {
        if self.closing.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Err(error) = self.stop_election(limit / 2) {
            debug!("The election did not stop in order: {error}");
        }
        // Fails only when the task is gone already.
        let _ = self.context.election.send(Command::End);
        self.ready.set(Err(closed()));
        self.events.close();
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            runtime.shutdown_timeout(limit / 2);
        }
    }

    /// The next event, waiting for it up to the limit.
    #[must_use]
    pub fn take_event(&self, limit: Duration) -> Taken {
        self.events.take(limit)
    }

    /// Ends the present wait for an event, or else the next, with nothing. Never blocks, and never logs.
    pub fn nudge(&self) {
        self.events.nudge();
    }

    /// Becomes a candidate, once the Role was found to allow what a leader does.
    pub fn start_election(&self) -> Result<(), HaError> {
        self.send(Command::Start)
    }

    /// Stops being a candidate and waits, up to the limit, until the lock is released.
    pub fn stop_election(&self, limit: Duration) -> Result<(), HaError> {
        let (reply, stopped) = oneshot::channel();
        self.send(Command::Stop(reply))?;
        self.wait_within(limit, stopped)
    }

    /// Whether a grant holds now, by the local clock alone.
    #[must_use]
    pub fn has_leadership(&self) -> bool {
        self.context.grants.current().is_some()
    }

    /// Queues a leader's address (`<session id>,<address>`) or its removal, and returns. Without a grant there is nothing to publish under.
    pub fn publish_leader(&self, component: &str, value: Option<&str>) -> Result<(), HaError> {
        let Some(grant) = self.context.grants.current() else {
            return Ok(());
        };
        self.send(Command::Publish {
            grant,
            component: component.to_owned(),
            value: value.map(str::to_owned),
        })
    }

    /// Subscribes to a component's leader. The events carry the returned number.
    pub fn watch_leader(&self, component: &str) -> Result<u64, HaError> {
        let id = self.subscriptions.fetch_add(1, Ordering::Relaxed);
        self.send(Command::Subscribe {
            id,
            component: component.to_owned(),
        })?;
        Ok(id)
    }

    /// Ends a subscription. An event that is in the queue already is still delivered.
    pub fn unwatch_leader(&self, subscription: u64) {
        // When the task is gone there are no subscriptions either.
        let _ = self.send(Command::Unsubscribe { id: subscription });
    }

    /// Opens a `ConfigMap` under the grant that holds now; without one it can be read and not written. `create` makes a job `ConfigMap` that is
    /// absent, with stock's labels and the claim of this grant.
    pub fn open_config_map(&self, name: &str, create: bool) -> Result<ConfigMapHandle, HaError> {
        let grant = self.context.grants.current();
        if let (true, Some(grant)) = (create, grant) {
            let (jobs, deadline, name) = (Arc::clone(&self.jobs), self.deadline(), name.to_owned());
            self.run(async move { jobs.ensure(&name, grant, deadline).await })?;
        }
        self.open_check()?;
        let _inside = self.handle.enter();
        Ok(ConfigMapHandle::new(
            self.context.clone(),
            &self.jobs,
            self.handle.clone(),
            name,
            grant,
            self.patience(),
        ))
    }

    /// Deletes a `ConfigMap`; an absent one is fine. The cluster's is kept when another process holds its lock.
    pub fn delete_config_map(&self, name: &str) -> Result<(), HaError> {
        let (jobs, deadline, grant, name) = (
            Arc::clone(&self.jobs),
            self.deadline(),
            self.context.grants.current(),
            name.to_owned(),
        );
        self.run(async move { jobs.delete(&name, grant, deadline).await })
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, HaError>> + Send + 'static,
    ) -> Result<T, HaError> {
        self.open_check()?;
        handle::run(&self.handle, work)
    }

    fn open_check(&self) -> Result<(), HaError> {
        if self.closing.load(Ordering::Acquire) {
            Err(closed())
        } else {
            Ok(())
        }
    }

    fn send(&self, command: Command) -> Result<(), HaError> {
        self.context.election.send(command).map_err(|_| closed())
    }

    fn wait_within(&self, limit: Duration, reply: oneshot::Receiver<()>) -> Result<(), HaError> {
        handle::run(&self.handle, async move {
            match tokio::time::timeout(limit, reply).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(closed()),
                Err(_) => Err(HaError::new(
                    ErrorCode::TimedOut,
                    "The lock was not released in time; it ends with its lease.",
                )),
            }
        })
    }

    fn patience(&self) -> Duration {
        PATIENCE + self.context.timings.lease_duration
    }

    fn deadline(&self) -> BootTime {
        self.context.clock.boot() + self.patience()
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

pub(crate) fn closed() -> HaError {
    HaError::new(ErrorCode::Closed, "The HA services are closed.")
}
