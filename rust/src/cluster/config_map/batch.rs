//! Edits on their way into one `ConfigMap`: collected, applied together, answered one by one.

use serde_json::Value;
use tokio::sync::oneshot;

use crate::cluster::grant::GrantCell;
use crate::error::{ErrorCode, HaError};
use crate::protocol::edit::{Edit, EditAnswer, EditRefusal};
use crate::protocol::elector::GrantId;
use crate::protocol::time::BootTime;

/// What a caller waits for.
pub(crate) type EditReply = oneshot::Sender<Result<EditAnswer, HaError>>;

/// One edit, the grant it is made under, and who waits for it.
pub(crate) struct PendingEdit {
    edit: Edit,
    grant: GrantId,
    deadline: BootTime,
    reply: EditReply,
    /// The answer, if the write that is under way is applied; none while no write carries the edit.
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
        let under_way = matches!(self.proposed, Some(Ok(_)));
        let error = if under_way || self.doubt.is_some() {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;
    use crate::protocol::state_handle::StateHandle;

    type Answered = oneshot::Receiver<Result<EditAnswer, HaError>>;

    fn push(batch: &mut Batch, edit: Edit) -> Answered {
        let (reply, answer) = oneshot::channel();
        let deadline = BootTime::from_duration(std::time::Duration::from_secs(1));
        batch.push(PendingEdit::new(edit, GrantId(1), deadline, reply));
        answer
    }

    fn pointer(uri: &str) -> String {
        let (uri, size, marked) = (uri.to_owned(), 1, false);
        StateHandle { uri, size, marked }.encode()
    }

    #[test]
    fn what_is_under_way_fails_as_unknown_and_what_waits_as_refused() {
        let mut batch = Batch::default();
        let mut sent = push(&mut batch, Edit::NextCounter);
        batch.apply(&mut json!({"metadata": {}}));
        let mut waiting = push(&mut batch, Edit::NextCounter);
        batch.fail(ErrorCode::NotLeader, "over");
        assert_eq!(sent.try_recv().unwrap().unwrap_err().code, ErrorCode::UnknownOutcome);
        assert_eq!(waiting.try_recv().unwrap().unwrap_err().code, ErrorCode::NotLeader);
    }

    #[test]
    fn an_edit_that_comes_while_a_write_is_under_way_is_not_answered_with_it() {
        let mut batch = Batch::default();
        let mut first = push(&mut batch, Edit::NextCounter);
        batch.apply(&mut json!({"metadata": {}}));
        let mut second = push(&mut batch, Edit::NextCounter);
        batch.settle();
        assert_eq!(first.try_recv().unwrap().unwrap(), EditAnswer::Counter(1));
        assert!(second.try_recv().is_err() && !batch.is_empty());
    }

    #[test]
    fn an_edit_that_meets_its_own_effect_gets_the_answer_of_the_write_in_doubt() {
        let mut object = json!({"metadata": {"resourceVersion": "1"}, "data": {"k": pointer("file:/old")}});
        let replace = Edit::ReplacePointer {
            key: "k".to_owned(),
            pointer: pointer("file:/new"),
        };
        let mut batch = Batch::default();
        let mut answer = push(&mut batch, replace);
        batch.apply(&mut object);
        batch.doubt("1");
        // A read shows that the write has landed.
        batch.settle_doubts(&object, "2");
        batch.apply(&mut object);
        batch.settle();
        let old = pointer("file:/old");
        assert_eq!(answer.try_recv().unwrap().unwrap(), EditAnswer::Replaced { old });
    }

    #[test]
    fn a_doubt_ends_with_a_read_of_another_version_and_not_with_one_of_the_same() {
        let object = json!({"metadata": {}, "data": {}});
        for (version, code) in [("1", ErrorCode::UnknownOutcome), ("2", ErrorCode::NotLeader)] {
            let mut batch = Batch::default();
            let mut answer = push(&mut batch, Edit::NextCounter);
            batch.apply(&mut object.clone());
            batch.doubt("1");
            batch.settle_doubts(&object, version);
            batch.fail(ErrorCode::NotLeader, "over");
            assert_eq!(answer.try_recv().unwrap().unwrap_err().code, code, "{version}");
        }
    }
}
