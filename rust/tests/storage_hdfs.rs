//! Native storage on HDFS: a real one, whose `NameNode` is stopped and whose answers are lost.

#![cfg(feature = "hdfs")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use flinkkubeha::error::{ErrorCode, HaError};
use flinkkubeha::storage::Storage;
use support::detour::Detour;
use support::hdfs_server::{self, HdfsServer, SERVICE};

/// Each test has a directory of its own.
fn root(name: &str) -> String {
    format!("{SERVICE}/{name}")
}

fn below(server: &HdfsServer, name: &str) -> Vec<String> {
    let directory = format!("/{name}/");
    let files = server.files();
    let below = files.iter().filter_map(|file| file.strip_prefix(&directory));
    below.map(str::to_owned).collect()
}

fn content(size: usize) -> Vec<u8> {
    (0..size)
        .map(|index| u8::try_from(((index * 31) >> 3) % 251).unwrap())
        .collect()
}

#[test]
fn an_object_comes_back_as_it_was_written() {
    let Some((server, _quiet)) = hdfs_server::shared() else {
        return;
    };
    let root = root("objects");
    let storage = server.storage(&root, &[]);
    storage.probe(&root).unwrap();
    for content in [vec![], b"content".to_vec(), content(5 << 20)] {
        let uri = format!("{root}/a/b/{}", content.len());
        assert!(!storage.exists(&uri).unwrap());
        storage.create(&uri, content.clone()).unwrap();
        assert!(storage.exists(&uri).unwrap());
        assert!(storage.read(&uri).unwrap() == content);
    }
    assert_eq!(storage.list(&format!("{root}/a/b")).unwrap(), ["0", "5242880", "7"]);
    assert_eq!(
        storage.list(&format!("{root}/a")).unwrap(),
        [""; 0],
        "directories are no objects"
    );
    assert!(!storage.exists(&format!("{root}/a")).unwrap());
    let objects = storage.objects(&format!("{root}/a/b")).unwrap();
    let seen: Vec<_> = objects.iter().map(|one| (one.name.as_str(), one.size)).collect();
    assert_eq!(seen, [("0", 0), ("5242880", 5 << 20), ("7", 7)]);
    assert!(
        objects
            .iter()
            .all(|one| one.modified.elapsed().unwrap() < Duration::from_secs(3600))
    );
    assert_eq!(storage.list(&format!("{root}/none")).unwrap(), [""; 0]);
    assert_eq!(storage.list(&format!("{root}/a/b/7")).unwrap(), [""; 0]);
    assert_eq!(below(server, "objects"), ["a/b/0", "a/b/5242880", "a/b/7"]);
}

#[test]
fn the_default_file_system_and_one_name_node_are_the_same() {
    let Some((server, _quiet)) = hdfs_server::shared() else {
        return;
    };
    let by_address = format!("hdfs://{}/same", server.active());
    let storage = server.storage(&by_address, &[]);
    storage.create(&format!("{by_address}/a"), b"content".into()).unwrap();
    let by_default = server.storage("hdfs:///same", &[]);
    assert_eq!(by_default.read("hdfs:///same/a").unwrap(), b"content");
    let error = by_default.read(&format!("{by_address}/a")).unwrap_err();
    assert_eq!(error.code, ErrorCode::Unsupported, "{error}");
}

#[test]
fn names_of_any_characters_are_kept() {
    let Some((server, _quiet)) = hdfs_server::shared() else {
        return;
    };
    let root = root("names");
    let storage = server.storage(&root, &[]);
    let names = [
        ("a%20b", "a b"),
        ("a+b", "a+b"),
        ("a%2520b", "a%20b"),
        ("x&y=z;$@!'(),", "x&y=z;$@!'(),"),
        ("*%3F%5B%7B", "*?[{"),
        ("\u{fc}\u{1f980}", "\u{fc}\u{1f980}"),
    ];
    for (quoted, name) in names {
        storage.create(&format!("{root}/{quoted}"), name.into()).unwrap();
        assert_eq!(storage.read(&format!("{root}/{quoted}")).unwrap(), name.as_bytes());
    }
    let mut sorted = names.map(|(_, name)| name);
    sorted.sort_unstable();
    assert_eq!(storage.list(&root).unwrap(), sorted);
    assert_eq!(below(server, "names"), sorted);
}

#[test]
fn nothing_is_overwritten_by_create() {
    let Some((server, _quiet)) = hdfs_server::shared() else {
        return;
    };
    let root = root("once");
    let storage = server.storage(&root, &[]);
    let uri = format!("{root}/a");
    storage.create(&uri, b"first".into()).unwrap();
    for content in [b"second".to_vec(), b"first".to_vec()] {
        let error = storage.create(&uri, content).unwrap_err();
        assert_eq!(
            (error.code, error.message),
            (ErrorCode::StorageExists, format!("{uri} exists already."))
        );
    }
    assert_eq!(storage.read(&uri).unwrap(), b"first");
    let won: Vec<u8> = thread::scope(|scope| {
        let writers = (0..4_u8).map(|writer| {
            let (storage, uri) = (&storage, format!("{root}/raced"));
            scope.spawn(move || storage.create(&uri, vec![writer; 100_000]).is_ok().then_some(writer))
        });
        let writers: Vec<_> = writers.collect();
        writers
            .into_iter()
            .filter_map(|writer| writer.join().unwrap())
            .collect()
    });
    assert_eq!(won.len(), 1);
    assert_eq!(storage.read(&format!("{root}/raced")).unwrap(), vec![won[0]; 100_000]);
    assert_eq!(below(server, "once"), ["a", "raced"], "no part stays");
}

#[test]
fn what_is_absent_is_named_and_deleting_it_is_fine() {
    let Some((server, _quiet)) = hdfs_server::shared() else {
        return;
    };
    let root = root("absent");
    let storage = server.storage(&root, &[]);
    storage.create(&format!("{root}/file"), b"x".into()).unwrap();
    storage.ensure_directory(&format!("{root}/directory")).unwrap();
    for path in ["none", "no/where", "file/below", "directory"] {
        let uri = format!("{root}/{path}");
        let error = storage.read(&uri).unwrap_err();
        assert_eq!(
            (error.code, error.message),
            (ErrorCode::StorageNotFound, format!("There is no {uri}."))
        );
        assert!(!storage.exists(&uri).unwrap());
    }
    for path in ["none", "no/where", "file/below"] {
        let uri = format!("{root}/{path}");
        assert!(!storage.delete(&uri).unwrap());
        assert_eq!(storage.delete_prefix(&uri).unwrap(), 0);
    }
    assert!(
        storage.exists(&format!("{root}/file")).unwrap(),
        "a file above is no empty directory"
    );
    let error = storage
        .rename(&format!("{root}/none"), &format!("{root}/x/other"))
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageNotFound);
    let error = storage.create(&format!("{root}/file/below"), b"x".into()).unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageFailed);
    let error = storage.ensure_directory(&format!("{root}/file")).unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageFailed);
    let target = tempfile::tempdir().unwrap();
    let error = storage
        .download(&format!("{root}/none"), &target.path().join("down"))
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageNotFound);
    assert_eq!(fs::read_dir(target.path()).unwrap().count(), 0);
    assert!(storage.delete(&format!("{root}/file")).unwrap());
}

#[test]
fn a_prefix_goes_with_its_directories_and_no_others() {
    let Some((server, _quiet)) = hdfs_server::shared() else {
        return;
    };
    let root = root("prefixes");
    let storage = server.storage(&root, &[]);
    for path in ["c/blob/job_1/a", "c/blob/job_1/b/c", "c/blob/job_2/d", "c/e"] {
        storage.create(&format!("{root}/{path}"), b"x".into()).unwrap();
    }
    assert_eq!(storage.delete_prefix(&format!("{root}/c/blob/job_1")).unwrap(), 2);
    assert_eq!(below(server, "prefixes"), ["c/blob/job_2/d", "c/e"]);
    // A single object, as stock deletes a blob: the directories that it leaves empty go too.
    assert_eq!(storage.delete_prefix(&format!("{root}/c/blob/job_2/d")).unwrap(), 1);
    assert_eq!(storage.delete_prefix(&format!("{root}/c")).unwrap(), 1);
    assert_eq!(below(server, "prefixes"), [""; 0]);
    // What was made by somebody else, a crashed writer among them.
    storage
        .create(&format!("{root}/d/.0123456789abcdef.flink-kube-ha.part"), vec![])
        .unwrap();
    assert_eq!(storage.list(&format!("{root}/d")).unwrap(), [""; 0]);
    assert_eq!(storage.delete_prefix(&format!("{root}/d")).unwrap(), 1);
}

#[test]
fn a_result_is_renamed_in_place_of_another() {
    let Some((server, _quiet)) = hdfs_server::shared() else {
        return;
    };
    let root = root("results");
    let storage = server.storage(&root, &[]);
    let (dirty, clean) = (format!("{root}/job_DIRTY.json"), format!("{root}/other/job.json"));
    for content in ["first", "second"] {
        storage.create(&dirty, content.into()).unwrap();
        storage.rename(&dirty, &clean).unwrap();
        assert!(!storage.exists(&dirty).unwrap());
        assert_eq!(storage.read(&clean).unwrap(), content.as_bytes());
    }
}

#[test]
fn files_of_any_size_are_copied_whole() {
    let Some((server, _quiet)) = hdfs_server::shared() else {
        return;
    };
    let root = root("copies");
    // Several blocks, and parts of one.
    let storage = server.storage(&root, &[("flink.hadoop.dfs.blocksize", "16m")]);
    let directory = tempfile::tempdir().unwrap();
    let (source, target) = (directory.path().join("source"), directory.path().join("target"));
    for size in [0, 1, (8 << 20) + 1, 64 << 20] {
        let content = content(size);
        fs::write(&source, &content).unwrap();
        storage.upload(&source, &format!("{root}/jar")).unwrap();
        storage.download(&format!("{root}/jar"), &target).unwrap();
        assert!(fs::read(&target).unwrap() == content, "{size}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    assert_eq!(below(server, "copies"), ["jar"]);
    let error = storage
        .upload(&directory.path().join("absent"), &format!("{root}/x"))
        .unwrap_err();
    assert!(error.message.contains("absent failed: No such file"), "{error}");
}

#[test]
fn who_may_not_write_is_told_so_in_one_sentence() {
    let Some((server, _quiet)) = hdfs_server::shared() else {
        return;
    };
    let root = root("forbidden");
    server.storage(&root, &[]).ensure_directory(&root).unwrap();
    let storage = server.storage(&root, &[("HADOOP_USER_NAME", "stranger")]);
    let error = storage.probe(&root).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidSetting, "{error}");
    let prefix = format!(
        "high-availability.storageDir: {root} cannot be used (AccessControlException: Permission denied: user=stranger, access=WRITE, "
    );
    assert!(
        error.message.starts_with(&prefix) && !error.message.contains('\n'),
        "{error}"
    );
    assert!(
        error
            .message
            .ends_with("let the user that runs Flink read and write there, or set another directory.")
    );
}

/// By one address, on a detour to the active `NameNode`.
fn on_detour(server: &HdfsServer, name: &str) -> (Storage, Detour, String) {
    let detour = Detour::to(&server.active());
    let root = format!("hdfs://{}/{name}", detour.address);
    (server.storage(&root, &[]), detour, root)
}

#[test]
fn a_write_whose_answer_was_lost_is_found_to_be_done() {
    let Some((server, _quiet)) = hdfs_server::shared() else {
        return;
    };
    let (storage, detour, root) = on_detour(server, "lost");
    for (number, method) in ["create", "addBlock", "complete", "rename2"].into_iter().enumerate() {
        let uri = format!("{root}/{method}");
        detour.lose_answer_to(method);
        storage.create(&uri, method.into()).unwrap();
        assert_eq!(detour.lost(), number + 1, "{method}");
        let error = storage.create(&uri, b"other".into()).unwrap_err();
        assert_eq!(error.code, ErrorCode::StorageExists);
        assert_eq!(storage.read(&uri).unwrap(), method.as_bytes());
    }
    detour.lose_answer_to("rename2");
    storage
        .rename(&format!("{root}/create"), &format!("{root}/renamed"))
        .unwrap();
    detour.lose_answer_to("delete");
    storage.delete(&format!("{root}/addBlock")).unwrap();
    assert_eq!(detour.lost(), 6);
    assert_eq!(
        below(server, "lost"),
        ["complete", "rename2", "renamed"],
        "no part stays"
    );
}

#[test]
fn a_connection_that_was_cut_is_made_again() {
    let Some((server, _quiet)) = hdfs_server::shared() else {
        return;
    };
    let (storage, detour, root) = on_detour(server, "cut");
    storage.create(&format!("{root}/a"), b"content".into()).unwrap();
    for name in ["b", "c"] {
        detour.cut();
        storage.create(&format!("{root}/{name}"), b"content".into()).unwrap();
        detour.cut();
        assert_eq!(storage.read(&format!("{root}/{name}")).unwrap(), b"content");
    }
    detour.cut();
    assert_eq!(storage.delete_prefix(&root).unwrap(), 3);
}

#[test]
fn a_name_node_in_safe_mode_is_named_at_once() {
    let Some((server, _alone)) = hdfs_server::alone() else {
        return;
    };
    let root = root("safe");
    let storage = server.storage(&root, &[]);
    storage.create(&format!("{root}/a"), b"content".into()).unwrap();
    server.tell("safe-mode/on");
    let probed = storage.probe(&root);
    let read = storage.read(&format!("{root}/a"));
    server.tell("safe-mode/off");
    assert_eq!(read.unwrap(), b"content");
    let error = probed.unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageFailed);
    assert!(
        error.message.contains("SafeModeException: ") && error.message.contains("manually"),
        "{error}"
    );
    storage.probe(&root).unwrap();
}

/// A call that ends before the `NameNode` is back is made again: a slow machine starts one for longer than it is waited for.
fn until<T>(back: &AtomicBool, call: impl Fn() -> Result<T, HaError>) -> T {
    loop {
        let is_back = back.load(Ordering::SeqCst);
        match call() {
            Ok(result) => return result,
            Err(error) => assert!(!is_back && error.code == ErrorCode::StorageFailed, "{error}"),
        }
    }
}

#[test]
fn a_name_node_that_is_restarted_is_waited_for() {
    let Some((server, _alone)) = hdfs_server::alone() else {
        return;
    };
    let root = root("restarted");
    let storage = server.storage(&root, &[]);
    let (directory, uri) = (tempfile::tempdir().unwrap(), format!("{root}/jar"));
    let (source, target) = (directory.path().join("source"), directory.path().join("target"));
    fs::write(&source, content(9 << 20)).unwrap();
    storage.create(&format!("{root}/a"), b"before".into()).unwrap();
    let back = AtomicBool::new(false);
    thread::scope(|scope| {
        server.tell("stop");
        let written = scope.spawn(|| until(&back, || storage.create(&format!("{root}/b"), b"meanwhile".into())));
        let uploaded = scope.spawn(|| until(&back, || storage.upload(&source, &uri)));
        let read = scope.spawn(|| until(&back, || storage.read(&format!("{root}/a"))));
        server.tell("start");
        back.store(true, Ordering::SeqCst);
        assert_eq!(read.join().unwrap(), b"before");
        written.join().unwrap();
        uploaded.join().unwrap();
    });
    storage.download(&uri, &target).unwrap();
    assert!(fs::read(&target).unwrap() == fs::read(&source).unwrap());
    assert_eq!(storage.read(&format!("{root}/b")).unwrap(), b"meanwhile");
    assert_eq!(below(server, "restarted"), ["a", "b", "jar"], "no part stays");
}

#[test]
fn the_name_node_that_has_become_active_is_found() {
    let Some((server, _alone)) = hdfs_server::alone() else {
        return;
    };
    let root = root("failed-over");
    let storage = server.storage(&root, &[]);
    storage.create(&format!("{root}/a"), b"before".into()).unwrap();
    server.tell("fail-over");
    storage.create(&format!("{root}/b"), b"after".into()).unwrap();
    assert_eq!(storage.read(&format!("{root}/a")).unwrap(), b"before");
    assert_eq!(below(server, "failed-over"), ["a", "b"]);
}
