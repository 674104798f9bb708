//! `flink-ha`: looks at, checks and moves the Kubernetes HA data of Apache Flink clusters, whether Flink's own services or this project's jar
//! wrote them.

mod access;
mod arguments;
mod collection;
mod commands;
mod config_map;
mod configuration;
mod failure;
mod findings;
mod lock;
mod logger;
mod output;
mod snapshot;
mod storages;
mod units;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use arguments::{Arguments, BINARY, PLUGIN};
use failure::Failure;

/// The command could not do what it was asked for; what it has found wrong is another code.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let invoked = std::env::args_os().next().unwrap_or_default();
    let as_plugin = Path::new(&invoked).file_stem().is_some_and(|name| name == PLUGIN);
    let name = if as_plugin { "kubectl flink-ha" } else { BINARY };
    let matches = Arguments::command().bin_name(name).get_matches();
    let result = Arguments::from_arg_matches(&matches)
        .map_err(|error| Failure::new(error.to_string()))
        .and_then(|arguments| {
            logger::install();
            commands::run(&arguments, name)
        });
    match result {
        Ok(code) => code,
        Err(failure) => {
            failure.tell(name);
            ExitCode::from(FAILED)
        }
    }
}
