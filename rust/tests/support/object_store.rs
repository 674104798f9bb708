//! What holds of native storage on every store behind a network.

use std::collections::HashMap;
use std::fs;
use std::sync::Mutex;

use flinkkubeha::error::ErrorCode;
use flinkkubeha::storage::Storage;

use super::fault_server::{FaultServer, Reaction, Seen};
use super::path::{Path, Reset};

/// A real server with one bucket or container.
pub trait ObjectStoreServer: Sized {
    const ROOT: &'static str;
    /// How it refuses to overwrite an object.
    const REFUSAL: (u16, &'static str);
    /// Its word for an object that is absent.
    const ABSENCE: &'static str;

    /// `None`, and a line that says so, where no program is named.
    fn start() -> Option<Self>;

    fn url(&self) -> String;

    /// With the settings of Flink's plug-in; another server at this address in place of it.
    fn storage_at(&self, url: Option<&str>) -> Storage;
}

/// One test for each of the functions below.
#[macro_export]
macro_rules! object_store_tests {
    ($server:ty) => {
        $crate::object_store_tests!($server:
            an_object_comes_back_as_it_was_written,
            names_of_any_characters_are_kept,
            nothing_is_overwritten_by_create,
            what_is_absent_is_named,
            everything_below_a_prefix_goes_and_nothing_beside_it,
            a_result_is_renamed_in_place_of_another,
            files_of_any_size_are_copied_whole,
            a_large_file_survives_connections_that_are_reset_in_the_middle,
            a_store_that_is_busy_is_asked_again,
            a_write_whose_answer_was_lost_is_found_to_be_done,
            an_answer_that_breaks_off_is_read_again
        );
    };
    ($server:ty: $($name:ident),*) => {
        $(
            #[test]
            fn $name() {
                support::object_store::$name::<$server>();
            }
        )*
    };
}

fn uri<S: ObjectStoreServer>(path: &str) -> String {
    format!("{}/{path}", S::ROOT)
}

pub fn an_object_comes_back_as_it_was_written<S: ObjectStoreServer>() {
    let Some(server) = S::start() else { return };
    let storage = server.storage_at(None);
    storage.probe(S::ROOT).unwrap();
    for content in [b"content".to_vec(), vec![0xa5; 5 << 20]] {
        let uri = uri::<S>(&format!("a/b/{}", content.len()));
        assert!(!storage.exists(&uri).unwrap());
        storage.create(&uri, content.clone()).unwrap();
        assert!(storage.exists(&uri).unwrap());
        assert_eq!(storage.read(&uri).unwrap(), content);
    }
    assert_eq!(storage.list(&uri::<S>("a/b")).unwrap(), ["5242880", "7"]);
    assert_eq!(
        storage.list(&uri::<S>("a")).unwrap(),
        [""; 0],
        "directories are no objects"
    );
    let objects = storage.objects(&uri::<S>("a/b")).unwrap();
    let seen: Vec<_> = objects.iter().map(|one| (one.name.as_str(), one.size)).collect();
    assert_eq!(seen, [("5242880", 5 << 20), ("7", 7)]);
    let is_new = |modified: std::time::SystemTime| modified.elapsed().is_ok_and(|age| age.as_secs() < 3600);
    assert!(objects.iter().all(|one| is_new(one.modified)));
    assert_eq!(storage.objects(&uri::<S>("a")).unwrap(), []);
    assert_eq!(storage.list(&uri::<S>("none")).unwrap(), [""; 0]);
}

pub fn names_of_any_characters_are_kept<S: ObjectStoreServer>() {
    let Some(server) = S::start() else { return };
    let storage = server.storage_at(None);
    let names = [
        ("a%20b", "a b"),
        ("a+b", "a+b"),
        ("a%2520b", "a%20b"),
        ("x&y=z;$@!'(),:", "x&y=z;$@!'(),:"),
        ("\u{fc}\u{1f980}", "\u{fc}\u{1f980}"),
    ];
    for (quoted, name) in names {
        storage.create(&uri::<S>(&format!("d/{quoted}")), name.into()).unwrap();
        assert_eq!(
            storage.read(&uri::<S>(&format!("d/{quoted}"))).unwrap(),
            name.as_bytes()
        );
    }
    let mut sorted = names.map(|(_, name)| name);
    sorted.sort_unstable();
    assert_eq!(storage.list(&uri::<S>("d")).unwrap(), sorted);
}

pub fn nothing_is_overwritten_by_create<S: ObjectStoreServer>() {
    let Some(server) = S::start() else { return };
    let storage = server.storage_at(None);
    let uri = uri::<S>("once");
    storage.create(&uri, b"first".into()).unwrap();
    assert_eq!(
        storage.create(&uri, b"second".into()).unwrap_err().code,
        ErrorCode::StorageExists
    );
    assert_eq!(storage.read(&uri).unwrap(), b"first");
}

pub fn what_is_absent_is_named<S: ObjectStoreServer>() {
    let Some(server) = S::start() else { return };
    let storage = server.storage_at(None);
    let uri = uri::<S>("none");
    let error = storage.read(&uri).unwrap_err();
    assert_eq!(
        (error.code, error.message),
        (ErrorCode::StorageNotFound, format!("There is no {uri}."))
    );
    storage.delete(&uri).unwrap();
    assert_eq!(storage.delete_prefix(&uri).unwrap(), 0);
}

pub fn everything_below_a_prefix_goes_and_nothing_beside_it<S: ObjectStoreServer>() {
    let Some(server) = S::start() else { return };
    let storage = server.storage_at(None);
    for path in ["job/a", "job/b/c", "job-2/a"] {
        storage.create(&uri::<S>(path), b"x".into()).unwrap();
    }
    assert_eq!(storage.delete_prefix(&uri::<S>("job")).unwrap(), 2);
    assert!(storage.exists(&uri::<S>("job-2/a")).unwrap());
    assert_eq!(storage.delete_prefix(&uri::<S>("job-2/a")).unwrap(), 1);
}

pub fn a_result_is_renamed_in_place_of_another<S: ObjectStoreServer>() {
    let Some(server) = S::start() else { return };
    let storage = server.storage_at(None);
    let (dirty, clean) = (uri::<S>("dirty"), uri::<S>("clean"));
    storage.create(&dirty, b"new".into()).unwrap();
    storage.create(&clean, b"old".into()).unwrap();
    storage.rename(&dirty, &clean).unwrap();
    assert_eq!(storage.read(&clean).unwrap(), b"new");
    assert!(!storage.exists(&dirty).unwrap());
    assert_eq!(
        storage.rename(&dirty, &clean).unwrap_err().code,
        ErrorCode::StorageNotFound
    );
}

pub fn files_of_any_size_are_copied_whole<S: ObjectStoreServer>() {
    let Some(server) = S::start() else { return };
    let storage = server.storage_at(None);
    let directory = tempfile::tempdir().unwrap();
    let (source, target) = (directory.path().join("source"), directory.path().join("target"));
    for size in [1, 8 << 20, (8 << 20) + 1, 50 << 20] {
        let content: Vec<u8> = (0..size)
            .map(|index: usize| u8::try_from(((index * 31) >> 3) % 251).unwrap())
            .collect();
        fs::write(&source, &content).unwrap();
        storage.upload(&source, &uri::<S>("jar")).unwrap();
        storage.download(&uri::<S>("jar"), &target).unwrap();
        assert!(fs::read(&target).unwrap() == content, "{size}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    let error = storage.download(&uri::<S>("none"), &target).unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageNotFound);
}

/// Bytes without a period that a piece or a page has.
pub fn unrepeated(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(size.div_ceil(8)).flatten().take(size).collect()
}

pub fn a_large_file_survives_connections_that_are_reset_in_the_middle<S: ObjectStoreServer>() {
    let Some(server) = S::start() else { return };
    let url = server.url();
    let directory = tempfile::tempdir().unwrap();
    let (source, target) = (directory.path().join("source"), directory.path().join("target"));
    let content = unrepeated((64 << 20) + 4321);
    fs::write(&source, &content).unwrap();

    let up = Path::to(&url, &[Reset::Up(5 << 20), Reset::Up(100_000), Reset::Up(7 << 20)]);
    server
        .storage_at(Some(&up.url()))
        .upload(&source, &uri::<S>("jar"))
        .unwrap();
    assert_eq!(up.resets_left(), 0);

    let down = Path::to(&url, &[Reset::Down(20 << 20), Reset::Down(3 << 20)]);
    server
        .storage_at(Some(&down.url()))
        .download(&uri::<S>("jar"), &target)
        .unwrap();
    assert_eq!(down.resets_left(), 0);
    assert!(fs::read(&target).unwrap() == content);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

/// A store that keeps objects in memory, checks no signature, and does to a request what a test says first.
struct Unreliable {
    runtime: tokio::runtime::Runtime,
    server: FaultServer,
}

enum Spoiled {
    No,
    Instead(Reaction),
    AnswerLost,
}

impl Unreliable {
    fn start<S: ObjectStoreServer>(spoil: impl Fn(&Seen, usize) -> Spoiled + Send + Sync + 'static) -> Self {
        let objects = Mutex::new((HashMap::<String, String>::new(), 0));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let server = runtime.block_on(FaultServer::start(move |seen| {
            let mut state = objects.lock().unwrap();
            state.1 += 1;
            let spoiled = spoil(seen, state.1 - 1);
            match spoiled {
                Spoiled::Instead(reaction) => reaction,
                Spoiled::AnswerLost => {
                    answer::<S>(&mut state.0, seen);
                    Reaction::Reset
                }
                Spoiled::No => answer::<S>(&mut state.0, seen),
            }
        }));
        Self { runtime, server }
    }
}

impl Drop for Unreliable {
    fn drop(&mut self) {
        let _context = self.runtime.enter();
    }
}

fn answer<S: ObjectStoreServer>(objects: &mut HashMap<String, String>, seen: &Seen) -> Reaction {
    let stored = "ETag: \"1\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    let error = |code: &str| format!("<Error><Code>{code}</Code></Error>");
    match (seen.method.as_str(), objects.get(&seen.target)) {
        ("PUT", Some(_)) => Reaction::Answer(S::REFUSAL.0, "", error(S::REFUSAL.1)),
        ("PUT", None) => {
            objects.insert(seen.target.clone(), seen.body.clone());
            Reaction::Answer(201, stored, String::new())
        }
        (_, Some(content)) => Reaction::Answer(200, stored, content.clone()),
        _ => Reaction::Answer(404, "", error(S::ABSENCE)),
    }
}

pub fn a_store_that_is_busy_is_asked_again<S: ObjectStoreServer>() {
    let Some(server) = S::start() else { return };
    let slow_down = "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>";
    let unreliable = Unreliable::start::<S>(move |_, number| {
        if number < 3 {
            Spoiled::Instead(Reaction::Answer(503, "", slow_down.to_owned()))
        } else {
            Spoiled::No
        }
    });
    let storage = server.storage_at(Some(&unreliable.server.url()));
    storage.create(&uri::<S>("a"), b"content".into()).unwrap();
    assert_eq!(storage.read(&uri::<S>("a")).unwrap(), b"content");
}

pub fn a_write_whose_answer_was_lost_is_found_to_be_done<S: ObjectStoreServer>() {
    let Some(server) = S::start() else { return };
    let unreliable = Unreliable::start::<S>(|_, number| if number == 0 { Spoiled::AnswerLost } else { Spoiled::No });
    let storage = server.storage_at(Some(&unreliable.server.url()));
    storage.create(&uri::<S>("a"), b"content".into()).unwrap();
    assert_eq!(
        storage.create(&uri::<S>("a"), b"other".into()).unwrap_err().code,
        ErrorCode::StorageExists
    );
}

pub fn an_answer_that_breaks_off_is_read_again<S: ObjectStoreServer>() {
    let Some(server) = S::start() else { return };
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nETag: \"1\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\ncon";
    let unreliable = Unreliable::start::<S>(move |seen, number| {
        if seen.method == "GET" && number < 3 {
            Spoiled::Instead(Reaction::Bytes(half.to_owned()))
        } else {
            Spoiled::No
        }
    });
    let storage = server.storage_at(Some(&unreliable.server.url()));
    storage.create(&uri::<S>("a"), b"content".into()).unwrap();
    // The answer says of which version it is, so the rest of the same one can be asked for.
    match storage.read(&uri::<S>("a")) {
        Ok(content) => assert_eq!(content, b"content"),
        Err(error) => assert_eq!(
            error.code,
            ErrorCode::StorageFailed,
            "never a part for the whole: {error}"
        ),
    }
    let target = tempfile::tempdir().unwrap();
    let file = target.path().join("file");
    if storage.download(&uri::<S>("a"), &file).is_err() {
        assert!(!file.exists());
    }
}
