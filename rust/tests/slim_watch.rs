//! Those who only look for leaders, against a real API server.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

mod support;

use std::path::Path;
use std::time::Duration;

use flinkkubeha::cluster::client::WatchEvent;
use flinkkubeha::cluster::events::Event;
use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::lock_record::LOCK_ANNOTATION;
use flinkkubeha::protocol::names::leader_key;
use flinkkubeha::session::Session;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use support::sessions::{ADDRESS, CLUSTER_MAP, World, end, next_of, until};

const MOVED: &str = "11111111-2222-3333-4444-555555555555,pekko.tcp://flink@b:1/user/rpc/dispatcher_0";
/// As many as a large session cluster has jobs.
const LEADERS: usize = 500;
/// What a renewal may bring.
const EVENT_BYTES: usize = 2048;

fn retriever(world: &World) -> (Session, u64) {
    let mut settings = world.settings("retriever");
    settings.insert("role".to_owned(), "taskmanager".to_owned());
    let session = Session::open(&settings).unwrap();
    session.await_ready(Some(Duration::from_secs(30))).unwrap();
    let subscription = session.watch_leader("dispatcher").unwrap();
    (session, subscription)
}

fn is_told(session: &Session, subscription: u64, address: &str) {
    let value = Some(address.to_owned());
    next_of(session, |event| {
        *event
            == Event::Leader {
                subscription,
                value: value.clone(),
            }
    });
}

#[test]
fn whoever_writes_the_leader_those_who_only_retrieve_are_told() {
    let Some(world) = World::new("retrieves") else { return };
    let leader = world.leader("leader");
    leader.publish_leader(1, "dispatcher", Some(ADDRESS)).unwrap();
    let (retriever, subscription) = retriever(&world);
    is_told(&retriever, subscription, ADDRESS);
    leader.publish_leader(1, "dispatcher", Some(MOVED)).unwrap();
    is_told(&retriever, subscription, MOVED);
    // Somebody edits it, and the leader puts it right, perhaps before anybody has looked.
    let stored =
        || config_map::entry(&world.object(CLUSTER_MAP).unwrap(), &leader_key("dispatcher")).map(str::to_owned);
    world.patch(CLUSTER_MAP, &json!({ "data": { leader_key("dispatcher"): ADDRESS } }));
    until("the address is put right", || stored().as_deref() == Some(MOVED));
    // One who makes no marks leads: stock.
    leader.stop_election(Duration::from_secs(10)).unwrap();
    let object = world.object(CLUSTER_MAP).unwrap();
    let record = config_map::annotation(&object, LOCK_ANNOTATION).unwrap();
    let record = record.replace(r#""holderIdentity":"""#, r#""holderIdentity":"stock""#);
    world.patch(
        CLUSTER_MAP,
        &json!({ "metadata": { "annotations": { LOCK_ANNOTATION: record } } }),
    );
    for address in [ADDRESS, MOVED, ADDRESS] {
        world.patch(CLUSTER_MAP, &json!({ "data": { leader_key("dispatcher"): address } }));
        is_told(&retriever, subscription, address);
    }
    // And one of ours again.
    let successor = world.leader("successor");
    successor.publish_leader(1, "dispatcher", Some(MOVED)).unwrap();
    is_told(&retriever, subscription, MOVED);
    end([retriever, successor, leader]);
}

#[test]
fn the_event_of_a_renewal_is_small_however_many_leaders_there_are() {
    let Some(world) = World::new("small") else { return };
    let leader = world.leader("00000000-0000-0000-0000-000000000001");
    for number in 0..LEADERS {
        leader
            .publish_leader(1, &format!("{number:032x}"), Some(ADDRESS))
            .unwrap();
    }
    let published = || {
        let object = world.object(CLUSTER_MAP)?;
        Some(config_map::data(&object)?.len() == LEADERS)
    };
    until("all leaders are published", || published() == Some(true));

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sizes: Vec<usize> = runtime.block_on(async {
        let settings = world.settings("client");
        let client = support::connect(Path::new(&settings["config-file"]), &world.tenant.namespace).await;
        let list = client
            .list(CLUSTER_MAP, None, Duration::from_secs(10))
            .await
            .unwrap()
            .value;
        let version = config_map::resource_version(&list).unwrap();
        let watch = client
            .watch_metadata(CLUSTER_MAP, version, Duration::from_secs(60))
            .await
            .unwrap();
        let renewals = watch.filter_map(|event| async {
            match event.unwrap() {
                WatchEvent::Modified(object) => Some(object),
                _ => None,
            }
        });
        let renewals: Vec<Value> = renewals.take(3).collect().await;
        assert!(renewals.iter().all(|object| object["kind"] == "PartialObjectMetadata"));
        renewals.iter().map(|object| object.to_string().len()).collect()
    });
    println!("renewals beside {LEADERS} leaders: {sizes:?} bytes");
    // The first may still tell of the last leaders to be published.
    assert!(sizes[1..].iter().all(|size| *size <= EVENT_BYTES), "{sizes:?}");
    end([leader]);
}
