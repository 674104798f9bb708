//! Edits on their way into one `ConfigMap`: collected, applied together, answered one by one.

use serde_json::Value;
use tokio::sync::oneshot;

use super::unsettled::Unsettled;
use crate::cluster::grant::GrantCell;
use crate::error::{ErrorCode, HaError};
use crate::protocol::edit::{Edit, EditAnswer, EditRefusal};
use crate::protocol::elector::GrantId;
use crate::protocol::group_commit::GroupCommit;
use crate::protocol::time::BootTime;

/// What a caller waits for.
pub(crate) type EditReply = oneshot::Sender<Result<EditAnswer, HaError>>;

/// One edit, the grant it is made under, and who waits for it.
pub(crate) struct PendingEdit {
    edit: Edit,
    grant: GrantId,
    deadline: BootTime,
    reply: EditReply,
    proposed: Option<Result<EditAnswer, EditRefusal>>,
    /// A write that carries the edit is on its way: the version that it was decided on.
    riding: Option<String>,
    /// A write that carried the edit may have been applied, whatever became of its answer.
    doubt: Option<Doubt>,
}

/// A write that may be found to have been applied.
struct Doubt {
    /// It can land as long as the object has the version that it was decided on.
    base: String,
    answer: EditAnswer,
    /// Nothing was heard of it. Otherwise a conflict was, which a proxy that repeats requests causes for a write that it has already delivered.
    unheard: bool,
}

impl PendingEdit {
    /// An edit that nobody has tried to write yet.
    pub(crate) fn new(edit: Edit, grant: GrantId, deadline: BootTime, reply: EditReply) -> Self {
        Self {
            edit,
            grant,
            deadline,
            reply,
            proposed: None,
            riding: None,
            doubt: None,
        }
    }

    /// Whether nothing was heard of a write that carried it. A conflict is a refusal.
    fn is_unknown(&self) -> bool {
        self.doubt.as_ref().is_some_and(|doubt| doubt.unheard)
    }

    /// Its write, if it is in one, can be found again.
    fn may_be_found(&mut self, unheard: bool) {
        if let (Some(Ok(answer)), Some(base)) = (self.proposed.take(), self.riding.take()) {
            // What was lost before can land until a read shows another version.
            let unheard = unheard || self.is_unknown();
            self.doubt = Some(Doubt { base, answer, unheard });
        }
    }

    /// The version that a write of unknown outcome was decided on.
    fn in_doubt(&self) -> Option<&str> {
        let unheard = self.doubt.as_ref().filter(|doubt| doubt.unheard);
        let lost = || unheard.map(|doubt| doubt.base.as_str());
        self.riding.as_deref().or_else(lost)
    }

    /// Answers with an error, and says what is left to find out if the outcome is not known.
    fn fail(self, code: ErrorCode, message: &str) -> Option<Unsettled> {
        let unsettled = self.in_doubt().and_then(|base| Unsettled::of(&self.edit, base));
        let error = if self.in_doubt().is_some() {
            let what = "The outcome of the write is not known";
            let message = if code == ErrorCode::NotLeader {
                format!("{what}: leadership ended while it was under way, and its answer is not waited for.")
            } else {
                format!("{what}: the API server did not answer it and could not be asked in time. {message}")
            };
            HaError::new(ErrorCode::UnknownOutcome, message)
        } else {
            HaError::new(code, message)
        };
        // The caller may have gone away with its session.
        let _ = self.reply.send(Err(error));
        unsettled
    }

    fn succeed(self, answer: EditAnswer) {
        let _ = self.reply.send(Ok(answer));
    }

    fn answer(self) {
        let answer = match self.proposed {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(refusal)) => Err(refusal_error(&refusal)),
            None => Err(HaError::new(
                ErrorCode::Internal,
                "an edit was answered before it was applied",
            )),
        };
        let _ = self.reply.send(answer);
    }
}

/// All edits that wait for the same `ConfigMap`, in the order of their arrival.
#[derive(Default)]
pub(crate) struct Batch {
    edits: Vec<PendingEdit>,
    /// Of edits that were answered without knowing what had become of them.
    unsettled: Vec<Unsettled>,
}

impl Batch {
    pub(crate) fn push(&mut self, edit: PendingEdit) {
        self.edits.push(edit);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// What is left to find out about edits that are answered.
    pub(crate) fn take_unsettled(&mut self) -> Vec<Unsettled> {
        std::mem::take(&mut self.unsettled)
    }

    /// The first instant at which an edit has waited too long.
    pub(crate) fn next_deadline(&self) -> Option<BootTime> {
        self.edits.iter().map(|edit| edit.deadline).min()
    }

    /// The grant of the first edit; after [`Batch::refuse_hopeless`] it is everybody's.
    pub(crate) fn grant(&self) -> Option<GrantId> {
        self.edits.first().map(|edit| edit.grant)
    }

    /// Whether somebody waits for the `ConfigMap` to be opened, and so wants it made if it is absent.
    pub(crate) fn opens(&self) -> bool {
        self.edits.iter().any(|edit| matches!(edit.edit, Edit::Claim(_)))
    }

    /// Whether a checkpoint is among what waits.
    pub(crate) fn adds_a_pointer(&self) -> bool {
        self.edits
            .iter()
            .any(|edit| matches!(edit.edit, Edit::AddPointer { .. }))
    }

    /// Answers every edit whose grant has ended or whose deadline has passed.
    pub(crate) fn refuse_hopeless(&mut self, name: &str, grants: &GrantCell, now: BootTime, trouble: Option<&str>) {
        let current = grants.current();
        for edit in self
            .edits
            .extract_if(.., |edit| current != Some(edit.grant) || edit.deadline <= now)
        {
            let left = if current == Some(edit.grant) {
                let why = trouble.unwrap_or("the writer was busy with other edits");
                let message = format!("ConfigMap {name} could not be written in time: {why}.");
                edit.fail(ErrorCode::TimedOut, &message)
            } else {
                edit.fail(ErrorCode::NotLeader, &not_leader(name))
            };
            self.unsettled.extend(left);
        }
    }

    /// Answers what needs no write, in the order of arrival.
    pub(crate) fn answer_at_once(&mut self, commit: &mut GroupCommit) {
        for edit in std::mem::take(&mut self.edits) {
            match commit.answer(&edit.edit) {
                Some(answer) => edit.succeed(answer),
                None => self.edits.push(edit),
            }
        }
    }

    /// What was decided about each edit.
    pub(crate) fn decided(&self) -> impl Iterator<Item = (&Edit, &Result<EditAnswer, EditRefusal>)> {
        let edits = self.edits.iter();
        edits.filter_map(|pending| Some((&pending.edit, pending.proposed.as_ref()?)))
    }

    /// Applies every edit to the object and remembers the answers.
    pub(crate) fn apply(&mut self, object: &mut Value) {
        for pending in &mut self.edits {
            pending.proposed = Some(pending.edit.apply(object));
        }
    }

    /// What was applied to the object of this version is on its way to the server: until the outcome is known, nobody can be told that nothing
    /// was written.
    pub(crate) fn sent(&mut self, base: &str) {
        for edit in &mut self.edits {
            let written = matches!(&edit.proposed, Some(Ok(answer)) if answer.needs_write());
            edit.riding = written.then(|| base.to_owned());
        }
    }

    /// The write was applied: everyone who rode on it gets its answer. The version that former writes were decided on is gone with it, so none
    /// of them can land any more, and none has: that would have refused this one. Edits that came later stay.
    pub(crate) fn written(&mut self) {
        for edit in self.edits.extract_if(.., |edit| edit.proposed.is_some()) {
            edit.answer();
        }
    }

    /// The object that the edits were applied to was read just now, and there is nothing to write.
    pub(crate) fn nothing_to_write(&mut self, name: &str) {
        for edit in self.edits.extract_if(.., |edit| edit.proposed.is_some()) {
            if edit.is_unknown() {
                // Not what it found before, so what it rode with has been given up meanwhile. The lost write can still land and make it untrue.
                let message = format!("ConfigMap {name} has not changed since then.");
                self.unsettled.extend(edit.fail(ErrorCode::Internal, &message));
            } else {
                edit.answer();
            }
        }
    }

    /// The write that carried the edits was refused, or never sent: they are decided again.
    pub(crate) fn not_written(&mut self) {
        for edit in &mut self.edits {
            edit.proposed = None;
            edit.riding = None;
        }
    }

    /// The write that carried the edits was lost: whether it was or will be applied is not known.
    pub(crate) fn lost(&mut self) {
        for edit in &mut self.edits {
            edit.may_be_found(true);
        }
    }

    /// The object had changed: the edits are decided again, unless the next read shows that it was changed by this very write.
    pub(crate) fn overtaken(&mut self) {
        for edit in &mut self.edits {
            edit.may_be_found(false);
        }
    }

    /// A fresh read settles doubts: a lost write that was decided on another version can no longer land, and whether it did shows in the object.
    /// Not for certain where the object is `theirs`: the next leader may have taken away again what this one had written.
    pub(crate) fn settle_doubts(&mut self, object: &Value, version: &str, theirs: bool) {
        let mut decided = object.clone();
        let mut found = |edit: &PendingEdit, answer: &EditAnswer| {
            let before = decided.clone();
            // A pointer that is gone was not marked, or was marked and taken away by somebody else: nobody can tell.
            let gone = |now: &EditAnswer| *now == EditAnswer::Absent && *answer != EditAnswer::Absent;
            edit.edit.apply(&mut decided).is_ok_and(|now| !gone(&now)) && decided == before
        };
        for mut edit in std::mem::take(&mut self.edits) {
            let settled = edit
                .riding
                .is_none()
                .then(|| edit.doubt.take_if(|doubt| doubt.base != version));
            match settled.flatten() {
                Some(doubt) if found(&edit, &doubt.answer) => edit.succeed(doubt.answer),
                Some(doubt) => {
                    edit.doubt = Some(doubt).filter(|doubt| theirs && doubt.unheard);
                    self.edits.push(edit);
                }
                None => self.edits.push(edit),
            }
        }
    }

    /// The write was refused for what it contained: whoever rode on it is answered, edits that came later stay.
    pub(crate) fn reject(&mut self, code: ErrorCode, message: &str) {
        for mut edit in self.edits.extract_if(.., |edit| edit.proposed.is_some()) {
            edit.riding = None;
            self.unsettled.extend(edit.fail(code, message));
        }
    }

    /// Answers every edit with the same error.
    pub(crate) fn fail(&mut self, code: ErrorCode, message: &str) {
        for edit in self.edits.drain(..) {
            self.unsettled.extend(edit.fail(code, message));
        }
    }
}

/// The sentence for a writer whose grant has ended.
pub(crate) fn not_leader(name: &str) -> String {
    format!(
        "ConfigMap {name} was not written because the leadership under which the write was made has ended; the new leader goes on from what is stored."
    )
}

fn refusal_error(refusal: &EditRefusal) -> HaError {
    let code = match refusal {
        EditRefusal::AlreadyExists { .. } => ErrorCode::AlreadyExists,
        EditRefusal::NotExists { .. } => ErrorCode::NotExists,
        EditRefusal::MarkedForDeletion { .. } => ErrorCode::MarkedForDeletion,
        EditRefusal::Undecodable { .. } | EditRefusal::BrokenCounter { .. } => ErrorCode::Undecodable,
        EditRefusal::TooLarge { .. } => ErrorCode::TooLarge,
        EditRefusal::NotMarked { .. } => ErrorCode::ApiRefused,
        EditRefusal::Malformed { .. } => ErrorCode::Internal,
    };
    HaError::new(code, refusal.to_string())
}

#[cfg(test)]
mod tests;
