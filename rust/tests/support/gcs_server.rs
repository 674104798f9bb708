//! A server that keeps a bucket as Google Cloud Storage does, and checks who asks.
//!
//! Started when `FLINKKUBEHA_GCS_SERVER` names the program, which `tests/gcs-server` builds.

use std::path::PathBuf;
use std::process::Command;

use flinkkubeha::storage::Storage;

use super::server_process::ServerProcess;

pub const BUCKET: &str = "flink";

pub struct GcsServer(ServerProcess);

impl GcsServer {
    /// `None`, and a line that says so, where no program is named.
    pub fn start() -> Option<Self> {
        let server = ServerProcess::start("FLINKKUBEHA_GCS_SERVER", |program, port, _| {
            let mut command = Command::new(program);
            command.args(["--port", &port.to_string(), "--bucket", BUCKET]);
            command
        });
        server.map(Self)
    }

    /// The key of the only account that the server knows.
    pub fn credentials(&self) -> PathBuf {
        self.0.directory().join("credentials.json")
    }

    pub fn url(&self) -> String {
        self.0.url()
    }

    /// Below `root` of the server at that address, with the key of this one.
    pub fn storage(&self, root: &str, url: &str) -> Storage {
        let credentials = self.credentials().to_str().unwrap().to_owned();
        let options = [
            ("gs.storage.root.url", url.to_owned()),
            ("gs.auth.service.account.json.keyfile", credentials),
        ];
        Storage::open(root, &options.map(|(key, value)| (key.to_owned(), value)).into()).unwrap()
    }
}
