//! Whether the Role is complete, asked before it matters.
//!
//! Every probe is a request that the API server authorizes as the real one and that changes nothing. Only a 403 speaks against
//! the Role, and only one that lasts: right after its start, an API server answers 403 until its authorizer has caught up.

use std::fmt;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::error::{ErrorCode, HaError};

use super::client::{ApiClient, ApiError, ApiErrorKind, Verb};

/// A 403 counts once it has lasted this long.
pub const PERSISTENCE: Duration = Duration::from_secs(5);
/// Between two probes of one verb.
const PAUSE: Duration = Duration::from_millis(500);
/// For one probe.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// What `TaskManager`s and command-line clients need.
pub const READER_VERBS: [Verb; 3] = [Verb::Get, Verb::List, Verb::Watch];
/// What `JobManager`s need.
pub const CANDIDATE_VERBS: [Verb; 6] = Verb::ALL;

/// What a start must stop at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreflightError {
    /// Verbs that the Role does not grant.
    Forbidden {
        /// Which.
        verbs: Vec<Verb>,
        /// One sentence with verbs, resource, namespace and remedy.
        message: String,
    },
    /// The namespace does not exist.
    NamespaceMissing {
        /// One sentence.
        message: String,
    },
}

impl PreflightError {
    /// The sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Forbidden { message, .. } | Self::NamespaceMissing { message } => message,
        }
    }
}

impl fmt::Display for PreflightError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for PreflightError {}

impl From<PreflightError> for HaError {
    fn from(error: PreflightError) -> Self {
        let code = match &error {
            PreflightError::Forbidden { .. } => ErrorCode::Forbidden,
            PreflightError::NamespaceMissing { .. } => ErrorCode::NamespaceMissing,
        };
        Self::new(code, error.to_string())
    }
}

/// Checks what a `TaskManager` or a command-line client needs. Whatever is not a lasting 403 passes: an API server that is away or
/// broken is for others to wait for.
pub async fn reader_check(client: &ApiClient, config_map: &str) -> Result<(), PreflightError> {
    check(client, config_map, &READER_VERBS).await
}

/// Checks what a `JobManager` needs, and that the namespace exists. Whatever else is not a lasting 403 passes.
pub async fn candidate_check(client: &ApiClient, config_map: &str) -> Result<(), PreflightError> {
    check(client, config_map, &CANDIDATE_VERBS).await
}

async fn check(client: &ApiClient, config_map: &str, verbs: &[Verb]) -> Result<(), PreflightError> {
    let outcomes = join_all(verbs.iter().map(|verb| probe(client, config_map, *verb))).await;
    let mut forbidden = Vec::new();
    for (verb, outcome) in verbs.iter().zip(outcomes) {
        match outcome {
            Ok(()) => {}
            Err(error) if error.kind == ApiErrorKind::NamespaceMissing => {
                let namespace = client.namespace();
                return Err(PreflightError::NamespaceMissing {
                    message: format!(
                        "The namespace {namespace:?} does not exist on {}: set kubernetes.namespace to the namespace of this Flink cluster, or create it with 'kubectl create namespace {namespace}'.",
                        client.server()
                    ),
                });
            }
            Err(error) => {
                log::debug!("{error}");
                forbidden.push(*verb);
            }
        }
    }
    if forbidden.is_empty() {
        return Ok(());
    }
    let message = sentence(client, verbs, &forbidden);
    Err(PreflightError::Forbidden {
        verbs: forbidden,
        message,
    })
}

/// An error only for what a start must stop at.
async fn probe(client: &ApiClient, config_map: &str, verb: Verb) -> Result<(), ApiError> {
    let mut first_refusal = None;
    loop {
        match client.can(verb, config_map, PROBE_LIMIT).await {
            Err(error) if error.kind == ApiErrorKind::NamespaceMissing => return Err(error),
            Err(error) if is_about_the_role(&error) => {
                if first_refusal.get_or_insert_with(Instant::now).elapsed() >= PERSISTENCE {
                    return Err(error);
                }
            }
            Err(error) => {
                log::debug!("Whether the Role grants {verb} could not be found out: {error}");
                return Ok(());
            }
            Ok(()) => return Ok(()),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Quotas, webhooks and a namespace that is going away answer 403 too, in other words.
fn is_about_the_role(error: &ApiError) -> bool {
    error.kind == ApiErrorKind::Forbidden
        && (error.message.contains(" cannot ") || !error.message.contains("403 Forbidden: "))
}

fn sentence(client: &ApiClient, asked: &[Verb], forbidden: &[Verb]) -> String {
    let namespace = client.namespace();
    let list = |verbs: &[Verb]| verbs.iter().map(|verb| verb.name()).collect::<Vec<_>>().join(", ");
    let quoted = asked
        .iter()
        .map(|verb| format!("\"{verb}\""))
        .collect::<Vec<_>>()
        .join(", ");
    let rule = format!("{{apiGroups: [\"\"], resources: [\"configmaps\"], verbs: [{quoted}]}}");
    if forbidden.len() == asked.len() {
        return format!(
            "The API server {} refuses everything on configmaps in namespace {namespace:?} ({}): either kubernetes.namespace is not the namespace of this Flink cluster, or no Role with the rule {rule} is bound there to the service account that Flink runs under.",
            client.server(),
            list(forbidden),
        );
    }
    format!(
        "The Role of the service account that Flink runs under does not grant {} on configmaps in namespace {namespace:?}: add it to the rule, which must be {rule}.",
        list(forbidden),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn error(kind: ApiErrorKind, message: &str) -> ApiError {
        ApiError {
            kind,
            message: message.to_owned(),
        }
    }

    #[test]
    fn only_the_authorizer_speaks_about_the_role() {
        for (message, expected) in [
            (
                "PUT of ConfigMap n/c failed with 403 Forbidden: configmaps \"c\" is forbidden: User \"u\" cannot update resource \"configmaps\" in API group \"\" in the namespace \"n\".",
                true,
            ),
            ("PUT of ConfigMap n/c failed with 403 Forbidden.", true),
            (
                "POST of ConfigMap n/c failed with 403 Forbidden: configmaps \"c\" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=1, limited: configmaps=1.",
                false,
            ),
            (
                "POST of ConfigMap n/c failed with 403 Forbidden: configmaps \"c\" is forbidden: unable to create new content in namespace n because it is being terminated.",
                false,
            ),
        ] {
            assert_eq!(
                is_about_the_role(&error(ApiErrorKind::Forbidden, message)),
                expected,
                "{message}"
            );
        }
        assert!(!is_about_the_role(&error(ApiErrorKind::Unauthorized, "u cannot u")));
    }

    #[cfg(feature = "testing")]
    mod with_a_paused_clock {
        use super::super::*;
        use http::{Method, Request, Response};
        use kube::client::Body;

        /// A client of an API server that answers with the code that this function gives for a method and the time since the start.
        fn client(code: impl Fn(&Method, Duration) -> u16 + Send + Sync + Clone + 'static) -> ApiClient {
            let started = Instant::now();
            ApiClient::over("n", move || {
                let code = code.clone();
                let service = tower::service_fn(move |request: Request<Body>| {
                    let code = code(request.method(), started.elapsed());
                    async move {
                        Response::builder()
                            .status(code)
                            .body(Body::from(b"{\"kind\":\"Status\"}".to_vec()))
                    }
                });
                kube::Client::new(service, "n")
            })
        }

        #[tokio::test(start_paused = true)]
        async fn a_403_for_a_moment_does_not_count() {
            let started = Instant::now();
            candidate_check(
                &client(|_, elapsed| if elapsed < Duration::from_secs(4) { 403 } else { 404 }),
                "c",
            )
            .await
            .unwrap();
            assert_eq!(started.elapsed(), Duration::from_secs(4));
        }

        #[tokio::test(start_paused = true)]
        async fn a_403_that_lasts_counts_after_its_time() {
            let started = Instant::now();
            let outcome =
                candidate_check(&client(|method, _| if method == Method::PUT { 403 } else { 404 }), "c").await;
            assert!(matches!(outcome, Err(PreflightError::Forbidden { verbs, .. }) if verbs == [Verb::Update]));
            assert_eq!(started.elapsed(), PERSISTENCE);
        }

        #[tokio::test(start_paused = true)]
        async fn other_errors_pass_at_once() {
            for code in [401, 404, 409, 422, 429, 500, 503] {
                let started = Instant::now();
                candidate_check(&client(move |_, _| code), "c").await.unwrap();
                assert!(started.elapsed() < Duration::from_secs(1), "{code}");
            }
        }
    }
}
