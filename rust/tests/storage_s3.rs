//! Native storage against a real gateway with signatures, and against a server that does what no real one does on demand.

#![cfg(feature = "s3")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use flinkkubeha::error::{ErrorCode, HaError};
use flinkkubeha::storage::Storage;
use support::fault_server::{FaultServer, Reaction, Seen};
use support::s3_gateway::{ACCESS_KEY, BUCKET, S3Gateway, SECRET_KEY, options};

const ROOT: &str = "s3://flink/ha";

fn uri(path: &str) -> String {
    format!("{ROOT}/{path}")
}

fn assert_discreet(error: &HaError) {
    assert!(
        !error.message.contains(SECRET_KEY) && !error.message.contains(ACCESS_KEY),
        "{error}"
    );
}

#[test]
fn an_object_comes_back_as_it_was_written() {
    let Some(gateway) = S3Gateway::start() else { return };
    let storage = gateway.storage(ROOT, &[]);
    storage.probe(ROOT).unwrap();
    for content in [b"content".to_vec(), vec![0xa5; 5 << 20]] {
        let uri = uri(&format!("a/b/{}", content.len()));
        assert!(!storage.exists(&uri).unwrap());
        storage.create(&uri, content.clone()).unwrap();
        assert!(storage.exists(&uri).unwrap());
        assert_eq!(storage.read(&uri).unwrap(), content);
    }
    assert_eq!(fs::read(gateway.file("ha/a/b/7")).unwrap(), b"content");
    assert_eq!(storage.list(&uri("a/b")).unwrap(), ["5242880", "7"]);
    assert_eq!(storage.list(&uri("a")).unwrap(), [""; 0], "directories are no objects");
    let objects = storage.objects(&uri("a/b")).unwrap();
    let seen: Vec<_> = objects.iter().map(|one| (one.name.as_str(), one.size)).collect();
    assert_eq!(seen, [("5242880", 5 << 20), ("7", 7)]);
    assert!(
        objects
            .iter()
            .all(|one| one.modified.elapsed().is_ok_and(|age| age.as_secs() < 3600))
    );
    assert_eq!(storage.objects(&uri("a")).unwrap(), []);
    assert_eq!(storage.list(&uri("none")).unwrap(), [""; 0]);
}

#[test]
fn keys_are_the_decoded_paths() {
    let Some(gateway) = S3Gateway::start() else { return };
    let storage = gateway.storage(ROOT, &[]);
    for (quoted, name) in [
        ("a%20b", "a b"),
        ("a+b", "a+b"),
        ("a%2520b", "a%20b"),
        ("x&y=z;$@!'(),:", "x&y=z;$@!'(),:"),
        ("\u{fc}\u{1f980}", "\u{fc}\u{1f980}"),
    ] {
        storage.create(&uri(&format!("d/{quoted}")), name.into()).unwrap();
        assert_eq!(
            fs::read(gateway.file(&format!("ha/d/{name}"))).unwrap(),
            name.as_bytes(),
            "{quoted}"
        );
        assert_eq!(storage.read(&uri(&format!("d/{quoted}"))).unwrap(), name.as_bytes());
    }
    assert_eq!(storage.list(&uri("d")).unwrap().len(), 5);
}

#[test]
fn nothing_is_overwritten_by_create() {
    let Some(gateway) = S3Gateway::start() else { return };
    let storage = gateway.storage(ROOT, &[]);
    let uri = uri("once");
    storage.create(&uri, b"first".into()).unwrap();
    assert_eq!(
        storage.create(&uri, b"second".into()).unwrap_err().code,
        ErrorCode::StorageExists
    );
    assert_eq!(storage.read(&uri).unwrap(), b"first");
}

#[test]
fn what_is_absent_is_named() {
    let Some(gateway) = S3Gateway::start() else { return };
    let storage = gateway.storage(ROOT, &[]);
    let error = storage.read(&uri("none")).unwrap_err();
    assert_eq!(
        (error.code, error.message.as_str()),
        (ErrorCode::StorageNotFound, "There is no s3://flink/ha/none.")
    );
    storage.delete(&uri("none")).unwrap();
    assert_eq!(storage.delete_prefix(&uri("none")).unwrap(), 0);
}

#[test]
fn everything_below_a_prefix_goes_and_nothing_beside_it() {
    let Some(gateway) = S3Gateway::start() else { return };
    let storage = gateway.storage(ROOT, &[]);
    for path in ["job/a", "job/b/c", "job-2/a"] {
        storage.create(&uri(path), b"x".into()).unwrap();
    }
    assert_eq!(storage.delete_prefix(&uri("job")).unwrap(), 2);
    assert!(storage.exists(&uri("job-2/a")).unwrap());
    assert_eq!(storage.delete_prefix(&uri("job-2/a")).unwrap(), 1);
}

#[test]
fn a_result_is_renamed_in_place_of_another() {
    let Some(gateway) = S3Gateway::start() else { return };
    let storage = gateway.storage(ROOT, &[]);
    storage.create(&uri("dirty"), b"new".into()).unwrap();
    storage.create(&uri("clean"), b"old".into()).unwrap();
    storage.rename(&uri("dirty"), &uri("clean")).unwrap();
    assert_eq!(storage.read(&uri("clean")).unwrap(), b"new");
    assert!(!storage.exists(&uri("dirty")).unwrap());
    assert_eq!(
        storage.rename(&uri("dirty"), &uri("clean")).unwrap_err().code,
        ErrorCode::StorageNotFound
    );
}

#[test]
fn files_of_any_size_are_copied_whole() {
    let Some(gateway) = S3Gateway::start() else { return };
    let storage = gateway.storage(ROOT, &[]);
    let directory = tempfile::tempdir().unwrap();
    let (source, target) = (directory.path().join("source"), directory.path().join("target"));
    for size in [1, 8 << 20, (8 << 20) + 1, 50 << 20] {
        let content: Vec<u8> = (0..size)
            .map(|index: usize| u8::try_from(((index * 31) >> 3) % 251).unwrap())
            .collect();
        fs::write(&source, &content).unwrap();
        storage.upload(&source, &uri("jar")).unwrap();
        storage.download(&uri("jar"), &target).unwrap();
        assert!(fs::read(&target).unwrap() == content, "{size}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    let error = storage.download(&uri("none"), &target).unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageNotFound);
}

#[test]
fn every_scheme_of_the_plug_ins_reaches_the_same_objects() {
    let Some(gateway) = S3Gateway::start() else { return };
    gateway.storage(ROOT, &[]).create(&uri("a"), b"x".into()).unwrap();
    for scheme in ["s3a", "s3p"] {
        let root = format!("{scheme}://{BUCKET}/ha");
        assert_eq!(gateway.storage(&root, &[]).read(&format!("{root}/a")).unwrap(), b"x");
    }
}

#[test]
fn what_is_wrong_is_said_in_one_sentence_and_nothing_secret() {
    let Some(gateway) = S3Gateway::start() else { return };
    for (root, settings, code, said) in [
        (
            ROOT,
            &[("s3.secret-key", "wrong")][..],
            ErrorCode::InvalidSetting,
            "SignatureDoesNotMatch",
        ),
        (
            ROOT,
            &[("s3.access-key", "nobody")],
            // Amazon answers 403 and InvalidAccessKeyId.
            ErrorCode::StorageFailed,
            "XAdminUserNotFound",
        ),
        ("s3://no-such-bucket/ha", &[], ErrorCode::StorageFailed, "NoSuchBucket"),
    ] {
        let storage = gateway.storage(root, settings);
        let error = storage.probe(root).unwrap_err();
        assert_eq!(error.code, code, "{error}");
        let prefix = format!("high-availability.storageDir: {root} cannot be used (");
        assert!(
            error.message.starts_with(&prefix) && error.message.contains(said),
            "{error}"
        );
        assert_discreet(&error);
    }
}

/// An S3 that keeps objects in memory, signs nothing, and does to a request what a test says first.
struct Unreliable {
    runtime: tokio::runtime::Runtime,
    server: FaultServer,
}

impl Unreliable {
    fn start(spoil: impl Fn(&Seen, usize) -> Spoiled + Send + Sync + 'static) -> Self {
        let objects = Mutex::new((HashMap::<String, String>::new(), 0));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let server = runtime.block_on(FaultServer::start(move |seen| {
            let mut state = objects.lock().unwrap();
            state.1 += 1;
            let spoiled = spoil(seen, state.1 - 1);
            match spoiled {
                Spoiled::Instead(reaction) => reaction,
                Spoiled::AnswerLost => {
                    answer(&mut state.0, seen);
                    Reaction::Reset
                }
                Spoiled::No => answer(&mut state.0, seen),
            }
        }));
        Self { runtime, server }
    }

    fn storage(&self) -> Storage {
        Storage::open(ROOT, &options(&self.server.url(), &[])).unwrap()
    }
}

impl Drop for Unreliable {
    fn drop(&mut self) {
        let _context = self.runtime.enter();
    }
}

enum Spoiled {
    No,
    Instead(Reaction),
    AnswerLost,
}

fn answer(objects: &mut HashMap<String, String>, seen: &Seen) -> Reaction {
    let stored = "ETag: \"1\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    match (seen.method.as_str(), objects.get(&seen.target)) {
        ("PUT", Some(_)) => Reaction::Answer(412, "", "<Error><Code>PreconditionFailed</Code></Error>".to_owned()),
        ("PUT", None) => {
            objects.insert(seen.target.clone(), seen.body.clone());
            Reaction::Answer(200, stored, String::new())
        }
        (_, Some(content)) => Reaction::Answer(200, stored, content.clone()),
        _ => Reaction::Answer(404, "", "<Error><Code>NoSuchKey</Code></Error>".to_owned()),
    }
}

fn slow_down() -> Reaction {
    Reaction::Answer(
        503,
        "",
        "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>".to_owned(),
    )
}

#[test]
fn a_store_that_is_busy_is_asked_again() {
    let unreliable = Unreliable::start(|_, number| {
        if number < 3 {
            Spoiled::Instead(slow_down())
        } else {
            Spoiled::No
        }
    });
    let storage = unreliable.storage();
    storage.create(&uri("a"), b"content".into()).unwrap();
    assert_eq!(storage.read(&uri("a")).unwrap(), b"content");
}

#[test]
fn a_write_whose_answer_was_lost_is_found_to_be_done() {
    let unreliable = Unreliable::start(|_, number| if number == 0 { Spoiled::AnswerLost } else { Spoiled::No });
    let storage = unreliable.storage();
    storage.create(&uri("a"), b"content".into()).unwrap();
    assert_eq!(
        storage.create(&uri("a"), b"other".into()).unwrap_err().code,
        ErrorCode::StorageExists
    );
}

#[test]
fn an_answer_that_breaks_off_is_read_again() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nETag: \"1\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\ncon";
    let unreliable = Unreliable::start(move |seen, number| {
        if seen.method == "GET" && number < 3 {
            Spoiled::Instead(Reaction::Bytes(half.to_owned()))
        } else {
            Spoiled::No
        }
    });
    let storage = unreliable.storage();
    storage.create(&uri("a"), b"content".into()).unwrap();
    // The answer says of which version it is, so the rest of the same one can be asked for.
    match storage.read(&uri("a")) {
        Ok(content) => assert_eq!(content, b"content"),
        Err(error) => assert_eq!(
            error.code,
            ErrorCode::StorageFailed,
            "never a part for the whole: {error}"
        ),
    }
    let target = tempfile::tempdir().unwrap();
    let file = target.path().join("file");
    if storage.download(&uri("a"), &file).is_err() {
        assert!(!Path::new(&file).exists());
    }
}
