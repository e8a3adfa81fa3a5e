//! The ports of a server's HTTP gateways: opened for one instance each, and closed again.

use super::forward::{cors, forward};
use crate::server::instances::instance::InstanceId;
use crate::server::instances::registry::Instances;
use crate::server::loopback::Loopback;
use crate::server::messages::tell;
use crate::server::refusal::Refusal;
use axum::Router;
use axum::serve::Listener;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The instance that a gateway serves, and the port.
#[derive(Clone)]
pub struct Details {
    /// Gateways count up from 0.
    pub id: usize,
    pub port: u16,
    pub instance: InstanceId,
    /// The domains that its creator named. They decide nothing here: any host name may name a
    /// canister.
    pub domains: Option<Vec<String>>,
}

struct Gateway {
    details: Details,
    task: JoinHandle<()>,
}

impl Drop for Gateway {
    /// Closes the port when the task ends, shortly after.
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// All gateways of a server at the places that their ids name. A closed one leaves its place empty.
#[derive(Clone, Default)]
pub struct Gateways(Arc<Mutex<Vec<Option<Gateway>>>>);

impl Gateways {
    /// Opens a port of `ip` for an instance, or of both addresses of `localhost`; port 0 takes any
    /// free one.
    ///
    /// # Errors
    ///
    /// Refuses with 404 if there is no such instance, and with 400 if the port can't be opened.
    pub async fn open(
        &self,
        (ip, port): (Option<IpAddr>, u16),
        instances: Instances,
        instance: InstanceId,
        domains: Option<Vec<String>>,
    ) -> Result<Details, Refusal> {
        instances.get(instance)?;
        let router = Router::new()
            .fallback(forward)
            .layer(cors())
            .with_state((instances, instance));
        let (port, task) = match ip {
            None => {
                let listener = Loopback::open(port).await;
                serve(
                    listener.map_err(|e| Refusal::bad_request(e.to_string()))?,
                    router,
                )?
            }
            Some(ip) => {
                let address = SocketAddr::new(ip, port);
                let listener = TcpListener::bind(address).await.map_err(|e| {
                    Refusal::bad_request(format!("cannot listen at {address}: {e}"))
                })?;
                serve(listener, router)?
            }
        };
        let mut all = self.lock();
        let details = Details {
            id: all.len(),
            port,
            instance,
            domains,
        };
        all.push(Some(Gateway {
            details: details.clone(),
            task,
        }));
        Ok(details)
    }

    /// Closes a gateway's port, and returns when it is closed. Returns false if there is no such
    /// gateway.
    pub async fn close(&self, id: usize) -> bool {
        let closed = self.lock().get_mut(id).and_then(Option::take);
        let Some(mut gateway) = closed else {
            return false;
        };
        gateway.task.abort();
        // an error says that the task was aborted; the end of the task closes the port
        let _aborted = (&mut gateway.task).await;
        true
    }

    /// The open gateways in the order of their ids.
    pub fn list(&self) -> Vec<Details> {
        let all = self.lock();
        all.iter().flatten().map(|g| g.details.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Option<Gateway>>> {
        self.0
            .lock()
            .expect("BUG: a holder of the gateways panicked")
    }
}

/// Serves `router` in the background. Returns the port and the task.
fn serve(
    listener: impl Listener<Addr = SocketAddr>,
    router: Router,
) -> Result<(u16, JoinHandle<()>), Refusal> {
    let port = listener
        .local_addr()
        .map_err(|e| Refusal::internal(format!("the listener has no address: {e}")))?
        .port();
    let task = tokio::spawn(async move {
        if let Err(e) = axum::serve(listener, router).await {
            tell(&format!("the HTTP gateway at port {port} failed: {e}"));
        }
    });
    Ok((port, task))
}
