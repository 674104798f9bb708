#![allow(clippy::unwrap_used)]

use std::sync::Mutex;

use super::*;
use crate::cluster::client::ApiError;

const LIMIT: Duration = Duration::from_secs(8);
const AGAIN: Duration = Duration::from_secs(2);

fn error(kind: ApiErrorKind) -> ApiError {
    ApiError {
        kind,
        message: format!("{kind:?}"),
    }
}

fn refused(kind: ApiErrorKind) -> Outcome {
    Err(WriteFailure::Refused(error(kind)))
}

fn unknown() -> Outcome {
    Err(WriteFailure::Unknown(error(ApiErrorKind::Unreachable)))
}

type Outcome = Result<usize, WriteFailure>;

/// After how many seconds each copy is answered, and how; those that come later are never answered. What came of the write, after how many
/// seconds, and when and how the copies were sent.
async fn written(answers: &[(u64, Outcome)]) -> (Outcome, u64, Vec<(u64, Way)>) {
    let (began, copies) = (Instant::now(), Mutex::new(Vec::new()));
    let send = |way, limit| {
        let number = {
            let mut copies = copies.lock().unwrap();
            copies.push((began.elapsed().as_secs(), way));
            copies.len() - 1
        };
        async move {
            let (after, outcome) = answers.get(number).cloned().unwrap_or((100, Ok(number)));
            match timeout(limit, sleep(Duration::from_secs(after))).await {
                Ok(()) => outcome,
                Err(_) => Err(WriteFailure::Unknown(error(ApiErrorKind::TimedOut))),
            }
        }
    };
    let outcome = write(send, LIMIT, Some(AGAIN)).await;
    (outcome, began.elapsed().as_secs(), copies.into_inner().unwrap())
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_time_needs_no_copy() {
    for outcome in [Ok(0), refused(ApiErrorKind::Conflict), unknown()] {
        let expected = (outcome.clone(), 1, vec![(0, Way::Usual)]);
        assert_eq!(written(&[(1, outcome)]).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_renewal_is_sent_once() {
    let copies = Mutex::new(0);
    let send = |_, _| {
        *copies.lock().unwrap() += 1;
        async { unknown() }
    };
    assert_eq!(write(send, LIMIT, None).await, unknown());
    assert_eq!(copies.into_inner().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_slow_path_is_waited_for() {
    let (outcome, after, sent) = written(&[(7, Ok(0))]).await;
    assert_eq!((outcome, after), (Ok(0), 7));
    assert!(sent.iter().skip(1).all(|(_, way)| *way == Way::Elsewhere), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dead_connection_costs_a_third_of_the_time() {
    let (outcome, after, sent) = written(&[(100, Ok(0)), (0, Ok(1))]).await;
    assert_eq!((outcome, after), (Ok(1), 2));
    assert_eq!(sent, [(0, Way::Usual), (2, Way::Elsewhere)]);
    // The second one is not the last.
    let (outcome, ..) = written(&[(100, Ok(0)), (100, Ok(1)), (0, Ok(2))]).await;
    assert_eq!(outcome, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_conflict_beside_a_copy_may_be_its_success() {
    let conflict = || refused(ApiErrorKind::Conflict);
    let in_doubt = |outcome: &Outcome| matches!(outcome, Err(WriteFailure::Unknown(_)));
    assert!(in_doubt(&written(&[(100, Ok(0)), (1, conflict())]).await.0));
    assert!(in_doubt(&written(&[(3, conflict())]).await.0));
    assert!(in_doubt(&written(&[(3, unknown()), (2, conflict())]).await.0));
    // None of those that were refused can have caused it.
    let outcome = written(&[(3, refused(ApiErrorKind::Forbidden)), (1, conflict())])
        .await
        .0;
    assert_eq!(outcome, conflict());
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_fails_leaves_the_first_one_under_way() {
    let answers = [(7, Ok(0)), (0, refused(ApiErrorKind::Forbidden)), (0, unknown())];
    assert_eq!(written(&answers).await.0, Ok(0));
    let (outcome, after, _) = written(&[]).await;
    assert!(matches!(outcome, Err(WriteFailure::Unknown(_))));
    assert_eq!(after, 8);
}
