//! The port of this process: open while it lives, and nothing else.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use log::{debug, warn};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::FailoverSettings;
use super::idle::until_closed;

/// Of standbys there are a few. Whoever comes beyond this is turned away, which is no evidence of anything.
pub(super) const MOST_CONNECTIONS: usize = 64;
/// After a failure to accept, for want of file descriptors for instance.
const PAUSE: Duration = Duration::from_secs(1);

/// A port that is bound.
pub(crate) struct Listener {
    socket: TcpListener,
    host: String,
    port: u16,
}

impl Listener {
    /// Binds the port; where that is impossible, a WARN says so and the lease decides as without it.
    pub(crate) fn bind(settings: &FailoverSettings) -> Option<Self> {
        let bound = addresses(settings).and_then(|addresses| {
            let socket = std::net::TcpListener::bind(addresses.as_slice())?;
            socket.set_nonblocking(true)?;
            let port = socket.local_addr()?.port();
            Ok((TcpListener::from_std(socket)?, port))
        });
        match bound {
            Ok((socket, port)) => Some(Self {
                socket,
                host: settings.host.trim_matches(['[', ']']).to_owned(),
                port,
            }),
            Err(error) => {
                warn!(
                    "high-availability.native.fast-failover: port {} of {} cannot be listened on ({error}), so others wait for the lease of this process when it dies; set high-availability.native.fast-failover-port to a free port.",
                    settings.port,
                    settings.bind_host.as_deref().unwrap_or("every address")
                );
                None
            }
        }
    }

    /// What others are told: host and port.
    pub(crate) fn address(&self) -> (String, u16) {
        (self.host.clone(), self.port)
    }

    /// Accepts for ever, and says and hears nothing.
    pub(crate) async fn run(self) {
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            match self.socket.accept().await {
                Ok((stream, _)) => {
                    let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                        continue;
                    };
                    tokio::spawn(async move {
                        // However it ended.
                        let _ = until_closed(stream).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    debug!("A connection of a standby was not accepted: {error}");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

fn addresses(settings: &FailoverSettings) -> io::Result<Vec<SocketAddr>> {
    match &settings.bind_host {
        Some(host) => Ok((host.trim_matches(['[', ']']), settings.port)
            .to_socket_addrs()?
            .collect()),
        // Both families at once; IPv4 alone where there is no other.
        None => Ok(vec![
            (Ipv6Addr::UNSPECIFIED, settings.port).into(),
            (Ipv4Addr::UNSPECIFIED, settings.port).into(),
        ]),
    }
}
