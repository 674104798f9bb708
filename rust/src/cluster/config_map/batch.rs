//! Edits on their way into one `ConfigMap`: collected, applied together, answered one by one.

use serde_json::Value;
use tokio::sync::oneshot;

use crate::cluster::grant::GrantCell;
use crate::protocol::edit::{Edit, EditAnswer, EditRefusal};
use crate::protocol::elector::GrantId;
use crate::protocol::time::BootTime;
use crate::session::error::{ErrorCode, HaError};

/// What a caller waits for.
pub(crate) type EditReply = oneshot::Sender<Result<EditAnswer, HaError>>;

/// One edit, the grant it is made under, and who waits for it.
pub(crate) struct PendingEdit {
    edit: Edit,
    grant: GrantId,
    deadline: BootTime,
    reply: EditReply,
    proposed: Option<Result<EditAnswer, EditRefusal>>,
    doubt: Option<Doubt>,
}

/// A write that carried the edit and whose outcome is not known.
struct Doubt {
    base: String,
    answer: EditAnswer,
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
            doubt: None,
        }
    }

    fn fail(self, code: ErrorCode, message: &str) {
        let error = if self.doubt.is_some() {
            let what = "The outcome of the write is not known: the API server did not answer it and could not be asked in time";
            HaError::new(ErrorCode::UnknownOutcome, format!("{what}. {message}"))
        } else {
            HaError::new(code, message)
        };
        // The caller may have gone away with its session.
        let _ = self.reply.send(Err(error));
    }

    fn answer(self) {
        let answer = match (self.proposed, self.doubt) {
            // The edit finds its own effect: the write in doubt was applied, so its answer is the true one.
            (Some(Ok(EditAnswer::Unchanged)), Some(doubt)) => Ok(doubt.answer),
            (Some(Ok(answer)), _) => Ok(answer),
            (Some(Err(refusal)), _) => Err(refusal_error(&refusal)),
            (None, _) => Err(HaError::new(
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
}

impl Batch {
    pub(crate) fn push(&mut self, edit: PendingEdit) {
        self.edits.push(edit);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// The first instant at which an edit has waited too long.
    pub(crate) fn next_deadline(&self) -> Option<BootTime> {
        self.edits.iter().map(|edit| edit.deadline).min()
    }

    /// The grant of the first edit; after [`Batch::refuse_hopeless`] it is everybody's.
    pub(crate) fn grant(&self) -> Option<GrantId> {
        self.edits.first().map(|edit| edit.grant)
    }

    /// Answers every edit whose grant has ended or whose deadline has passed.
    pub(crate) fn refuse_hopeless(&mut self, name: &str, grants: &GrantCell, now: BootTime, trouble: Option<&str>) {
        let current = grants.current();
        for edit in self
            .edits
            .extract_if(.., |edit| current != Some(edit.grant) || edit.deadline <= now)
        {
            if current == Some(edit.grant) {
                let why = trouble.unwrap_or("the writer was busy with other edits");
                edit.fail(
                    ErrorCode::TimedOut,
                    &format!("ConfigMap {name} could not be written in time: {why}."),
                );
            } else {
                edit.fail(ErrorCode::NotLeader, &not_leader(name));
            }
        }
    }

    /// Applies every edit to the object and remembers the answers.
    pub(crate) fn apply(&mut self, object: &mut Value) {
        for pending in &mut self.edits {
            pending.proposed = Some(pending.edit.apply(object));
        }
    }

    /// The object that the edits were applied to was current, and what had to be written is written: everyone who rode on it gets its answer.
    /// Edits that came later stay.
    pub(crate) fn settle(&mut self) {
        for edit in self.edits.extract_if(.., |edit| edit.proposed.is_some()) {
            edit.answer();
        }
    }

    /// The write that carried the edits was refused: they are decided again.
    pub(crate) fn not_written(&mut self) {
        for edit in &mut self.edits {
            edit.proposed = None;
        }
    }

    /// The write that carried the edits, decided on this version, ended without an outcome.
    pub(crate) fn doubt(&mut self, base: &str) {
        for edit in &mut self.edits {
            if let Some(Ok(answer)) = edit.proposed.take() {
                // An older doubt keeps the older answer: that write may be the one that landed.
                let answer = edit.doubt.take().map_or(answer, |doubt| doubt.answer);
                edit.doubt = Some(Doubt {
                    base: base.to_owned(),
                    answer,
                });
            }
        }
    }

    /// A fresh read settles doubts: a write that was decided on another version can no longer land.
    pub(crate) fn settle_doubts(&mut self, object: &Value, version: &str) {
        for edit in &mut self.edits {
            let outdated = edit.doubt.as_ref().is_some_and(|doubt| doubt.base != version);
            // Whether it did land shows when the edit meets its own effect.
            if outdated && !matches!(edit.edit.apply(&mut object.clone()), Ok(EditAnswer::Unchanged)) {
                edit.doubt = None;
            }
        }
    }

    /// Answers every edit with the same error.
    pub(crate) fn fail(&mut self, code: ErrorCode, message: &str) {
        for edit in self.edits.drain(..) {
            edit.fail(code, message);
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
