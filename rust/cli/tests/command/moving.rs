//! `doctor`, `backup` and `restore`.

use std::fs;

use flinkkubeha::protocol::config_map as raw;
use flinkkubeha::protocol::lock_record::LockView;

use crate::support::Tenant;
use crate::support::control_plane::ControlPlane;
use crate::support::samples::{cluster_map, golden, job, job_map, releases, with};

const REST: &str = "org.apache.flink.k8s.leader.restserver";

pub(crate) fn a_healthy_cluster(plane: &ControlPlane) {
    let tenant = Tenant::new(
        plane,
        "healthy",
        &["get", "list", "watch", "create", "update", "delete"],
    );
    tenant.put(&[
        cluster_map("c", "me"),
        with(job_map("c", &job('a')), &[("counter", "1")]),
    ]);
    let directory = format!("file:{}", tenant.path("storage").display());
    let setting = |key: &str| format!("high-availability.kubernetes.leader-election.{key}");
    let lease = setting("lease-duration=15 s");
    let asked = tenant.run(&["doctor", "c", "--probe-storage", &directory, "-D", &lease]);
    assert_eq!(asked.code, 0, "{asked:?}");
    for part in [
        "are granted to whom this runs as",
        "within 2 s of that of the API server",
        "a killed leader is followed within 15s",
        "steps down after 13.5s, 1.5s before another can lead",
        "written, read and deleted",
        "c is led by me",
    ] {
        assert!(asked.out.contains(part), "{part}: {asked:?}");
    }
    assert_eq!(fs::read_dir(tenant.path("storage")).unwrap().count(), 0);
    assert_eq!(tenant.names().len(), 2, "the verbs were tried without a trace");

    let configuration = tenant.path("config.yaml");
    fs::write(&configuration, format!("{}: 20 s\n", setting("retry-period"))).unwrap();
    let asked = tenant.run(&["doctor", "c", "--flink-conf", configuration.to_str().unwrap()]);
    assert_eq!(asked.code, 1);
    assert!(
        asked
            .out
            .contains("retry-period is 20s, but a renewal must be possible"),
        "{asked:?}"
    );
    fs::write(tenant.path("blocked"), b"").unwrap();
    let blocked = format!("file:{}/c", tenant.path("blocked").display());
    let asked = tenant.run(&["doctor", "c", "--probe-storage", &blocked]);
    assert_eq!(asked.code, 1);
    assert!(asked.out.contains("cannot be used"), "{asked:?}");
}

pub(crate) fn an_incomplete_role(plane: &ControlPlane) {
    let reader = Tenant::new(plane, "reader", &["get", "list", "watch"]);
    reader.put(&[cluster_map("c", "")]);
    let asked = reader.run(&["doctor", "c"]);
    assert_eq!(asked.code, 0, "{asked:?}");
    assert!(
        asked
            .out
            .contains("create, update, delete on configmaps is not granted in namespace \"reader\"")
            && asked.out.contains("enough for TaskManagers and clients"),
        "{asked:?}"
    );
    let stranger = Tenant::new(plane, "stranger", &["get"]);
    let asked = stranger.run(&["doctor", "c"]);
    assert_eq!(asked.code, 1, "{asked:?}");
    assert!(
        asked.out.contains("list, watch, create, update, delete on configmaps"),
        "{asked:?}"
    );
}

/// What was backed up comes back with the same data, with a lock that anybody can take and without the leaders of then.
pub(crate) fn there_and_back(plane: &ControlPlane) {
    let tenant = Tenant::new(plane, "backup", &["get", "list", "create", "update"]);
    for release in releases() {
        let of_cluster = golden(&release, "cluster-config-map.released.json");
        let of_job = golden(&release, "job-config-map.json");
        tenant.put(&[of_cluster.clone(), of_job.clone()]);
        let file = tenant.path(&format!("{release}.json"));
        let file = file.to_str().unwrap();
        let done = tenant.run(&["backup", "exchange", "--file", file]);
        assert_eq!(done.code, 0, "{done:?}");
        assert_eq!(
            tenant.run(&["backup", "exchange", "--file", file]).code,
            2,
            "nothing is overwritten"
        );

        let refused = tenant.run(&["restore", "--file", file]);
        assert_eq!(refused.code, 2);
        assert!(refused.err.contains("exists, and nothing was changed"), "{refused:?}");
        plane.kubectl(&["delete", "configmaps", "-l", "app=exchange", "-n", "backup"], None);
        let restored = tenant.run(&["restore", "--file", file]);
        assert_eq!(restored.code, 0, "{restored:?}");
        for sample in [&of_cluster, &of_job] {
            let stored = tenant.stored(raw::name(sample).unwrap());
            assert_eq!(stored["data"], sample["data"], "{release}");
            assert_eq!(stored["metadata"]["labels"], sample["metadata"]["labels"], "{release}");
        }
        let stored = tenant.stored("exchange-cluster-config-map");
        assert!(matches!(LockView::of(&stored), LockView::Free(_)), "{stored}");
    }

    // Over what is there, where that is said.
    let newest = releases().pop().unwrap();
    let of_job = golden(&newest, "job-config-map.json");
    tenant.put(&[with(job_map("exchange", &job('a')), &[("counter", "99")])]);
    let file = tenant.path(&format!("{newest}.json"));
    let restored = tenant.run(&["restore", "--file", file.to_str().unwrap(), "--overwrite"]);
    assert_eq!(restored.code, 0, "{restored:?}");
    assert_eq!(tenant.stored(raw::name(&of_job).unwrap())["data"], of_job["data"]);
    for text in [
        "no JSON",
        "{}",
        r#"{"items": []}"#,
        r#"{"items": [{"metadata": {"name": "x"}}]}"#,
    ] {
        let file = tenant.path("wrong.json");
        fs::write(&file, text).unwrap();
        let refused = tenant.run(&["restore", "--file", file.to_str().unwrap()]);
        assert_eq!(refused.code, 2);
        assert!(refused.err.contains("is not a backup of flink-ha"), "{refused:?}");
    }
}

pub(crate) fn not_under_a_leader(plane: &ControlPlane) {
    let tenant = Tenant::new(plane, "led", &["get", "list", "create", "update"]);
    let mut led = with(
        cluster_map("c", "me"),
        &[(REST, "22222222-2222-4222-8222-222222222222,http://there:8081")],
    );
    raw::set_annotation(
        &mut led,
        "ha.flinkkubeha.io/content-mark",
        r#"v1 {"holderIdentity":"me","replaced":"1"}"#,
    );
    tenant.put(&[led.clone(), with(job_map("c", &job('a')), &[("counter", "4")])]);
    let file = tenant.path("led.json");
    let file = file.to_str().unwrap();
    assert_eq!(tenant.run(&["backup", "c", "-f", file]).code, 0);
    let before = tenant.stored("c-cluster-config-map");
    for arguments in [&["restore", "-f", file][..], &["restore", "-f", file, "--overwrite"]] {
        let refused = tenant.run(arguments);
        assert_eq!(refused.code, 2);
        assert!(
            refused.err.contains("c is led by me") && refused.err.contains("stop all JobManagers"),
            "{refused:?}"
        );
    }
    assert_eq!(tenant.stored("c-cluster-config-map"), before);

    plane.kubectl(&["delete", "configmap", "c-cluster-config-map", "-n", "led"], None);
    let restored = tenant.run(&["restore", "-f", file, "--overwrite"]);
    assert_eq!(restored.code, 0, "{restored:?}");
    let stored = tenant.stored("c-cluster-config-map");
    assert_eq!(stored.get("data"), None, "the leaders of then");
    assert_eq!(
        stored["metadata"]["annotations"].as_object().unwrap().len(),
        2,
        "the lock, and what 'apply' left: {stored}"
    );
    assert!(matches!(LockView::of(&stored), LockView::Free(record) if record.leader_transitions == 2));
    let asked = tenant.run(&["who-leads", "c"]);
    assert!(asked.out.contains("released the lock"), "{asked:?}");
}
