//! Puts a million jobs into the stable memory of a real gateway. Each is a copy of a job that the
//! gateway wrote itself.

use ic_stable_structures::memory_manager::{MemoryId, MemoryManager};
use ic_stable_structures::{StableBTreeMap, StableCell, VectorMemory};
use pocket_ic::common::rest::BlobCompression;
use std::cell::RefCell;
use std::rc::Rc;
use tools::deployment::Deployment;

/// Regions of the gateway; its `regions.rs` gives them their numbers, which never change.
const JOBS: MemoryId = MemoryId::new(11);
const JOB_COUNTER: MemoryId = MemoryId::new(12);

/// Adds so many copies of the first job, due from `due` on. The gateway must be stopped.
pub fn add_jobs(deployment: &Deployment, count: u64, due: u64) {
    let pic = &deployment.pic;
    let bytes = pic.get_stable_memory(deployment.gateway);
    let memory: VectorMemory = Rc::new(RefCell::new(bytes));
    let manager = MemoryManager::init(memory.clone());
    let mut jobs = StableBTreeMap::<(u64, u64), Vec<u8>, _>::init(manager.get(JOBS));
    let mut counter = StableCell::init(manager.get(JOB_COUNTER), 0u64);
    let (_, job) = jobs.first_key_value().expect("a job to copy");
    let first = *counter.get();
    for n in 0..count {
        jobs.insert((due + n, first + n), job.clone());
    }
    counter.set(first + count);
    pic.set_stable_memory(
        deployment.gateway,
        memory.take(),
        BlobCompression::NoCompression,
    );
}
