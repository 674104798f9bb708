//! Settings of Flink, out of its configuration file and from the command line.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::arguments::StorageArguments;
use crate::failure::Failure;

/// Key and value of every setting; lists are joined by semicolons.
pub(crate) fn read(arguments: &StorageArguments) -> Result<BTreeMap<String, String>, Failure> {
    let mut settings = match &arguments.flink_conf {
        Some(file) => read_file(file)?,
        None => BTreeMap::new(),
    };
    for setting in &arguments.settings {
        let (key, value) = setting
            .split_once('=')
            .ok_or_else(|| Failure::new(format!("-D {setting} has no value: write it like -D key=value.")))?;
        settings.insert(key.trim().to_owned(), value.to_owned());
    }
    Ok(settings)
}

/// Never quotes a line: it may hold a secret.
fn read_file(file: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let place = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("--flink-conf {place} cannot be read ({error}).")))?;
    parse(&text).ok_or_else(|| {
        Failure::new(format!(
            "--flink-conf {place} is not a configuration of Flink: neither YAML nor lines of 'key: value'."
        ))
    })
}

fn parse(text: &str) -> Option<BTreeMap<String, String>> {
    if text
        .lines()
        .all(|line| line.trim().is_empty() || line.trim().starts_with('#'))
    {
        return Some(BTreeMap::new());
    }
    let mut settings = BTreeMap::new();
    if let Ok(Value::Object(fields)) = serde_saphyr::from_str::<Value>(text) {
        flatten("", &Value::Object(fields), &mut settings);
        return Some(settings);
    }
    // As Flink 1.20 reads flink-conf.yaml.
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some((key, value)) = line.split_once(": ") {
            settings.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    (!settings.is_empty()).then_some(settings)
}

fn flatten(prefix: &str, value: &Value, settings: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let key = if prefix.is_empty() {
                    name.clone()
                } else {
                    format!("{prefix}.{name}")
                };
                flatten(&key, value, settings);
            }
        }
        Value::Null => {}
        Value::Array(values) => {
            let texts: Vec<String> = values.iter().map(text_of).collect();
            settings.insert(prefix.to_owned(), texts.join(";"));
        }
        value => drop(settings.insert(prefix.to_owned(), text_of(value))),
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn both_forms_of_the_configuration_are_read() {
        let flat = "# a comment\ns3.endpoint: http://there:9000\ns3.path.style.access: true\n";
        let nested = "s3:\n  endpoint: http://there:9000\n  path.style.access: true\n";
        let settings = expected(&[("s3.endpoint", "http://there:9000"), ("s3.path.style.access", "true")]);
        assert_eq!(parse(flat), Some(settings.clone()));
        assert_eq!(parse(nested), Some(settings));
        assert_eq!(parse("a: [b, c]\n"), Some(expected(&[("a", "b;c")])));
        assert_eq!(parse("\n# nothing\n"), Some(expected(&[])));
        // No YAML, and good enough for Flink 1.20.
        assert_eq!(
            parse("a: @b\nc: d: e # f\n"),
            Some(expected(&[("a", "@b"), ("c", "d: e")]))
        );
        assert_eq!(parse("no configuration"), None);
    }
}
