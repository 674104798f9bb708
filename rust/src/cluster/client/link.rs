//! The connection to the API server that holds now, and its renewal.
//!
//! There is one remedy for everything that makes a connection unfit (dead sockets in the pool, a rotated CA, replaced
//! credentials, an edited kubeconfig): read the source again and build kube's client anew. It is done by one task at a time,
//! no lock is held while waiting, and requests in flight go on over the connection they started on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use kube::client::AuthError;
use once_cell::sync::OnceCell;
use tokio::sync::watch;
use tokio::time::Instant;

use super::error::{ClientError, capital, one_line};
use super::source::{Credentials, Loaded, Source};
use super::stack;

/// Files are looked at no more often than this, and only while calls are made.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// A credential plug-in that takes longer than this at start is given up.
const BUILD_LIMIT: Duration = Duration::from_secs(30);

/// rustls needs one provider for the whole process; whoever comes first wins, which is fine with either.
static CRYPTO_PROVIDER: OnceCell<()> = OnceCell::new();

/// Why a connection is no longer good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distrust {
    /// A request on it timed out or broke off: its pool may hold more dead sockets.
    Transport,
    /// The server's certificate was not accepted.
    Certificate,
    /// The server did not accept our credentials.
    Credentials,
    /// A file it was built from has changed, or its certificate has expired.
    Files,
}

impl Distrust {
    /// Least time between two renewals for this cause: reading the source can mean running a plug-in.
    const fn interval(self) -> Duration {
        match self {
            Self::Transport => Duration::from_millis(100),
            Self::Certificate | Self::Credentials | Self::Files => Duration::from_secs(1),
        }
    }
}

/// Who tells that a request has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// hyper, when it has a connection for it.
    Hyper,
    /// A service of a test, when it takes it.
    #[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "made by tests alone"))]
    Service,
    /// Nobody: it may have left as soon as it was handed over.
    #[cfg_attr(not(feature = "testing"), expect(dead_code, reason = "made by tests alone"))]
    Nothing,
}

/// One client of kube's with what it was built from.
pub(super) struct Connection {
    pub(super) generation: u64,
    pub(super) client: kube::Client,
    telling: Telling,
    /// When the last answer came.
    heard: Mutex<Option<Instant>>,
    /// Absent for a service that tests put in the place of a server.
    loaded: Option<Arc<Loaded>>,
}

impl Connection {
    /// The header that we set ourselves; `None` leaves it to kube.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        match &self.loaded.as_ref()?.credentials {
            Credentials::File(token) => Some(token.header()),
            Credentials::Fixed(header) => Some(header.clone()),
            Credentials::Kube => None,
        }
    }

    /// Whether the token file holds another token than the one that was used.
    pub(super) async fn token_differs_from(&self, used: Option<HeaderValue>) -> bool {
        let (Some(loaded), Some(used)) = (self.loaded.clone(), used) else {
            return false;
        };
        let read = tokio::task::spawn_blocking(
            move || matches!(&loaded.credentials, Credentials::File(token) if token.differs_from(&used)),
        );
        read.await.unwrap_or(false)
    }

    pub(super) fn is_heard(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(super) fn was_heard_since(&self, since: Instant) -> bool {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.is_some_and(|heard| heard >= since)
    }

    pub(super) fn telling(&self) -> Telling {
        self.telling
    }

    pub(super) fn credentials_place(&self) -> &str {
        self.loaded
            .as_ref()
            .map_or("the credentials", |loaded| &loaded.credentials_place)
    }

    pub(super) fn trust_place(&self) -> &str {
        self.loaded
            .as_ref()
            .map_or("a trusted authority", |loaded| &loaded.trust_place)
    }

    pub(super) fn server(&self) -> String {
        self.loaded.as_ref().map_or_else(
            || "a test's service".to_owned(),
            |loaded| loaded.config.cluster_url.to_string(),
        )
    }

    /// Certificates of credential plug-ins end; kube leaves it to its user to look.
    fn expired(&self) -> bool {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        self.client
            .valid_until()
            .is_some_and(|until| u64::try_from(until.as_second()).unwrap_or(0) <= now)
    }
}

enum Origin {
    Source(Arc<Source>),
    #[cfg(feature = "testing")]
    Service(Box<dyn Fn() -> kube::Client + Send + Sync>),
}

struct State {
    current: Arc<Connection>,
    /// Beside the present one, for copies of requests that are under way over that.
    spare: Option<Arc<Connection>>,
    /// The generation that was made last.
    newest: u64,
    distrust: Option<Distrust>,
    rebuilding: bool,
    last_rebuild: Option<Instant>,
    next_look: Instant,
    last_warning: String,
}

struct Inner {
    origin: Origin,
    state: Mutex<State>,
    /// Counts rebuilds that ended, well or not.
    rebuilt: watch::Sender<u64>,
}

/// The connection that holds now.
#[derive(Clone)]
pub(super) struct Link {
    inner: Arc<Inner>,
}

impl Link {
    /// Reads the source and builds the first connection; sends nothing, but runs a credential plug-in if there is one.
    pub(super) async fn open(source: Source) -> Result<Self, ClientError> {
        let source = Arc::new(source);
        let build = tokio::task::spawn_blocking({
            let source = Arc::clone(&source);
            move || {
                let loaded = source.load()?;
                let client = build(&loaded)?;
                Ok((loaded, client))
            }
        });
        let (loaded, client) = match tokio::time::timeout(BUILD_LIMIT, build).await {
            Ok(Ok(outcome)) => outcome?,
            Ok(Err(_)) => {
                return Err(ClientError::new(
                    "Reading the Kubernetes configuration failed by a bug in flink-kube-ha; please report it.",
                ));
            }
            Err(_) => {
                return Err(ClientError::new(format!(
                    "Reading the Kubernetes configuration takes longer than {BUILD_LIMIT:?}; check the credential plug-in (exec) of the kubeconfig's user and the file system."
                )));
            }
        };
        for warning in &loaded.warnings {
            log::warn!("{warning}");
        }
        let connection = Connection {
            generation: 0,
            client,
            telling: Telling::Hyper,
            heard: Mutex::default(),
            loaded: Some(Arc::new(loaded)),
        };
        Ok(Self::new(Origin::Source(source), connection))
    }

    /// Over a service that stands in for a server; it is made anew where a connection would be.
    #[cfg(feature = "testing")]
    pub(super) fn over(service: Box<dyn Fn() -> kube::Client + Send + Sync>, telling: Telling) -> Self {
        let connection = Connection {
            generation: 0,
            client: service(),
            telling,
            heard: Mutex::default(),
            loaded: None,
        };
        Self::new(Origin::Service(service), connection)
    }

    fn new(origin: Origin, connection: Connection) -> Self {
        let state = State {
            newest: connection.generation,
            current: Arc::new(connection),
            spare: None,
            distrust: None,
            rebuilding: false,
            last_rebuild: None,
            next_look: Instant::now() + LOOK_INTERVAL,
            last_warning: String::new(),
        };
        Self {
            inner: Arc::new(Inner {
                origin,
                state: Mutex::new(state),
                rebuilt: watch::Sender::new(0),
            }),
        }
    }

    /// The connection as it stands, without waiting.
    pub(super) fn peek(&self) -> Arc<Connection> {
        Arc::clone(&self.inner.lock().current)
    }

    /// Asks for a new connection in place of this generation.
    pub(super) fn distrust(&self, generation: u64, cause: Distrust) {
        let mut state = self.inner.lock();
        if state.current.generation == generation {
            state.distrust = Some(cause);
        }
        state.spare.take_if(|spare| spare.generation == generation);
    }

    /// A connection beside the present one: the same for everybody, until a request over it fails. Where none can be made in this time, the
    /// present one has to do.
    pub(super) async fn beside(&self, patience: Duration) -> Arc<Connection> {
        let current = {
            let state = self.inner.lock();
            if let Some(spare) = &state.spare {
                return Arc::clone(spare);
            }
            Arc::clone(&state.current)
        };
        let making = Arc::clone(&self.inner).make_beside(Arc::clone(&current));
        let Ok(Some(made)) = tokio::time::timeout(patience, making).await else {
            return current;
        };
        let made = Arc::new(made);
        self.inner.lock().spare = Some(Arc::clone(&made));
        made
    }

    /// What was made beside the present connection answers first: it is the present one now.
    pub(super) fn prefer(&self, generation: u64) {
        let mut state = self.inner.lock();
        if let Some(spare) = state.spare.take_if(|spare| spare.generation == generation) {
            state.current = spare;
            state.distrust = None;
        }
    }

    /// The connection for a call. Where a renewal is due it is started and waited for, but no longer than `patience`: then the
    /// old one has to do.
    pub(super) async fn current(&self, patience: Duration) -> Arc<Connection> {
        let mut rebuilt = self.inner.rebuilt.subscribe();
        {
            let mut state = self.inner.lock();
            self.look_at_files(&mut state);
            if state.distrust.is_none() && state.current.expired() {
                state.distrust = Some(Distrust::Files);
            }
            let Some(cause) = state.distrust else {
                return Arc::clone(&state.current);
            };
            if !state.rebuilding {
                if state.last_rebuild.is_some_and(|last| last.elapsed() < cause.interval()) {
                    return Arc::clone(&state.current);
                }
                state.rebuilding = true;
                tokio::spawn(Arc::clone(&self.inner).rebuild(Arc::clone(&state.current), cause));
            }
        }
        let _ = tokio::time::timeout(patience, rebuilt.changed()).await;
        self.peek()
    }

    /// A newer connection than this one, if a renewal for this cause may be made now and ends in time.
    pub(super) async fn renewed(
        &self,
        generation: u64,
        cause: Distrust,
        patience: Duration,
    ) -> Option<Arc<Connection>> {
        self.distrust(generation, cause);
        let connection = self.current(patience).await;
        (connection.generation != generation).then_some(connection)
    }

    /// Starts a look at the files behind the connection, without waiting for it.
    fn look_at_files(&self, state: &mut State) {
        let now = Instant::now();
        if now < state.next_look {
            return;
        }
        state.next_look = now + LOOK_INTERVAL;
        let Some(loaded) = state.current.loaded.clone() else {
            return;
        };
        let (link, generation) = (self.clone(), state.current.generation);
        tokio::task::spawn_blocking(move || {
            if let Credentials::File(token) = &loaded.credentials {
                token.read_if_changed();
            }
            if let Some(path) = loaded.files.changed() {
                log::debug!(
                    "{} has changed; the connection to the API server is built anew.",
                    path.display()
                );
                link.distrust(generation, Distrust::Files);
            }
        });
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_generation(&self) -> u64 {
        let mut state = self.lock();
        state.newest += 1;
        state.newest
    }

    async fn make_beside(self: Arc<Self>, current: Arc<Connection>) -> Option<Connection> {
        let generation = self.next_generation();
        match (&self.origin, &current.loaded) {
            #[cfg(feature = "testing")]
            (Origin::Service(service), _) => Some(Connection {
                generation,
                client: service(),
                telling: current.telling,
                heard: Mutex::default(),
                loaded: None,
            }),
            (_, Some(loaded)) => {
                let loaded = Arc::clone(loaded);
                let made = tokio::task::spawn_blocking(move || build_again(loaded, generation).ok());
                made.await.ok().flatten()
            }
            _ => None,
        }
    }

    async fn rebuild(self: Arc<Self>, old: Arc<Connection>, cause: Distrust) {
        let generation = self.next_generation();
        let (connection, warning) = match &self.origin {
            Origin::Source(source) => {
                let source = Arc::clone(source);
                let kept = old.loaded.clone();
                tokio::task::spawn_blocking(move || rebuild_from(&source, kept, generation, cause))
                    .await
                    .unwrap_or((None, None))
            }
            #[cfg(feature = "testing")]
            Origin::Service(service) => (
                Some(Connection {
                    generation,
                    client: service(),
                    telling: old.telling,
                    heard: Mutex::default(),
                    loaded: None,
                }),
                None,
            ),
        };
        {
            let mut state = self.lock();
            if let Some(connection) = connection {
                state.current = Arc::new(connection);
            }
            state.distrust = None;
            state.rebuilding = false;
            state.last_rebuild = Some(Instant::now());
            let warning = warning.unwrap_or_default();
            if !warning.is_empty() && warning != state.last_warning {
                log::warn!("The connection to the API server goes on as it was configured before: {warning}");
            }
            state.last_warning = warning;
        }
        self.rebuilt.send_modify(|count| *count += 1);
    }
}

/// From the source as it is now, or, when that cannot be used at the moment, as it was: a fresh pool at least.
fn rebuild_from(
    source: &Source,
    kept: Option<Arc<Loaded>>,
    generation: u64,
    cause: Distrust,
) -> (Option<Connection>, Option<String>) {
    let fresh = source.load().and_then(|loaded| Ok((build(&loaded)?, loaded)));
    match (fresh, kept) {
        (Ok((client, loaded)), _) => (
            Some(Connection {
                generation,
                client,
                telling: Telling::Hyper,
                heard: Mutex::default(),
                loaded: Some(Arc::new(loaded)),
            }),
            None,
        ),
        // Nothing speaks against the pool, and a half-written file is whole at the next look.
        (Err(error), _) if cause == Distrust::Files => (None, Some(error.message().to_owned())),
        (Err(error), kept) => {
            let connection = kept.and_then(|loaded| build_again(loaded, generation).ok());
            (connection, Some(error.message().to_owned()))
        }
    }
}

/// From what an earlier one was made from.
fn build_again(loaded: Arc<Loaded>, generation: u64) -> Result<Connection, ClientError> {
    Ok(Connection {
        generation,
        client: build(&loaded)?,
        telling: Telling::Hyper,
        heard: Mutex::default(),
        loaded: Some(loaded),
    })
}

/// kube's client with retries and time-outs of its own off. Blocks while a credential plug-in runs; needs the runtime's context.
fn build(loaded: &Loaded) -> Result<kube::Client, ClientError> {
    CRYPTO_PROVIDER.get_or_init(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
    let place = &loaded.credentials_place;
    stack::client(loaded.config.clone()).map_err(|error| match error {
        kube::Error::Auth(error) => ClientError::new(format!(
            "{} cannot be obtained: {}; correct the user in the kubeconfig.",
            capital(place),
            plugin_failure(&error)
        )),
        kube::Error::RustlsTls(kube::client::RustlsTlsError::InvalidServerName(_)) => ClientError::new(format!(
            "tls-server-name {:?} is not a host name; correct it in the kubeconfig.",
            loaded.config.tls_server_name.as_deref().unwrap_or_default()
        )),
        kube::Error::RustlsTls(kube::client::RustlsTlsError::AddRootCertificate(error)) => ClientError::new(format!(
            "TLS cannot be set up with {} ({error}); configure the API server's certificate authority.",
            loaded.trust_place
        )),
        error => ClientError::new(format!(
            "{} cannot be used ({error}); correct the client certificate and key of the user.",
            capital(place)
        )),
    })
}

/// What went wrong with a plug-in or provider, without what it printed: that can be a token.
pub(super) fn plugin_failure(error: &AuthError) -> String {
    match error {
        // Its command line holds arguments and environment, its output perhaps a token.
        AuthError::AuthExecRun { out, .. } => format!("the plug-in failed ({})", out.status),
        AuthError::AuthExecStart(error) => format!("the plug-in cannot be started ({error})"),
        AuthError::AuthExecParse(_) | AuthError::ParseTokenKey(_) => {
            "the plug-in printed something that is no credential".to_owned()
        }
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => {
            "it holds characters that no header can have".to_owned()
        }
        error => one_line(&error.to_string()),
    }
}
