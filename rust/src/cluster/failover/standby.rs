//! The one connection of a standby: to the holder of the lock, and watched for its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use log::{debug, info};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::idle::until_closed;
use crate::cluster::clock::Clock;
use crate::protocol::death_watch::{Contact, DeathWatch};
use crate::protocol::holder_notes::FailoverAddress;

/// Longest wait for a connection; while the holder is suspected, an answer that takes longer shows nothing anyway.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
const SUSPICIOUS_LIMIT: Duration = Duration::from_millis(400);

/// Whom to watch; nobody where there is no other holder, or none that can be watched.
pub(crate) type Followed = Option<FailoverAddress>;

/// Watches whom it is told to watch.
pub(crate) struct Standby {
    followed: watch::Receiver<Followed>,
    clock: Arc<dyn Clock>,
}

impl Standby {
    pub(crate) fn new(followed: watch::Receiver<Followed>, clock: Arc<dyn Clock>) -> Self {
        Self { followed, clock }
    }

    /// Runs until nobody tells it whom to watch any more. `ended` hears of each holder that was seen to have ended.
    pub(crate) async fn run(mut self, ended: impl Fn(String)) {
        loop {
            let followed = self.followed.borrow_and_update().clone();
            let told = if let Some(address) = followed {
                let watching = watch_over(&address, self.clock.as_ref(), &ended);
                tokio::select! {
                    told = self.followed.changed() => told,
                    never = watching => match never {},
                }
            } else {
                self.followed.changed().await
            };
            if told.is_err() {
                return;
            }
        }
    }
}

async fn watch_over(address: &FailoverAddress, clock: &dyn Clock, ended: &impl Fn(String)) -> std::convert::Infallible {
    let mut watch = DeathWatch::new(clock.boot());
    // The address that a connection was made to: who is suspected is not looked up anew.
    let mut peer = None;
    let mut said = false;
    loop {
        if let Some(at) = watch.connect_at() {
            sleep(at.saturating_since(clock.boot())).await;
        }
        let connected = match (peer, watch.is_suspicious()) {
            (Some(peer), true) => within(SUSPICIOUS_LIMIT, TcpStream::connect(peer)).await,
            _ => within(CONNECT_LIMIT, connect(address)).await,
        };
        match connected {
            Ok(stream) => {
                peer = stream.peer_addr().ok();
                watch.note(clock.boot(), Contact::Made);
                debug!(
                    "Connected to {} at {}:{}.",
                    address.holder_identity, address.host, address.port
                );
                let end = until_closed(stream).await;
                watch.note(clock.boot(), Contact::Ended);
                debug!("The connection to {} has ended: {end:?}", address.holder_identity);
            }
            Err(error) => {
                let refused = error.kind() == io::ErrorKind::ConnectionRefused;
                let contact = if refused { Contact::Refused } else { Contact::Failed };
                if watch.note(clock.boot(), contact) {
                    ended(address.holder_identity.clone());
                } else if !watch.is_suspicious() && !std::mem::replace(&mut said, true) {
                    info!(
                        "Fast failover: {} cannot be connected to at {}:{} ({error}), so its lease is waited for if it dies.",
                        address.holder_identity, address.host, address.port
                    );
                }
            }
        }
    }
}

async fn connect(address: &FailoverAddress) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = lookup_host((address.host.as_str(), address.port)).await?.collect();
    TcpStream::connect(addresses.as_slice()).await
}

async fn within(limit: Duration, connecting: impl Future<Output = io::Result<TcpStream>>) -> io::Result<TcpStream> {
    timeout(limit, connecting)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
