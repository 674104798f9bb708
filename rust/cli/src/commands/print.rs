//! `flink-ha completions` and `flink-ha man`

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::arguments::{Arguments, BINARY};
use crate::failure::Failure;
use crate::output;

pub(super) fn completions(shell: Shell, program: &str) -> Result<ExitCode, Failure> {
    let mut script = vec![];
    // kubectl completes its plug-ins by programs of their own.
    let program = if program == BINARY { program } else { BINARY };
    clap_complete::generate(shell, &mut Arguments::command(), program, &mut script);
    output::write_out(&script)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn man(subcommand: Option<&str>, program: &str) -> Result<ExitCode, Failure> {
    let mut command = Arguments::command().bin_name(program);
    command.build();
    let command = match subcommand {
        None => command,
        Some(name) => {
            let found = command.find_subcommand(name).cloned();
            found.ok_or_else(|| {
                let known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
                Failure::new(format!(
                    "There is no subcommand {name:?}; there are {}.",
                    known.join(", ")
                ))
            })?
        }
    };
    let mut page = vec![];
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Failure::new(format!("The man page could not be made: {error}.")))?;
    output::write_out(&page)?;
    Ok(ExitCode::SUCCESS)
}
