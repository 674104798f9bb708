//! A real HDFS, which all tests of a program share.
//!
//! Started when `FLINKKUBEHA_HDFS_SERVER` names the program, which the rig makes of `tests/hdfs-server`.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use flinkkubeha::storage::Storage;

use super::server_process::ServerProcess;

/// Its default file system, a service of two `NameNode`s.
pub const SERVICE: &str = "hdfs://cluster";

pub struct HdfsServer {
    process: ServerProcess,
    /// Whoever disturbs it is alone.
    quiet: RwLock<()>,
}

/// It ends with this process.
fn server() -> Option<&'static HdfsServer> {
    static SERVER: OnceLock<Option<HdfsServer>> = OnceLock::new();
    let started = SERVER.get_or_init(|| {
        let process = ServerProcess::start("FLINKKUBEHA_HDFS_SERVER", |program, port, _| {
            let mut command = Command::new(program);
            command.arg(port.to_string());
            command
        })?;
        let quiet = RwLock::new(());
        Some(HdfsServer { process, quiet })
    });
    started.as_ref()
}

/// `None`, and a line that says so, where no program is named.
pub fn shared() -> Option<(&'static HdfsServer, RwLockReadGuard<'static, ()>)> {
    let server = server()?;
    Some((server, server.quiet.read().unwrap_or_else(PoisonError::into_inner)))
}

/// For a test that stops it or changes what it answers.
pub fn alone() -> Option<(&'static HdfsServer, RwLockWriteGuard<'static, ()>)> {
    let server = server()?;
    Some((server, server.quiet.write().unwrap_or_else(PoisonError::into_inner)))
}

impl HdfsServer {
    /// What it does, or says, at this path.
    pub fn tell(&self, what: &str) -> String {
        let address = self.process.url();
        let mut stream = TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap();
        write!(stream, "GET /{what} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{what}: {answer}");
        body.to_owned()
    }

    /// Host and port of the active `NameNode`.
    pub fn active(&self) -> String {
        self.tell("active")
    }

    /// All files.
    pub fn files(&self) -> Vec<String> {
        self.tell("files").lines().map(str::to_owned).collect()
    }

    /// With its configuration, as Flink is told where that is, and further settings.
    pub fn storage(&self, root: &str, further: &[(&str, &str)]) -> Storage {
        let directory = self.process.directory().join("conf");
        let mut options = BTreeMap::from([("env.hadoop.conf.dir".to_owned(), directory.to_str().unwrap().to_owned())]);
        options.extend(
            further
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        );
        Storage::open(root, &options).unwrap()
    }
}
