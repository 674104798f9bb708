//! Who takes the lock of a process that has ended, without waiting for its lease: sessions against a real API server.
//!
//! The lease is so long that no test can end by it: whoever is granted, is granted by what the test is about.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use flinkkubeha::cluster::events::{Event, Taken};
use flinkkubeha::error::ErrorCode;
use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::edit::{Edit, EditAnswer};
use flinkkubeha::session::Session;
use serde_json::{Value, json};
use support::sessions::{CLUSTER_MAP, JOB_MAP, World, add, end, next, pointer, until};

const LEASE: Duration = Duration::from_secs(600);
const POD_UID: &str = "ha.flinkkubeha.io/pod-uid";
const ADDRESS: &str = "ha.flinkkubeha.io/failover-address";

fn settings(world: &World, identity: &str) -> BTreeMap<String, String> {
    let mut settings = world.settings(identity);
    for (key, value) in [
        ("lease-millis", LEASE.as_millis().to_string()),
        ("renew-deadline-millis", "400000".to_owned()),
        ("retry-period-millis", "1000".to_owned()),
    ] {
        settings.insert(key.to_owned(), value);
    }
    settings
}

fn open(settings: &BTreeMap<String, String>) -> Session {
    let session = Session::open(settings).unwrap();
    session.await_ready(Some(Duration::from_secs(30))).unwrap();
    session.start_election().unwrap();
    session
}

fn granted(session: &Session) {
    assert_eq!(next(session), Event::Grant { grant: 1 });
}

fn annotation(world: &World, name: &str) -> Option<Value> {
    let object = world.object(CLUSTER_MAP)?;
    let text = config_map::annotation(&object, name)?.to_owned();
    Some(serde_json::from_str(text.strip_prefix("v1 ").unwrap()).unwrap())
}

/// The settings of a process in this pod, by a token that is bound to it.
fn in_pod(world: &World, pod: &str, identity: &str) -> BTreeMap<String, String> {
    let namespace = &world.tenant.namespace;
    world.plane.apply(&[json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod, "namespace": namespace},
        "spec": {"serviceAccountName": "flink", "containers": [{"name": "c", "image": "none"}]},
    })]);
    let uid = uid(world, pod);
    let bound = [
        "--bound-object-kind=Pod",
        "--bound-object-name",
        pod,
        "--bound-object-uid",
        &uid,
    ];
    let token = world.plane.kubectl(
        &[&["create", "token", "flink", "--namespace", namespace][..], &bound].concat(),
        None,
    );
    let mut settings = settings(world, identity);
    let kubeconfig = std::fs::read_to_string(&settings["config-file"]).unwrap();
    let own = world.directory.path().join(identity);
    std::fs::write(&own, kubeconfig.replace(&world.tenant.token, token.trim())).unwrap();
    settings.insert("config-file".to_owned(), own.to_str().unwrap().to_owned());
    settings
}

fn uid(world: &World, pod: &str) -> String {
    let path = "-o=jsonpath={.metadata.uid}";
    (world.plane).kubectl(&["get", "pod", pod, "--namespace", &world.tenant.namespace, path], None)
}

fn shown(world: &World, holder: &str, pod: &str) -> bool {
    annotation(world, POD_UID) == Some(json!({"holderIdentity": holder, "podUid": uid(world, pod)}))
}

#[test]
fn a_process_takes_back_what_the_one_before_it_in_its_pod_has_left() {
    let Some(world) = World::new("same-pod") else { return };
    let first = open(&in_pod(&world, "a", "first"));
    granted(&first);
    assert!(shown(&world, "first", "a"));
    let elsewhere = open(&in_pod(&world, "b", "elsewhere"));
    let again = in_pod(&world, "a", "again");
    // Without `close` the lock is not released.
    drop(first);
    let began = Instant::now();
    let second = open(&again);
    granted(&second);
    println!("granted {:?} after the start", began.elapsed());
    until("the note is that of the new holder", || shown(&world, "again", "a"));
    // Another pod has no part in it.
    assert_eq!(elsewhere.take_event(Duration::ZERO), Taken::Nothing);

    // What was given back says nothing of anybody.
    second.stop_election(Duration::from_secs(10)).unwrap();
    granted(&elsewhere);
    assert!(shown(&world, "elsewhere", "b"));
    end([second, elsewhere]);
    assert_eq!(annotation(&world, POD_UID), None);
}

#[test]
fn two_in_one_pod_do_not_take_from_each_other() {
    let Some(world) = World::new("two-in-one-pod") else {
        return;
    };
    let first = open(&in_pod(&world, "a", "first"));
    granted(&first);
    let second = open(&in_pod(&world, "a", "second"));
    assert_eq!(second.take_event(Duration::from_secs(3)), Taken::Nothing);
    assert!(first.has_leadership(1));
    // Nor does the second stand in the way of anybody: it is granted what is given back, …
    first.stop_election(Duration::from_secs(10)).unwrap();
    granted(&second);
    assert_eq!(
        annotation(&world, POD_UID),
        None,
        "a seat that somebody else has is nobody's proof"
    );
    // … and the seat when it is free.
    end([first]);
    until("the second has the seat", || shown(&world, "second", "a"));
    end([second]);
}

/// Names the settings of the session that the next test opens and keeps.
const SETTINGS: &str = "FLINKKUBEHA_SUCCESSORS_SETTINGS";

/// What other tests run as a process of its own: a contender that goes on until it is killed.
#[test]
fn contender() {
    let Ok(text) = std::env::var(SETTINGS) else { return };
    let session = open(&serde_json::from_str(&text).unwrap());
    while session.take_event(Duration::from_secs(60)) != Taken::Closed {}
}

struct Process(std::process::Child);

impl Process {
    fn start(settings: &BTreeMap<String, String>) -> Self {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command
            .args(["contender", "--exact"])
            .env(SETTINGS, json!(settings).to_string());
        Self(command.stdout(std::process::Stdio::null()).spawn().unwrap())
    }

    fn signal(&self, signal: &str) {
        let mut command = std::process::Command::new("kill");
        assert!(
            command
                .args([signal, &self.0.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_predecessor_that_stands_still_keeps_its_seat_until_it_is_killed() {
    let Some(world) = World::new("frozen") else { return };
    let frozen = Process::start(&in_pod(&world, "a", "frozen"));
    until("the predecessor leads", || shown(&world, "frozen", "a"));
    frozen.signal("-STOP");
    let next = open(&in_pod(&world, "a", "next"));
    assert_eq!(next.take_event(Duration::from_secs(3)), Taken::Nothing);
    let killed = Instant::now();
    frozen.signal("-KILL");
    granted(&next);
    println!(
        "granted {:?} after kill -9 of the process before it in its pod",
        killed.elapsed()
    );
    end([next]);
}

#[test]
fn a_leader_that_stands_still_keeps_its_port_until_it_is_killed() {
    let Some(world) = World::new("fast-frozen") else { return };
    let leader = Process::start(&listening(&world, "127.0.0.1", "leader"));
    until("the leader leads", || annotation(&world, ADDRESS).is_some());
    let standby = open(&listening(&world, "127.0.0.1", "standby"));
    let port = annotation(&world, ADDRESS).unwrap()["port"].as_u64().unwrap();
    // Both ends are on this machine.
    until("the standby is connected", || connections(port) > 0);
    leader.signal("-STOP");
    assert_eq!(standby.take_event(Duration::from_secs(3)), Taken::Nothing);
    let killed = Instant::now();
    leader.signal("-KILL");
    granted(&standby);
    println!("granted {:?} after kill -9 of the leader", killed.elapsed());
    end([standby]);
}

fn listening(world: &World, host: &str, identity: &str) -> BTreeMap<String, String> {
    let mut settings = settings(world, identity);
    settings.insert("fast-failover-host".to_owned(), host.to_owned());
    settings.insert("fast-failover-bind-host".to_owned(), host.to_owned());
    settings
}

/// Connections that stand at this port of ours, from the kernel's tables.
fn connections(port: u64) -> usize {
    let here = format!(":{port:04X}");
    let tables =
        ["/proc/self/net/tcp", "/proc/self/net/tcp6"].map(|table| std::fs::read_to_string(table).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines());
    lines
        .filter(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            fields.len() > 3 && fields[1].ends_with(&here) && fields[3] == "01"
        })
        .count()
}

fn takes_over_from_a_leader_that_has_ended(namespace: &str, host: &str) {
    let Some(world) = World::new(namespace) else { return };
    let first = open(&listening(&world, host, "first"));
    granted(&first);
    let address = annotation(&world, ADDRESS).unwrap();
    assert_eq!(
        (&address["holderIdentity"], &address["host"]),
        (&json!("first"), &json!(host))
    );
    let second = open(&listening(&world, host, "second"));
    let port = address["port"].as_u64().unwrap();
    until("the standby is connected", || connections(port) == 1);
    let died = Instant::now();
    drop(first);
    granted(&second);
    println!("granted {:?} after the end of the leader", died.elapsed());
    assert_eq!(annotation(&world, ADDRESS).unwrap()["holderIdentity"], "second");
    end([second]);
    assert_eq!(annotation(&world, ADDRESS), None);
}

#[test]
fn a_standby_takes_over_from_a_leader_that_has_ended() {
    takes_over_from_a_leader_that_has_ended("fast", "127.0.0.1");
}

#[test]
fn a_standby_takes_over_from_a_leader_that_has_ended_over_ipv6() {
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        takes_over_from_a_leader_that_has_ended("fast6", "::1");
    }
}

#[test]
fn a_leader_that_lives_is_left_alone() {
    let Some(world) = World::new("fast-alive") else { return };
    let first = open(&listening(&world, "127.0.0.1", "first"));
    granted(&first);
    let second = open(&listening(&world, "127.0.0.1", "second"));
    let port = annotation(&world, ADDRESS).unwrap()["port"].as_u64().unwrap();
    until("the standby is connected", || connections(port) == 1);
    // Strangers come and go and talk.
    for _ in 0..100 {
        use std::io::Write;
        let mut stranger = std::net::TcpStream::connect(("127.0.0.1", u16::try_from(port).unwrap())).unwrap();
        let _ = stranger.write_all(b"GET / HTTP/1.1\r\n\r\n");
    }
    assert_eq!(second.take_event(Duration::from_secs(2)), Taken::Nothing);
    assert!(first.has_leadership(1));
    end([first, second]);
}

/// Stands between a standby and the leader, and refuses in its name once it is dropped.
struct Between {
    listener: Option<std::net::TcpListener>,
    kept: Vec<std::net::TcpStream>,
}

impl Between {
    fn new() -> (Self, u16) {
        let listener = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let listener = Some(listener);
        (
            Self {
                listener,
                kept: Vec::new(),
            },
            port,
        )
    }

    fn connect(&mut self, port: u16) {
        let (standby, _) = self.listener.as_ref().unwrap().accept().unwrap();
        self.kept = vec![standby, std::net::TcpStream::connect(("127.0.0.1", port)).unwrap()];
    }
}

#[test]
fn a_leader_that_only_looks_dead_is_revoked_and_writes_nothing_any_more() {
    let Some(world) = World::new("fast-false") else { return };
    let (mut between, port) = Between::new();
    let reached_over_it = |identity: &str, port: u16| {
        let mut settings = settings(&world, identity);
        for (key, value) in [
            ("fast-failover-host", "127.0.0.2"),
            ("fast-failover-bind-host", "127.0.0.1"),
            ("fast-failover-port", &port.to_string()),
        ] {
            settings.insert(key.to_owned(), value.to_owned());
        }
        settings
    };
    let leader = open(&reached_over_it("leader", port));
    granted(&leader);
    let map = leader.open_config_map(JOB_MAP, true).unwrap();
    assert_eq!(add(&map, "checkpointID-1", "file:/a"), EditAnswer::Done);
    let standby = open(&reached_over_it("standby", 0));
    between.connect(port);
    assert_eq!(standby.take_event(Duration::from_secs(1)), Taken::Nothing);

    // Connections and port go, and the leader lives.
    drop(between);
    let granted_at = std::thread::scope(|scope| {
        let new = scope.spawn(|| {
            granted(&standby);
            Instant::now()
        });
        let Event::Revoke { grant: 1, cause } = next(&leader) else {
            panic!()
        };
        let revoked_at = Instant::now();
        assert!(cause.contains("standby"), "{cause}");
        let granted_at = new.join().unwrap();
        println!("two leaders for {:?}", revoked_at.saturating_duration_since(granted_at));
        granted_at
    });
    let stale = map.edit(Edit::AddPointer {
        key: "checkpointID-2".to_owned(),
        pointer: pointer("file:/b"),
    });
    assert_eq!(stale.unwrap_err().code, ErrorCode::NotLeader);
    let map = standby.open_config_map(JOB_MAP, true).unwrap();
    assert_eq!(add(&map, "checkpointID-2", "file:/c"), EditAnswer::Done);
    assert!(standby.has_leadership(1) && granted_at.elapsed() < LEASE);
    end([leader, standby]);
}
