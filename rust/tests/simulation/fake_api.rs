//! An API server as a function: it answers from the store, at the time and in the way that the weather says.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flinkkubeha::cluster::client::{ApiClient, Departure};
use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::names::leader_key;
use futures_util::stream::{self, StreamExt as _};
use http::{Method, Request, Response};
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use crate::NAMESPACE;
use crate::clock::EPOCH_SECONDS;
use crate::faults::{Fate, Loss, Path};
use crate::gate::Gate;
use crate::oracles::WriteId;
use crate::random::Random;
use crate::store::{Refusal, Stored, line};
use crate::world::{State, World};

/// 410, to a watch that is opened or to one that is open.
const EXPIRED: &str = "watch from a version that is compacted";

type Reply = Response<UnsyncBoxBody<Bytes, io::Error>>;

/// What is asked for.
#[derive(Clone, Debug)]
pub enum Call {
    Get(String),
    List(String),
    Watch {
        name: String,
        from: u64,
        length: Duration,
        /// Of metadata alone.
        metadata: bool,
    },
    Create(Value),
    Replace(String, Value),
    Delete {
        name: String,
        uid: Option<String>,
        version: Option<String>,
    },
}

impl Call {
    pub fn map(&self) -> &str {
        match self {
            Self::Get(name)
            | Self::List(name)
            | Self::Replace(name, _)
            | Self::Watch { name, .. }
            | Self::Delete { name, .. } => name,
            Self::Create(object) => config_map::name(object).unwrap_or_default(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Get(_) => "get",
            Self::List(_) => "list",
            Self::Watch { .. } => "watch",
            Self::Create(_) => "create",
            Self::Replace(..) => "replace",
            Self::Delete { .. } => "delete",
        }
    }

    pub fn is_write(&self) -> bool {
        matches!(self, Self::Create(_) | Self::Replace(..) | Self::Delete { .. })
    }

    fn object(&self) -> Option<&Value> {
        match self {
            Self::Create(object) | Self::Replace(_, object) => Some(object),
            _ => None,
        }
    }
}

/// A request as it leaves a process.
#[derive(Clone, Debug)]
pub struct Seen {
    pub machine: usize,
    pub identity: String,
    pub call: Call,
    pub dry_run: bool,
}

/// A client of one process.
pub fn client(world: &Arc<World>, machine: usize, identity: &str, gate: &Arc<Gate>) -> ApiClient {
    let (world, identity, gate) = (Arc::clone(world), identity.to_owned(), Arc::clone(gate));
    ApiClient::over_telling(NAMESPACE, move || {
        let (world, identity, gate) = (Arc::clone(&world), identity.clone(), Arc::clone(&gate));
        let service = tower::service_fn(move |request: Request<Body>| {
            let (world, identity, gate) = (Arc::clone(&world), identity.clone(), Arc::clone(&gate));
            async move {
                let departure = request.extensions().get::<Departure>().cloned();
                let seen = read(machine, identity, request).await;
                // What a frozen process had begun to send is sent when it thaws.
                if let Some(departure) = departure {
                    departure.leave();
                }
                gate.thawed().await;
                serve(world, seen).await
            }
        });
        kube::Client::new(service, NAMESPACE)
    })
}

async fn read(machine: usize, identity: String, request: Request<Body>) -> Seen {
    let (head, body) = request.into_parts();
    let body = body.collect_bytes().await.unwrap();
    let path = head.uri.path().trim_start_matches("/api/v1/namespaces/");
    let name = path.split('/').nth(2).unwrap_or_default().to_owned();
    let query = head.uri.query().unwrap_or_default();
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    let selected = || {
        let selector = parameter("fieldSelector").unwrap_or_default();
        selector.trim_start_matches("metadata.name%3D").to_owned()
    };
    let call = match head.method {
        Method::GET if parameter("watch").is_some() => Call::Watch {
            name: selected(),
            from: parameter("resourceVersion").unwrap().parse().unwrap(),
            length: Duration::from_secs(parameter("timeoutSeconds").unwrap().parse().unwrap()),
            metadata: head.headers["accept"]
                .to_str()
                .unwrap()
                .contains("as=PartialObjectMetadata"),
        },
        Method::GET if name.is_empty() => Call::List(selected()),
        Method::GET => Call::Get(name),
        Method::POST => Call::Create(serde_json::from_slice(&body).unwrap()),
        Method::PUT => Call::Replace(name, serde_json::from_slice(&body).unwrap()),
        Method::DELETE => {
            let options: Value = serde_json::from_slice(&body).unwrap();
            let condition = |field: &str| Some(options.get("preconditions")?.get(field)?.as_str()?.to_owned());
            Call::Delete {
                name,
                uid: condition("uid"),
                version: condition("resourceVersion"),
            }
        }
        other => panic!("the documented Role has no verb for {other}"),
    };
    Seen {
        machine,
        identity,
        call,
        dry_run: parameter("dryRun").is_some(),
    }
}

async fn serve(world: Arc<World>, seen: Seen) -> Result<Reply, io::Error> {
    world.count_request(seen.machine);
    let mut random = world.next_random(&format!("{} {} {}", seen.identity, seen.call.kind(), seen.call.map()));
    let (fate, write) = {
        let mut state = world.lock();
        let fate = state.weather.fate(&seen, &mut random);
        (fate, note_write(&mut state, &seen))
    };
    if log::log_enabled!(log::Level::Trace) {
        log::trace!("{} sends {}: {fate:?}", seen.identity, describe(&seen));
    }
    if let Some(fault) = fate.fault {
        world.befalls(fault);
    }
    if fate.refused {
        if let Some((write, _)) = write {
            settle(&world, &seen.identity, write);
        }
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    let (reply, answer) = oneshot::channel();
    if let Some(later) = fate.again {
        let there = fate.there + later;
        let (nobody, _) = oneshot::channel();
        let again = Fate::unheard(there, Loss::Hang);
        tokio::spawn(process(Arc::clone(&world), seen.clone(), again, write, nobody));
    }
    // Once it is sent, a request goes its way whether or not somebody waits for the answer.
    tokio::spawn(process(world, seen, fate, write, reply));
    match answer.await {
        Ok(answer) => Ok(answer),
        Err(_) if fate.loss == Some(Loss::Reset) => Err(io::ErrorKind::ConnectionReset.into()),
        Err(_) => std::future::pending().await,
    }
}

fn describe(seen: &Seen) -> String {
    let dry_run = if seen.dry_run { " (dry run)" } else { "" };
    match &seen.call {
        Call::Create(object) | Call::Replace(_, object) => format!(
            "{} of {} from version {:?}{dry_run}: {} {}",
            if matches!(seen.call, Call::Create(_)) {
                "POST"
            } else {
                "PUT"
            },
            seen.call.map(),
            config_map::resource_version(object),
            object.pointer("/metadata/annotations").unwrap_or(&Value::Null),
            brief(object),
        ),
        call => format!("{call:?}{dry_run}"),
    }
}

/// The data without the long texts of pointers.
pub fn brief(object: &Value) -> String {
    let data = config_map::data(object).into_iter().flatten();
    let short = data.map(|(key, value)| {
        let text = value.as_str().unwrap_or_default();
        match flinkkubeha::protocol::state_handle::StateHandle::decode(text) {
            Ok(handle) => format!("{key}={}{}", handle.uri, if handle.marked { "†" } else { "" }),
            Err(_) => format!("{key}={text}"),
        }
    });
    short.collect::<Vec<_>>().join(" ")
}

/// Tells the oracles of a write, with the newest grant of the sender.
fn note_write(state: &mut State, seen: &Seen) -> Option<(WriteId, Option<u64>)> {
    if !seen.call.is_write() || seen.dry_run {
        return None;
    }
    match &seen.call {
        Call::Replace(name, object) if config_map::resource_version(object).is_none() => {
            state.ledger.blind(&seen.identity, &format!("a PUT of {name}"));
        }
        Call::Delete { name, uid, version } if uid.is_none() || version.is_none() => {
            state.ledger.blind(&seen.identity, &format!("a DELETE of {name}"));
        }
        _ => {}
    }
    let process = state
        .processes
        .iter()
        .find(|process| process.identity == seen.identity)?;
    let believes = process.services().grants().current().map(|grant| grant.0);
    let thawed_just_now = process.gate.was_frozen_within(Duration::from_millis(1));
    let (map, object) = (seen.call.map(), seen.call.object());
    let write = state
        .ledger
        .sends(&seen.identity, map, object, believes, thawed_just_now);
    let told = state.ledger.told(&seen.identity);
    Some((write, believes.or(told)))
}

async fn process(
    world: Arc<World>,
    seen: Seen,
    fate: Fate,
    write: Option<(WriteId, Option<u64>)>,
    reply: oneshot::Sender<Reply>,
) {
    sleep(fate.there).await;
    let mut answer = match fate.code {
        Some(code) => {
            if fate.carried_out {
                let _ = carry_out(&world, &seen, write);
            }
            refusal(code, "Injected", &injected(code, seen.call.map()))
        }
        None if fate.carried_out => match carry_out(&world, &seen, write) {
            Ok(Carried::Object(code, text)) => reply_with(code, text),
            Ok(Carried::Watch(watch)) => open_watch(&world, &seen, watch),
            Err((code, reason, message)) => refusal(code, reason, &message),
        },
        None => return drop_after(reply, fate).await,
    };
    sleep(fate.back).await;
    let code = answer.status().as_u16();
    let now = world.now();
    let date = http_date(now);
    answer.headers_mut().insert("Date", date.parse().unwrap());
    if code == 429 || code == 503 {
        answer.headers_mut().insert("Retry-After", "1".parse().unwrap());
    }
    match fate.loss {
        Some(Loss::Truncated) => {
            let cut = Response::builder().status(code).header("Date", date);
            let _ = reply.send(cut.body(whole(Bytes::from_static(b"{\"kind\":\"Conf"))).unwrap());
        }
        Some(_) => drop(reply),
        None if world.lock().weather.path(seen.machine) != Path::Good => hold(reply).await,
        None => {
            if reply.send(answer).is_ok()
                && code < 500
                && let Some((write, _)) = write
            {
                settle(&world, &seen.identity, write);
            }
        }
    }
}

fn settle(world: &World, identity: &str, write: WriteId) {
    let mut state = world.lock();
    let process = state.processes.iter().find(|process| process.identity == identity);
    let believes = process.is_some_and(|process| process.services().grants().current().is_some());
    state.ledger.settles(write, believes);
}

async fn drop_after(reply: oneshot::Sender<Reply>, fate: Fate) {
    sleep(fate.back).await;
    if fate.loss == Some(Loss::Reset) {
        drop(reply);
    } else {
        hold(reply).await;
    }
}

/// Says nothing until nobody listens any more.
async fn hold(mut reply: oneshot::Sender<Reply>) {
    reply.closed().await;
}

enum Carried {
    Object(u16, Bytes),
    Watch(Watch),
}

struct Watch {
    name: String,
    from: u64,
    length: Duration,
    metadata: bool,
}

fn carry_out(world: &Arc<World>, seen: &Seen, write: Option<(WriteId, Option<u64>)>) -> Result<Carried, Refusal> {
    let now = world.now();
    let mut state = world.lock();
    let State {
        store,
        ledger,
        weather,
        befell,
        ..
    } = &mut *state;
    let name = seen.call.map().to_owned();
    let old = store.stored(&name);
    let carried = match &seen.call {
        Call::Get(_) => match old {
            Some(stored) => return Ok(Carried::Object(200, stored.text.clone())),
            None => return Err((404, "NotFound", format!("configmaps {name:?} not found"))),
        },
        Call::List(_) => {
            let items: Vec<Value> = old.into_iter().map(|old| without_type(&old)).collect();
            let list = json!({"kind": "ConfigMapList", "apiVersion": "v1", "items": items,
                "metadata": {"resourceVersion": store.revision.to_string()}});
            return Ok(Carried::Object(200, text_of(&list)));
        }
        Call::Watch {
            from, length, metadata, ..
        } => {
            if *from != 0 && *from < store.compacted {
                *befell.entry(EXPIRED).or_default() += 1;
                return Err((
                    410,
                    "Expired",
                    format!("too old resource version: {from} ({})", store.compacted),
                ));
            }
            return Ok(Carried::Watch(Watch {
                name,
                from: *from,
                length: *length,
                metadata: *metadata,
            }));
        }
        Call::Create(object) if seen.dry_run => store
            .check_create(&name)
            .map(|()| Carried::Object(201, text_of(object)))?,
        Call::Replace(_, object) if seen.dry_run => store
            .check_replace(&name, object)
            .map(|_| Carried::Object(200, text_of(object)))?,
        Call::Delete { uid, version, .. } if seen.dry_run => store
            .check_delete(&name, uid.as_deref(), version.as_deref())
            .map(|()| Carried::Object(200, text_of(&json!({"kind": "Status"}))))?,
        Call::Create(object) => Carried::Object(201, store.create(&name, object, now)?.text.clone()),
        Call::Replace(_, object) => {
            let stored = if let Some(component) = weather.hides {
                let mut object = object.clone();
                config_map::remove_entries(&mut object, |key| key == leader_key(component));
                store.replace(&name, &object, now)?
            } else {
                store.replace(&name, object, now)?
            };
            Carried::Object(200, stored.text.clone())
        }
        Call::Delete { uid, version, .. } => {
            store.delete(&name, uid.as_deref(), version.as_deref(), now)?;
            Carried::Object(200, text_of(&json!({"kind": "Status", "status": "Success"})))
        }
    };
    if let Some((write, grant)) = write {
        let new = store.stored(&name);
        let (old, new) = (old.as_ref().map(|old| &old.object), new.as_ref().map(|new| &new.object));
        log::trace!(
            "applied: {}'s {} is version {:?}",
            seen.identity,
            name,
            new.and_then(config_map::resource_version)
        );
        ledger.applied(&seen.identity, &name, old, new, write, grant);
        world.changed.notify_waiters();
    }
    Ok(carried)
}

fn without_type(stored: &Stored) -> Value {
    let mut object = stored.object.clone();
    let fields = object.as_object_mut().unwrap();
    fields.remove("kind");
    fields.remove("apiVersion");
    object
}

fn text_of(object: &Value) -> Bytes {
    Bytes::from(object.to_string())
}

fn whole(body: Bytes) -> UnsyncBoxBody<Bytes, io::Error> {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}

fn reply_with(code: u16, text: Bytes) -> Reply {
    Response::builder().status(code).body(whole(text)).unwrap()
}

fn refusal(code: u16, reason: &str, message: &str) -> Reply {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message});
    reply_with(code, text_of(&status))
}

fn injected(code: u16, name: &str) -> String {
    match code {
        403 => format!("configmaps {name:?} is forbidden: exceeded quota"),
        409 => format!("Operation cannot be fulfilled on configmaps {name:?}: the object has been modified"),
        _ => "because the simulation says so".to_owned(),
    }
}

/// `Fri, 20 Nov 2026 12:00:00 GMT`; a run ends before the day does.
fn http_date(now: Duration) -> String {
    let seconds = (EPOCH_SECONDS + now.as_secs()) % 86_400;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("Fri, 20 Nov 2026 {hour:02}:{minute:02}:{second:02} GMT")
}

/// The events of a watch, one JSON object per line.
fn open_watch(world: &Arc<World>, seen: &Seen, watch: Watch) -> Reply {
    let random = world.next_random(&format!("{} events", seen.identity));
    let (lines, received) = mpsc::unbounded_channel::<Result<Bytes, io::Error>>();
    tokio::spawn(feed(Arc::clone(world), seen.machine, random, watch, lines));
    let body = stream::unfold(received, |mut received| async move {
        received.recv().await.map(|line| (line, received))
    });
    let body = StreamBody::new(body.map(|line| line.map(http_body::Frame::data)));
    Response::builder().status(200).body(body.boxed_unsync()).unwrap()
}

async fn feed(
    world: Arc<World>,
    machine: usize,
    mut random: Random,
    watch: Watch,
    lines: mpsc::UnboundedSender<Result<Bytes, io::Error>>,
) {
    let Watch {
        name,
        from,
        length,
        metadata,
    } = watch;
    let ends = world.now() + length;
    // A watch from version 0 begins with what is there.
    let mut at = if from == 0 { world.lock().store.revision } else { from };
    loop {
        // Whoever opened it may have gone.
        if lines.is_closed() || world.now() >= ends {
            return;
        }
        let fault = {
            let state = world.lock();
            let faulty = random.per_mille(state.weather.watch_per_mille);
            let path = state.weather.path(machine);
            let fault = (faulty || path != Path::Good).then(|| random.below(5));
            if state.weather.severed == Some(machine) {
                Some(3)
            } else {
                fault
            }
        };
        match fault {
            Some(0..=2) => world.befalls("watch closed or broken off"),
            Some(3) => world.befalls("watch dead without a word"),
            _ => {}
        }
        match fault {
            Some(0) => return,
            Some(1) => {
                let _ = lines.send(Err(io::ErrorKind::ConnectionReset.into()));
                return;
            }
            Some(2) => {
                // Cut off within a line.
                let _ = lines.send(Ok(Bytes::from_static(b"{\"type\":\"MODIFIED\",\"obj")));
                return;
            }
            Some(3) => {
                // Dead, and nobody says so.
                lines.closed().await;
                return;
            }
            _ => {}
        }
        let next = {
            let state = world.lock();
            let change = state.store.next_change(&name, at).cloned();
            // What was not delivered in time is gone.
            let expired = change
                .as_ref()
                .is_some_and(|change| change.revision <= state.store.compacted);
            (!expired).then_some(change)
        };
        let Some(next) = next else {
            world.befalls(EXPIRED);
            let status =
                json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"});
            let _ = lines.send(Ok(line("ERROR", &status.to_string())));
            return;
        };
        if let Some(change) = next {
            let longest = world.lock().weather.longest_lag;
            // Most events come at once, also where the worst is slow.
            let lag = random.pick(&[0, 0, 0, 1, 1, 2, 3, 10, longest / 2, longest]);
            let lag = random.millis(0, lag.min(longest));
            sleep(lag).await;
            if world.lock().weather.path(machine) != Path::Good {
                sleep(Duration::from_millis(100)).await;
                continue;
            }
            at = change.revision;
            let _ = lines.send(Ok(if metadata {
                change.line_of_metadata()
            } else {
                change.line()
            }));
        } else if timeout(Duration::from_secs(8), world.changed.notified()).await.is_err() {
            let revision = world.lock().store.revision;
            // Nothing of this object lies between.
            let pending = world.lock().store.next_change(&name, at).is_some();
            if !pending && !world.lock().weather.without_bookmarks {
                at = revision;
                let bookmark = json!({"kind": "ConfigMap", "metadata": {"resourceVersion": revision.to_string()}});
                world.befalls("bookmark");
                let _ = lines.send(Ok(line("BOOKMARK", &bookmark.to_string())));
            }
        }
    }
}
