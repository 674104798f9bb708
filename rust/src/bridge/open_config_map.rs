//! A `ConfigMap` that Java has opened: what edits answer, as what the native methods return.

use std::time::Duration;

use crate::error::{ErrorCode, HaError};
use crate::protocol::config_map;
use crate::protocol::edit::{self, Edit, EditAnswer};
use crate::protocol::state_handle;
use crate::session::ConfigMapHandle;

/// How long a store that is being closed waits for removals to be finished: Flink waits for it with everything else that it closes. What is left
/// then counts as absent, and the next leader takes it away.
const FINISH_LIMIT: Duration = Duration::from_secs(1);

/// A `ConfigMap` as seen under the grant that held when it was opened.
pub(super) struct OpenConfigMap {
    name: String,
    handle: ConfigMapHandle,
}

impl OpenConfigMap {
    pub(super) const fn new(name: String, handle: ConfigMapHandle) -> Self {
        Self { name, handle }
    }

    /// The text under a key, read from the API server.
    pub(super) fn read_pointer(&self, key: &str) -> Result<Option<String>, HaError> {
        let object = self.read()?;
        Ok(config_map::entry(&object, key).map(str::to_owned))
    }

    /// Keys with this prefix and their texts, read from the API server, in the order of the keys.
    pub(super) fn read_pointers(&self, prefix: &str) -> Result<Vec<(String, String)>, HaError> {
        let object = self.read()?;
        let entries = config_map::entries_with_prefix(&object, prefix).into_iter();
        Ok(entries.map(|(key, raw)| (key.to_owned(), raw.to_owned())).collect())
    }

    /// Adds a pointer, or finds this very one there.
    pub(super) fn add_pointer(&self, key: String, pointer: String) -> Result<(), HaError> {
        match self.handle.edit(Edit::AddPointer { key, pointer })? {
            EditAnswer::Done | EditAnswer::Unchanged => Ok(()),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Replaces a pointer and answers what it was, unless it was this very one.
    pub(super) fn replace_pointer(&self, key: String, pointer: String) -> Result<Option<String>, HaError> {
        match self.handle.edit(Edit::ReplacePointer { key, pointer })? {
            EditAnswer::Replaced { old } => Ok(Some(old)),
            EditAnswer::Unchanged => Ok(None),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Marks a pointer for deletion and answers its text; `None` when there is none.
    pub(super) fn mark_pointer(&self, key: String) -> Result<Option<String>, HaError> {
        match self.handle.edit(Edit::MarkPointer { key })? {
            EditAnswer::Marked { pointer } => Ok(Some(pointer)),
            EditAnswer::Absent => Ok(None),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Removes this pointer, which is marked, or a value that nobody can decode. In a job's `ConfigMap` a marked one leaves with the next write.
    pub(super) fn remove_pointer(&self, key: String, pointer: String) -> Result<(), HaError> {
        let edit = match state_handle::is_marked(&pointer) {
            Ok(_) => Edit::RemovePointer { key, pointer },
            // A live pointer that somebody puts there in between is refused.
            Err(_) => Edit::RemoveKey { key },
        };
        match self.handle.edit(edit)? {
            EditAnswer::Done | EditAnswer::Unchanged => Ok(()),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Takes away at once what was left to a next write.
    pub(super) fn finish_removals(&self) -> Result<(), HaError> {
        self.handle.edit_within(Edit::FinishRemovals, FINISH_LIMIT).map(drop)
    }

    /// Removes all keys with this prefix and answers how many there were.
    pub(super) fn clear_pointers(&self, prefix: String) -> Result<usize, HaError> {
        match self.handle.edit(Edit::ClearPointers { prefix })? {
            EditAnswer::Cleared(count) => Ok(count),
            EditAnswer::Unchanged => Ok(0),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Hands out the next checkpoint id.
    pub(super) fn next_counter(&self) -> Result<i64, HaError> {
        match self.handle.edit(Edit::NextCounter)? {
            EditAnswer::Counter(id) => Ok(id),
            other => Err(self.unexpected(&other)),
        }
    }

    /// The checkpoint id that is handed out next: what the writer has in reserve, or else what the API server says. Without the grant that the
    /// `ConfigMap` was opened under it is what is stored, which no id that was handed out reaches.
    pub(super) fn read_counter(&self) -> Result<i64, HaError> {
        match self.handle.edit(Edit::ReadCounter) {
            Ok(EditAnswer::Next(id)) => return Ok(id),
            Ok(other) => return Err(self.unexpected(&other)),
            Err(error) if error.code == ErrorCode::NotLeader => {}
            Err(error) => return Err(error),
        }
        edit::read_counter(&self.read()?).map_err(|refusal| {
            let message = format!("In the ConfigMap {}: {refusal}", self.name);
            HaError::new(ErrorCode::Undecodable, message)
        })
    }

    /// Sets the checkpoint id that is handed out next.
    pub(super) fn set_counter(&self, next: i64) -> Result<(), HaError> {
        let answer = self.handle.edit(Edit::SetCounter(next))?;
        if let EditAnswer::Replaced { old } = answer {
            log::warn!(
                "The checkpoint counter of the ConfigMap {} was {old:?}, no number, and is {next} now.",
                self.name
            );
        }
        Ok(())
    }

    /// Removes the counter; an absent one is fine.
    pub(super) fn remove_counter(&self) -> Result<(), HaError> {
        self.handle.edit(Edit::RemoveCounter).map(drop)
    }

    fn read(&self) -> Result<serde_json::Value, HaError> {
        self.handle.read()?.ok_or_else(|| {
            let message = format!("There is no ConfigMap {}.", self.name);
            HaError::new(ErrorCode::ConfigMapMissing, message)
        })
    }

    fn unexpected(&self, answer: &EditAnswer) -> HaError {
        // The answer can hold a pointer, which is no secret, and is a bug in any case.
        let message = format!("An edit of the ConfigMap {} was answered with {answer:?}.", self.name);
        HaError::new(ErrorCode::Internal, message)
    }
}
