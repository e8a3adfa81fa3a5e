//! The loopback addresses of this machine, 127.0.0.1 and ::1, behind one listener.
//!
//! The name `localhost` means either of them, and clients differ in which one they try.

use axum::serve::Listener;
use rustix::io::Errno;
use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::{TcpListener, TcpStream};

/// How often another free port is tried, if the one of 127.0.0.1 is in use at ::1.
const ATTEMPTS: usize = 100;

/// Accepts the connections to both addresses at one port.
pub struct Loopback {
    v4: TcpListener,
    /// `None` on a machine without IPv6.
    v6: Option<TcpListener>,
}

impl Loopback {
    /// Opens `port` at both addresses; 0 takes any port that is free at both.
    ///
    /// # Errors
    ///
    /// Names the address that can't be opened.
    pub async fn open(port: u16) -> Result<Self> {
        let mut attempts = if port == 0 { ATTEMPTS } else { 1 };
        loop {
            let opened = Self::open_both(port).await;
            attempts -= 1;
            match opened {
                Err(e) if e.kind() == ErrorKind::AddrInUse && attempts > 0 => {}
                opened => return opened,
            }
        }
    }

    async fn open_both(port: u16) -> Result<Self> {
        let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let v4 = TcpListener::bind(v4).await.map_err(|e| at(v4, &e))?;
        let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, v4.local_addr()?.port()));
        let v6 = match TcpListener::bind(v6).await {
            Ok(v6) => Some(v6),
            Err(e) if without_ipv6(&e) => None,
            Err(e) => return Err(at(v6, &e)),
        };
        Ok(Self { v4, v6 })
    }

    /// The port at both addresses.
    ///
    /// # Errors
    ///
    /// Fails if the system doesn't know the listener's address.
    pub fn port(&self) -> Result<u16> {
        Ok(self.v4.local_addr()?.port())
    }
}

fn at(address: SocketAddr, error: &Error) -> Error {
    Error::new(error.kind(), format!("cannot listen at {address}: {error}"))
}

/// Whether the machine has no address ::1, because its IPv6 is missing or switched off.
fn without_ipv6(error: &Error) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error())
}

impl Listener for Loopback {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        match &mut self.v6 {
            None => Listener::accept(&mut self.v4).await,
            Some(v6) => tokio::select! {
                accepted = Listener::accept(&mut self.v4) => accepted,
                accepted = Listener::accept(v6) => accepted,
            },
        }
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        self.v4.local_addr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_is_opened_at_both_addresses_or_at_none() {
        loop {
            // a machine without IPv6 has one address only
            let taken = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await;
            let Ok(taken) = taken else { return };
            let port = taken.local_addr().expect("is bound").port();
            let refused = Loopback::open(port).await.err().expect("is in use");
            assert_eq!(refused.kind(), ErrorKind::AddrInUse);
            // another process may have the same port of 127.0.0.1
            if refused
                .to_string()
                .starts_with(&format!("cannot listen at [::1]:{port}: "))
            {
                return;
            }
        }
    }
}
