//! Hadoop's configuration: its files, what overrides what, and variables in values.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use roxmltree::{Document, Node};

use crate::storage::options::{Refusal, unsupported};

/// How often a value is looked through for variables, as in `org.apache.hadoop.conf.Configuration`.
const DEPTH: usize = 20;

/// Former names that a client still finds in use.
const RENAMED: [(&str, &str); 3] = [
    ("fs.default.name", "fs.defaultFS"),
    ("dfs.block.size", "dfs.blocksize"),
    ("dfs.umaskmode", "fs.permissions.umask-mode"),
];

/// Values by their key, later resources over earlier ones.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    values: BTreeMap<String, Value>,
    /// What a resource has declared final, no later one can change.
    fixed: BTreeSet<String>,
    environment: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Value {
    text: String,
    /// For messages.
    source: String,
}

impl Configuration {
    /// With what `${env.NAME}` stands for.
    pub(super) fn new(environment: BTreeMap<String, String>) -> Self {
        Self {
            environment,
            ..Self::default()
        }
    }

    /// Adds the files of a directory that are there.
    pub(super) fn add_directory(&mut self, directory: &Path) -> Result<(), Refusal> {
        for name in ["core-site.xml", "hdfs-site.xml"] {
            self.add_file(&directory.join(name))?;
        }
        Ok(())
    }

    /// Adds a file, if it is there.
    pub(super) fn add_file(&mut self, file: &Path) -> Result<(), Refusal> {
        let shown = file.display().to_string();
        match fs::read_to_string(file) {
            Ok(text) => self.add_text(&shown, &text),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => unsupported(format!("it cannot read {shown} ({error})")),
        }
    }

    fn add_text(&mut self, source: &str, text: &str) -> Result<(), Refusal> {
        let document = match Document::parse(text) {
            Ok(document) => document,
            Err(error) => return unsupported(format!("it cannot read {source} ({error})")),
        };
        let mut fixed = Vec::new();
        for element in document.root_element().children().filter(Node::is_element) {
            if element.tag_name().name() != "property" {
                let name = element.tag_name().name();
                return unsupported(format!(
                    "it knows no <{name}> in Hadoop's configuration, as in {source}"
                ));
            }
            let (Some(key), Some(value)) = (part(&element, "name"), part(&element, "value")) else {
                continue;
            };
            let key = current(key.trim());
            if part(&element, "final").is_some_and(|text| text.trim() == "true") {
                fixed.push(key.to_owned());
            }
            if !self.fixed.contains(key) {
                self.put(key, value, source);
            }
        }
        self.fixed.extend(fixed);
        Ok(())
    }

    /// Sets what Flink's own configuration says, whatever the files say.
    pub(super) fn set(&mut self, key: &str, text: &str, source: &str) {
        self.put(current(key), text, source);
    }

    fn put(&mut self, key: &str, text: &str, source: &str) {
        let (text, source) = (text.to_owned(), source.to_owned());
        self.values.insert(key.to_owned(), Value { text, source });
    }

    /// A value that is set, trimmed, its variables replaced.
    pub(super) fn get(&self, key: &str) -> Result<Option<String>, Refusal> {
        let Some(value) = self.values.get(key) else {
            return Ok(None);
        };
        let mut text = value.text.clone();
        for _ in 0..DEPTH {
            let Some((before, rest)) = text.split_once("${") else {
                let text = text.trim();
                return Ok((!text.is_empty()).then(|| text.to_owned()));
            };
            let Some((name, after)) = rest.split_once('}') else {
                break;
            };
            let Some(known) = self.variable(name) else {
                break;
            };
            text = format!("{before}{known}{after}");
        }
        unsupported(format!("it cannot tell what {key} stands for in {}", value.source))
    }

    /// With `${env.NAME-default}` as the shell has it. Properties of the JVM are not known here.
    fn variable<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let Some(name) = name.strip_prefix("env.") else {
            return self.values.get(name).map(|value| value.text.as_str());
        };
        let (name, default) = match name.split_once('-') {
            Some((name, default)) => (name.trim_end_matches(':'), Some(default)),
            None => (name, None),
        };
        self.environment.get(name).map(String::as_str).or(default)
    }

    /// Where a value comes from, for messages.
    pub(super) fn source(&self, key: &str) -> &str {
        self.values.get(key).map_or("", |value| &value.source)
    }
}

fn current(key: &str) -> &str {
    RENAMED
        .iter()
        .find_map(|(old, new)| (*old == key).then_some(*new))
        .unwrap_or(key)
}

/// An attribute, or the text of a child.
fn part<'a>(property: &Node<'a, '_>, name: &str) -> Option<&'a str> {
    if let Some(value) = property.attribute(name) {
        return Some(value);
    }
    let child = property.children().find(|child| child.tag_name().name() == name)?;
    Some(child.text().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn configuration(texts: &[&str]) -> Result<Configuration, Refusal> {
        let mut configuration = Configuration::new(BTreeMap::from([("USER".to_owned(), "flink".to_owned())]));
        for (number, text) in texts.iter().enumerate() {
            let document = format!("<?xml version=\"1.0\"?>\n<configuration>{text}</configuration>\n");
            configuration.add_text(&format!("file {number}"), &document)?;
        }
        Ok(configuration)
    }

    #[test]
    fn later_files_override_what_is_not_final() {
        let configuration = configuration(&[
            "<!-- a comment -->
             <property><name> a </name><value>1</value><description>of a</description></property>
             <property><name>b</name><value>1</value><final>true</final></property>",
            "<property name=\"a\" value=\"2\"/><property><name>b</name><value>2</value></property>
             <property><name>c</name><value/></property><property><name>d</name></property>",
        ]);
        let mut configuration = configuration.unwrap();
        for (key, value) in [("a", Some("2")), ("b", Some("1")), ("c", None), ("d", None)] {
            assert_eq!(configuration.get(key).unwrap().as_deref(), value, "{key}");
        }
        assert_eq!(
            (configuration.source("a"), configuration.source("b")),
            ("file 1", "file 0")
        );
        configuration.set("b", "3", "flink.hadoop.b");
        assert_eq!(configuration.get("b").unwrap().as_deref(), Some("3"));
    }

    #[test]
    fn variables_are_replaced_and_unknown_ones_left_to_hadoop() {
        let configuration = configuration(&["<property><name>host</name><value>nn-${env.USER}</value></property>
             <property><name>a</name><value> ${host}:${env.PORT:-8020} </value></property>
             <property><name>b</name><value>${user.home}/x</value></property>
             <property><name>c</name><value>${c}</value></property>"]);
        let configuration = configuration.unwrap();
        assert_eq!(configuration.get("a").unwrap().as_deref(), Some("nn-flink:8020"));
        for key in ["b", "c"] {
            let Err(Refusal::Unsupported(reason)) = configuration.get(key) else {
                panic!("{key}")
            };
            assert!(reason.contains(&format!("what {key} stands for in file 0")), "{reason}");
        }
    }

    #[test]
    fn former_names_count() {
        let configuration =
            configuration(&["<property><name>fs.default.name</name><value>hdfs://a</value></property>"]).unwrap();
        assert_eq!(configuration.get("fs.defaultFS").unwrap().as_deref(), Some("hdfs://a"));
    }

    #[test]
    fn what_is_no_plain_configuration_is_left_to_hadoop() {
        for text in [
            "<property>",
            "<include xmlns=\"http://www.w3.org/2001/XInclude\" href=\"other.xml\"/>",
        ] {
            let refused = configuration(&[text]);
            assert!(
                matches!(&refused, Err(Refusal::Unsupported(reason)) if reason.contains("file 0")),
                "{refused:?}"
            );
        }
    }
}
