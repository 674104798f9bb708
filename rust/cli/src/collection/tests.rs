#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use flinkkubeha::protocol::state_handle::StateHandle;
use flinkkubeha::protocol::time::WallTime;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const GUARD: Duration = Duration::from_secs(86_400);
const DIRECTORY: &str = "file:/ha/c";
const NOW: &str = "2026-11-20T12:00:00.000000Z";
const LONG_AGO: &str = "2026-11-10T12:00:00Z";
const JUST_NOW: &str = "2026-11-20T11:59:58Z";

/// What may become of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Runs under the leader: plan, leader key, checkpoints.
    Live,
    /// Stopped with the cluster: plan and checkpoints.
    Suspended,
    /// An operator has taken its plan away, and will submit it again.
    Handed,
    /// Being removed: everything is marked.
    Ending,
    /// Nothing but a counter is left.
    Orphaned,
    /// The same, of this minute.
    Beginning,
    /// A pointer that nobody can read.
    Garbled,
}

#[derive(Clone, Debug)]
struct World {
    led: bool,
    jobs: Vec<(Fate, usize)>,
    /// Files that nothing points to, by age in hours.
    strays: Vec<u64>,
    others: usize,
}

fn worlds() -> impl Strategy<Value = World> {
    let fate = prop_oneof![
        3 => Just(Fate::Live),
        2 => Just(Fate::Suspended),
        2 => Just(Fate::Handed),
        2 => Just(Fate::Ending),
        3 => Just(Fate::Orphaned),
        1 => Just(Fate::Beginning),
        1 => Just(Fate::Garbled),
    ];
    let jobs = prop::collection::vec((fate, 0_usize..4), 0..7);
    (any::<bool>(), jobs, prop::collection::vec(0_u64..72, 0..9), 0_usize..3).prop_map(|(led, jobs, strays, others)| {
        World {
            led,
            jobs,
            strays,
            others,
        }
    })
}

fn name(number: usize) -> String {
    format!("completedCheckpoint{number:012x}")
}

fn plan_file(number: usize) -> String {
    format!("submittedExecutionPlan{number:012x}")
}

fn text(name: &str, marked: bool) -> Value {
    let handle = StateHandle {
        uri: format!("{DIRECTORY}/{name}"),
        size: 5,
        marked,
    };
    json!(handle.encode())
}

/// The snapshot, the files, the names of those that may go, and the `ConfigMaps` that may.
fn built(world: &World) -> (Snapshot, Vec<File>, BTreeSet<String>, BTreeSet<String>) {
    let renewed = if world.led {
        "2026-11-20T11:59:58.000000Z"
    } else {
        "2026-11-01T00:00:00.000000Z"
    };
    let record = format!(
        r#"{{"holderIdentity":"h","leaseDuration":"PT15S","acquireTime":"{renewed}","renewTime":"{renewed}","leaderTransitions":0}}"#
    );
    let written = if world.led { JUST_NOW } else { LONG_AGO };
    let mut cluster = json!({
        "metadata": {
            "name": "c-cluster-config-map", "namespace": "n",
            "annotations": {"control-plane.alpha.kubernetes.io/leader": record},
            "managedFields": [{"time": written}],
        },
        "data": {},
    });
    let (mut objects, mut files, mut number) = (vec![], vec![], 0);
    let (mut free_files, mut free_maps) = (BTreeSet::new(), BTreeSet::new());
    let old = Duration::from_secs(30 * 86_400);
    let mut file = |name: String, age: Duration| files.push(File { name, size: 5, age });
    for (index, (fate, checkpoints)) in world.jobs.iter().enumerate() {
        let id = format!("{index:032x}");
        let mut data = serde_json::Map::from_iter([("counter".to_owned(), json!("9"))]);
        let marked = *fate == Fate::Ending;
        if matches!(fate, Fate::Live | Fate::Suspended | Fate::Ending) {
            cluster["data"][format!("executionPlan-{id}")] = text(&plan_file(index), marked);
            file(plan_file(index), old);
        }
        if *fate == Fate::Live {
            let key = format!("org.apache.flink.k8s.leader.job-{id}");
            cluster["data"][key] = json!("22222222-2222-4222-8222-222222222222,there");
        }
        let pointers = match fate {
            Fate::Orphaned | Fate::Beginning => 0,
            Fate::Handed => checkpoints + 1,
            _ => *checkpoints,
        };
        for checkpoint in 0..pointers {
            number += 1;
            data.insert(format!("checkpointID-{checkpoint:019}"), text(&name(number), marked));
            file(name(number), old);
        }
        if *fate == Fate::Garbled {
            data.insert("checkpointID-0000000000000000099".to_owned(), json!("garbled"));
        }
        let map_name = format!("c-{id}-config-map");
        if *fate == Fate::Orphaned && world.led {
            free_maps.insert(map_name.clone());
        }
        let time = if *fate == Fate::Beginning { JUST_NOW } else { LONG_AGO };
        objects.push(json!({
            "metadata": {"name": map_name, "namespace": "n", "managedFields": [{"time": time}]},
            "data": data,
        }));
    }
    for hours in &world.strays {
        number += 1;
        let age = Duration::from_secs(hours * 3600);
        if age >= GUARD {
            free_files.insert(name(number));
        }
        file(name(number), age);
    }
    for other in 0..world.others {
        file(format!("somebody-elses-{other}"), old);
    }
    if world.jobs.iter().any(|(fate, _)| *fate == Fate::Garbled) {
        free_files.clear();
    }
    objects.push(cluster);
    (
        Snapshot::of(objects, WallTime::parse(NOW)),
        files,
        free_files,
        free_maps,
    )
}

fn planned(snapshot: &Snapshot, files: Vec<File>) -> Plan {
    let directories = BTreeMap::from([(DIRECTORY.to_owned(), files)]);
    plan(
        &snapshot.clusters[0],
        snapshot,
        &Pointers::of(snapshot),
        &directories,
        GUARD,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Exactly what is left over and old, and nothing of a job that lives, that can be recovered, or that cannot be told.
    #[test]
    fn nothing_goes_that_anybody_needs(world in worlds()) {
        let (snapshot, files, free_files, free_maps) = built(&world);
        let plan = planned(&snapshot, files);
        let going: BTreeSet<String> = plan
            .files
            .iter()
            .map(|removal| split(&removal.uri).unwrap().1.to_owned())
            .collect();
        prop_assert_eq!(going, free_files);
        let maps: BTreeSet<String> = plan.config_maps.into_iter().collect();
        prop_assert_eq!(maps, free_maps);
    }

    /// Any key that is garbled in any way makes less go, never more.
    #[test]
    fn garbling_makes_nothing_go(world in worlds(), which in any::<prop::sample::Index>(), garbage in ".{0,12}") {
        let (snapshot, files, ..) = built(&world);
        let before = planned(&snapshot, files.clone());
        let mut objects: Vec<Value> = snapshot.clusters[0].maps().map(|map| map.object.clone()).collect();
        let keys: Vec<(usize, String)> = objects
            .iter()
            .enumerate()
            .flat_map(|(index, object)| {
                let data = object["data"].as_object().unwrap();
                data.keys().map(move |key| (index, key.clone())).collect::<Vec<_>>()
            })
            .collect();
        prop_assume!(!keys.is_empty());
        let (index, key) = which.get(&keys);
        objects[*index]["data"][key] = json!(garbage);
        let after = planned(&Snapshot::of(objects, snapshot.at), files);
        prop_assert!(after.files.iter().all(|one| before.files.contains(one)));
        prop_assert!(after.config_maps.iter().all(|one| before.config_maps.contains(one)));
    }
}

#[test]
fn the_reason_is_told_for_what_stays() {
    let world = World {
        led: false,
        jobs: vec![(Fate::Orphaned, 0), (Fate::Handed, 1), (Fate::Suspended, 1)],
        strays: vec![1],
        others: 0,
    };
    let (snapshot, files, ..) = built(&world);
    let plan = planned(&snapshot, files);
    assert_eq!((plan.files.len(), plan.config_maps.len()), (0, 0));
    let told: Vec<&str> = plan.kept.iter().map(|kept| kept.why.as_str()).collect();
    for part in ["younger than", "nobody leads", "can be restored from"] {
        assert!(told.iter().any(|why| why.contains(part)), "{part}: {told:?}");
    }
    assert_eq!(told.len(), 3, "nothing is said of a job with a plan: {told:?}");
}
