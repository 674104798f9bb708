//! A server that a test starts for itself, with a directory of its own.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const READY_LIMIT: Duration = Duration::from_secs(300);

pub struct ServerProcess {
    child: Child,
    port: u16,
    directory: tempfile::TempDir,
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl ServerProcess {
    /// The variable names the program; `None`, and a line that says so, where it does not. `command` is given the program, a free
    /// port and an empty directory.
    pub fn start(variable: &str, command: impl FnOnce(&OsStr, u16, &Path) -> Command) -> Option<Self> {
        let Some(program) = std::env::var_os(variable) else {
            // Not by a macro: the test harness would swallow it.
            let _ = writeln!(std::io::stderr(), "SKIPPED: {variable} names no program");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = directory.path().join("log");
        let child = command(&program, port, directory.path())
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(File::create(&log).unwrap())
            .stderr(File::options().append(true).open(&log).unwrap())
            .spawn()
            .unwrap();
        let mut server = Self { child, port, directory };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.child.try_wait().unwrap();
            assert!(
                ended.is_none() && started.elapsed() < READY_LIMIT,
                "{variable}: the server does not answer: {ended:?}: {}",
                std::fs::read_to_string(&log).unwrap()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
