//! The mirror of a session, in a directory of this machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use flinkkubeha::protocol::manifest::{self, FileName, Manifest};
use flinkkubeha::storage::Storage;

use super::*;

const PLAN: &str = "executionPlan-00000000000000000000000000000000";
const LIMIT: Duration = Duration::from_secs(60);

fn uri(path: &Path) -> String {
    format!("file:{}", path.display())
}

/// A leader with a mirror below `<directory>/ha/c`.
fn leader(world: &World, identity: &str) -> Session {
    // Nothing here is about the lease.
    let mut settings = world.settings(identity);
    for (key, millis) in [("lease-millis", "600000"), ("renew-deadline-millis", "400000")] {
        settings.insert(key.to_owned(), millis.to_owned());
    }
    let session = Session::open(&settings).unwrap();
    session.await_ready(Some(LIMIT)).unwrap();
    let root = uri(&world.directory.path().join("ha/c"));
    let storage = Storage::open(&root, &std::collections::BTreeMap::new()).unwrap();
    session.start_mirror(
        Arc::new(storage),
        &root,
        &uri(&world.directory.path().join("ha/results")),
    );
    session.start_election().unwrap();
    assert_eq!(next(&session), Event::Grant { grant: 1 });
    session
}

fn directory(world: &World) -> PathBuf {
    let text = manifest::directory("ha/c", &world.tenant.namespace);
    world.directory.path().join(text)
}

/// The manifests that lie there.
fn manifests(world: &World) -> Vec<Manifest> {
    let Ok(entries) = std::fs::read_dir(directory(world)) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let manifest = Manifest::decode(&std::fs::read(&path).unwrap()).unwrap();
        let name = FileName::parse(path.file_name().unwrap().to_str().unwrap()).unwrap();
        assert_eq!(manifest.name, name);
        manifest
    };
    paths.into_iter().map(read).collect()
}

fn checkpoint(id: u64) -> String {
    format!("checkpointID-{id:019}")
}

#[test]
fn what_a_leader_stores_is_mirrored_until_the_job_has_ended() {
    let Some(world) = World::new("mirrored") else { return };
    let session = leader(&world, "me");
    let (cluster, job) = (
        session.open_config_map(CLUSTER_MAP, false).unwrap(),
        session.open_config_map(JOB_MAP, true).unwrap(),
    );
    add(&cluster, PLAN, "file:/plan");
    for id in 1..=5 {
        add(&job, &checkpoint(id), &format!("file:/checkpoint-{id}"));
    }
    session.publish_leader(1, "dispatcher", Some(ADDRESS)).unwrap();
    session.flush_mirror(LIMIT).unwrap();
    let found = manifests(&world);
    let [of_job, of_cluster] = &found[..] else {
        panic!("{found:?}")
    };
    let stored = world.object(JOB_MAP).unwrap();
    assert_eq!(serde_json::to_value(&of_job.data).unwrap(), stored["data"]);
    assert_eq!(
        serde_json::to_value(&of_job.labels).unwrap(),
        stored["metadata"]["labels"]
    );
    assert_eq!(of_job.latest_checkpoint(), Some(5));
    assert_eq!(of_cluster.jobs(), ["00000000000000000000000000000000"]);
    assert_eq!(of_cluster.data.keys().collect::<Vec<_>>(), [PLAN]);
    assert_eq!((of_job.author.holder_identity.as_str(), of_job.author.grant), ("me", 1));

    // Renewals change nothing in it.
    until("the lock was never renewed", || {
        let renewed = |object: serde_json::Value| object["metadata"]["annotations"][LOCK].clone();
        world.object(CLUSTER_MAP).map(renewed).is_some_and(|lock| {
            std::thread::sleep(Duration::from_millis(1200));
            world.object(CLUSTER_MAP).map(renewed) != Some(lock)
        })
    });
    session.flush_mirror(LIMIT).unwrap();
    assert_eq!(manifests(&world), found);

    let clear = |map: &flinkkubeha::session::ConfigMapHandle, prefix: &str| {
        let prefix = prefix.to_owned();
        map.edit(Edit::ClearPointers { prefix }).unwrap();
    };
    session.delete_config_map(JOB_MAP).unwrap();
    assert_eq!(manifests(&world), found[1..]);
    clear(&cluster, "executionPlan-");
    session.flush_mirror(LIMIT).unwrap();
    assert!(!directory(&world).exists(), "the directory goes with the last manifest");
    end([session]);
}

#[test]
fn the_last_state_is_mirrored_at_the_end_and_goes_with_the_cluster() {
    let Some(world) = World::new("mirrored-end") else {
        return;
    };
    let session = leader(&world, "first");
    let job = session.open_config_map(JOB_MAP, true).unwrap();
    for id in 1..=3 {
        add(&job, &checkpoint(id), "file:/checkpoint");
    }
    session.close(LIMIT);
    let found = manifests(&world);
    assert_eq!(
        found.iter().map(Manifest::latest_checkpoint).collect::<Vec<_>>(),
        [Some(3)]
    );

    // Another one leads, and what it writes takes the place of what lay there.
    let session = leader(&world, "second");
    let job = session.open_config_map(JOB_MAP, true).unwrap();
    add(&job, &checkpoint(4), "file:/checkpoint");
    session.flush_mirror(LIMIT).unwrap();
    let found = manifests(&world);
    assert_eq!(
        found.iter().map(Manifest::latest_checkpoint).collect::<Vec<_>>(),
        [Some(4)]
    );
    assert_eq!(found[0].author.holder_identity, "second");

    session.stop_election(LIMIT).unwrap();
    session.delete_config_map(CLUSTER_MAP).unwrap();
    assert!(!directory(&world).exists());
    end([session]);
}
