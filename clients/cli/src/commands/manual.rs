//! Completions and pages of the manual, generated from the description of the command line.

use crate::arguments::Arguments;
use crate::failure::Outcome;
use crate::local::error::LocalError;
use crate::output;
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

const NAME: &str = "capsule";

/// Prints completions for a shell.
pub fn completions(shell: Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), NAME, &mut script);
    output::print(&script);
    Ok(())
}

/// Prints a page of the manual: of the program, or of one of its commands.
pub fn page(command: Option<&str>) -> Outcome {
    let mut program = Arguments::command();
    // the commands learn the options that all of them share
    program.build();
    let shown = match command {
        None => program,
        Some(name) => {
            let found = program.find_subcommand(name).cloned();
            found.ok_or_else(|| LocalError::NoCommand { name: name.into() })?
        }
    };
    let mut page = Vec::new();
    Man::new(shown)
        .render(&mut page)
        .expect("BUG: a page in memory can be written");
    output::print(&page);
    Ok(())
}
