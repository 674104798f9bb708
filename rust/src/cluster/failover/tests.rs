//! Both ends over real sockets.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::{FailoverSettings, Listener, Standby};
use crate::cluster::clock::SystemClock;
use crate::protocol::holder_notes::FailoverAddress;

/// Longer than it takes to be sure.
const SURE: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(60);

/// A standby that watches this port, and what it finds out.
fn standby(port: u16) -> (watch::Sender<super::Followed>, mpsc::UnboundedReceiver<String>) {
    let address = FailoverAddress {
        holder_identity: "leader".to_owned(),
        host: "127.0.0.1".to_owned(),
        port,
    };
    let (followed, receiver) = watch::channel(Some(address));
    let (ended, ends) = mpsc::unbounded_channel();
    tokio::spawn(Standby::new(receiver, Arc::new(SystemClock)).run(move |holder| {
        let _ = ended.send(holder);
    }));
    (followed, ends)
}

async fn leader() -> (
    TcpListener,
    TcpStream,
    u16,
    watch::Sender<super::Followed>,
    mpsc::UnboundedReceiver<String>,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (followed, ends) = standby(port);
    let (connection, _) = timeout(LONG, listener.accept()).await.unwrap().unwrap();
    (listener, connection, port, followed, ends)
}

#[tokio::test]
async fn a_port_that_is_closed_with_its_connections_is_the_end() {
    let (listener, connection, _, _followed, mut ends) = leader().await;
    drop((listener, connection));
    assert_eq!(timeout(LONG, ends.recv()).await.unwrap().as_deref(), Some("leader"));
}

#[tokio::test]
async fn a_connection_that_ends_before_a_port_that_stays_is_none() {
    let (listener, connection, _, _followed, mut ends) = leader().await;
    drop(connection);
    let again = timeout(LONG, listener.accept()).await.unwrap();
    assert!(timeout(SURE, ends.recv()).await.is_err());
    drop(again);
}

#[tokio::test]
async fn a_port_that_is_closed_alone_is_none() {
    let (listener, _connection, _, _followed, mut ends) = leader().await;
    drop(listener);
    assert!(timeout(SURE, ends.recv()).await.is_err());
}

#[tokio::test]
async fn a_port_where_nobody_has_ever_listened_is_none() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (_followed, mut ends) = standby(port);
    assert!(timeout(SURE, ends.recv()).await.is_err());
}

#[tokio::test]
async fn whoever_is_not_followed_any_more_is_let_go() {
    let (listener, mut connection, _, followed, mut ends) = leader().await;
    followed.send(None).unwrap();
    let read = timeout(LONG, connection.read(&mut [0; 1])).await.unwrap();
    assert_eq!(read.unwrap(), 0);
    drop((listener, connection));
    assert!(timeout(SURE, ends.recv()).await.is_err());
}

#[tokio::test]
async fn a_listener_keeps_a_bounded_number_of_connections_and_serves_nothing() {
    let settings = FailoverSettings {
        host: "[127.0.0.1]".to_owned(),
        bind_host: Some("127.0.0.1".to_owned()),
        port: 0,
    };
    let listener = Listener::bind(&settings).unwrap();
    let (host, port) = listener.address();
    assert_eq!(host, "127.0.0.1");
    assert!(
        Listener::bind(&FailoverSettings { port, ..settings }).is_none(),
        "a port that is taken is not announced"
    );
    tokio::spawn(listener.run());
    let mut kept = Vec::new();
    for _ in 0..super::listener::MOST_CONNECTIONS {
        kept.push(TcpStream::connect((host.as_str(), port)).await.unwrap());
    }
    let mut one_more = TcpStream::connect((host.as_str(), port)).await.unwrap();
    let read = timeout(LONG, one_more.read(&mut [0; 1])).await.unwrap();
    assert_eq!(read.unwrap(), 0, "turned away");
    for connection in &kept {
        assert_eq!(
            connection.try_read(&mut [0; 1]).unwrap_err().kind(),
            std::io::ErrorKind::WouldBlock
        );
    }
}
