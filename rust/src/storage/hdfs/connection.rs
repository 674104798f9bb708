//! The client, how long it is waited for, and how often something is tried.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdfs_native::{Client, ClientBuilder};
use log::debug;
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep, timeout};

use super::answer::Fault;
use super::settings::Settings;
use crate::error::HaError;
use crate::storage::location::Location;
use crate::storage::threads;

/// Until an answer comes, or a piece of a file has gone up or come down.
const SILENCE_LIMIT: Duration = Duration::from_secs(20);
/// How long after its first failure something is tried again that may pass.
const RETRY_LIMIT: Duration = Duration::from_secs(60);
/// Between two attempts, growing; drawn from half of it on, so that many do not come back at once.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What the client library tries by itself while the `NameNode`s of a service change places: well within the time that an answer
/// is waited for, so that it is this module which knows about the rest.
const OF_THE_LIBRARY: [(&str, &str); 3] = [
    ("dfs.client.failover.max.attempts", "8"),
    ("dfs.client.failover.sleep.base.millis", "100"),
    ("dfs.client.failover.sleep.max.millis", "2000"),
];
/// In place of a directory, so that the library looks for none: everything is read here.
const NO_DIRECTORY: &str = "/dev/null";

/// The way to one HDFS.
pub(super) struct Connection {
    /// None only while it is dropped.
    runtime: Option<Runtime>,
    settings: Settings,
    client: Mutex<Option<Client>>,
    root: Location,
}

impl Connection {
    pub(super) fn new(root: &Location, settings: Settings) -> Result<Self, HaError> {
        Ok(Self {
            runtime: Some(threads::start(root)?),
            settings,
            client: Mutex::new(None),
            root: root.clone(),
        })
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Runs it on the calling thread, with timers and sockets served by the runtime; again, from its start, after what may pass.
    pub(super) fn run<T>(&self, mut work: impl AsyncFnMut(&Client) -> Result<T, Fault>) -> Result<T, Fault> {
        let runtime = self.runtime()?;
        runtime.block_on(async {
            let (mut pause, mut end) = (PAUSES.0, None);
            loop {
                let fault = match work(&self.client(runtime)?).await {
                    Err(fault) if fault.may_pass() => fault,
                    result => return result,
                };
                if matches!(fault, Fault::Silent(_)) {
                    // Its connection would be waited for again.
                    self.forget_client();
                }
                let now = Instant::now();
                if now + pause >= *end.get_or_insert(now + RETRY_LIMIT) {
                    return Err(fault);
                }
                debug!("{} is asked again: {fault:?}", self.root);
                sleep(drawn(pause)).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        })
    }

    /// Runs it once.
    pub(super) fn try_once<T>(&self, work: impl AsyncFnOnce(&Client) -> Result<T, Fault>) -> Result<T, Fault> {
        let runtime = self.runtime()?;
        runtime.block_on(async { work(&self.client(runtime)?).await })
    }

    fn runtime(&self) -> Result<&Runtime, Fault> {
        let closed = || hdfs_native::HdfsError::OperationFailed("the storage is closed".to_owned());
        Ok(self.runtime.as_ref().ok_or_else(closed)?)
    }

    /// Nothing is sent by making one.
    fn client(&self, runtime: &Runtime) -> Result<Client, Fault> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = client.as_ref() {
            return Ok(client.clone());
        }
        let told = self.settings.for_the_client.clone().into_iter();
        let builder = ClientBuilder::new()
            .with_url(format!("hdfs://{}", self.settings.name_node))
            .with_config_dir(NO_DIRECTORY)
            .with_config(told.chain(OF_THE_LIBRARY.map(|(key, value)| (key.to_owned(), value.to_owned()))))
            .with_io_runtime(runtime.handle().clone());
        let builder = match &self.settings.user {
            Some(user) => builder.with_user(user),
            None => builder,
        };
        Ok(client.insert(builder.build()?).clone())
    }

    fn forget_client(&self) {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Nobody waits for anything any more.
            runtime.shutdown_background();
        }
    }
}

/// What HDFS says, or that it says nothing.
pub(super) async fn answered<T>(work: impl Future<Output = hdfs_native::Result<T>>) -> Result<T, Fault> {
    match timeout(SILENCE_LIMIT, work).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Fault::Silent(SILENCE_LIMIT)),
    }
}

/// Nobody else has the same.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

fn drawn(pause: Duration) -> Duration {
    let half = pause / 2;
    let millis = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).max(1);
    half + Duration::from_millis(random() % millis)
}
