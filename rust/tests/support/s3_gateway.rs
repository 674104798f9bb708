//! A gateway that speaks S3 with signatures, in front of a directory.
//!
//! Started when `FLINKKUBEHA_S3_GATEWAY` names the program, which `tests/s3-gateway` builds.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use flinkkubeha::storage::Storage;

const PROGRAM: &str = "FLINKKUBEHA_S3_GATEWAY";
const READY_LIMIT: Duration = Duration::from_secs(60);
pub const ACCESS_KEY: &str = "access-key-of-this-test";
pub const SECRET_KEY: &str = "secret-key-of-this-test";
pub const BUCKET: &str = "flink";
/// Where the gateway keeps what it knows of objects, so that the file system need not have extended attributes.
const SIDECAR: &str = "known";

pub struct S3Gateway {
    child: Child,
    port: u16,
    directory: tempfile::TempDir,
}

impl Drop for S3Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl S3Gateway {
    /// `None`, and a line that says so, where no program is named.
    pub fn start() -> Option<Self> {
        let Some(program) = std::env::var_os(PROGRAM) else {
            // Not by a macro: the test harness would swallow it.
            let _ = writeln!(std::io::stderr(), "SKIPPED: {PROGRAM} names no S3 gateway");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let [objects, known, log] = ["objects", SIDECAR, "log"].map(|name| directory.path().join(name));
        std::fs::create_dir_all(objects.join(BUCKET)).unwrap();
        std::fs::create_dir(&known).unwrap();
        let child = Command::new(program)
            .args(["--port", &format!("127.0.0.1:{port}"), "--quiet", "posix", "--sidecar"])
            .args([&known, &objects])
            .env("ROOT_ACCESS_KEY", ACCESS_KEY)
            .env("ROOT_SECRET_KEY", SECRET_KEY)
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&log).unwrap())
            .stderr(std::fs::File::options().append(true).open(&log).unwrap())
            .spawn()
            .unwrap();
        let mut gateway = Self { child, port, directory };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = gateway.child.try_wait().unwrap();
            assert!(
                ended.is_none() && started.elapsed() < READY_LIMIT,
                "the gateway does not answer: {ended:?}: {}",
                std::fs::read_to_string(&log).unwrap()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(gateway)
    }

    /// The file behind an object.
    pub fn file(&self, key: &str) -> PathBuf {
        self.directory.path().join("objects").join(BUCKET).join(key)
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Below `root`, with the settings of Flink's plug-ins and these in addition or instead.
    pub fn storage(&self, root: &str, settings: &[(&str, &str)]) -> Storage {
        Storage::open(root, &options(&self.url(), settings)).unwrap()
    }
}

/// What Flink's plug-ins are told for a server at this address.
pub fn options(endpoint: &str, settings: &[(&str, &str)]) -> BTreeMap<String, String> {
    let usual = [
        ("s3.endpoint", endpoint),
        ("s3.path.style.access", "true"),
        ("s3.access-key", ACCESS_KEY),
        ("s3.secret-key", SECRET_KEY),
    ];
    let all = usual.iter().chain(settings);
    all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}
