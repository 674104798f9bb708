//! A path to a server on loopback, which records what is sent and resets connections in the middle of a body.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// After how many bytes in one direction a connection is reset.
#[derive(Clone, Copy, Debug)]
pub enum Reset {
    Up(usize),
    Down(usize),
}

#[derive(Default)]
struct State {
    sent: Vec<u8>,
    coming: VecDeque<Reset>,
}

pub struct Path {
    port: u16,
    state: Arc<Mutex<State>>,
    _runtime: Runtime,
}

impl Path {
    /// To the server at `url`. The first connections get these resets, one each; those after them go through.
    pub fn to(url: &str, resets: &[Reset]) -> Self {
        let server = url.strip_prefix("http://").unwrap().to_owned();
        let state = Arc::new(Mutex::new(State {
            sent: Vec::new(),
            coming: resets.iter().copied().collect(),
        }));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        runtime.spawn({
            let state = Arc::clone(&state);
            async move {
                loop {
                    let (client, _) = listener.accept().await.unwrap();
                    let reset = state.lock().unwrap().coming.pop_front();
                    tokio::spawn(serve(client, server.clone(), reset, Arc::clone(&state)));
                }
            }
        });
        Self {
            port,
            state,
            _runtime: runtime,
        }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Everything that clients have sent, as far as it is text.
    pub fn sent(&self) -> String {
        String::from_utf8_lossy(&self.state.lock().unwrap().sent).into_owned()
    }

    /// How many connections that were to be reset have not been opened.
    pub fn resets_left(&self) -> usize {
        self.state.lock().unwrap().coming.len()
    }
}

async fn serve(mut client: TcpStream, server: String, reset: Option<Reset>, state: Arc<Mutex<State>>) {
    let Ok(mut server) = TcpStream::connect(server).await else {
        return;
    };
    let (up_limit, down_limit) = match reset {
        Some(Reset::Up(bytes)) => (Some(bytes), None),
        Some(Reset::Down(bytes)) => (None, Some(bytes)),
        None => (None, None),
    };
    let cut = {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_server, mut to_server) = server.split();
        tokio::select! {
            cut = pump(&mut from_client, &mut to_server, up_limit, Some(&state)) => cut,
            cut = pump(&mut from_server, &mut to_client, down_limit, None) => cut,
        }
    };
    if cut {
        client.set_zero_linger().unwrap();
        server.set_zero_linger().unwrap();
    }
}

/// Whether the limit was reached, rather than the end.
async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    limit: Option<usize>,
    record: Option<&Mutex<State>>,
) -> bool {
    let (mut buffer, mut passed) = (vec![0; 1 << 16], 0);
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else {
            return false;
        };
        if let Some(state) = record {
            state.lock().unwrap().sent.extend_from_slice(&buffer[..read]);
        }
        passed += read;
        if limit.is_some_and(|limit| passed >= limit) {
            return true;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return false;
        }
    }
}
