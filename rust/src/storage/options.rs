//! What the configuration says to Flink's plug-in for a store, and what comes of it when it cannot be honoured here.

use std::collections::BTreeMap;
use std::fmt;

use super::location::Location;
use crate::error::{ErrorCode, HaError};

/// A secret that no log and no message ever shows.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why the plug-in has to do it, or why it cannot work at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is set to something that only the plug-in can honour.
    Unsupported(String),
    /// It cannot be right.
    Invalid(String),
}

impl Refusal {
    /// As it leaves the library, for the storage at `root`.
    pub(super) fn into_error(self, root: &Location) -> HaError {
        match self {
            Self::Invalid(message) => HaError::new(ErrorCode::InvalidSetting, message),
            Self::Unsupported(reason) => {
                let message = format!("The native storage for {}: {reason}.", root.scheme());
                HaError::new(ErrorCode::Unsupported, message)
            }
        }
    }
}

pub(super) fn unsupported<T>(reason: String) -> Result<T, Refusal> {
    Err(Refusal::Unsupported(reason))
}

pub(super) fn invalid<T>(key: &str, fault: &str) -> Result<T, Refusal> {
    Err(Refusal::Invalid(format!("{key}: {fault}")))
}

/// The address of a server as a URL without a slash at its end. One without a scheme gets this one; `example` is for the message.
pub(super) fn server_url(key: &str, text: &str, scheme: Option<&str>, example: &str) -> Result<String, Refusal> {
    let url = text.trim_end_matches('/');
    let discreet = !url.contains(char::is_whitespace) && !url.contains('@');
    match (url.split_once("://"), scheme) {
        (Some(("http" | "https", host)), _) if discreet && !host.is_empty() => Ok(url.to_owned()),
        (None, Some(scheme)) if discreet => Ok(format!("{scheme}://{url}")),
        _ => invalid(
            key,
            &format!("is not the address of a server, write it like {example}."),
        ),
    }
}

/// Values by the name that they have in the plug-in, with the key that was written.
pub(super) struct Given<'a> {
    values: BTreeMap<String, (&'a str, &'a str)>,
}

impl<'a> Given<'a> {
    /// Every key begins with one of the prefixes; what follows is the name, after `normalise`.
    pub(super) fn collect(
        options: &'a BTreeMap<String, String>,
        prefixes: &[&str],
        normalise: impl Fn(&str) -> String,
    ) -> Result<Self, Refusal> {
        let mut values: BTreeMap<String, (&str, &str)> = BTreeMap::new();
        for (key, value) in options {
            let Some(name) = prefixes.iter().find_map(|prefix| key.strip_prefix(prefix)) else {
                return unsupported(format!("it cannot honour {key}"));
            };
            let earlier = values.insert(normalise(name), (key, value.trim()));
            if let Some((other, _)) = earlier.filter(|(_, text)| *text != value.trim()) {
                return unsupported(format!("{other} and {key} say different things"));
            }
        }
        Ok(Self { values })
    }

    pub(super) fn take(&mut self, name: &str) -> Option<(&'a str, &'a str)> {
        self.values.remove(name).filter(|(_, value)| !value.is_empty())
    }

    /// Forgets what is for somebody else.
    #[cfg(feature = "azure")]
    pub(super) fn drop(&mut self, is_foreign: impl Fn(&str) -> bool) {
        self.values.retain(|name, _| !is_foreign(name));
    }

    /// Of several names for the same.
    pub(super) fn first(&mut self, names: &[&str]) -> Result<Option<(&'a str, &'a str)>, Refusal> {
        let mut found: Option<(&str, &str)> = None;
        for (key, value) in names.iter().filter_map(|name| self.take(name)).collect::<Vec<_>>() {
            if let Some((other, text)) = found
                && text != value
            {
                return unsupported(format!("{other} and {key} say different things"));
            }
            found = Some((key, value));
        }
        Ok(found)
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.take(name) {
            None => Ok(None),
            Some((_, value)) if value.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some((_, value)) if value.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some((key, value)) => invalid(key, &format!("'{value}' is neither true nor false, set one of them.")),
        }
    }

    /// What is left may only tune: its name is one of these, or goes on with a dot after one.
    pub(super) fn finish(mut self, tuning: &[&str]) -> Result<(), Refusal> {
        let tunes = |name: &str| {
            tuning.iter().any(|tuning| {
                name.strip_prefix(tuning)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        self.values.retain(|name, (_, value)| !tunes(name) && !value.is_empty());
        match self.values.into_values().next() {
            None => Ok(()),
            Some((key, _)) => unsupported(format!("it cannot honour {key}")),
        }
    }
}

/// A configuration, as tests write it down.
#[cfg(test)]
pub(super) fn configured(options: &[(&str, &str)]) -> BTreeMap<String, String> {
    let options = options.iter();
    options
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}
