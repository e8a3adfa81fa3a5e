//! Compares the speed of the canisters with that of release 0.1.0, on this machine and in one run.
//!
//! Both have a network of their own in one engine. They take turns, so that a machine whose speed
//! changes is the same for both.

use super::scene::{Scene, Size};
use crate::client::{CallError, Called};
use crate::deployment::{Created, Deployment, release_0_1_0};
use crate::engine::{program, try_network};
use crate::told::{Ids, Told};
use candid::Principal;
use capsule_shared::gateway::GatewayArgs;
use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// 21.6 MB in 12 chunks.
const FILE: Size = Size::full(12);
/// 200 MB, which are stored before the first upload that counts.
const STORED: Size = Size::full(111);
/// How often each of the two does the same. It is odd, so that one is the median.
const TURNS: usize = 9;

/// The times that the same work took, with the canisters of the release and with those of now.
pub struct Compared {
    work: &'static str,
    bytes: u64,
    release: Vec<Duration>,
    now: Vec<Duration>,
}

/// Uploads and downloads by turns. Calls `measured` before each turn.
///
/// # Errors
/// When an engine can't be started, a call fails, or the client does.
pub fn measure_speed(measured: &mut dyn FnMut(&str)) -> Result<Vec<Compared>, String> {
    let mut homes = [Home::new()?, Home::new()?];
    let mut both = [
        Created::on(try_network()?).with_modules(release_0_1_0),
        Created::on(try_network()?),
    ]
    .map(|created| created.install(GatewayArgs::default()));
    let (uploads, memories) = uploads(&both, [0, 1].map(|n| homes[n].principal), measured)?;
    for (home, deployment) in homes.iter_mut().zip(&mut both) {
        home.connect(deployment)?;
    }
    let mut downloads = Compared::new("download by `capsule`", FILE.bytes());
    for turn in 1..=TURNS {
        measured(&format!("download {turn} of {TURNS}"));
        downloads.release.push(homes[0].download(&memories[0])?);
        downloads.now.push(homes[1].download(&memories[1])?);
    }
    Ok(vec![uploads, downloads])
}

/// Uploads by turns. Returns also a memory in each network, which these readers may download.
fn uploads(
    both: &[Deployment; 2],
    readers: [Principal; 2],
    measured: &mut dyn FnMut(&str),
) -> Result<(Compared, Vec<String>), String> {
    let failed = |e: CallError| format!("upload: {e}");
    let mut scenes = vec![];
    for (deployment, reader) in both.iter().zip(readers) {
        measured(&format!("storing {:.0} MB", STORED.mega()));
        let scene = Scene::prepare(deployment).map_err(failed)?;
        let shared = scene.client.add_controller(&scene.capsule, reader);
        shared.map_err(failed)?;
        upload(&scene, "stored before", STORED).map_err(failed)?;
        scenes.push(scene);
    }
    let mut uploads = Compared::new("upload, one call after the other", FILE.bytes());
    let mut memories = vec![];
    for turn in 1..=TURNS {
        measured(&format!("upload {turn} of {TURNS}"));
        let name = format!("file {turn}");
        let [old, new] = [0, 1].map(|n| upload(&scenes[n], &name, FILE).map_err(failed));
        let ((old, old_memory), (new, new_memory)) = (old?, new?);
        uploads.release.push(old);
        uploads.now.push(new);
        memories = vec![old_memory, new_memory];
    }
    Ok((uploads, memories))
}

/// Uploads a file whose hash is known. Returns the time, and the id of the memory.
fn upload(scene: &Scene, name: &str, size: Size) -> Called<(Duration, String)> {
    let (spec, chunk, digest) = (size.spec(name), size.one_chunk(), size.digest());
    let client = scene.client;
    let started = Instant::now();
    let session = client.begin(&scene.capsule, &spec)?;
    for index in 0..size.chunks as u32 {
        client.put_chunk(session, index, &chunk)?;
    }
    let finished = client.finish(session, &digest, size.bytes())?;
    Ok((started.elapsed(), finished.memory_id))
}

/// The settings of the client on one network.
struct Home {
    /// It lies in the folder, so it goes first.
    _told: Option<Told>,
    folder: TempDir,
    principal: Principal,
}

impl Home {
    /// Settings with an identity, and without a network.
    fn new() -> Result<Self, String> {
        let folder = TempDir::new().map_err(|e| format!("cannot make a folder: {e}"))?;
        let output = client(folder.path())
            .args(["identity", "--new"])
            .output()
            .map_err(|e| format!("capsule: {e}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let principal = Principal::from_text(text.trim()).map_err(|e| {
            let said = String::from_utf8_lossy(&output.stderr);
            format!("`capsule identity --new` printed no principal ({e}): {said}")
        })?;
        Ok(Home {
            _told: None,
            folder,
            principal,
        })
    }

    /// Lets the network run in real time, and the client know it.
    fn connect(&mut self, deployment: &mut Deployment) -> Result<(), String> {
        let url = deployment.pic.make_live(None).to_string();
        let ids = Ids {
            upload_gateway: deployment.gateway,
            blob_store: deployment.blob_store,
            memory_index: deployment.memory_index,
        };
        let told = Told::of(&self.folder.path().join("local.json"), &url, &ids)?;
        self._told = Some(told);
        Ok(())
    }

    /// Downloads a memory to nowhere. The release can't prove its answers, so none are proven.
    fn download(&self, memory: &str) -> Result<Duration, String> {
        let started = Instant::now();
        let output = client(self.folder.path())
            .args(["--quiet", "download", memory])
            .args(["--unproven", "--output", "-"])
            .stdout(Stdio::null())
            .output()
            .map_err(|e| format!("capsule: {e}"))?;
        let time = started.elapsed();
        match output.status.success() {
            true => Ok(time),
            false => Err(format!(
                "`capsule download` failed: {}",
                String::from_utf8_lossy(&output.stderr)
            )),
        }
    }
}

/// The command-line client with these settings only.
fn client(home: &Path) -> Command {
    let mut command = Command::new(program("capsule"));
    command.env("CAPSULE_HOME", home).stdin(Stdio::null());
    for variable in ["NETWORK", "GATEWAY", "IDENTITY", "ROOT_KEY"] {
        command.env_remove(format!("CAPSULE_{variable}"));
    }
    command
}

impl Compared {
    fn new(work: &'static str, bytes: u64) -> Self {
        Compared {
            work,
            bytes,
            release: vec![],
            now: vec![],
        }
    }

    /// The medians in MB/s: of the release and of now.
    fn speeds(&self) -> (f64, f64) {
        let speed = |times| self.bytes as f64 / 1e6 / median(times).as_secs_f64();
        (speed(&self.release), speed(&self.now))
    }
}

/// The middle one of an odd number of times.
fn median(times: &[Duration]) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

/// Prints a table of medians in Markdown.
pub fn render_speed(all: &[Compared]) -> String {
    let names = format!("{:.1} MB, 200 MB stored", FILE.mega());
    let width = all.iter().map(|one| one.work.len()).max().unwrap_or(0);
    let width = width.max(names.len());
    let rule = "-".repeat(width);
    let mut out = format!("| {names:width$} | 0.1.0 MB/s |  now MB/s | ratio |\n");
    out += &format!("| {rule} | ---------: | --------: | ----: |\n");
    for one in all {
        let (release, now) = one.speeds();
        let (work, ratio) = (one.work, now / release);
        writeln!(
            out,
            "| {work:width$} | {release:10.1} | {now:9.1} | {ratio:5.2} |"
        )
        .expect("BUG: a string is full");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_that_of_the_medians() {
        let times = |millis: [u64; 3]| millis.map(Duration::from_millis).to_vec();
        let compared = Compared {
            work: "work",
            bytes: 21_600_000,
            release: times([540, 9_000, 1]),
            now: times([216, 100, 9_000]),
        };
        assert_eq!(
            render_speed(&[compared]),
            "| 21.6 MB, 200 MB stored | 0.1.0 MB/s |  now MB/s | ratio |\n\
             | ---------------------- | ---------: | --------: | ----: |\n\
             | work                   |       40.0 |     100.0 |  2.50 |\n"
        );
    }
}
