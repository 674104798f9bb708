#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use kube::client::Body;
use serde_json::json;
use tokio::sync::oneshot;

use super::*;
use crate::cluster::client::ApiClient;
use crate::cluster::clock::Clock;
use crate::cluster::grant::{GrantCell, Granted};
use crate::cluster::mirror::Mirror;
use crate::cluster::pulse::Pulse;
use crate::cluster::recorder::Recorder;
use crate::protocol::lease::LeaseSettings;
use crate::protocol::lock_record::{LOCK_ANNOTATION, LeaseFormat, LockRecord};
use crate::protocol::time::WallTime;

const NAME: &str = "c-0-config-map";
const CLUSTER_MAP: &str = "c-cluster-config-map";
const ME: &str = "me";
const GRANT: GrantId = GrantId(1);

fn at(seconds: u64) -> BootTime {
    BootTime::from_duration(Duration::from_secs(seconds))
}

/// Seconds that pass when the test says so.
#[derive(Default)]
struct ByHand(AtomicU64);

impl Clock for ByHand {
    fn boot(&self) -> BootTime {
        at(self.0.load(Ordering::SeqCst))
    }

    fn wall(&self) -> WallTime {
        WallTime::from_micros(0)
    }
}

/// A writer whose client asks for no permit: what is shown is what the writer itself looks at.
fn context(api: ApiClient, clock: Arc<dyn Clock>) -> Context {
    let second = Duration::from_secs;
    let settings = LeaseSettings {
        lease_duration: second(15),
        renew_deadline: second(10),
        retry_period: second(2),
    };
    Context {
        api,
        grants: GrantCell::new(Arc::clone(&clock)),
        pulse: Pulse::new(Arc::clone(&clock)),
        mirror: Mirror::default(),
        recorder: Arc::new(Recorder::new(Arc::clone(&clock), CLUSTER_MAP.to_owned())),
        clock,
        spawn: Arc::new(|work| drop(tokio::spawn(work))),
        election: mpsc::unbounded_channel().0,
        events: Arc::default(),
        writers: crate::cluster::config_map::writers::Writers::default(),
        cluster_map: CLUSTER_MAP.to_owned(),
        identity: ME.to_owned(),
        labels: Arc::new(BTreeMap::new()),
        lease_format: LeaseFormat::Iso,
        elector: settings.validate().unwrap().into(),
    }
}

fn object(name: &str) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "uid": "u", "resourceVersion": "7"}});
    if name == CLUSTER_MAP {
        let record = LockRecord {
            holder_identity: ME.to_owned(),
            lease_duration: Duration::from_secs(15),
            acquire_time: WallTime::from_micros(0),
            renew_time: WallTime::from_micros(0),
            leader_transitions: 0,
        };
        config_map::set_annotation(&mut object, LOCK_ANNOTATION, &record.to_json(LeaseFormat::Iso));
    }
    object
}

#[tokio::test]
async fn a_grant_that_ends_unnoticed_while_the_lock_is_read_sends_nothing() {
    let (clock, methods) = (Arc::new(ByHand::default()), Arc::new(Mutex::new(Vec::new())));
    let api = ApiClient::over("n", {
        let (clock, methods) = (Arc::clone(&clock), Arc::clone(&methods));
        move || {
            let (clock, methods) = (Arc::clone(&clock), Arc::clone(&methods));
            let service = move |request: Request<Body>| {
                methods.lock().unwrap().push(request.method().clone());
                let lock = request.uri().path().ends_with(CLUSTER_MAP);
                if lock {
                    // The machine stands still, and nobody had time to revoke.
                    clock.0.store(60, Ordering::SeqCst);
                }
                let answer = Bytes::from(object(if lock { CLUSTER_MAP } else { NAME }).to_string());
                std::future::ready(Ok::<_, std::io::Error>(Response::new(Full::new(answer))))
            };
            kube::Client::new(tower::service_fn(service), "n")
        }
    });
    let context = context(api, clock);
    context.grants.set(Some(Granted {
        grant: GRANT,
        valid_until: at(10),
        confirmed_until: at(10),
    }));
    let (edits, received) = mpsc::unbounded_channel();
    let (reply, answer) = oneshot::channel();
    let sent = edits.send(PendingEdit::new(Edit::NextCounter, GRANT, at(600), reply));
    assert!(sent.is_ok());
    drop(edits);
    JobMap::new(context, NAME.to_owned(), Arc::default(), received)
        .run()
        .await;
    assert_eq!(answer.await.unwrap().unwrap_err().code, ErrorCode::NotLeader);
    assert_eq!(*methods.lock().unwrap(), [Method::GET, Method::GET]);
}
