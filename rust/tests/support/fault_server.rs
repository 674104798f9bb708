//! An HTTP/1.1 server that does to each request what a test says, also what no real server does on demand.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Number of the connection, from 0.
    pub connection: usize,
    pub method: String,
    pub target: String,
    pub authorization: String,
    pub user_agent: String,
    pub body: String,
}

/// What to do to a request.
#[derive(Clone, Debug)]
pub enum Reaction {
    /// Status, further headers, body.
    Answer(u16, &'static str, String),
    /// Nothing, for ever.
    Hang,
    /// A reset of the connection.
    Reset,
    /// These bytes, and the end of the connection.
    Bytes(String),
    /// These bytes, and nothing more.
    BytesThenHang(String),
}

impl Reaction {
    pub fn json(status: u16, value: &Value) -> Self {
        Self::Answer(status, "Content-Type: application/json\r\n", value.to_string())
    }

    pub fn status(code: u16, reason: &str, message: &str) -> Self {
        Self::json(
            code,
            &json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message}),
        )
    }

    /// A watch that brings these lines and ends.
    pub fn events(lines: &[&str]) -> Self {
        Self::Answer(200, "", lines.concat())
    }
}

pub struct FaultServer {
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FaultServer {
    pub async fn start(react: impl Fn(&Seen) -> Reaction + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let react: Arc<dyn Fn(&Seen) -> Reaction + Send + Sync> = Arc::new(react);
        let task = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                for connection in 0.. {
                    let (stream, _) = listener.accept().await.unwrap();
                    tokio::spawn(serve(stream, connection, Arc::clone(&react), Arc::clone(&seen)));
                }
            }
        });
        Self { port, seen, task }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    react: Arc<dyn Fn(&Seen) -> Reaction + Send + Sync>,
    seen: Arc<Mutex<Vec<Seen>>>,
) {
    let mut buffer = Vec::new();
    while let Some(request) = read_request(&mut stream, &mut buffer, connection).await {
        seen.lock().unwrap().push(request.clone());
        match react(&request) {
            Reaction::Answer(status, headers, body) => {
                let head = format!(
                    "HTTP/1.1 {status} Code\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: {}\r\n{headers}\r\n",
                    body.len()
                );
                if stream.write_all((head + &body).as_bytes()).await.is_err() {
                    return;
                }
            }
            Reaction::Hang => std::future::pending().await,
            Reaction::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Reaction::Bytes(bytes) => {
                let _ = stream.write_all(bytes.as_bytes()).await;
                return;
            }
            Reaction::BytesThenHang(bytes) => {
                let _ = stream.write_all(bytes.as_bytes()).await;
                std::future::pending::<()>().await;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>, connection: usize) -> Option<Seen> {
    loop {
        let text = String::from_utf8_lossy(buffer).into_owned();
        if let Some((head, rest)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines();
            let mut words = lines.next()?.split(' ').map(str::to_owned);
            let header = |name: &str| {
                let found = head
                    .lines()
                    .filter_map(|line| line.split_once(':'))
                    .find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
            };
            let length: usize = header("content-length").parse().unwrap_or(0);
            if rest.len() >= length {
                let seen = Seen {
                    connection,
                    method: words.next()?,
                    target: words.next()?,
                    authorization: header("authorization"),
                    user_agent: header("user-agent"),
                    body: rest[..length].to_owned(),
                };
                *buffer = rest.as_bytes()[length..].to_vec();
                return Some(seen);
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
