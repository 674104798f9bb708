//! Why a command could not do what it was asked for.

use std::fmt;

use clap::builder::styling::{AnsiColor, Style};
use flinkkubeha::cluster::client::{ApiError, ClientError};
use flinkkubeha::error::HaError;

/// One sentence that names key or object, value and remedy.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    pub(crate) fn tell(&self, program: &str) {
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        anstream::eprintln!("{program}: {red}error:{red:#} {self}");
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<HaError> for Failure {
    fn from(error: HaError) -> Self {
        Self(error.message)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        // The library names the keys of Flink's configuration.
        let message = error.to_string();
        Self(
            message
                .replace("kubernetes.config.file", "--kubeconfig")
                .replace("kubernetes.context", "--context"),
        )
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self(error.message)
    }
}
