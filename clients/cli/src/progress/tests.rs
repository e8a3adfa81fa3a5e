//! Tests of the line of progress.

use super::*;
use indicatif::TermLike;
use std::io::Result;

/// A terminal that keeps what is written.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<String>>);

impl TermLike for Kept {
    fn width(&self) -> u16 {
        80
    }
    fn move_cursor_up(&self, _: usize) -> Result<()> {
        Ok(())
    }
    fn move_cursor_down(&self, _: usize) -> Result<()> {
        Ok(())
    }
    fn move_cursor_right(&self, _: usize) -> Result<()> {
        Ok(())
    }
    fn move_cursor_left(&self, _: usize) -> Result<()> {
        Ok(())
    }
    fn write_line(&self, text: &str) -> Result<()> {
        self.write_str(text)
    }
    fn write_str(&self, text: &str) -> Result<()> {
        self.0.lock().unwrap().push_str(text);
        Ok(())
    }
    fn clear_line(&self) -> Result<()> {
        self.0.lock().unwrap().clear();
        Ok(())
    }
    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

/// Progress on a terminal, and what the terminal shows.
fn on_terminal() -> (Progress, impl Fn(&Progress) -> String) {
    let kept = Kept::default();
    let target = ProgressDrawTarget::term_like(Box::new(kept.clone()));
    let progress = Progress::on(MultiProgress::with_draw_target(target));
    let shown = move |progress: &Progress| {
        progress.line.force_draw();
        kept.0.lock().unwrap().trim_end().to_string()
    };
    (progress, shown)
}

#[track_caller]
fn expect(shown: &str, parts: &[&str]) {
    for part in parts {
        assert!(shown.contains(part), "{part:?} in {shown:?}");
    }
    assert!(shown.chars().count() <= 80, "{shown:?}");
    // no colours, whatever NO_COLOR says
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn many_files_share_one_line() {
    let (progress, shown) = on_terminal();
    progress.phase("looking for files");
    assert_eq!(shown(&progress), "looking for files");
    progress.expect(3, 6_000_000);
    let reading = progress.reading(Path::new("a"));
    reading.add(1_000_000);
    expect(
        &shown(&progress),
        &["reading 0 of 3 files", "1.00 MB/6.00 MB"],
    );
    reading.done();
    let first = progress.transfer("a", 1_000_000);
    first.add(400_000);
    let second = progress.transfer("b", 4_000_000);
    second.add(2_000_000);
    expect(&shown(&progress), &["0 of 3 files", "2.40 MB/6.00 MB"]);
    // the bytes of one file were wrong, and another client sends a part of the other
    second.again();
    first.done();
    expect(&shown(&progress), &["1 of 3 files", "1.00 MB/6.00 MB"]);
    second.skip(4_000_000);
    second.done();
    expect(&shown(&progress), &["2 of 3 files", "5.00 MB/6.00 MB"]);
    progress.finish();
    assert_eq!(shown(&progress), "");
}

#[test]
fn one_file_has_its_name() {
    let (progress, shown) = on_terminal();
    let reading = progress.reading(Path::new("folder/film.mp4"));
    expect(&shown(&progress), &["reading folder/film.mp4"]);
    reading.done();
    let file = progress.transfer("film\n.mp4", 5_000_000);
    file.skip(1_000_000);
    expect(&shown(&progress), &["film\\n.mp4", "1.00 MB/5.00 MB"]);
    file.add(4_000_000);
    file.finishing();
    expect(
        &shown(&progress),
        &["finishing film\\n.mp4", "5.00 MB/5.00 MB"],
    );
}

#[test]
fn a_folder_with_one_file_looks_like_that_file() {
    let (progress, shown) = on_terminal();
    progress.expect(1, 10);
    progress.transfer("a.jpg", 10).add(5);
    expect(&shown(&progress), &["a.jpg", "5 B/10 B"]);
}

#[test]
fn the_pace_is_that_of_all_files() {
    let start = Instant::now();
    let mut state = State {
        bytes: 10_000_000,
        ..State::default()
    };
    assert_eq!(state.pace(start), "");
    // what an earlier command sent says nothing about the speed
    state.moved = 4_000_000;
    state.speed.start(start);
    for second in 1..=4 {
        state.moved += 500_000;
        state
            .speed
            .add(500_000, start + Duration::from_secs(second));
    }
    let pace = state.pace(start + Duration::from_secs(4));
    assert_eq!(pace, "500.00 kB/s, 8s left");
    let pace = state.pace(start + Duration::from_secs(60));
    assert_eq!(pace, "0 B/s, stalled");
    state.moved = state.bytes;
    let pace = state.pace(start + Duration::from_secs(4));
    assert_eq!(pace, "500.00 kB/s");
}

#[test]
fn a_standstill_shows_although_nothing_changes() {
    let (progress, shown) = on_terminal();
    let file = progress.transfer("film.mp4", 10_000_000);
    file.skip(1_000_000);
    // it began a minute ago
    let minute = Duration::from_secs(60);
    let ago = Instant::now().checked_sub(minute).unwrap();
    progress.state().speed = Speed::since(ago);
    progress.keep_drawing();
    // far longer than any machine needs
    let drawn = (0..6_000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        shown(&progress).contains("stalled")
    });
    assert!(drawn, "{:?}", shown(&progress));
    expect(&shown(&progress), &["film.mp4", "1.00 MB/10.00 MB"]);
}
