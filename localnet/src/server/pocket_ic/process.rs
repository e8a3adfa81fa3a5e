//! The memory of the server's process: an endpoint that only localnet has.

use crate::server::refusal::Refusal;
use axum::Json;
use serde::Serialize;

#[derive(Serialize)]
pub struct Process {
    /// The most memory that the process ever had, in bytes.
    peak_memory_bytes: u64,
}

pub async fn read() -> Result<Json<Process>, Refusal> {
    let status = std::fs::read_to_string("/proc/self/status").ok();
    let peak = status.as_deref().and_then(peak_of);
    let peak = peak.ok_or_else(|| Refusal::internal("the system does not tell the memory"))?;
    Ok(Json(Process {
        peak_memory_bytes: peak,
    }))
}

fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn peak_memory_is_read_in_bytes() {
        let status = "VmPeak:\t 9 kB\nVmHWM:\t  2048 kB\n";
        assert_eq!(peak_of(status), Some(2_097_152));
        assert_eq!(peak_of("VmPeak:\t 9 kB\n"), None);
        let Json(process) = read().await.expect("is told");
        assert!(process.peak_memory_bytes > 1 << 20);
    }
}
