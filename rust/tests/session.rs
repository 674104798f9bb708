//! Sessions against a real API server, under the documented Role.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

#[path = "session/mirror.rs"]
mod mirror;
mod support;

use std::time::{Duration, Instant};

use flinkkubeha::cluster::events::{Event, Taken};
use flinkkubeha::error::ErrorCode;
use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::edit::{Edit, EditAnswer};
use flinkkubeha::protocol::lock_record::LOCK_ANNOTATION as LOCK;
use flinkkubeha::session::Session;
use serde_json::json;
use support::sessions::{ADDRESS, CLUSTER_MAP, JOB_MAP, LEASE, World, add, end, next, next_of, pointer, until};

#[test]
fn a_leader_is_published_retrieved_and_replaced_as_soon_as_it_releases() {
    let Some(world) = World::new("replaced") else { return };
    let (first, second) = (world.leader("first"), world.session("second"));
    second.start_election().unwrap();
    let subscription = second.watch_leader("dispatcher").unwrap();
    first.publish_leader(1, "dispatcher", Some(ADDRESS)).unwrap();
    assert_eq!(
        next(&second),
        Event::Leader {
            subscription,
            value: Some(ADDRESS.to_owned())
        }
    );

    let released = Instant::now();
    first.stop_election(Duration::from_secs(10)).unwrap();
    assert!(matches!(next(&first), Event::Revoke { grant: 1, .. }));
    assert_eq!(
        next_of(&second, |event| matches!(event, Event::Grant { .. })),
        Event::Grant { grant: 1 }
    );
    assert!(
        released.elapsed() < LEASE,
        "the standby waited for the lease of a released lock"
    );
    // The election write took the dead address away.
    let object = world.object(CLUSTER_MAP).unwrap();
    assert_eq!(
        config_map::entry(&object, "org.apache.flink.k8s.leader.dispatcher"),
        None
    );
    assert!(!first.has_leadership(1) && second.has_leadership(1));
    end([first, second]);
}

#[test]
fn a_leader_that_dies_is_replaced_when_its_lease_ends() {
    let Some(world) = World::new("dies") else { return };
    let (first, second) = (world.leader("first"), world.session("second"));
    second.start_election().unwrap();
    let died = Instant::now();
    // Without `close` the lock is not released.
    drop(first);
    assert_eq!(next(&second), Event::Grant { grant: 1 });
    let waited = died.elapsed();
    assert!(
        waited + Duration::from_millis(1500) > LEASE && waited < 2 * LEASE,
        "{waited:?}"
    );
    end([second]);
}

/// The value of a sample, with its labels.
fn sample(session: &Session, name: &str) -> Option<f64> {
    let name = format!("flink_kube_ha_{name} ");
    let text = session.metrics();
    let line = text.lines().find_map(|line| line.strip_prefix(name.as_str()))?;
    Some(line.parse().unwrap())
}

#[test]
fn what_happens_is_counted_and_the_loss_is_explained() {
    let Some(world) = World::new("metrics") else { return };
    let session = world.session("first");
    assert_eq!(sample(&session, "is_leader"), Some(0.0));
    assert_eq!(sample(&session, "leadership_grants_total"), Some(0.0));
    session.start_election().unwrap();
    assert_eq!(next(&session), Event::Grant { grant: 1 });
    let map = session.open_config_map(JOB_MAP, true).unwrap();
    assert_eq!(map.edit(Edit::NextCounter).unwrap(), EditAnswer::Counter(1));
    assert_eq!(add(&map, "checkpointID-1", "file:/a"), EditAnswer::Done);
    let renewed = || sample(&session, "renewals_total{outcome=\"applied\"}") >= Some(1.0);
    until("a renewal is counted", renewed);
    assert_eq!(sample(&session, "is_leader"), Some(1.0));
    assert_eq!(sample(&session, "leadership_grants_total"), Some(1.0));
    let left = sample(&session, "lease_remaining_seconds").unwrap();
    assert!(left > 0.0 && left <= LEASE.as_secs_f64(), "{left}");
    for positive in [
        "api_requests_total{verb=\"create\",code=\"201\"}",
        "api_requests_total{verb=\"update\",code=\"200\"}",
        "writes_total{config_map=\"cluster\",outcome=\"applied\"}",
        "writes_total{config_map=\"job\",outcome=\"applied\"}",
        "config_map_bytes{config_map=\"largest_job\"}",
        "renewal_duration_seconds_count",
        "api_request_duration_seconds_sum{verb=\"update\"}",
    ] {
        assert!(
            sample(&session, positive) > Some(0.0),
            "{positive} in {}",
            session.metrics()
        );
    }
    for there in ["watch_age_seconds", "jvm_pulse_age_seconds", "clock_offset_seconds"] {
        assert!(sample(&session, there).is_some(), "{there}");
    }
    // The API server runs on the clock of this machine.
    assert!(sample(&session, "clock_offset_seconds").unwrap().abs() < 60.0);

    let object = world.object(CLUSTER_MAP).unwrap();
    let record = config_map::annotation(&object, LOCK)
        .unwrap()
        .replace("first", "a-stranger");
    world.patch(CLUSTER_MAP, &json!({"metadata": {"annotations": {LOCK: record}}}));
    assert!(matches!(next(&session), Event::Revoke { grant: 1, .. }));
    let counted = || sample(&session, "leadership_losses_total{cause=\"stolen\"}") == Some(1.0);
    until("the loss is counted", counted);
    assert_eq!(sample(&session, "is_leader"), Some(0.0));
    assert_eq!(sample(&session, "lease_remaining_seconds"), Some(0.0));
    let events = session.black_box();
    let line = |wanted: &str| events.lines().position(|line| line.contains(wanted));
    let granted = line("leadership granted (grant 1)");
    let renewal = line("update c-cluster-config-map: 200, version ");
    let write = line(&format!("update {JOB_MAP}: 200, version "));
    let lost = line("leadership lost (grant 1): stolen by a-stranger");
    assert!(granted.is_some() && granted < renewal && granted < write, "{events}");
    assert!(renewal < lost && write < lost, "{events}");
    assert!(!events.contains(&world.tenant.token), "the token is in the black box");
    end([session]);
}

#[test]
fn a_cold_start_beside_a_long_dead_record_waits_for_nothing() {
    let Some(world) = World::new("cold") else { return };
    drop(world.leader("dead"));
    std::thread::sleep(LEASE + Duration::from_secs(7));
    let session = world.session("fresh");
    let started = Instant::now();
    session.start_election().unwrap();
    assert_eq!(next(&session), Event::Grant { grant: 1 });
    assert!(started.elapsed() < LEASE, "{:?}", started.elapsed());
    end([session]);
}

#[test]
fn stores_work_under_a_grant_and_only_under_it() {
    let Some(world) = World::new("stores") else { return };
    let (leader, reader) = (world.leader("leader"), world.session("reader"));
    let map = leader.open_config_map(JOB_MAP, true).unwrap();
    assert_eq!(map.edit(Edit::NextCounter).unwrap(), EditAnswer::Counter(1));
    assert_eq!(map.edit(Edit::NextCounter).unwrap(), EditAnswer::Counter(2));
    assert_eq!(add(&map, "checkpointID-1", "file:/a"), EditAnswer::Done);
    assert_eq!(add(&map, "checkpointID-1", "file:/a"), EditAnswer::Unchanged);
    let other = map.edit(Edit::AddPointer {
        key: "checkpointID-1".to_owned(),
        pointer: pointer("file:/b"),
    });
    assert_eq!(other.unwrap_err().code, ErrorCode::AlreadyExists);
    let plans = leader.open_config_map(CLUSTER_MAP, false).unwrap();
    assert_eq!(add(&plans, "executionPlan-1", "file:/plan"), EditAnswer::Done);

    // Without a grant one reads and never writes, nor creates.
    let read_only = reader.open_config_map(JOB_MAP, true).unwrap();
    assert_eq!(
        config_map::entry(&read_only.read().unwrap().unwrap(), "counter"),
        Some("3")
    );
    assert_eq!(
        read_only.edit(Edit::NextCounter).unwrap_err().code,
        ErrorCode::NotLeader
    );
    assert_eq!(
        reader
            .open_config_map("c-none-config-map", true)
            .unwrap()
            .read()
            .unwrap(),
        None
    );
    assert_eq!(
        reader.delete_config_map(JOB_MAP).unwrap_err().code,
        ErrorCode::NotLeader
    );

    // A handle belongs to the grant that it was opened under, also when the same process leads again.
    leader.stop_election(Duration::from_secs(10)).unwrap();
    leader.start_election().unwrap();
    assert_eq!(
        next_of(&leader, |event| matches!(event, Event::Grant { .. })),
        Event::Grant { grant: 2 }
    );
    for stale in [&map, &plans] {
        assert_eq!(stale.edit(Edit::NextCounter).unwrap_err().code, ErrorCode::NotLeader);
    }
    let map = leader.open_config_map(JOB_MAP, true).unwrap();
    assert_eq!(map.edit(Edit::NextCounter).unwrap(), EditAnswer::Counter(3));
    leader.delete_config_map(JOB_MAP).unwrap();
    assert_eq!(world.object(JOB_MAP), None);
    assert_eq!(
        map.edit(Edit::NextCounter).unwrap_err().code,
        ErrorCode::ConfigMapMissing
    );
    end([leader, reader]);
}

#[test]
fn what_others_write_is_kept_and_noticed() {
    let Some(world) = World::new("others") else { return };
    let leader = world.leader("leader");
    leader.publish_leader(1, "dispatcher", Some(ADDRESS)).unwrap();
    let map = leader.open_config_map(JOB_MAP, true).unwrap();
    assert_eq!(map.edit(Edit::NextCounter).unwrap(), EditAnswer::Counter(1));
    world.patch(
        JOB_MAP,
        &json!({"metadata": {"annotations": {"theirs": "kept"}}, "data": {"theirs": "kept", "counter": "40"}}),
    );
    assert_eq!(map.edit(Edit::NextCounter).unwrap(), EditAnswer::Counter(40));
    let object = world.object(JOB_MAP).unwrap();
    assert_eq!(config_map::annotation(&object, "theirs"), Some("kept"));
    assert_eq!(config_map::entry(&object, "theirs"), Some("kept"));

    let address = || {
        world
            .object(CLUSTER_MAP)
            .and_then(|map| Some(config_map::entry(&map, "org.apache.flink.k8s.leader.dispatcher")?.to_owned()))
    };
    until("the address is published", || address().as_deref() == Some(ADDRESS));
    world.patch(
        CLUSTER_MAP,
        &json!({"data": {"org.apache.flink.k8s.leader.dispatcher": "garbage"}}),
    );
    until("a foreign address is put right", || {
        address().as_deref() == Some(ADDRESS)
    });
    assert!(leader.has_leadership(1));
    end([leader]);
}

#[test]
fn a_stolen_lock_revokes_and_fences() {
    let Some(world) = World::new("stolen") else { return };
    let leader = world.leader("leader");
    let map = leader.open_config_map(JOB_MAP, true).unwrap();
    let record = world.object(CLUSTER_MAP).unwrap();
    let record = config_map::annotation(&record, "control-plane.alpha.kubernetes.io/leader")
        .unwrap()
        .replace("leader\"", "thief\"");
    world.patch(
        CLUSTER_MAP,
        &json!({"metadata": {"annotations": {"control-plane.alpha.kubernetes.io/leader": record}}}),
    );
    let Event::Revoke { grant: 1, cause } = next(&leader) else {
        panic!()
    };
    assert!(cause.contains("thief"), "{cause}");
    assert_eq!(map.edit(Edit::NextCounter).unwrap_err().code, ErrorCode::NotLeader);
    // The thief never renews, so the lock comes back after its lease, as another grant.
    assert_eq!(next(&leader), Event::Grant { grant: 2 });
    end([leader]);
}

#[test]
fn a_deleted_cluster_map_is_made_anew_from_memory_by_its_leader_and_not_after_its_release() {
    let Some(world) = World::new("deleted") else { return };
    let leader = world.leader("leader");
    let plans = leader.open_config_map(CLUSTER_MAP, false).unwrap();
    assert_eq!(add(&plans, "executionPlan-1", "file:/plan"), EditAnswer::Done);
    world.plane.kubectl(
        &["delete", "configmap", CLUSTER_MAP, "-n", &world.tenant.namespace],
        None,
    );
    until("the plan is there again", || {
        world
            .object(CLUSTER_MAP)
            .is_some_and(|map| config_map::entry(&map, "executionPlan-1").is_some())
    });
    assert!(leader.has_leadership(1));
    leader.stop_election(Duration::from_secs(10)).unwrap();
    leader.delete_config_map(CLUSTER_MAP).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(world.object(CLUSTER_MAP), None);
    end([leader]);
}

#[test]
fn the_lock_of_another_leader_is_not_cleaned_up() {
    let Some(world) = World::new("kept") else { return };
    let (leader, other) = (world.leader("leader"), world.session("other"));
    other.delete_config_map(CLUSTER_MAP).unwrap();
    assert!(world.object(CLUSTER_MAP).is_some());
    assert!(leader.has_leadership(1));
    end([leader, other]);
}

#[test]
fn a_role_without_update_is_refused_before_anything_is_written() {
    let Some(world) = World::with_verbs("role", &["get", "list", "watch", "create", "delete"]) else {
        return;
    };
    let session = world.session("candidate");
    session.start_election().unwrap();
    let Event::Error(error) = next(&session) else { panic!() };
    assert_eq!(error.code, ErrorCode::Forbidden);
    assert!(
        error.message.contains("update") && error.message.contains("role"),
        "{}",
        error.message
    );
    assert_eq!(world.object(CLUSTER_MAP), None);
    end([session]);
}

#[test]
fn an_api_server_that_does_not_answer_is_waited_for_up_to_the_limit() {
    let Some(world) = World::new("waits") else { return };
    let mut settings = world.settings("client");
    let kubeconfig = std::fs::read_to_string(&settings["config-file"])
        .unwrap()
        .replace(&world.plane.server(), "https://127.0.0.1:1");
    let elsewhere = world.directory.path().join("elsewhere");
    std::fs::write(&elsewhere, kubeconfig).unwrap();
    settings.insert("config-file".to_owned(), elsewhere.to_str().unwrap().to_owned());
    let session = Session::open(&settings).unwrap();
    let error = session.await_ready(Some(Duration::from_secs(1))).unwrap_err();
    assert_eq!(error.code, ErrorCode::TimedOut);
    assert!(error.message.contains("127.0.0.1:1"), "{}", error.message);
    session.close(Duration::from_secs(5));
    assert_eq!(session.take_event(Duration::ZERO), Taken::Closed);
    assert_eq!(session.start_election().unwrap_err().code, ErrorCode::Closed);
}

#[test]
fn fifty_sessions_leave_no_thread_and_no_descriptor() {
    let Some(world) = World::new("leak") else { return };
    let count = |what: &str| std::fs::read_dir(format!("/proc/self/{what}")).unwrap().count();
    let mut counts = Vec::new();
    for round in 0..50 {
        end([world.session(&format!("s{round}"))]);
        counts.push((count("task"), count("fd")));
    }
    // Other tests of this process come and go meanwhile; a leak would be fifty of each.
    let (first, last) = (counts[5], counts[49]);
    assert!(last.0 < first.0 + 30 && last.1 < first.1 + 30, "{counts:?}");
}
