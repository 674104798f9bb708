//! Where Hadoop's configuration lies, in the order of Flink's `HadoopUtils`, and who asks.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use super::configuration::Configuration;
use crate::storage::options::{Refusal, unsupported};

/// Settings of Flink whose rest is one of Hadoop's.
const PREFIX: &str = "flink.hadoop.";
/// Files on the class path, as URLs: what a plain `HdfsConfiguration` reads.
const ON_CLASS_PATH: [&str; 2] = ["core-site.xml", "hdfs-site.xml"];
/// Directories and files that Flink 1 reads, and has called deprecated.
const DIRECTORY: &str = "fs.hdfs.hadoopconf";
const FILES: [&str; 2] = ["fs.hdfs.hdfsdefault", "fs.hdfs.hdfssite"];
/// For the scripts that start Flink, which put it on the class path.
const OF_SCRIPTS: &str = "env.hadoop.conf.dir";
/// Of the environment; of the JVM's properties where the environment does not say it.
const USER: &str = "HADOOP_USER_NAME";
/// How many streams Flink's file system may have open.
const LIMITS: &str = "fs.hdfs.limit.";
/// What Hadoop's login takes into account and the client here does not.
const FOREIGN: [&str; 2] = ["HADOOP_PROXY_USER", "HADOOP_TOKEN_FILE_LOCATION"];

/// The environment of the process.
#[derive(Debug, Default)]
pub(super) struct Surroundings(BTreeMap<String, String>);

impl Surroundings {
    pub(super) fn of_this_process() -> Self {
        let texts =
            env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self(texts.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// What Flink tells Hadoop's client, and the name that it goes by, if one is set.
    pub(super) fn configuration(
        self,
        options: &BTreeMap<String, String>,
    ) -> Result<(Configuration, Option<String>), Refusal> {
        let option = |key: &str| {
            options
                .get(key)
                .map(|value| value.trim())
                .filter(|value| !value.is_empty())
        };
        if let Some(name) = FOREIGN
            .iter()
            .find(|name| self.0.contains_key(**name) || option(name).is_some())
        {
            return unsupported(format!("it cannot honour {name}"));
        }
        let user = self.0.get(USER).map(String::as_str).or(option(USER)).map(str::to_owned);
        let home = self.directory("HADOOP_HOME");
        let directory = self
            .directory("HADOOP_CONF_DIR")
            .or(option(OF_SCRIPTS).map(PathBuf::from));
        let mut configuration = Configuration::new(self.0);
        for url in ON_CLASS_PATH.iter().filter_map(|name| option(name)) {
            let Some(path) = url.strip_prefix("file:") else {
                return unsupported(format!("it cannot read {url}"));
            };
            configuration.add_file(Path::new(path))?;
        }
        if let Some(home) = home {
            configuration.add_directory(&home.join("conf"))?;
            configuration.add_directory(&home.join("etc/hadoop"))?;
        }
        for file in FILES.iter().filter_map(|key| option(key)) {
            configuration.add_file(Path::new(file))?;
        }
        for directory in option(DIRECTORY).map(PathBuf::from).into_iter().chain(directory) {
            configuration.add_directory(&directory)?;
        }
        for (key, value) in options {
            if let Some(name) = key.strip_prefix(PREFIX) {
                configuration.set(name, value, key);
            } else if !is_known(key) {
                return unsupported(format!("it cannot honour {key}"));
            }
        }
        Ok((configuration, user))
    }

    fn directory(&self, name: &str) -> Option<PathBuf> {
        self.0.get(name).map(PathBuf::from)
    }
}

fn is_known(key: &str) -> bool {
    let known = [DIRECTORY, OF_SCRIPTS, USER];
    known
        .iter()
        .chain(&ON_CLASS_PATH)
        .chain(&FILES)
        .any(|name| *name == key)
        || key.starts_with(LIMITS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use super::*;
    use crate::storage::options::configured;

    fn around(environment: &[(&str, &str)]) -> Surroundings {
        Surroundings(configured(environment))
    }

    #[test]
    fn places_are_read_in_the_order_of_flink() {
        let scratch = tempfile::tempdir().unwrap();
        let site = |directory: &str, names: &[&str]| {
            let directory = scratch.path().join(directory);
            fs::create_dir_all(&directory).unwrap();
            let property = |name: &&str| format!("<property name=\"{name}\" value=\"{}\"/>", directory.display());
            let properties: Vec<String> = names.iter().map(property).collect();
            let text = format!("<configuration>{}</configuration>", properties.concat());
            fs::write(directory.join("core-site.xml"), text).unwrap();
            directory.to_str().unwrap().to_owned()
        };
        let on_class_path = site("class-path", &["a", "b", "c", "d", "e"]);
        let home = site("home", &[]);
        let of_home = site("home/etc/hadoop", &["b", "c", "d", "e"]);
        let deprecated = site("deprecated", &["c", "d", "e"]);
        let of_environment = site("environment", &["d", "e"]);
        let read =
            around(&[("HADOOP_HOME", &home), ("HADOOP_CONF_DIR", &of_environment)]).configuration(&configured(&[
                ("core-site.xml", &format!("file:{on_class_path}/core-site.xml")),
                ("hdfs-site.xml", "file:/nowhere/hdfs-site.xml"),
                ("fs.hdfs.hadoopconf", &deprecated),
                ("env.hadoop.conf.dir", "/nowhere"),
                ("fs.hdfs.limit.total", "10"),
                ("flink.hadoop.e", "flink"),
            ]));
        let (configuration, user) = read.unwrap();
        assert_eq!(user, None);
        for (key, expected) in [
            ("a", on_class_path.as_str()),
            ("b", &of_home),
            ("c", &deprecated),
            ("d", &of_environment),
            ("e", "flink"),
        ] {
            assert_eq!(configuration.get(key).unwrap().as_deref(), Some(expected), "{key}");
        }
    }

    #[test]
    fn the_user_of_the_environment_comes_first() {
        let of_the_jvm = configured(&[("HADOOP_USER_NAME", "jvm")]);
        let user = |around: Surroundings| around.configuration(&of_the_jvm).unwrap().1;
        assert_eq!(user(around(&[])).as_deref(), Some("jvm"));
        assert_eq!(user(around(&[("HADOOP_USER_NAME", "flink")])).as_deref(), Some("flink"));
    }

    #[test]
    fn what_only_hadoops_client_can_do_is_left_to_it() {
        for (environment, options) in [
            (&[("HADOOP_PROXY_USER", "x")][..], &[][..]),
            (&[("HADOOP_TOKEN_FILE_LOCATION", "/tokens")], &[]),
            (&[], &[("HADOOP_PROXY_USER", "x")]),
            (&[], &[("core-site.xml", "jar:file:/a.jar!/core-site.xml")]),
            (&[], &[("fs.hdfs.impl", "x")]),
        ] {
            let refused = around(environment).configuration(&configured(options));
            assert!(
                matches!(refused, Err(Refusal::Unsupported(_))),
                "{environment:?} {options:?}"
            );
        }
    }
}
