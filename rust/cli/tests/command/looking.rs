//! `ls`, `who-leads`, `inspect` and `du` on what real stock has written, as service accounts that may do no more than each needs.

use flinkkubeha::cluster::client::{ApiClient, ClientSettings};
use serde_json::{Value, json};

use crate::support::control_plane::ControlPlane;
use crate::support::samples::{checkpoint, cluster_map, golden, job, job_map, pointer, releases, with};
use crate::support::{Tenant, flink_ha, kubeconfig};

const JOB: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const HOLDER: &str = "11111111-1111-4111-8111-111111111111";

pub(crate) fn golden_samples(plane: &ControlPlane) {
    let tenant = Tenant::new(plane, "golden", &["get", "list"]);
    for release in releases() {
        tenant.put(&[
            golden(&release, "cluster-config-map.held.json"),
            golden(&release, "job-config-map.json"),
        ]);

        let listed = tenant.run(&["ls", "-o", "json"]);
        assert_eq!(listed.code, 0, "{listed:?}");
        let line = &listed.json()["clusters"][0];
        assert_eq!(line["cluster"], "exchange");
        assert_eq!(line["lock"]["holderIdentity"], HOLDER);
        assert_eq!(line["lock"]["holderRuns"], "stock");
        assert_eq!(line["lock"]["leaseSeconds"], 15.0);
        assert_eq!(line["restAddress"], "http://writer:8081");
        assert_eq!(line["jobs"], 2, "of three plans two are marked");
        assert_eq!(line["latestCheckpoint"]["jobId"], JOB);
        // The oldest of the three is marked for deletion.
        assert_eq!(line["latestCheckpoint"]["checkpointId"], 16);
        assert!(
            line["latestCheckpoint"]["uri"]
                .as_str()
                .unwrap()
                .starts_with("file:/proc/self/cwd/ha/default/completedCheckpoint")
        );

        let inspected = tenant.run(&["inspect", "exchange", "-o", "json"]);
        assert_eq!(inspected.code, 0, "{inspected:?}");
        let inspection = inspected.json();
        for finding in inspection["findings"].as_array().unwrap() {
            assert_ne!(finding["level"], "error", "{release}: {finding}");
        }
        let maps = inspection["configMaps"].as_array().unwrap();
        let kinds = |map: &Value, kind: &str| {
            let entries = map["entries"].as_array().unwrap();
            entries.iter().filter(|entry| entry["kind"] == kind).count()
        };
        let in_the_cluster = if release.starts_with("2.3.") { 7 } else { 4 };
        assert_eq!(
            (kinds(&maps[0], "leader"), kinds(&maps[0], "pointer")),
            (4, in_the_cluster),
            "{release}"
        );
        assert_eq!((kinds(&maps[1], "counter"), kinds(&maps[1], "pointer")), (1, 3));
        let counter = maps[1]["entries"].as_array().unwrap().last().unwrap();
        assert_eq!(counter["next"], 17);

        let used = tenant.run(&["du", "exchange", "-o", "json"]).json();
        let maps = used["configMaps"].as_array().unwrap();
        let bytes: u64 = maps.iter().map(|map| map["bytes"].as_u64().unwrap()).sum();
        assert_eq!(bytes, line["bytes"].as_u64().unwrap());
        assert_eq!(used["limitBytes"], 1_048_576);
        assert_eq!(maps[0]["name"], "exchange-cluster-config-map", "largest first");

        files_behind(&tenant, &release, &inspection);

        tenant.put(&[golden(&release, "cluster-config-map.released.json")]);
        let asked = tenant.run(&["who-leads", "exchange"]);
        assert_eq!(asked.code, 1, "nobody leads: {asked:?}");
        let beginning = "Nobody leads exchange: its last leader released the lock ";
        assert!(asked.out.starts_with(beginning), "{asked:?}");
    }
}

/// Stock's pointers name files below the current directory: without them all live ones are lost, with them none is.
fn files_behind(tenant: &Tenant<'_>, release: &str, inspection: &Value) {
    let directory = tenant.path(release);
    std::fs::create_dir(&directory).unwrap();
    let (mut live, mut pointers) = (0, 0);
    let verify = |expected: i32| {
        let verified = tenant.run_in(&directory, &["verify", "-o", "json"]);
        assert_eq!(verified.code, expected, "{verified:?}");
        verified.json()["clusters"][0].clone()
    };
    let before = verify(1);
    for map in inspection["configMaps"].as_array().unwrap() {
        for entry in map["entries"].as_array().unwrap() {
            let Some(uri) = entry["uri"].as_str() else { continue };
            pointers += 1;
            if entry["markedForDeletion"] == true {
                continue;
            }
            live += 1;
            let file = directory.join(uri.strip_prefix("file:/proc/self/cwd/").unwrap());
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            let size = usize::try_from(entry["size"].as_i64().unwrap()).unwrap();
            std::fs::write(file, vec![0; size]).unwrap();
        }
    }
    let dangling = before["findings"].as_array().unwrap().iter();
    let dangling = dangling.filter(|one| one["what"].as_str().unwrap().contains("there is no such file"));
    assert_eq!(dangling.count(), live);
    let after = verify(0);
    assert_eq!(
        (&after["pointers"], &after["good"]),
        (&json!(pointers), &json!(pointers))
    );
}

/// A `Role` with one verb is enough where one is needed, and the output has no colour where there is no terminal.
pub(crate) fn one_verb_each(plane: &ControlPlane) {
    let objects = [
        with(
            cluster_map("c", "me"),
            &[(
                "org.apache.flink.k8s.leader.restserver",
                "22222222-2222-4222-8222-222222222222,http://there:8081",
            )],
        ),
        with(
            job_map("c", &job('a')),
            &[
                ("counter", "8"),
                (&checkpoint(7), &pointer("file:/ha/completedCheckpoint0123456789ab", 5)),
            ],
        ),
    ];
    let may_list = Tenant::new(plane, "may-list", &["list"]);
    may_list.put(&objects);
    let may_get = Tenant::new(plane, "may-get", &["get"]);
    may_get.put(&objects);
    for command in [&["ls"][..], &["du"], &["ls", "c"], &["inspect", "c", "-o", "yaml"]] {
        let ended = may_list.run(command);
        assert!(!ended.out.contains('\x1b') && ended.err.is_empty(), "{ended:?}");
        // The cluster's own map bears its labels and no plan is stored, so that nothing has to be read by name.
        assert_eq!(ended.code, 0, "{command:?}: {ended:?}");
    }
    let asked = may_get.run(&["who-leads", "c"]);
    assert_eq!(asked.code, 0, "{asked:?}");
    assert!(
        asked
            .out
            .starts_with("c is led by me, with Flink's own HA services, since ")
            && asked.out.contains("http://there:8081"),
        "{asked:?}"
    );
}

pub(crate) fn missing_rights(plane: &ControlPlane) {
    let tenant = Tenant::new(plane, "without-rights", &[]);
    for (command, verb) in [
        (&["ls"][..], "list"),
        (&["du", "c"], "list"),
        (&["inspect", "c"], "list"),
        (&["who-leads", "c"], "get"),
    ] {
        let ended = tenant.run(command);
        assert_eq!(ended.code, 2, "{ended:?}");
        let rule = format!("{{apiGroups: [\"\"], resources: [\"configmaps\"], verbs: [\"{verb}\"]}}");
        for part in [
            &rule,
            &format!("needs the verb {verb} on configmaps in namespace \"without-rights\""),
            &format!("'flink-ha {}'", command[0]),
        ] {
            assert!(ended.err.contains(part), "{part}: {ended:?}");
        }
    }
    let everywhere = tenant.run(&["ls", "--all-namespaces"]);
    assert_eq!(everywhere.code, 2);
    assert!(
        everywhere.err.contains("in all namespaces") && everywhere.err.contains("ClusterRole"),
        "{everywhere:?}"
    );
}

pub(crate) fn what_is_not_there(plane: &ControlPlane) {
    let tenant = Tenant::new(plane, "empty", &["get", "list"]);
    let listed = tenant.run(&["ls"]);
    assert_eq!(
        (listed.code, listed.out.as_str()),
        (0, "No Flink cluster has HA ConfigMaps here.\n")
    );
    for command in ["inspect", "who-leads", "du"] {
        let ended = tenant.run(&[command, "absent"]);
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(
            ended
                .err
                .contains("There are no HA ConfigMaps of absent in namespace \"empty\""),
            "{ended:?}"
        );
    }
}

pub(crate) fn lost_labels(plane: &ControlPlane) {
    let tenant = Tenant::new(plane, "lost-labels", &["get", "list"]);
    let plan = format!("executionPlan-{}", job('a'));
    let mut objects = [
        with(
            cluster_map("c", "me"),
            &[(&plan, &pointer("file:/ha/submittedExecutionPlan0123456789ab", 5))],
        ),
        with(job_map("c", &job('a')), &[("counter", "1")]),
    ];
    for object in &mut objects {
        object["metadata"]["labels"] = json!({});
    }
    tenant.put(&objects);
    let inspection = tenant.run(&["inspect", "c", "-o", "json"]).json();
    assert_eq!(inspection["configMaps"].as_array().unwrap().len(), 2);
    let named: Vec<(&str, &str)> = inspection["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["what"].as_str().unwrap().contains("label is missing"))
        .map(|finding| (finding["place"].as_str().unwrap(), finding["key"].as_str().unwrap()))
        .collect();
    let of_job = format!("c-{}-config-map", job('a'));
    for place in ["c-cluster-config-map", &of_job] {
        for label in ["app", "type"] {
            assert!(named.contains(&(place, label)), "{place} {label}: {named:?}");
        }
    }
}

/// Native deployments have more `ConfigMaps` with the same labels.
pub(crate) fn other_config_maps(plane: &ControlPlane) {
    let tenant = Tenant::new(plane, "native", &["list"]);
    let mut configuration = with(
        cluster_map("c", ""),
        &[("config.yaml", "taskmanager.numberOfTaskSlots: 1")],
    );
    configuration["metadata"]["name"] = json!("flink-config-c");
    tenant.put(&[configuration, cluster_map("c", "")]);
    let listing = tenant.run(&["ls", "-o", "json"]).json();
    assert_eq!(listing["clusters"].as_array().unwrap().len(), 1);
    assert_eq!(listing["clusters"][0]["configMaps"], 1);
}

/// More than fit on one page of a list. `FLINKKUBEHA_CLUSTERS` says how many; what it took is printed.
pub(crate) fn many_clusters(plane: &ControlPlane) {
    let count: usize = std::env::var("FLINKKUBEHA_CLUSTERS").map_or(520, |text| text.parse().unwrap());
    let tenant = Tenant::new(plane, "many", &["list"]);
    let directory = tempfile::tempdir().unwrap();
    let administrator = directory.path().join("config");
    let (certificate, key) = plane.client_certificate();
    let user = json!({"client-certificate": certificate, "client-key": key});
    std::fs::write(&administrator, kubeconfig(plane, "many", &user)).unwrap();
    let settings = ClientSettings {
        config_file: Some(administrator.clone()),
        namespace: "many".to_owned(),
        ..ClientSettings::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let client = ApiClient::connect(settings).await.unwrap();
        for chunk in (0..count).collect::<Vec<_>>().chunks(16) {
            let writes = chunk.iter().flat_map(|number| {
                let cluster = format!("c{number:04}");
                let objects = [
                    cluster_map(&cluster, "me"),
                    with(
                        job_map(&cluster, &job('a')),
                        &[
                            ("counter", "8"),
                            (&checkpoint(7), &pointer("file:/ha/completedCheckpoint0123456789ab", 5)),
                        ],
                    ),
                ];
                objects.map(|mut object| {
                    object["metadata"]["namespace"] = json!("many");
                    let client = client.clone();
                    tokio::spawn(async move {
                        client
                            .create(&object, std::time::Duration::from_secs(60))
                            .await
                            .unwrap();
                    })
                })
            });
            for write in writes.collect::<Vec<_>>() {
                write.await.unwrap();
            }
        }
    });
    let began = std::time::Instant::now();
    let listed = tenant.run(&["ls", "-o", "json"]);
    let took = began.elapsed();
    assert_eq!(listed.json()["clusters"].as_array().unwrap().len(), count);
    let began = std::time::Instant::now();
    plane.kubectl(
        &[
            "get",
            "configmaps",
            "-n",
            "many",
            "-l",
            "type=flink-native-kubernetes",
            "-o",
            "json",
        ],
        None,
    );
    println!(
        "ls over {count} clusters: {took:?}, kubectl the same list: {:?}",
        began.elapsed()
    );
    let everywhere = flink_ha(
        &[
            "ls",
            "-A",
            "-o",
            "json",
            "--kubeconfig",
            administrator.to_str().unwrap(),
        ],
        &[],
    );
    let everywhere = everywhere.json();
    let found = everywhere["clusters"].as_array().unwrap();
    assert!(found.iter().filter(|line| line["namespace"] == "many").count() == count);
}
