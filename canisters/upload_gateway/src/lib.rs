//! upload_gateway
