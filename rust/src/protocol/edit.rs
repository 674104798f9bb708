//! Edits of a `ConfigMap`.
/// An edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {}
/// The answer to an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditAnswer {}
