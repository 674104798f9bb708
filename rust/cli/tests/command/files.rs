//! `verify` and `gc`: pointers held against files, on a local file system and on S3.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::support::Tenant;
use crate::support::control_plane::ControlPlane;
use crate::support::findings::{assert_named, findings};
use crate::support::s3_gateway::{ACCESS_KEY, BUCKET, S3Gateway, SECRET_KEY};
use crate::support::samples::{checkpoint, cluster_map, job, job_map, marked, pointer, with};

fn name(number: u64) -> String {
    format!("completedCheckpoint{number:012x}")
}

fn write(directory: &Path, name: &str, content: &[u8], hours_old: u64) -> String {
    fs::create_dir_all(directory).unwrap();
    let file = directory.join(name);
    fs::write(&file, content).unwrap();
    let modified = SystemTime::now() - Duration::from_secs(hours_old * 3600);
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    format!("file:{}", file.display())
}

/// The files of one cluster: there, gone, cut short, left over, and too young to tell.
pub(crate) fn files_and_pointers(plane: &ControlPlane) {
    let tenant = Tenant::new(plane, "files", &["list"]);
    let directory = tenant.path("ha").join("c");
    let there = write(&directory, &name(1), b"12345", 1);
    let short = write(&directory, &name(2), b"12", 1);
    let left_over = name(3);
    write(&directory, &left_over, b"123", 30);
    write(&directory, &name(4), b"1", 0);
    write(&directory, "something-else", b"1", 1000);
    let gone = format!("file:{}/{}", directory.display(), name(5));
    let removed = format!("file:{}/{}", directory.display(), name(6));
    tenant.put(&[
        cluster_map("c", ""),
        with(
            job_map("c", &job('a')),
            &[
                ("counter", "9"),
                (&checkpoint(1), &pointer(&there, 5)),
                (&checkpoint(2), &pointer(&short, 5)),
                (&checkpoint(5), &pointer(&gone, 5)),
                (&checkpoint(6), &marked(&removed, 5)),
                (
                    &checkpoint(7),
                    &pointer("oss://bucket/ha/completedCheckpoint0123456789ab", 5),
                ),
            ],
        ),
    ]);
    let verified = tenant.run(&["verify", "c", "-o", "json"]);
    assert_eq!(verified.code, 1, "{verified:?}");
    let verification = verified.json();
    let judged = &verification["clusters"][0];
    assert_eq!(
        (judged["pointers"].as_u64(), judged["good"].as_u64()),
        (Some(5), Some(2))
    );
    let found = findings(&judged["findings"]);
    let map = format!("c-{}-config-map", job('a'));
    assert_named(&found, "error", &map, &checkpoint(2), "has 2 bytes, and 5 were written");
    assert_named(&found, "error", &map, &checkpoint(5), "and there is no such file");
    assert_named(
        &found,
        "warning",
        &map,
        &checkpoint(7),
        "There is no native storage for oss",
    );
    let listed = verification["directories"].as_array().unwrap();
    let expected = format!("file:{}", directory.display());
    let listed = listed.iter().find(|one| one["uri"] == expected.as_str()).unwrap();
    assert_eq!(listed["leftOver"], json!([left_over]));
    assert_eq!(
        (listed["leftOverBytes"].as_u64(), listed["tooYoung"].as_u64()),
        (Some(3), Some(1))
    );

    // With the files back all is well, but for what is left over.
    write(&directory, &name(2), b"12345", 0);
    write(&directory, &name(5), b"12345", 0);
    let map = with(
        job_map("c", &job('a')),
        &[
            ("counter", "9"),
            (&checkpoint(1), &pointer(&there, 5)),
            (&checkpoint(5), &pointer(&gone, 5)),
        ],
    );
    tenant.put(&[map]);
    let verified = tenant.run(&["verify", "c"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    assert!(
        verified.out.contains("2 of 2 pointers are as they should be"),
        "{verified:?}"
    );
    assert_eq!(tenant.run(&["verify", "c", "--strict"]).code, 1);
}

/// The same over S3, with the settings of Flink's plug-in from its configuration.
pub(crate) fn objects_on_s3(plane: &ControlPlane) {
    let Some(gateway) = S3Gateway::start() else { return };
    let tenant = Tenant::new(plane, "objects", &["list"]);
    let configuration = tenant.path("config.yaml");
    let text = format!(
        "s3:\n  endpoint: {}\n  path.style.access: true\n  access-key: {ACCESS_KEY}\n  secret-key: {SECRET_KEY}\n",
        gateway.url()
    );
    fs::write(&configuration, text).unwrap();
    let root = format!("s3://{BUCKET}/ha/c");
    let storage = gateway.storage(&root, &[]);
    let uri = |number| format!("{root}/{}", name(number));
    storage.create(&uri(1), b"12345".to_vec()).unwrap();
    storage.create(&uri(3), b"123".to_vec()).unwrap();
    tenant.put(&[
        cluster_map("c", ""),
        with(
            job_map("c", &job('a')),
            &[
                ("counter", "9"),
                (&checkpoint(1), &pointer(&uri(1), 5)),
                (&checkpoint(2), &pointer(&uri(2), 5)),
            ],
        ),
    ]);
    let arguments = [
        "verify",
        "c",
        "--min-age",
        "0s",
        "-o",
        "json",
        "--flink-conf",
        configuration.to_str().unwrap(),
    ];
    let verified = tenant.run(&arguments);
    assert_eq!(verified.code, 1, "{verified:?}");
    let verification = verified.json();
    assert_eq!(verification["directories"][0]["leftOver"], json!([name(3)]));
    let found = findings(&verification["clusters"][0]["findings"]);
    let map = format!("c-{}-config-map", job('a'));
    assert_named(&found, "error", &map, &checkpoint(2), "and there is no such file");
    // A wrong key is named, and is no reason to call anything lost.
    let wrong = tenant.run(&[&arguments[..], &["-D", "s3.secret-key=wrong"]].concat());
    let found = findings(&wrong.json()["clusters"][0]["findings"]);
    assert_named(&found, "warning", &map, &checkpoint(1), "403");
    assert!(!wrong.out.contains(SECRET_KEY) && !wrong.err.contains(SECRET_KEY));
}

/// Live, suspended, handed over, finished and orphaned jobs beside files that nobody points to.
pub(crate) fn collection(plane: &ControlPlane) {
    let reader = Tenant::new(plane, "collected", &["list"]);
    let directory = reader.path("ha").join("c");
    let plan = |digit| format!("executionPlan-{}", job(digit));
    let file = |number, hours| write(&directory, &name(number), b"12345", hours);
    let plan_file = write(&directory, "submittedExecutionPlan00000000000a", b"12345", 100);
    tenant_put_collected(&reader, &plan, &plan_file, &file);
    for number in [20, 21] {
        file(number, 100);
    }
    file(22, 1);

    // A dry run needs no right to delete, and changes nothing.
    let before = fs::read_dir(&directory).unwrap().count();
    let dry = reader.run(&["gc", "c", "--min-age", "1d"]);
    assert_eq!(dry.code, 0, "{dry:?}");
    assert!(
        dry.out.contains("2 files (10 B)") && dry.out.contains("Nothing was changed"),
        "{dry:?}"
    );
    assert_eq!(fs::read_dir(&directory).unwrap().count(), before);

    let planned = reader.run(&["gc", "c", "-o", "json"]).json();
    let going: Vec<&str> = planned["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["uri"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    assert_eq!(going, [name(20), name(21)]);
    assert_eq!(planned["configMaps"], json!([]), "none has been left alone for a day");

    let deleted = reader.run(&["gc", "c", "--delete", "-o", "json"]);
    assert_eq!(deleted.code, 0, "{deleted:?}");
    for (number, stays) in [(1, true), (2, true), (3, true), (20, false), (21, false), (22, true)] {
        assert_eq!(directory.join(name(number)).exists(), stays, "{number}");
    }
    assert!(directory.join("submittedExecutionPlan00000000000a").exists());
    assert_eq!(reader.names().len(), 5);

    // While a pointer cannot be read, any file may be its own.
    file(20, 100);
    reader.put(&[with(job_map("c", &job('e')), &[(&checkpoint(1), "garbled")])]);
    let refused = reader.run(&["gc", "c", "--delete"]);
    assert!(
        refused.out.contains("0 files") && refused.out.contains("cannot be read"),
        "{refused:?}"
    );
    assert!(directory.join(name(20)).exists());
    assert_eq!(
        reader.run(&["gc", "c", "--min-age", "1min"]).code,
        2,
        "the guard cannot be taken away"
    );
}

fn tenant_put_collected(
    tenant: &Tenant<'_>,
    plan: &dyn Fn(char) -> String,
    plan_file: &str,
    file: &dyn Fn(u64, u64) -> String,
) {
    tenant.put(&[
        with(cluster_map("c", "me"), &[(&plan('a'), &pointer(plan_file, 5))]),
        with(
            job_map("c", &job('a')),
            &[("counter", "9"), (&checkpoint(1), &pointer(&file(1, 100), 5))],
        ),
        with(
            job_map("c", &job('b')),
            &[("counter", "9"), (&checkpoint(2), &pointer(&file(2, 100), 5))],
        ),
        with(
            job_map("c", &job('c')),
            &[("counter", "9"), (&checkpoint(3), &marked(&file(3, 100), 5))],
        ),
        with(job_map("c", &job('d')), &[("counter", "9")]),
    ]);
}

/// Flink's default directory is that of every cluster which was not given its own.
pub(crate) fn collection_in_a_shared_directory(plane: &ControlPlane) {
    let tenant = Tenant::new(plane, "shared", &["list"]);
    let directory = tenant.path("ha").join("default");
    let uri = write(&directory, &name(1), b"12345", 100);
    let elsewhere = write(&directory, &name(2), b"12345", 100);
    write(&directory, &name(3), b"12345", 100);
    tenant.put(&[
        cluster_map("c", ""),
        with(
            job_map("c", &job('a')),
            &[("counter", "9"), (&checkpoint(1), &pointer(&uri, 5))],
        ),
        cluster_map("other", ""),
        with(
            job_map("other", &job('a')),
            &[("counter", "9"), (&checkpoint(1), &pointer(&elsewhere, 5))],
        ),
    ]);
    let refused = tenant.run(&["gc", "c", "--delete"]);
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.contains("--sole-user") && refused.err.contains("high-availability.cluster-id"),
        "{refused:?}"
    );
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 3);
    let deleted = tenant.run(&["gc", "c", "--delete", "--sole-user"]);
    assert_eq!(deleted.code, 0, "{deleted:?}");
    for (number, stays) in [(1, true), (2, true), (3, false)] {
        assert_eq!(directory.join(name(number)).exists(), stays, "{number}");
    }
}
