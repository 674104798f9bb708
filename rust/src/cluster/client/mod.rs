//! The way to the API server: `ConfigMap`s of one namespace, as raw JSON, with a limit on every call.
//!
//! kube's client does TLS, proxies, plug-ins and connection pools. What an elector needs beyond that is here: no retries, three
//! outcomes of a write, tokens that are read again at once when they are refused, and new connections where old ones fail.

mod access;
mod account;
mod certificate_authority;
mod departure;
mod error;
mod exchange;
mod file_stamp;
mod http_date;
mod kubeconfig;
mod link;
mod properties;
mod proxy;
mod request;
mod service_account;
mod source;
mod stack;
mod surroundings;
mod token_file;
mod watch;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

pub use account::{Ended, Witness};
pub use departure::Departure;
pub use error::{ApiError, ApiErrorKind, ClientError, WriteFailure};
pub use properties::SYSTEM_PROPERTIES;
pub use request::Verb;
pub use surroundings::Surroundings;
pub use watch::{WatchEvent, WatchStream};

use crate::protocol::pod_seat;
use account::Account;
use exchange::{Answered, Exchange, Payload, Permit};
#[cfg(feature = "testing")]
use link::Telling;
use link::{Distrust, Link};
use request::{ConfigMapRequest, Requests};
use source::Source;

/// Requests in flight at most, watches not counted.
const IN_FLIGHT: usize = 16;
/// Of these, so many are kept for [`ApiClient::with_reserved_places`].
const RESERVED: usize = 2;
/// A watch is open or it never will be.
const WATCH_OPEN_LIMIT: Duration = Duration::from_secs(10);
/// No object has this resource version, nor this uid, nor (with capitals) this name.
const NO_VERSION: &str = "1";
const NO_UID: &str = "00000000-0000-0000-0000-000000000000";
const NO_NAME: &str = "Flink-Kube-HA-Preflight";

/// How to reach the API server.
#[derive(Clone, Default)]
pub struct ClientSettings {
    /// `kubernetes.config.file`
    pub config_file: Option<PathBuf>,
    /// `kubernetes.context`
    pub context: Option<String>,
    /// `kubernetes.namespace`; it wins over what a kubeconfig or service account says. Empty for lists of all namespaces.
    pub namespace: String,
    /// `kubernetes.client.user-agent`
    pub user_agent: String,
    /// The Java system properties named in [`SYSTEM_PROPERTIES`].
    pub system_properties: BTreeMap<String, String>,
}

impl fmt::Debug for ClientSettings {
    // System properties hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSettings")
            .field("config_file", &self.config_file)
            .field("context", &self.context)
            .field("namespace", &self.namespace)
            .field("user_agent", &self.user_agent)
            .finish_non_exhaustive()
    }
}

/// An answer with the server's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// The `Date` header: the server's wall clock, in whole seconds.
    pub server_date: Option<SystemTime>,
}

struct Shared {
    namespace: String,
    user_agent: HeaderValue,
    requests: Requests,
    link: Link,
    places: Semaphore,
    reserved_places: Semaphore,
}

/// A client for the `ConfigMap`s of one namespace. Clones share everything.
#[derive(Clone)]
pub struct ApiClient {
    shared: Arc<Shared>,
    reserved: bool,
    elsewhere: bool,
    permit: Option<Permit>,
    departure: Option<Departure>,
    witness: Option<Arc<dyn Witness>>,
}

impl ApiClient {
    /// Builds a client from what the configuration names; no request is sent. Runs a credential plug-in where a kubeconfig names one.
    pub async fn connect(settings: ClientSettings) -> Result<Self, ClientError> {
        Self::connect_in(settings, Surroundings::of_process()).await
    }

    /// The namespace that the chosen context of a kubeconfig names or, without a kubeconfig, that of the pod. Flink does not ask for it; kubectl does.
    pub fn namespace_around(
        settings: ClientSettings,
        surroundings: Surroundings,
    ) -> Result<Option<String>, ClientError> {
        Source { settings, surroundings }.namespace()
    }

    /// As [`Self::connect`], in given surroundings.
    pub async fn connect_in(settings: ClientSettings, surroundings: Surroundings) -> Result<Self, ClientError> {
        let (namespace, user_agent) = (settings.namespace.clone(), user_agent(&settings.user_agent)?);
        let link = Link::open(Source { settings, surroundings }).await?;
        Ok(Self::new(namespace, user_agent, link))
    }

    /// Over a service that stands in for the API server; it is called for a new one wherever a connection would be made anew.
    ///
    /// Whether a request was sent cannot be known then: a time-out of a write is always [`WriteFailure::Unknown`], an error is
    /// [`WriteFailure::Refused`] only with an [`std::io::ErrorKind::ConnectionRefused`] in its chain.
    #[cfg(feature = "testing")]
    pub fn over(namespace: &str, service: impl Fn() -> kube::Client + Send + Sync + 'static) -> Self {
        Self::new(
            namespace.to_owned(),
            HeaderValue::from_static("flink"),
            Link::over(Box::new(service), Telling::Nothing),
        )
    }

    /// As [`Self::over`], for a service that calls [`Departure::leave`] of each request that it takes.
    #[cfg(feature = "testing")]
    pub fn over_telling(namespace: &str, service: impl Fn() -> kube::Client + Send + Sync + 'static) -> Self {
        Self::new(
            namespace.to_owned(),
            HeaderValue::from_static("flink"),
            Link::over(Box::new(service), Telling::Service),
        )
    }

    fn new(namespace: String, user_agent: HeaderValue, link: Link) -> Self {
        let shared = Shared {
            requests: Requests::new(&namespace),
            namespace,
            user_agent,
            link,
            places: Semaphore::new(IN_FLIGHT - RESERVED),
            reserved_places: Semaphore::new(RESERVED),
        };
        Self {
            shared: Arc::new(shared),
            reserved: false,
            elsewhere: false,
            permit: None,
            departure: None,
            witness: None,
        }
    }

    /// The same client, whose requests are told of.
    #[must_use]
    pub fn witnessed_by(self, witness: Arc<dyn Witness>) -> Self {
        Self {
            witness: Some(witness),
            ..self
        }
    }

    /// The same client with places of its own among the requests in flight: for the lock, whose renewals must not queue behind
    /// writes to jobs' `ConfigMap`s that hang.
    #[must_use]
    pub fn with_reserved_places(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            reserved: true,
            elsewhere: false,
            permit: None,
            departure: None,
            witness: self.witness.clone(),
        }
    }

    /// The same client, whose writes are sent only if `permit` says yes right before: one that had to wait for its turn or for a connection,
    /// perhaps in a process that was frozen meanwhile, may come from a leader that is none any more. Such a write is [`ApiErrorKind::Withheld`].
    #[must_use]
    pub fn while_permitted(self, permit: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self {
            permit: Some(Arc::new(permit)),
            ..self
        }
    }

    /// The same client, whose writes need no permit: for what is done after a leader has stepped down.
    #[must_use]
    pub fn without_permit(&self) -> Self {
        Self {
            permit: None,
            ..self.clone()
        }
    }

    /// The same client over another connection than the present one, for a copy of a request that is under way over that. Where this one is
    /// answered first, it is the one that everybody uses from then on.
    #[must_use]
    pub fn elsewhere(&self) -> Self {
        Self {
            elsewhere: true,
            ..self.clone()
        }
    }

    /// The same client, whose next write can be withdrawn as long as it has not left.
    #[must_use]
    pub fn departing(&self, departure: &Departure) -> Self {
        Self {
            departure: Some(departure.clone()),
            ..self.clone()
        }
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.shared.namespace
    }

    /// The pod that the service account token is bound to, if there is such a token. The token itself stays here.
    pub(crate) fn pod_of_token(&self) -> Option<String> {
        let header = self.shared.link.peek().authorization()?;
        pod_seat::uid_of_token(header.to_str().ok()?.strip_prefix("Bearer ")?)
    }

    /// The address of the API server, for messages.
    #[must_use]
    pub fn server(&self) -> String {
        self.shared.link.peek().server()
    }

    /// Lets the next call go over a new connection: for a caller who knows that the present ones are dead, because a watch fell silent.
    pub fn distrust_connections(&self) {
        let link = &self.shared.link;
        link.distrust(link.peek().generation, Distrust::Transport);
    }

    /// Reads a `ConfigMap` from etcd, not from the API server's cache; `None` when it is absent.
    pub async fn get(&self, name: &str, limit: Duration) -> Result<Answer<Option<Value>>, ApiError> {
        let request = self.shared.requests.get(name);
        let answer = self.ask(&request, limit).await?;
        let value = match answer.status.as_u16() {
            200 => Some(self.json(&request, &answer)?),
            404 => {
                let error = self.exchange(&request).bad_answer(&request, &answer);
                if error.kind != ApiErrorKind::NotFound || !is_status(&answer) {
                    return Err(error);
                }
                None
            }
            _ => return Err(self.exchange(&request).bad_answer(&request, &answer)),
        };
        Ok(Answer {
            value,
            server_date: answer.server_date,
        })
    }

    /// Lists the `ConfigMap` of this name: a list of one or none, with the resource version to watch from. `Some("0")` lets the API server
    /// answer from its cache.
    pub async fn list(
        &self,
        name: &str,
        resource_version: Option<&str>,
        limit: Duration,
    ) -> Result<Answer<Value>, ApiError> {
        let request = self.shared.requests.list(name, resource_version);
        self.listed(&request, limit).await
    }

    async fn listed(&self, request: &ConfigMapRequest, limit: Duration) -> Result<Answer<Value>, ApiError> {
        let answer = self.ask(request, limit).await?;
        if answer.status.as_u16() != 200 {
            return Err(self.exchange(request).bad_answer(request, &answer));
        }
        let value = self.json(request, &answer)?;
        Ok(Answer {
            value,
            server_date: answer.server_date,
        })
    }

    /// Lists the `ConfigMap`s with these labels (a label selector), at most so many, out of etcd; the next ones for the `metadata.continue` of the
    /// former list. A client whose namespace is empty lists those of all namespaces.
    pub async fn list_labelled(
        &self,
        labels: &str,
        continued: Option<&str>,
        most: usize,
        limit: Duration,
    ) -> Result<Answer<Value>, ApiError> {
        let request = self.shared.requests.list_labelled(labels, continued, most);
        self.listed(&request, limit).await
    }

    /// Opens a watch on the `ConfigMap` of this name from a resource version on; the server closes it after `timeout`.
    pub async fn watch(&self, name: &str, resource_version: &str, timeout: Duration) -> Result<WatchStream, ApiError> {
        self.open(&self.shared.requests.watch(name, resource_version, timeout))
            .await
    }

    /// As [`Self::watch`], but of the metadata alone: `PartialObjectMetadata` from Kubernetes 1.15 on, whole objects from older servers.
    pub async fn watch_metadata(
        &self,
        name: &str,
        resource_version: &str,
        timeout: Duration,
    ) -> Result<WatchStream, ApiError> {
        let requests = &self.shared.requests;
        self.open(&requests.watch_metadata(name, resource_version, timeout))
            .await
    }

    async fn open(&self, request: &ConfigMapRequest) -> Result<WatchStream, ApiError> {
        let answer = self.ask(request, WATCH_OPEN_LIMIT).await?;
        match answer.body {
            Payload::Events(body) => {
                let subject = format!("The watch of ConfigMap {}/{}", self.shared.namespace, request.name);
                Ok(WatchStream::new(
                    body,
                    self.shared.link.clone(),
                    answer.connection.generation,
                    subject,
                ))
            }
            Payload::Whole(_) => Err(self.exchange(request).bad_answer(request, &answer)),
        }
    }

    /// Creates a `ConfigMap`. [`WriteFailure::is_conflict`] when the name is taken.
    pub async fn create(&self, object: &Value, limit: Duration) -> Result<Value, WriteFailure> {
        let request = self.shared.requests.create(object);
        self.write(&request, limit).await
    }

    /// Replaces a `ConfigMap` that still has the resource version that `object` carries. [`WriteFailure::is_conflict`] when it has not.
    pub async fn replace(&self, object: &Value, limit: Duration) -> Result<Value, WriteFailure> {
        let request = self.shared.requests.replace(object);
        self.write(&request, limit).await
    }

    /// Deletes a `ConfigMap` that still has this uid and resource version. An absent one is refused with [`ApiErrorKind::NotFound`].
    pub async fn delete(
        &self,
        name: &str,
        uid: &str,
        resource_version: &str,
        limit: Duration,
    ) -> Result<(), WriteFailure> {
        let request = self.shared.requests.delete(name, uid, resource_version);
        let mut account = self.account_of(&request);
        self.acknowledged(&request, limit, &mut account).await.map(|_| ())
    }

    /// Whether the Role grants a verb on `ConfigMap`s, for the `ConfigMap` of this name where a Role can tell names apart: `Ok` when it does,
    /// [`ApiErrorKind::Forbidden`] when it does not, anything else when that could not be found out.
    ///
    /// Nothing is changed, not even by servers older than `dryRun` (1.13): the name to create is invalid, the resource version to replace
    /// and the uid to delete belong to no object. The API server looks at the Role before it looks at any of these.
    pub async fn can(&self, verb: Verb, name: &str, limit: Duration) -> Result<(), ApiError> {
        let requests = &self.shared.requests;
        let request = match verb {
            Verb::Get => requests.get(name),
            Verb::List => requests.list(name, Some("0")),
            Verb::Watch => requests.watch(name, "0", Duration::from_secs(1)),
            Verb::Create => requests.create(&self.nothing(NO_NAME, None)).dry_run(),
            Verb::Update => requests.replace(&self.nothing(name, Some(NO_VERSION))).dry_run(),
            Verb::Delete => requests.delete(name, NO_UID, NO_VERSION).dry_run(),
        };
        let answer = self.ask(&request, limit).await?;
        let error = self.exchange(&request).bad_answer(&request, &answer);
        match (verb, error.kind) {
            _ if answer.status.is_success() => Ok(()),
            (Verb::Create, ApiErrorKind::Invalid | ApiErrorKind::Conflict)
            | (Verb::Update | Verb::Delete, ApiErrorKind::NotFound | ApiErrorKind::Conflict)
            | (Verb::Get, ApiErrorKind::NotFound)
            | (Verb::Watch, ApiErrorKind::Gone) => Ok(()),
            _ => Err(error),
        }
    }

    fn nothing(&self, name: &str, resource_version: Option<&str>) -> Value {
        let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": self.shared.namespace}});
        if let (Some(version), Some(metadata)) = (
            resource_version,
            object.get_mut("metadata").and_then(Value::as_object_mut),
        ) {
            metadata.insert("resourceVersion".to_owned(), json!(version));
        }
        object
    }

    fn exchange(&self, request: &ConfigMapRequest) -> Exchange<'_> {
        let places = if self.reserved {
            &self.shared.reserved_places
        } else {
            &self.shared.places
        };
        Exchange {
            link: &self.shared.link,
            user_agent: &self.shared.user_agent,
            namespace: &self.shared.namespace,
            places: (request.verb != Verb::Watch).then_some(places),
            elsewhere: self.elsewhere,
            permit: None,
            departure: None,
        }
    }

    fn account_of<'a>(&'a self, request: &'a ConfigMapRequest) -> Account<'a> {
        Account::of(request, self.witness.as_ref())
    }

    async fn ask(&self, request: &ConfigMapRequest, limit: Duration) -> Result<Answered, ApiError> {
        let mut account = self.account_of(request);
        let exchange = self.exchange(request);
        let answer = exchange.send(request, limit).await;
        let answer = answer.map_err(|failure| exchange.no_answer(request, &failure));
        match &answer {
            Ok(answer) => account.answered(answer),
            Err(error) => account.unanswered(error),
        }
        answer
    }

    async fn write(&self, request: &ConfigMapRequest, limit: Duration) -> Result<Value, WriteFailure> {
        let mut account = self.account_of(request);
        let answer = self.acknowledged(request, limit, &mut account).await?;
        // It was applied, but without the object there is no resource version to go on with.
        let stored = self.json(request, &answer).map_err(WriteFailure::Unknown);
        match &stored {
            Ok(object) => account.stored(object),
            Err(failure) => account.failed(failure),
        }
        stored
    }

    async fn acknowledged(
        &self,
        request: &ConfigMapRequest,
        limit: Duration,
        account: &mut Account<'_>,
    ) -> Result<Answered, WriteFailure> {
        let exchange = Exchange {
            permit: self.permit.as_ref(),
            departure: self.departure.as_ref(),
            ..self.exchange(request)
        };
        let failure = match exchange.send(request, limit).await {
            Ok(answer) => {
                account.answered(&answer);
                if answer.status.is_success() {
                    account.applied();
                    return Ok(answer);
                }
                answer.of_write(exchange.bad_answer(request, &answer))
            }
            Err(failure) => {
                let failure = failure.of_write(|failure| exchange.no_answer(request, failure));
                account.unanswered(failure.error());
                failure
            }
        };
        account.failed(&failure);
        Err(failure)
    }

    fn json(&self, request: &ConfigMapRequest, answer: &Answered) -> Result<Value, ApiError> {
        let Payload::Whole(Some(body)) = &answer.body else {
            return Err(self.exchange(request).malformed(request, "the answer broke off"));
        };
        match serde_json::from_slice::<Value>(body) {
            Ok(value) if value.is_object() => Ok(value),
            _ => Err(self
                .exchange(request)
                .malformed(request, "the answer is not a JSON object")),
        }
    }
}

impl fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiClient")
            .field("server", &self.server())
            .field("namespace", &self.shared.namespace)
            .finish_non_exhaustive()
    }
}

/// A proxy's 404 page is not the API server saying that an object is absent.
fn is_status(answer: &Answered) -> bool {
    let Payload::Whole(Some(body)) = &answer.body else {
        return false;
    };
    serde_json::from_slice::<Value>(body).is_ok_and(|value| value.get("kind").and_then(Value::as_str) == Some("Status"))
}

fn user_agent(text: &str) -> Result<HeaderValue, ClientError> {
    let text = if text.trim().is_empty() { "flink" } else { text.trim() };
    HeaderValue::from_str(text).map_err(|_| {
        ClientError::new(format!(
            "kubernetes.client.user-agent is {text:?}, which no header can hold; use printable ASCII characters."
        ))
    })
}
