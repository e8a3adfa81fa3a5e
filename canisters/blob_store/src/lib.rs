//! blob_store
