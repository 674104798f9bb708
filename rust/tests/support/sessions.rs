//! Sessions in a namespace of their own, on a real API server, under the documented Role.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use flinkkubeha::cluster::events::{Event, Taken};
use flinkkubeha::protocol::edit::{Edit, EditAnswer};
use flinkkubeha::protocol::state_handle::StateHandle;
use flinkkubeha::session::{ConfigMapHandle, Session};
use serde_json::{Value, json};

use super::control_plane::{ControlPlane, Tenant};

const DOCUMENTED_VERBS: [&str; 6] = ["get", "list", "watch", "create", "update", "delete"];
pub const LEASE: Duration = Duration::from_secs(4);
const CLUSTER: &str = "c";
pub const CLUSTER_MAP: &str = "c-cluster-config-map";
pub const JOB_MAP: &str = "c-00000000000000000000000000000000-config-map";
pub const ADDRESS: &str = "11111111-2222-3333-4444-555555555555,pekko.tcp://flink@a:1/user/rpc/dispatcher_0";

/// Tests that run at the same time share a control plane; the last one stops it.
fn control_plane() -> Option<Arc<ControlPlane>> {
    static SHARED: Mutex<Weak<ControlPlane>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap();
    if let Some(plane) = shared.upgrade() {
        return Some(plane);
    }
    let plane = Arc::new(ControlPlane::start()?);
    *shared = Arc::downgrade(&plane);
    Some(plane)
}

/// One namespace, and sessions in it.
pub struct World {
    pub plane: Arc<ControlPlane>,
    pub tenant: Tenant,
    pub directory: tempfile::TempDir,
}

impl World {
    pub fn new(namespace: &str) -> Option<Self> {
        Self::with_verbs(namespace, &DOCUMENTED_VERBS)
    }

    pub fn with_verbs(namespace: &str, verbs: &[&str]) -> Option<Self> {
        let plane = control_plane()?;
        let tenant = plane.tenant(namespace, verbs);
        Some(Self {
            plane,
            tenant,
            directory: tempfile::tempdir().unwrap(),
        })
    }

    pub fn settings(&self, identity: &str) -> BTreeMap<String, String> {
        let kubeconfig = self.directory.path().join("kubeconfig");
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": self.plane.server(), "certificate-authority": self.plane.ca_file()}}],
            "users": [{"name": "u", "user": {"token": self.tenant.token}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        });
        std::fs::write(&kubeconfig, config.to_string()).unwrap();
        let settings = [
            ("config-file", kubeconfig.to_str().unwrap()),
            ("namespace", &self.tenant.namespace),
            ("cluster-id", CLUSTER),
            ("identity", identity),
            ("lease-millis", &LEASE.as_millis().to_string()),
            ("renew-deadline-millis", "3000"),
            ("retry-period-millis", "1000"),
            ("lease-format", "iso"),
            ("labels", "app=c,type=flink-native-kubernetes"),
        ];
        settings.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }

    pub fn session(&self, identity: &str) -> Session {
        let session = Session::open(&self.settings(identity)).unwrap();
        session.await_ready(Some(Duration::from_secs(30))).unwrap();
        session
    }

    pub fn leader(&self, identity: &str) -> Session {
        let session = self.session(identity);
        session.start_election().unwrap();
        assert_eq!(next(&session), Event::Grant { grant: 1 });
        session
    }

    pub fn object(&self, name: &str) -> Option<Value> {
        let arguments = [
            "get",
            "configmap",
            name,
            "--ignore-not-found",
            "-o",
            "json",
            "-n",
            &self.tenant.namespace,
        ];
        let text = self.plane.kubectl(&arguments, None);
        (!text.is_empty()).then(|| serde_json::from_str(&text).unwrap())
    }

    pub fn patch(&self, name: &str, patch: &Value) {
        let patch = patch.to_string();
        self.plane.kubectl(
            &[
                "patch",
                "configmap",
                name,
                "--type=merge",
                "-n",
                &self.tenant.namespace,
                "-p",
                &patch,
            ],
            None,
        );
    }
}

pub fn next(session: &Session) -> Event {
    match session.take_event(Duration::from_secs(60)) {
        Taken::Event(event) => event,
        other => panic!("no event: {other:?}"),
    }
}

pub fn next_of(session: &Session, wanted: impl Fn(&Event) -> bool) -> Event {
    loop {
        let event = next(session);
        if wanted(&event) {
            return event;
        }
    }
}

pub fn until(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn pointer(uri: &str) -> String {
    StateHandle {
        uri: uri.to_owned(),
        size: 3,
        marked: false,
    }
    .encode()
}

pub fn add(map: &ConfigMapHandle, key: &str, uri: &str) -> EditAnswer {
    map.edit(Edit::AddPointer {
        key: key.to_owned(),
        pointer: pointer(uri),
    })
    .unwrap()
}

pub fn end(sessions: impl IntoIterator<Item = Session>) {
    for session in sessions {
        session.close(Duration::from_secs(10));
    }
}
