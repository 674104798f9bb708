//! A gateway that speaks S3 with signatures, in front of a directory.
//!
//! Started when `FLINKKUBEHA_S3_GATEWAY` names the program, which `tests/s3-gateway` builds.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use flinkkubeha::storage::Storage;

use super::server_process::ServerProcess;

pub const ACCESS_KEY: &str = "access-key-of-this-test";
pub const SECRET_KEY: &str = "secret-key-of-this-test";
pub const BUCKET: &str = "flink";
/// Where the gateway keeps what it knows of objects, so that the file system need not have extended attributes.
const SIDECAR: &str = "known";

pub struct S3Gateway(ServerProcess);

impl S3Gateway {
    /// `None`, and a line that says so, where no program is named.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// With further options of the gateway.
    pub fn start_with(options: &[&str]) -> Option<Self> {
        ServerProcess::start("FLINKKUBEHA_S3_GATEWAY", |program, port, directory| {
            let [objects, known] = ["objects", SIDECAR].map(|name| directory.join(name));
            std::fs::create_dir_all(objects.join(BUCKET)).unwrap();
            std::fs::create_dir(&known).unwrap();
            let mut command = Command::new(program);
            command
                .args(["--port", &format!("127.0.0.1:{port}"), "--quiet"])
                .args(options)
                .args(["posix", "--sidecar"])
                .args([&known, &objects])
                .env("ROOT_ACCESS_KEY", ACCESS_KEY)
                .env("ROOT_SECRET_KEY", SECRET_KEY);
            command
        })
        .map(Self)
    }

    /// The file behind an object.
    pub fn file(&self, key: &str) -> PathBuf {
        self.0.directory().join("objects").join(BUCKET).join(key)
    }

    pub fn url(&self) -> String {
        self.0.url()
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
