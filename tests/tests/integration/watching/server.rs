//! A `localnet` whose only network belongs to another program.

use pocket_ic::PocketIc;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use tools::engine::program;

/// The server ends when its standard input closes, at the latest with this process.
pub struct Server {
    child: Child,
    url: String,
    /// This pipe stays open, because a program may end when its output is closed.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    pub fn start() -> Self {
        let mut child = Command::new(program("localnet"))
            .arg("--exit-with-stdin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        Self {
            child,
            url: line.trim().to_string(),
            _stdout: stdout,
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The network that the other program has created. Nobody else uses this server.
    pub fn only_instance(&self) -> PocketIc {
        PocketIc::new_from_existing_instance(self.url.parse().unwrap(), 0, None)
    }
}

impl Drop for Server {
    /// Both calls fail only when it has already ended.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
