//! The client against a real API server, as a service account with the documented Role.
//!
//! One test, so that one control plane serves all scenarios; each has a namespace of its own and they run side by side.
#![cfg(feature = "native")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use flinkkubeha::cluster::client::{ApiClient, ApiErrorKind, Surroundings, Verb, WatchEvent, WriteFailure};
use flinkkubeha::cluster::preflight::{self, PreflightError};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use support::control_plane::ControlPlane;
use support::{config_map, connect, kubeconfig, nowhere, replace_file, settings};

const LIMIT: Duration = Duration::from_secs(20);
const ROLE: [&str; 6] = ["get", "list", "watch", "create", "update", "delete"];

type Scenario = fn(Arc<ControlPlane>) -> BoxFuture<'static, ()>;

#[tokio::test(flavor = "multi_thread")]
async fn against_a_real_api_server() {
    let Some(plane) = tokio::task::spawn_blocking(ControlPlane::start).await.unwrap() else {
        return;
    };
    let plane = Arc::new(plane);
    let scenarios: [(&str, Scenario); 13] = [
        ("reads_and_writes", |plane| Box::pin(reads_and_writes(plane))),
        ("preconditions", |plane| Box::pin(preconditions(plane))),
        ("watch", |plane| Box::pin(watch(plane))),
        ("service_account", |plane| Box::pin(service_account(plane))),
        ("token_rotation", |plane| Box::pin(token_rotation(plane))),
        ("ca_rotation", |plane| Box::pin(ca_rotation(plane))),
        ("other_names", |plane| Box::pin(other_names(plane))),
        ("client_certificate", |plane| Box::pin(client_certificate(plane))),
        ("complete_role", |plane| Box::pin(complete_role(plane))),
        ("role_by_name", |plane| Box::pin(role_by_name(plane))),
        ("each_verb_missing", |plane| Box::pin(each_verb_missing(plane))),
        ("nothing_allowed", |plane| Box::pin(nothing_allowed(plane))),
        ("missing_namespace", |plane| Box::pin(missing_namespace(plane))),
    ];
    let running: Vec<_> = scenarios
        .iter()
        .map(|(name, scenario)| (*name, tokio::spawn(scenario(Arc::clone(&plane)))))
        .collect();
    let mut failed = Vec::new();
    for (name, task) in running {
        match task.await {
            Ok(()) => println!("{name}: ok"),
            Err(_) => failed.push(name),
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

/// A namespace, a kubeconfig for its service account, and the files beside it.
struct Tenant {
    namespace: String,
    token: String,
    directory: tempfile::TempDir,
}

impl Tenant {
    async fn new(plane: &Arc<ControlPlane>, namespace: &str, verbs: &[&'static str]) -> Self {
        Self::by_name(plane, namespace, verbs, &[]).await
    }

    async fn by_name(
        plane: &Arc<ControlPlane>,
        namespace: &str,
        verbs: &[&'static str],
        on_names: &[(&'static [&'static str], &'static str)],
    ) -> Self {
        let (plane, namespace, verbs, on_names) = (
            Arc::clone(plane),
            namespace.to_owned(),
            verbs.to_vec(),
            on_names.to_vec(),
        );
        let tenant = tokio::task::spawn_blocking({
            let plane = Arc::clone(&plane);
            move || plane.tenant_by_name(&namespace, &verbs, &on_names)
        });
        let tenant = tenant.await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::copy(plane.ca_file(), directory.path().join("ca.crt")).unwrap();
        std::fs::write(directory.path().join("token"), &tenant.token).unwrap();
        let this = Self {
            namespace: tenant.namespace,
            token: tenant.token,
            directory,
        };
        std::fs::write(
            this.config(),
            kubeconfig(
                &json!({"server": plane.server(), "certificate-authority": "ca.crt"}),
                &json!({"tokenFile": "token"}),
            ),
        )
        .unwrap();
        this
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("config")
    }

    async fn client(&self) -> ApiClient {
        connect(&self.config(), &self.namespace).await
    }
}

/// Right after its creation the Role is not known to the authorizer yet.
async fn authorized(client: &ApiClient, verb: Verb) {
    let started = Instant::now();
    while client.can(verb, "c", LIMIT).await.is_err() {
        assert!(started.elapsed() < LIMIT);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn version(object: &Value) -> &str {
    object["metadata"]["resourceVersion"].as_str().unwrap()
}

async fn ready(plane: &Arc<ControlPlane>, namespace: &str) -> (Tenant, ApiClient) {
    let tenant = Tenant::new(plane, namespace, &ROLE).await;
    let client = tenant.client().await;
    authorized(&client, Verb::Update).await;
    (tenant, client)
}

async fn reads_and_writes(plane: Arc<ControlPlane>) {
    let (_tenant, client) = ready(&plane, "reads-and-writes").await;
    let absent = client.get("c", LIMIT).await.unwrap();
    assert_eq!(absent.value, None);
    let skew = SystemTime::now()
        .duration_since(absent.server_date.unwrap())
        .unwrap_or_default();
    assert!(skew < Duration::from_secs(5), "{skew:?}");

    let mut object = client.create(&config_map("c", "one"), LIMIT).await.unwrap();
    assert_eq!(object["metadata"]["namespace"], "reads-and-writes");
    object["metadata"]["annotations"] = json!({"mine": "kept"});
    object["data"]["key"] = json!("two");
    let replaced = client.replace(&object, LIMIT).await.unwrap();
    assert_ne!(version(&replaced), version(&object));
    let read = client.get("c", LIMIT).await.unwrap().value.unwrap();
    assert_eq!(read, replaced);
    assert_eq!(read["metadata"]["annotations"]["mine"], "kept");

    let list = client.list("c", None, LIMIT).await.unwrap().value;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(list["items"][0]["data"]["key"], "two");
    let other = client.list("d", Some("0"), LIMIT).await.unwrap().value;
    assert_eq!(other["items"].as_array().unwrap().len(), 0);

    client
        .delete("c", read["metadata"]["uid"].as_str().unwrap(), version(&read), LIMIT)
        .await
        .unwrap();
    assert_eq!(client.get("c", LIMIT).await.unwrap().value, None);
}

async fn preconditions(plane: Arc<ControlPlane>) {
    let (_tenant, client) = ready(&plane, "preconditions").await;
    let first = client.create(&config_map("c", "one"), LIMIT).await.unwrap();
    let again = client.create(&config_map("c", "one"), LIMIT).await.unwrap_err();
    assert!(again.is_conflict(), "{again}");
    let second = client.replace(&first, LIMIT).await.unwrap();
    let mut third = second.clone();
    third["data"]["key"] = json!("three");
    let third = client.replace(&third, LIMIT).await.unwrap();

    let stale = client.replace(&second, LIMIT).await.unwrap_err();
    assert!(stale.is_conflict(), "{stale}");
    assert!(stale.error().message.starts_with("PUT of ConfigMap preconditions/c failed with 409 Conflict: Operation cannot be fulfilled on configmaps \"c\""), "{stale}");
    let uid = third["metadata"]["uid"].as_str().unwrap();
    let stale = client.delete("c", uid, version(&second), LIMIT).await.unwrap_err();
    assert!(stale.is_conflict(), "{stale}");
    let foreign = client
        .delete("c", "00000000-0000-0000-0000-000000000000", version(&third), LIMIT)
        .await
        .unwrap_err();
    assert!(foreign.is_conflict(), "{foreign}");
    client.delete("c", uid, version(&third), LIMIT).await.unwrap();

    for gone in [
        client.delete("c", uid, version(&third), LIMIT).await.unwrap_err(),
        client.replace(&third, LIMIT).await.unwrap_err(),
    ] {
        // A PUT with the uid of an object that is gone is a conflict, one without is 404.
        assert!(
            matches!(&gone, WriteFailure::Refused(error) if matches!(error.kind, ApiErrorKind::NotFound | ApiErrorKind::Conflict)),
            "{gone}"
        );
    }
    let too_large = client
        .create(&config_map("large", &"x".repeat(1_100_000)), LIMIT)
        .await
        .unwrap_err();
    assert!(
        matches!(&too_large, WriteFailure::Refused(error) if error.kind == ApiErrorKind::Invalid && error.message.len() < 600),
        "{too_large}"
    );
}

async fn watch(plane: Arc<ControlPlane>) {
    let (_tenant, client) = ready(&plane, "watch").await;
    let list = client.list("c", None, LIMIT).await.unwrap().value;
    // Bookmarks come when the server likes.
    let watch = client.watch("c", version(&list), LIMIT).await.unwrap();
    let mut events = watch.filter(|event| std::future::ready(!matches!(event, Ok(WatchEvent::Bookmark(_)))));
    client.create(&config_map("other", "x"), LIMIT).await.unwrap();
    let object = client.create(&config_map("c", "one"), LIMIT).await.unwrap();
    let mut changed = object.clone();
    changed["data"]["key"] = json!("two");
    let changed = client.replace(&changed, LIMIT).await.unwrap();
    client
        .delete(
            "c",
            changed["metadata"]["uid"].as_str().unwrap(),
            version(&changed),
            LIMIT,
        )
        .await
        .unwrap();
    assert_eq!(events.next().await.unwrap().unwrap(), WatchEvent::Added(object));
    assert_eq!(
        events.next().await.unwrap().unwrap(),
        WatchEvent::Modified(changed.clone())
    );
    let WatchEvent::Deleted(gone) = events.next().await.unwrap().unwrap() else {
        panic!()
    };
    assert_eq!(gone["data"]["key"], "two");

    // The server ends a watch after its time-out.
    let mut watch = client.watch("c", version(&gone), Duration::from_secs(1)).await.unwrap();
    while let Some(event) = watch.next().await {
        assert!(matches!(event, Ok(WatchEvent::Bookmark(_))), "{event:?}");
    }
}

async fn service_account(plane: Arc<ControlPlane>) {
    let (tenant, _) = ready(&plane, "service-account").await;
    let (host, port) = plane
        .server()
        .trim_start_matches("https://")
        .split_once(':')
        .map(|(host, port)| (host.to_owned(), port.to_owned()))
        .unwrap();
    let surroundings = Surroundings {
        environment: [
            ("KUBERNETES_SERVICE_HOST".to_owned(), host),
            ("KUBERNETES_SERVICE_PORT".to_owned(), port),
        ]
        .into(),
        service_account: tenant.directory.path().to_owned(),
    };
    let mut settings = settings(&tenant.config(), "service-account");
    settings.config_file = None;
    let client = ApiClient::connect_in(settings, surroundings).await.unwrap();
    assert_eq!(client.server(), format!("{}/", plane.server()));
    client.create(&config_map("c", "one"), LIMIT).await.unwrap();
}

async fn token_rotation(plane: Arc<ControlPlane>) {
    let (tenant, client) = ready(&plane, "token-rotation").await;
    let token = tenant.directory.path().join("token");
    replace_file(&token, "wrong");
    // The good token is in use until the file is looked at or refused.
    client.get("c", LIMIT).await.unwrap();
    let fresh = tenant.client().await;
    let WriteFailure::Refused(error) = fresh.create(&config_map("c", "x"), LIMIT).await.unwrap_err() else {
        panic!()
    };
    assert_eq!(error.kind, ApiErrorKind::Unauthorized);
    assert!(
        error.message.contains(&format!(
            "does not accept the token in {}, so renew it.",
            token.display()
        )),
        "{error}"
    );
    replace_file(&token, &tenant.token);
    fresh.create(&config_map("c", "x"), LIMIT).await.unwrap();
}

async fn ca_rotation(plane: Arc<ControlPlane>) {
    let (tenant, _) = ready(&plane, "ca-rotation").await;
    let ca = tenant.directory.path().join("ca.crt");
    let other = stranger();
    std::fs::write(&ca, other).unwrap();
    let client = tenant.client().await;
    let WriteFailure::Refused(error) = client.create(&config_map("c", "x"), LIMIT).await.unwrap_err() else {
        panic!()
    };
    assert_eq!(error.kind, ApiErrorKind::Tls);
    assert!(
        error
            .message
            .starts_with("POST of ConfigMap ca-rotation/c failed: the TLS handshake with https://127.0.0.1:")
            && error.message.contains("UnknownIssuer")
            && error.message.ends_with("/ca.crt."),
        "{error}"
    );
    // Once the CA is right, the very next call goes through.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    std::fs::copy(plane.ca_file(), ca).unwrap();
    client.create(&config_map("c", "x"), LIMIT).await.unwrap();
}

/// A certificate authority that has nothing to do with the server.
fn stranger() -> String {
    let directory = tempfile::tempdir().unwrap();
    let certificate = directory.path().join("crt");
    let status = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=stranger",
            "-keyout",
        ])
        .arg(directory.path().join("key"))
        .arg("-out")
        .arg(&certificate)
        .stderr(std::process::Stdio::null())
        .status();
    assert!(status.unwrap().success());
    std::fs::read_to_string(certificate).unwrap()
}

async fn other_names(plane: Arc<ControlPlane>) {
    let (tenant, _) = ready(&plane, "other-names").await;
    let with = |cluster: Value| {
        std::fs::write(tenant.config(), kubeconfig(&cluster, &json!({"token": tenant.token}))).unwrap();
    };
    let port = plane.server().rsplit_once(':').unwrap().1.to_owned();

    // The certificate is for this name too, whatever address it is reached at.
    with(
        json!({"server": format!("https://localhost:{port}"), "certificate-authority": "ca.crt", "tls-server-name": "kubernetes.default.svc"}),
    );
    tenant.client().await.get("c", LIMIT).await.unwrap();
    with(json!({"server": plane.server(), "certificate-authority": "ca.crt", "tls-server-name": "elsewhere.example"}));
    assert_eq!(
        tenant.client().await.get("c", LIMIT).await.unwrap_err().kind,
        ApiErrorKind::Tls
    );
    with(json!({"server": plane.server(), "insecure-skip-tls-verify": true}));
    tenant.client().await.get("c", LIMIT).await.unwrap();

    // System properties win over the file.
    with(json!({"server": "https://127.0.0.1:1", "certificate-authority": "ca.crt"}));
    let mut settings = settings(&tenant.config(), "other-names");
    settings
        .system_properties
        .insert("kubernetes.master".to_owned(), plane.server());
    ApiClient::connect_in(settings, nowhere())
        .await
        .unwrap()
        .get("c", LIMIT)
        .await
        .unwrap();
}

async fn client_certificate(plane: Arc<ControlPlane>) {
    let (tenant, _) = ready(&plane, "client-certificate").await;
    let (certificate, key) = plane.client_certificate();
    std::fs::copy(certificate, tenant.directory.path().join("client.crt")).unwrap();
    std::fs::copy(key, tenant.directory.path().join("client.key")).unwrap();
    let user = json!({"client-certificate": "client.crt", "client-key": "client.key"});
    std::fs::write(
        tenant.config(),
        kubeconfig(
            &json!({"server": plane.server(), "certificate-authority": "ca.crt"}),
            &user,
        ),
    )
    .unwrap();
    tenant
        .client()
        .await
        .create(&config_map("c", "x"), LIMIT)
        .await
        .unwrap();
}

async fn complete_role(plane: Arc<ControlPlane>) {
    let (_tenant, client) = ready(&plane, "complete-role").await;
    preflight::candidate_check(&client, "c").await.unwrap();
    let before = client.create(&config_map("c", "one"), LIMIT).await.unwrap();
    preflight::candidate_check(&client, "c").await.unwrap();
    assert_eq!(
        client.get("c", LIMIT).await.unwrap().value.unwrap(),
        before,
        "nothing is changed"
    );
}

async fn role_by_name(plane: Arc<ControlPlane>) {
    let tenant = Tenant::by_name(
        &plane,
        "role-by-name",
        &["create"],
        &[(&["get", "list", "watch", "update", "delete"], "c")],
    )
    .await;
    let client = tenant.client().await;
    authorized(&client, Verb::Update).await;
    preflight::candidate_check(&client, "c").await.unwrap();
}

async fn each_verb_missing(plane: Arc<ControlPlane>) {
    let checks = Verb::ALL.map(|missing| {
        let plane = Arc::clone(&plane);
        async move {
            let verbs: Vec<&'static str> = ROLE.into_iter().filter(|verb| *verb != missing.name()).collect();
            let namespace = format!("without-{missing}");
            let tenant = Tenant::new(&plane, &namespace, &verbs).await;
            let client = tenant.client().await;
            let started = Instant::now();
            let PreflightError::Forbidden { verbs, message } = preflight::candidate_check(&client, "c").await.unwrap_err() else { panic!() };
            assert!(started.elapsed() >= preflight::PERSISTENCE);
            assert_eq!(verbs, [missing]);
            assert_eq!(
                message,
                format!(
                    "The Role of the service account that Flink runs under does not grant {missing} on configmaps in namespace \"{namespace}\": add it to the rule, which must be {{apiGroups: [\"\"], resources: [\"configmaps\"], verbs: [\"get\", \"list\", \"watch\", \"create\", \"update\", \"delete\"]}}."
                )
            );
            let reader = preflight::reader_check(&client, "c").await;
            assert_eq!(reader.is_err(), preflight::READER_VERBS.contains(&missing));
        }
    });
    futures_util::future::join_all(checks).await;
}

async fn nothing_allowed(plane: Arc<ControlPlane>) {
    let tenant = Tenant::new(&plane, "nothing-allowed", &[]).await;
    let PreflightError::Forbidden { verbs, message } =
        preflight::reader_check(&tenant.client().await, "c").await.unwrap_err()
    else {
        panic!()
    };
    assert_eq!(verbs, preflight::READER_VERBS);
    assert!(
        message.contains("either kubernetes.namespace is not")
            && message.contains("no Role with the rule")
            && message.contains("\"nothing-allowed\""),
        "{message}"
    );
}

async fn missing_namespace(plane: Arc<ControlPlane>) {
    let tenant = Tenant::new(&plane, "missing-namespace", &ROLE).await;
    // Rights in all namespaces, so that it is not the Role that speaks.
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "missing-namespace"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ROLE}],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "missing-namespace"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "missing-namespace"},
        "subjects": [{"kind": "ServiceAccount", "name": "flink", "namespace": "missing-namespace"}],
    });
    tokio::task::spawn_blocking(move || plane.apply(&[role, binding]))
        .await
        .unwrap();
    let client = connect(&tenant.config(), "no-such-namespace").await;
    let PreflightError::NamespaceMissing { message } = preflight::candidate_check(&client, "c").await.unwrap_err()
    else {
        panic!()
    };
    assert!(
        message.starts_with("The namespace \"no-such-namespace\" does not exist on https://127.0.0.1:")
            && message.contains("kubernetes.namespace"),
        "{message}"
    );
    let WriteFailure::Refused(error) = client.create(&config_map("c", "x"), LIMIT).await.unwrap_err() else {
        panic!()
    };
    assert_eq!(error.kind, ApiErrorKind::NamespaceMissing);
}
