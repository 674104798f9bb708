//! The scheme of Hadoop's distributed file system.

mod answer;
mod configuration;
mod connection;
mod download;
mod files;
mod settings;
mod surroundings;
mod tree;

use std::collections::BTreeMap;

use super::backend::Backend;
use super::location::Location;
use crate::error::HaError;
use files::HdfsFiles;
use settings::Settings;
use surroundings::Surroundings;

pub(super) const SCHEME: &str = "hdfs";

/// Nothing is sent yet.
pub(super) fn open(root: &Location, options: &BTreeMap<String, String>) -> Result<impl Backend + use<>, HaError> {
    let settings = settings_in(root, options, Surroundings::of_this_process())?;
    HdfsFiles::open(root, settings)
}

fn settings_in(root: &Location, options: &BTreeMap<String, String>, around: Surroundings) -> Result<Settings, HaError> {
    let read = around
        .configuration(options)
        .and_then(|(configuration, user)| Settings::read(root, &configuration, user));
    read.map_err(|refusal| refusal.into_error(root))
}

#[cfg(test)]
mod tests;
