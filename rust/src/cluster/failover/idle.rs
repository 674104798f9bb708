//! A connection on which nothing is said.

use std::io;
use std::time::Duration;

use log::debug;
use rustix::net::sockopt;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// Whoever talks is read slowly, and not listened to.
const BETWEEN_READS: Duration = Duration::from_secs(1);
/// A path that forgets idle connections is kept open, and one that is gone is noticed after a minute or so.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_PROBES: u32 = 3;

/// Waits for the end of the connection, and answers how it came.
pub(super) async fn until_closed(mut stream: TcpStream) -> io::Result<()> {
    if let Err(error) = keep_alive(&stream) {
        debug!("An idle connection is not kept alive: {error}");
    }
    let mut nothing = [0; 256];
    loop {
        if stream.read(&mut nothing).await? == 0 {
            return Ok(());
        }
        sleep(BETWEEN_READS).await;
    }
}

fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_INTERVAL)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_PROBES)?;
    Ok(())
}
