//! A server that keeps a container as Azure's store of blobs does, and checks signatures.
//!
//! Started when `FLINKKUBEHA_AZURITE` names the program, which the rig installs for `tests/azurite`.

use std::process::Command;

use flinkkubeha::storage::Storage;

use super::server_process::ServerProcess;

pub const ACCOUNT: &str = "flinktests";
pub const CONTAINER: &str = "flink";
/// Base64, as Azure hands keys out.
pub const KEY: &str = "a2V5LW9mLXRoaXMtdGVzdA==";

pub struct Azurite(ServerProcess);

impl Azurite {
    /// `None`, and a line that says so, where no program is named.
    pub fn start() -> Option<Self> {
        let server = ServerProcess::start("FLINKKUBEHA_AZURITE", |program, port, _| {
            let mut command = Command::new(program);
            command
                .args([&port.to_string(), CONTAINER])
                .env("ACCOUNT", ACCOUNT)
                .env("KEY", KEY);
            command
        });
        server.map(Self)
    }

    pub fn url(&self) -> String {
        self.0.url()
    }
}

/// The container, below a directory.
pub fn root(container: &str) -> String {
    format!("abfs://{container}@{ACCOUNT}.dfs.core.windows.net/ha")
}

/// Below `root` of the server at that address, with the settings of Flink's plug-in.
pub fn storage(root: &str, url: &str, key: &str) -> Storage {
    let address = url.strip_prefix("http://").unwrap().to_owned();
    let options = [
        ("fs.azure.abfs.endpoint", address),
        ("fs.azure.always.use.https", "false".to_owned()),
        ("fs.azure.account.key.flinktests.dfs.core.windows.net", key.to_owned()),
    ];
    Storage::open(root, &options.map(|(key, value)| (key.to_owned(), value)).into()).unwrap()
}
