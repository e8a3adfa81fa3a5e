//! The state that all requests share: the instances, the gateways, the uploaded blobs, and the
//! operations that clients poll.

use super::blobs::BlobStore;
use super::graph::Graph;
use crate::server::gateway::ports::Gateways;
use crate::server::instances::registry::Instances;
use axum::extract::FromRef;

/// The state of a server. Its clones share everything.
#[derive(Clone, Default)]
pub struct Server {
    pub instances: Instances,
    pub gateways: Gateways,
    pub blobs: BlobStore,
    pub graph: Graph,
}

impl FromRef<Server> for Instances {
    fn from_ref(server: &Server) -> Self {
        server.instances.clone()
    }
}

impl FromRef<Server> for Gateways {
    fn from_ref(server: &Server) -> Self {
        server.gateways.clone()
    }
}

impl FromRef<Server> for BlobStore {
    fn from_ref(server: &Server) -> Self {
        server.blobs.clone()
    }
}

impl FromRef<Server> for Graph {
    fn from_ref(server: &Server) -> Self {
        server.graph.clone()
    }
}
