//! The seat of this pod for this cluster: one process has it, for as long as it lives.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use log::{debug, info};

use crate::protocol::pod_seat;
use crate::protocol::time::BootTime;

/// Another process of this pod has the seat: so often it is tried whether that one has ended. It costs one system call.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// Held or waited for. The kernel frees it with the process, and with nothing else while this value lives: the socket is not inherited.
pub(crate) struct Seat {
    pod_uid: String,
    name: String,
    socket: Option<UnixDatagram>,
    next_try: Option<BootTime>,
    waits: bool,
}

impl Seat {
    pub(crate) fn new(pod_uid: String, namespace: &str, cluster_id: &str) -> Self {
        Self {
            name: pod_seat::name(&pod_uid, namespace, cluster_id),
            pod_uid,
            socket: None,
            next_try: None,
            waits: false,
        }
    }

    /// The pod, if its seat is ours.
    pub(crate) fn pod_uid(&self) -> Option<&str> {
        self.socket.as_ref().map(|_| self.pod_uid.as_str())
    }

    /// Takes the seat if it is free and it is time to try; true if it has become ours now.
    pub(crate) fn take(&mut self, now: BootTime) -> bool {
        if self.socket.is_some() || self.next_try.is_some_and(|at| now < at) {
            return false;
        }
        self.next_try = Some(now + AGAIN_AFTER);
        match bind(&self.name) {
            Ok(socket) => {
                self.socket = Some(socket);
                debug!("The seat of pod {} is taken.", self.pod_uid);
            }
            Err(error) => {
                if !std::mem::replace(&mut self.waits, true) {
                    info!(
                        "Another process of pod {} contends for the leadership of this cluster, or this one does twice ({error}). Until it has ended, leases are waited for.",
                        self.pod_uid
                    );
                }
            }
        }
        self.socket.is_some()
    }
}

/// Nobody is listened to: the name is all that counts.
fn bind(name: &str) -> std::io::Result<UnixDatagram> {
    UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(millis: u64) -> BootTime {
        BootTime::from_duration(Duration::from_millis(millis))
    }

    fn seat(pod: &str, cluster: &str) -> Seat {
        Seat::new(format!("{pod}-{}", std::process::id()), "seats", cluster)
    }

    #[test]
    fn one_has_it_until_it_is_gone() {
        let (mut first, mut second) = (seat("p", "one"), seat("p", "one"));
        assert!(first.take(at(0)));
        assert!(!first.take(at(1)), "it has become ours once");
        assert!(first.pod_uid().is_some());
        assert!(!second.take(at(0)));
        assert_eq!(second.pod_uid(), None);
        drop(first);
        assert!(!second.take(at(249)), "not before it is time");
        assert!(second.take(at(250)));
    }

    #[test]
    fn other_clusters_and_other_pods_have_other_seats() {
        let mut seats = [seat("q", "one"), seat("q", "two"), seat("r", "one")];
        assert!(seats.iter_mut().all(|seat| seat.take(at(0))));
    }

    #[test]
    fn a_child_process_does_not_inherit_it() {
        let (mut first, mut second) = (seat("s", "one"), seat("s", "one"));
        assert!(first.take(at(0)));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        drop(first);
        // A child that any test starts shares it for the moment before its program is loaded.
        let mut tries = (0..400).map(|count| {
            std::thread::sleep(Duration::from_millis(25));
            second.take(at(250 * count))
        });
        let taken = tries.any(|taken| taken);
        assert!(child.try_wait().unwrap().is_none(), "the child lives");
        assert!(taken);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
