//! The asynchronous half of one HA services instance: the election, the watch, and the writers of the `ConfigMap`s.
//!
//! It owns no thread and no runtime and reads no clock of its own, so that a session runs it on threads and a simulation in simulated time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::cluster::client::ApiClient;
use crate::cluster::clock::Clock;
use crate::cluster::config_map::job_maps::JobMaps;
pub use crate::cluster::config_map::open_map::OpenMap;
use crate::cluster::config_map::writers::Writers;
use crate::cluster::context::Context;
use crate::cluster::election::{Command, Election};
use crate::cluster::events::queue::EventQueue;
use crate::cluster::events::ready::Ready;
pub use crate::cluster::failover::FailoverSettings;
use crate::cluster::grant::GrantCell;
use crate::cluster::mirror::Mirror;
pub use crate::cluster::mirror::{MirrorSettings, Vault};
use crate::cluster::pod::pod_uid;
use crate::cluster::pulse::Pulse;
use crate::cluster::recorder::Recorder;
pub use crate::cluster::spawn::{Spawn, Work};
use crate::cluster::watch::ConfigMapWatch;
use crate::error::{ErrorCode, HaError};
use crate::protocol::elector::{ElectorSettings, GrantId};
use crate::protocol::lock_record::LeaseFormat;
use crate::protocol::manifest;
use crate::protocol::names;

/// What the services need to know, checked.
#[derive(Clone, Debug)]
pub struct ServicesSettings {
    /// `kubernetes.cluster-id`
    pub cluster_id: String,
    /// Holder identity of this process, never used before.
    pub identity: String,
    /// Labels of every HA `ConfigMap`, as the running Flink line writes them.
    pub labels: BTreeMap<String, String>,
    /// How the running Flink line writes the lease into the lock record.
    pub lease_format: LeaseFormat,
    /// What the election goes by.
    pub elector: ElectorSettings,
    /// How long a store call waits for its outcome.
    pub patience: Duration,
    /// UID of the pod that this process runs in, as far as its surroundings say it; else the token may.
    pub pod_uid: Option<String>,
    /// Where a contender can be seen to be alive; nowhere without.
    pub fast_failover: Option<FailoverSettings>,
    /// Whether it is going to contend, as `JobManager`s do; one that contends without having said so begins with a watch that it does not need.
    pub contends: bool,
}

/// One HA services instance on somebody else's runtime. Dropping it ends no task: that is for whoever spawned them.
pub struct Services {
    context: Context,
    jobs: JobMaps,
    events: Arc<EventQueue>,
    ready: Arc<Ready>,
    subscriptions: AtomicU64,
    patience: Duration,
    contends: watch::Sender<bool>,
}

impl Services {
    /// Starts the tasks; sends nothing that it would have to wait for.
    pub fn start(api: ApiClient, clock: Arc<dyn Clock>, spawn: Spawn, settings: ServicesSettings) -> Self {
        let (commands, command_receiver) = mpsc::unbounded_channel();
        let (seen, seen_receiver) = mpsc::unbounded_channel();
        let events = Arc::new(EventQueue::default());
        let ready = Arc::new(Ready::default());
        let grants = GrantCell::new(Arc::clone(&clock));
        let pod_uid = pod_uid(settings.pod_uid.as_deref(), api.pod_of_token());
        let cluster_map = names::cluster_config_map(&settings.cluster_id);
        let recorder = Arc::new(Recorder::new(Arc::clone(&clock), cluster_map.clone()));
        let api = {
            let grants = grants.clone();
            // Which grant it is, is for whoever decides on the write; that one gives it up with its grant. While a leadership is only held on to,
            // nothing is written: first the lock has to be read and renewed.
            api.while_permitted(move || grants.confirmed())
                .witnessed_by(recorder.clone())
        };
        let context = Context {
            api,
            grants,
            pulse: Pulse::new(Arc::clone(&clock)),
            clock,
            spawn,
            election: commands,
            events: Arc::clone(&events),
            writers: Writers::default(),
            recorder,
            mirror: Mirror::default(),
            cluster_map,
            identity: settings.identity,
            labels: Arc::new(settings.labels),
            lease_format: settings.lease_format,
            elector: settings.elector,
        };
        let (contends, whole) = watch::channel(settings.contends);
        context.spawn(ConfigMapWatch::new(&context, seen, Arc::clone(&ready), whole).run());
        let election = Election::new(
            context.clone(),
            command_receiver,
            seen_receiver,
            pod_uid,
            settings.fast_failover,
        );
        context.spawn(election.run());
        Self {
            jobs: JobMaps::new(context.clone()),
            context,
            events,
            ready,
            subscriptions: AtomicU64::new(1),
            patience: settings.patience,
            contends,
        }
    }

    /// Where the events come out, in their order.
    #[must_use]
    pub fn events(&self) -> &EventQueue {
        &self.events
    }

    /// The grant that holds, as everyone who is about to write asks for it.
    #[must_use]
    pub fn grants(&self) -> &GrantCell {
        &self.context.grants
    }

    /// Name of the cluster `ConfigMap`.
    #[must_use]
    pub fn cluster_map(&self) -> &str {
        &self.context.cluster_map
    }

    pub(crate) fn ready(&self) -> &Ready {
        &self.ready
    }

    /// A sign of life of the JVM: it stores the time and does nothing else. A leader that gave one goes on giving them, or is none any more after
    /// the time that the settings say.
    pub fn pulse(&self) {
        self.context.pulse.beat();
    }

    /// Everything that is counted or can be said now, in Prometheus' text format 0.0.4. Sends nothing, and waits for nobody.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.context.recorder.expose(&self.context.grants, &self.context.pulse)
    }

    /// The newest events of the lease and of writes, a line for each, oldest first.
    #[must_use]
    pub fn black_box(&self) -> String {
        self.context.recorder.describe()
    }

    /// Becomes a candidate, once the Role was found to allow what a leader does.
    pub fn start_election(&self) -> Result<(), HaError> {
        self.pulse();
        self.contends
            .send_if_modified(|contends| !std::mem::replace(contends, true));
        self.send(Command::Start)
    }

    /// Stops being a candidate. The answer comes when the lock is released, was not ours, or could not be released in time; until then it
    /// lasts no longer than the elector's own limit.
    pub fn stop_election(&self) -> Result<oneshot::Receiver<()>, HaError> {
        let (reply, stopped) = oneshot::channel();
        self.send(Command::Stop(reply))?;
        Ok(stopped)
    }

    /// Whoever had to hear of the end of this grant has. Until then its lock is not handed over to anybody; nothing else depends on it.
    pub fn revoke_heard(&self, grant: GrantId) {
        // When the task is gone the lock is, too.
        let _ = self.send(Command::RevokeHeard { grant });
    }

    /// Queues a leader's address (`<session id>,<address>`) or its removal, and returns. It counts as long as this grant holds.
    pub fn publish_leader(&self, grant: GrantId, component: &str, value: Option<&str>) -> Result<(), HaError> {
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

    /// Mirrors what is stored from now on; to be called before the election is started. Whoever does not call it has no mirror.
    pub fn start_mirror(&self, vault: Arc<dyn Vault>, settings: MirrorSettings) {
        self.context.mirror.start(&self.context, vault, settings);
    }

    /// Where the mirror lies below `<storageDir>/<high-availability.cluster-id>`, as a URI.
    #[must_use]
    pub fn mirror_directory(&self, root: &str) -> String {
        manifest::directory(root, self.context.api.namespace())
    }

    /// Mirrors what has not been mirrored yet, within this time.
    pub async fn flush_mirror(&self, limit: Duration) -> Result<(), HaError> {
        self.context.mirror.flush(limit).await
    }

    /// Opens a `ConfigMap` under the grant that holds now; without one it can be read and not written. `create` claims a job `ConfigMap` for this
    /// grant, and makes one that is absent, with stock's labels.
    pub async fn open_config_map(&self, name: &str, create: bool) -> Result<OpenMap, HaError> {
        let grant = self.context.grants.current();
        let writer = (name != self.context.cluster_map).then(|| self.jobs.writer(name));
        if let (true, Some(grant), Some(writer)) = (create, grant, &writer) {
            self.jobs.claim(writer, grant, self.deadline()).await?;
        }
        let writer = writer.map(|writer| writer.edits);
        Ok(OpenMap::new(self.context.clone(), name, grant, self.patience, writer))
    }

    /// Deletes a `ConfigMap`; an absent one is fine. A job's needs the grant that holds now; the cluster's is kept when another process
    /// holds its lock.
    pub async fn delete_config_map(&self, name: &str) -> Result<(), HaError> {
        let grant = self.context.grants.current();
        // Large with all that it may wait for, and rarely asked for.
        Box::pin(self.jobs.delete(name, grant, self.deadline())).await
    }

    /// Ends the election task and closes the queue of events. Whoever still waits learns that the services are closed.
    pub fn end(&self) {
        // Fails only when the task is gone already.
        let _ = self.send(Command::End);
        self.ready.set(Err(HaError::closed()));
        self.events.close();
    }

    fn send(&self, command: Command) -> Result<(), HaError> {
        self.context.election.send(command).map_err(|_| HaError::closed())
    }

    fn deadline(&self) -> crate::protocol::time::BootTime {
        self.context.clock.boot() + self.patience
    }
}

/// What waiting for [`Services::stop_election`] ends with.
pub(crate) async fn stopped_within(limit: Duration, stopped: oneshot::Receiver<()>) -> Result<(), HaError> {
    match tokio::time::timeout(limit, stopped).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(HaError::closed()),
        Err(_) => Err(HaError::new(
            ErrorCode::TimedOut,
            "The lock was not released in time; it ends with its lease.",
        )),
    }
}
