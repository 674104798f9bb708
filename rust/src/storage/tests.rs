#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::Barrier;

use tempfile::TempDir;

use super::*;

/// A storage in a directory of its own.
struct Fixture {
    directory: TempDir,
    storage: Storage,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = format!("file://{}/ha", directory.path().display());
        let storage = Storage::open(&root, &BTreeMap::new()).unwrap();
        Self { directory, storage }
    }

    /// Of a path below the root that needs no quoting.
    fn uri(&self, path: &str) -> String {
        format!("file:{}", self.path(path).display())
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join("ha").join(path)
    }

    fn code<T: std::fmt::Debug>(result: Result<T, HaError>) -> ErrorCode {
        result.unwrap_err().code
    }
}

#[test]
fn an_object_comes_back_as_it_was_written() {
    let fixture = Fixture::new();
    let storage = &fixture.storage;
    for content in [Vec::new(), b"content".to_vec(), vec![0xa5; 5 << 20]] {
        let uri = fixture.uri(&format!("a/b/{}", content.len()));
        assert!(!storage.exists(&uri).unwrap());
        storage.create(&uri, content.clone()).unwrap();
        assert!(storage.exists(&uri).unwrap());
        assert_eq!(storage.read(&uri).unwrap(), content);
    }
    assert_eq!(fs::read(fixture.path("a/b/7")).unwrap(), b"content");
    // Nothing else is left, not even of what a write needs on its way.
    assert_eq!(fs::read_dir(fixture.path("a/b")).unwrap().count(), 3);
}

#[test]
fn names_are_those_of_the_files_that_flink_uses() {
    let fixture = Fixture::new();
    let storage = &fixture.storage;
    for (quoted, name) in [
        ("a%20b", "a b"),
        ("a+b", "a+b"),
        ("a%2520b", "a%20b"),
        ("100%25", "100%"),
        ("a%23b", "a#b"),
        ("a%23", "a#"),
        ("a%3Fb", "a?b"),
        ("%5Bx%5D%7B%7D%5E%60%7C%22%3C%3E~*%5C", "[x]{}^`|\"<>~*\\"),
        ("a:b;c=d&e,f@g!$'()", "a:b;c=d&e,f@g!$'()"),
        ("\u{fc}\u{f1}\u{4e2d}\u{1f980}", "\u{fc}\u{f1}\u{4e2d}\u{1f980}"),
        ("u%CC%88", "u\u{308}"),
        ("a%C2%A0b", "a\u{a0}b"),
        ("%252e%252e", "%2e%2e"),
        ("...", "..."),
    ] {
        let directory = fixture.uri(&format!("d%20{quoted}"));
        let uri = format!("{directory}/{quoted}");
        storage.create(&uri, name.into()).unwrap();
        let file = fixture.path(&format!("d {name}")).join(name);
        assert_eq!(fs::read(&file).unwrap(), name.as_bytes(), "{uri}");
        assert_eq!(storage.read(&uri).unwrap(), name.as_bytes());
        assert_eq!(storage.list(&directory).unwrap(), [name]);
        storage.rename(&uri, &format!("{uri}x")).unwrap();
        assert!(!file.exists());
        assert!(storage.delete(&format!("{uri}x")).unwrap());
        storage.upload(&fixture_file(&fixture, b"up"), &uri).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"up");
        assert_eq!(storage.delete_prefix(&directory).unwrap(), 1);
    }
}

fn fixture_file(fixture: &Fixture, content: &[u8]) -> PathBuf {
    let file = fixture.directory.path().join("local");
    fs::write(&file, content).unwrap();
    file
}

#[test]
fn names_that_object_store_keeps_for_itself_are_left_to_flink() {
    let fixture = Fixture::new();
    let storage = &fixture.storage;
    for name in ["a%231", "C%7C", "C:"] {
        let uri = fixture.uri(name);
        assert_eq!(Fixture::code(storage.create(&uri, vec![])), ErrorCode::Unsupported);
        assert_eq!(Fixture::code(storage.read(&uri)), ErrorCode::Unsupported);
        assert_eq!(Fixture::code(storage.delete(&uri)), ErrorCode::Unsupported);
        let rename = storage.rename(&fixture.uri("other"), &uri);
        assert_eq!(Fixture::code(rename), ErrorCode::Unsupported);
    }
    assert_eq!(fs::read_dir(fixture.directory.path()).unwrap().count(), 0);
    // A directory may have such a name.
    let directory = fixture.uri("a%231");
    storage.create(&format!("{directory}/b"), vec![]).unwrap();
    assert_eq!(storage.list(&directory).unwrap(), ["b"]);
}

#[test]
fn an_object_is_created_once() {
    let fixture = Fixture::new();
    let uri = fixture.uri("object");
    fixture.storage.create(&uri, b"first".to_vec()).unwrap();
    let error = fixture.storage.create(&uri, b"second".to_vec()).unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageExists);
    assert_eq!(error.message, format!("{uri} exists already."));
    assert_eq!(fixture.storage.read(&uri).unwrap(), b"first");
}

#[test]
fn a_file_in_place_of_a_directory_is_not_an_object_that_exists() {
    let fixture = Fixture::new();
    fixture.storage.create(&fixture.uri("file"), vec![]).unwrap();
    let below = fixture.uri("file/object");
    // A fresh storage looks at the directory itself, one that has written before leaves it to the library.
    for fixture_storage in [Fixture::new().storage, Storage::open(&below, &BTreeMap::new()).unwrap()] {
        let error = fixture_storage.create(&below, vec![]).unwrap_err();
        assert_eq!(error.code, ErrorCode::StorageFailed, "{error}");
    }
    let error = fixture.storage.create(&below, vec![]).unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageFailed, "{error}");
    assert!(error.message.contains("Not a directory"), "{error}");
}

#[test]
fn of_many_writers_of_a_name_one_wins() {
    let fixture = Fixture::new();
    let uri = fixture.uri("new/directory/object");
    let start = Barrier::new(8);
    let won: Vec<u8> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8_u8)
            .map(|writer| {
                let (storage, uri, start) = (&fixture.storage, &uri, &start);
                scope.spawn(move || {
                    start.wait();
                    match storage.create(uri, vec![writer; 100_000]) {
                        Ok(()) => Some(writer),
                        Err(error) => {
                            assert_eq!(error.code, ErrorCode::StorageExists, "{error}");
                            None
                        }
                    }
                })
            })
            .collect();
        writers
            .into_iter()
            .filter_map(|writer| writer.join().unwrap())
            .collect()
    });
    assert_eq!(won.len(), 1);
    assert_eq!(fixture.storage.read(&uri).unwrap(), vec![won[0]; 100_000]);
    assert_eq!(fs::read_dir(fixture.path("new/directory")).unwrap().count(), 1);
}

#[test]
fn what_is_absent_is_missing_and_deleting_it_is_fine() {
    let fixture = Fixture::new();
    let storage = &fixture.storage;
    storage.create(&fixture.uri("file"), vec![]).unwrap();
    storage.ensure_directory(&fixture.uri("directory")).unwrap();
    for path in ["absent", "no/where", "file/below", "directory"] {
        let uri = fixture.uri(path);
        let error = storage.read(&uri).unwrap_err();
        assert_eq!(error.code, ErrorCode::StorageNotFound, "{error}");
        assert_eq!(error.message, format!("There is no {uri}."));
        assert!(!storage.exists(&uri).unwrap());
    }
    for path in ["absent", "no/where", "file/below"] {
        let uri = fixture.uri(path);
        assert!(!storage.delete(&uri).unwrap());
        assert_eq!(storage.delete_prefix(&uri).unwrap(), 0);
    }
    assert_eq!(storage.list(&fixture.uri("absent")).unwrap(), [""; 0]);
    let rename = storage.rename(&fixture.uri("absent"), &fixture.uri("x/other"));
    assert_eq!(Fixture::code(rename), ErrorCode::StorageNotFound);
    let local = fixture.directory.path().join("down");
    let download = storage.download(&fixture.uri("absent"), &local);
    assert_eq!(Fixture::code(download), ErrorCode::StorageNotFound);
    assert!(!local.exists());
}

#[test]
fn a_prefix_goes_with_its_directories_and_no_others() {
    let fixture = Fixture::new();
    let storage = &fixture.storage;
    for path in ["c/blob/job_1/a", "c/blob/job_1/b/c", "c/blob/job_2/d", "c/e"] {
        storage.create(&fixture.uri(path), vec![]).unwrap();
    }
    fs::write(fixture.path("c/blob/job_1/left#1"), b"by a crash").unwrap();
    let outside = fixture.directory.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), b"").unwrap();
    symlink(&outside, fixture.path("c/blob/job_1/link")).unwrap();
    assert_eq!(storage.delete_prefix(&fixture.uri("c/blob/job_1")).unwrap(), 4);
    assert!(outside.join("kept").exists());
    assert!(!fixture.path("c/blob/job_1").exists());
    assert!(fixture.path("c/blob/job_2/d").exists());
    // A single object, as stock deletes a blob: the directories that it leaves empty go too.
    assert_eq!(storage.delete_prefix(&fixture.uri("c/blob/job_2/d")).unwrap(), 1);
    assert!(!fixture.path("c/blob").exists());
    assert_eq!(storage.delete_prefix(&fixture.uri("c")).unwrap(), 1);
    assert!(fixture.path("").exists(), "the root stays");
}

#[test]
fn files_directly_below_are_listed_whatever_lies_beside_them() {
    let fixture = Fixture::new();
    let storage = &fixture.storage;
    for path in ["list/b", "list/a", "list/directory/c"] {
        storage.create(&fixture.uri(path), vec![]).unwrap();
    }
    fs::write(fixture.path("list/a#1"), b"incomplete").unwrap();
    fs::write(fixture.path("list/line\nfeed"), b"").unwrap();
    symlink("nowhere", fixture.path("list/broken")).unwrap();
    assert_eq!(storage.list(&fixture.uri("list")).unwrap(), ["a", "b", "line\nfeed"]);
    assert_eq!(
        Fixture::code(storage.list(&fixture.uri("list/a"))),
        ErrorCode::StorageFailed
    );
}

#[test]
fn objects_are_listed_with_what_the_file_system_says_of_them() {
    let fixture = Fixture::new();
    let storage = &fixture.storage;
    storage.create(&fixture.uri("objects/b"), b"four".to_vec()).unwrap();
    storage.create(&fixture.uri("objects/a"), vec![]).unwrap();
    storage.create(&fixture.uri("objects/directory/c"), vec![]).unwrap();
    fs::write(fixture.path("objects/a#1"), b"incomplete").unwrap();
    let objects = storage.objects(&fixture.uri("objects")).unwrap();
    let seen: Vec<_> = objects.iter().map(|one| (one.name.as_str(), one.size)).collect();
    assert_eq!(seen, [("a", 0), ("b", 4)]);
    for object in objects {
        let file = fixture.path("objects").join(&object.name);
        assert_eq!(object.modified, fs::metadata(file).unwrap().modified().unwrap());
    }
    assert_eq!(storage.objects(&fixture.uri("absent")).unwrap(), []);
}

#[test]
fn renaming_makes_the_directory_and_replaces_what_is_there() {
    let fixture = Fixture::new();
    let storage = &fixture.storage;
    let (from, to) = (fixture.uri("job_DIRTY.json"), fixture.uri("other/job.json"));
    for content in ["first", "second"] {
        storage.create(&from, content.into()).unwrap();
        storage.rename(&from, &to).unwrap();
        assert!(!storage.exists(&from).unwrap());
        assert_eq!(storage.read(&to).unwrap(), content.as_bytes());
    }
}

#[test]
fn files_of_any_size_go_up_and_down() {
    let fixture = Fixture::new();
    let storage = &fixture.storage;
    let uri = fixture.uri("blob/job_1/blob_p-1");
    let down = fixture.directory.path().join("down");
    for size in [0, 1, 8 << 20, (8 << 20) + 1, (16 << 20) + 12_345] {
        let content: Vec<u8> = (0..size).map(|index: u32| (index % 251) as u8).collect();
        let up = fixture_file(&fixture, &content);
        storage.upload(&up, &uri).unwrap();
        storage.download(&uri, &down).unwrap();
        assert!(fs::read(&down).unwrap() == content, "{size} bytes");
    }
    assert_eq!(fs::read_dir(fixture.path("blob/job_1")).unwrap().count(), 1);
    // ha, local, down.
    assert_eq!(fs::read_dir(fixture.directory.path()).unwrap().count(), 3);
}

#[test]
fn a_copy_that_fails_leaves_nothing() {
    let fixture = Fixture::new();
    let storage = &fixture.storage;
    let uri = fixture.uri("blob");
    let absent = fixture.directory.path().join("absent");
    let error = storage.upload(&absent, &uri).unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageFailed);
    assert!(error.message.contains("absent failed: No such file"), "{error}");
    // A directory can be opened and not read.
    let error = storage.upload(fixture.directory.path(), &uri).unwrap_err();
    assert!(error.message.contains("Is a directory"), "{error}");
    assert_eq!(fs::read_dir(fixture.path("")).unwrap().count(), 0);

    storage.create(&uri, vec![]).unwrap();
    let target = fixture.directory.path().join("target");
    fs::create_dir(&target).unwrap();
    let error = storage.download(&uri, &target).unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageFailed);
    assert_eq!(fs::read_dir(fixture.directory.path()).unwrap().count(), 2);
}

#[test]
fn a_probe_leaves_nothing() {
    let fixture = Fixture::new();
    fixture.storage.probe(&fixture.uri("a%20b")).unwrap();
    assert_eq!(fs::read_dir(fixture.path("a b")).unwrap().count(), 0);
}

#[test]
fn a_probe_that_fails_names_key_value_answer_and_remedy() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.path("")).unwrap();
    fs::write(fixture.path("a file"), b"").unwrap();
    let error = fixture.storage.probe(&fixture.uri("a%20file")).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidSetting);
    let uri = fixture.uri("a file");
    assert_eq!(
        error.message,
        format!(
            "high-availability.storageDir: {uri} cannot be used (Not a directory (os error 20)): \
             remove the file that is where a directory should be, or set another directory."
        )
    );
    let error = fixture.storage.probe("file:/proc/flink").unwrap_err();
    assert!(
        error
            .message
            .starts_with("high-availability.storageDir: file:/proc/flink "),
        "{error}"
    );
    let long = fixture.uri(&"x".repeat(300));
    let error = fixture.storage.probe(&long).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidSetting, "{error}");
}

#[test]
fn a_directory_without_permission_is_explained() {
    let fixture = Fixture::new();
    fixture.storage.ensure_directory(&fixture.uri("closed")).unwrap();
    fs::set_permissions(fixture.path("closed"), fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(fixture.path("closed/by-root"), b"").is_ok() {
        eprintln!("skipped: this user may write everywhere");
        return;
    }
    let error = fixture.storage.probe(&fixture.uri("closed")).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidSetting);
    assert!(error.message.contains("let the user that runs Flink"), "{error}");
}

#[test]
fn a_storage_opens_for_its_scheme_alone() {
    let open = |root: &str| Storage::open(root, &BTreeMap::new());
    assert!(open("file:///absent/directory").is_ok());
    for (root, code) in [
        #[cfg(feature = "hdfs")]
        ("hdfs:ha", ErrorCode::Unsupported),
        #[cfg(not(feature = "hdfs"))]
        ("hdfs:///ha", ErrorCode::Unsupported),
        ("oss://bucket/ha", ErrorCode::Unsupported),
        #[cfg(feature = "s3")]
        ("s3:/ha", ErrorCode::InvalidSetting),
        #[cfg(feature = "gs")]
        ("gs:/ha", ErrorCode::InvalidSetting),
        #[cfg(feature = "azure")]
        ("wasbs:/ha", ErrorCode::InvalidSetting),
        ("/ha", ErrorCode::InvalidSetting),
        ("file://ha/x", ErrorCode::InvalidSetting),
    ] {
        assert_eq!(open(root).err().unwrap().code, code, "{root}");
    }
    let options = BTreeMap::from([("file.magic".to_owned(), "on".to_owned())]);
    let error = Storage::open("file:/ha", &options).err().unwrap();
    assert_eq!(error.code, ErrorCode::Unsupported);
    assert!(error.message.contains("file.magic"));
    let read = open("file:/ha").unwrap().read("s3://bucket/ha");
    assert_eq!(Fixture::code(read), ErrorCode::Unsupported);
}
