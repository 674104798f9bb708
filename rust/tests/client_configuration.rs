//! Where the client looks for the way to the API server, and what it says about one that cannot work.
#![cfg(feature = "native")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use flinkkubeha::cluster::client::{ApiClient, ApiErrorKind, ClientSettings, Surroundings};
use serde_json::{Value, json};
use support::fault_server::{FaultServer, Reaction};
use support::{kubeconfig, nowhere, settings};

const LIMIT: Duration = Duration::from_secs(10);
const SECRET: &str = "nobody-may-see-this";

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn ok() -> Reaction {
    Reaction::json(200, &json!({"kind": "ConfigMap"}))
}

/// The sentence about a kubeconfig with this content, without the path of its directory.
async fn sentence(content: &str) -> String {
    sentence_with(content, |_| {}).await
}

async fn sentence_with(content: &str, change: impl FnOnce(&mut ClientSettings)) -> String {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    std::fs::write(&config, content).unwrap();
    let mut settings = settings(&config, "ns");
    change(&mut settings);
    let message = match ApiClient::connect_in(settings, nowhere()).await {
        Ok(client) => client.get("c", LIMIT).await.unwrap_err().message,
        Err(error) => error.message().to_owned(),
    };
    assert!(
        message.ends_with('.') && !message.contains('\n') && !message.contains(SECRET),
        "{message}"
    );
    message.replace(&format!("{}/", directory.path().display()), "")
}

fn to(cluster: &Value) -> String {
    kubeconfig(cluster, &json!({"token": "t"}))
}

fn as_user(user: &Value) -> String {
    kubeconfig(&json!({"server": "http://127.0.0.1:1"}), user)
}

#[tokio::test]
#[allow(clippy::too_many_lines)] // A table.
async fn a_kubeconfig_that_cannot_work_is_one_sentence() {
    // The word "nothing" dressed up as a certificate.
    let encoded = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCmJtOTBhR2x1Wnc9PQotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg==";
    for (content, expected) in [
        (
            format!("users:\n- name: x\n  user: {{token: {SECRET}\n"),
            "The kubeconfig config is not valid at line ",
        ),
        (
            String::new(),
            "The kubeconfig config has no current-context; set kubernetes.context.",
        ),
        (
            "current-context: gone\ncontexts: [{name: a, context: {cluster: x}}, {name: b, context: {cluster: x}}]"
                .to_owned(),
            "The kubeconfig config has no context \"gone\", which its current-context names; set kubernetes.context to one that it has: a, b.",
        ),
        (
            "current-context: a\ncontexts: [{name: a, context: {cluster: x}}]".to_owned(),
            "The kubeconfig config has no cluster \"x\", which the context names; add it or choose another kubernetes.context.",
        ),
        (
            to(&json!({})),
            "The kubeconfig config names no server; add the address of the API server there.",
        ),
        (
            to(&json!({"server": "ftp://x"})),
            "The address \"ftp://x\" of the API server in cluster \"there\" of the kubeconfig config has neither the scheme https nor http; write it as https://host:port.",
        ),
        (
            to(&json!({"server": "https://a b"})),
            "The address \"https://a b\" of the API server in cluster \"there\" of the kubeconfig config is not a URL; write it as https://host:port.",
        ),
        (
            to(&json!({"server": "https://host:port"})),
            "The address \"https://host:port\" of the API server in cluster \"there\" of the kubeconfig config has no port that can be; write it as https://host:port.",
        ),
        (
            to(&json!({"server": format!("https://me:{SECRET}@host")})),
            "The address of the API server in cluster \"there\" of the kubeconfig config holds credentials; put them into the user of a kubeconfig.",
        ),
        (
            to(&json!({"server": "https://x", "certificate-authority": "/nowhere/ca.crt"})),
            "Certificate-authority of cluster \"there\" of the kubeconfig config, /nowhere/ca.crt cannot be read (No such file or directory (os error 2)); name a file that can.",
        ),
        (
            to(&json!({"server": "https://x", "certificate-authority-data": "%"})),
            "Certificate-authority-data of cluster \"there\" of the kubeconfig config is not base64; it must hold a PEM file in base64.",
        ),
        (
            to(&json!({"server": "https://x", "certificate-authority-data": "aGVsbG8K"})),
            "Certificate-authority-data of cluster \"there\" of the kubeconfig config holds no certificate; it must hold the API server's certificate authority in PEM form.",
        ),
        (
            to(&json!({"server": "https://x", "certificate-authority-data": encoded})),
            "Certificate-authority-data of cluster \"there\" of the kubeconfig config holds something that is not a certificate; it must hold the API server's certificate authority in PEM form.",
        ),
        (
            to(&json!({"server": "https://x", "tls-server-name": "a b"})),
            "tls-server-name \"a b\" is not a host name; correct it in the kubeconfig.",
        ),
        (
            to(&json!({"server": "https://x", "proxy-url": "gopher://x"})),
            "The proxy address in proxy-url of cluster \"there\" of the kubeconfig config has the scheme \"gopher\", which is not supported; write it as http://host:port.",
        ),
        (
            as_user(&json!({"token": format!("{SECRET}\nx")})),
            "The token of user \"me\" of the kubeconfig config holds characters that no token has; put a valid bearer token there.",
        ),
        (
            as_user(&json!({"tokenFile": "/nowhere/token"})),
            "The token file /nowhere/token of user \"me\" of the kubeconfig config cannot be read (No such file or directory (os error 2)); put a valid bearer token there.",
        ),
        (
            as_user(&json!({"client-certificate": "/nowhere/crt", "client-key": "/nowhere/key"})),
            "The credentials of user \"me\" of the kubeconfig config cannot be used (",
        ),
        (
            as_user(&json!({"client-certificate-data": encoded})),
            "The credentials of user \"me\" of the kubeconfig config cannot be used (",
        ),
        (
            as_user(&json!({"exec": {"apiVersion": "v1", "command": "/nowhere/plug-in"}})),
            "The credentials of user \"me\" of the kubeconfig config cannot be obtained: the plug-in cannot be started (No such file or directory (os error 2)); correct the user in the kubeconfig.",
        ),
        (
            as_user(
                &json!({"exec": {"apiVersion": "v1", "command": "sh", "args": ["-c", format!("echo {SECRET}; exit 3")], "interactiveMode": "Never"}}),
            ),
            "The credentials of user \"me\" of the kubeconfig config cannot be obtained: the plug-in failed (exit status: 3); correct the user in the kubeconfig.",
        ),
        (
            as_user(
                &json!({"exec": {"apiVersion": "v1", "command": "echo", "args": [SECRET], "interactiveMode": "Never"}}),
            ),
            "The credentials of user \"me\" of the kubeconfig config cannot be obtained: the plug-in printed something that is no credential; correct the user in the kubeconfig.",
        ),
        (
            as_user(&json!({"auth-provider": {"name": "azure"}})),
            "The credentials of user \"me\" of the kubeconfig config cannot be obtained: ",
        ),
    ] {
        let message = sentence(&content).await;
        assert!(message.starts_with(expected), "\n{message}\n{expected}");
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_one_sentence() {
    let fine = to(&json!({"server": "http://127.0.0.1:1"}));
    let message = sentence_with(&fine, |settings| {
        settings.config_file = Some("/nowhere/config".into());
    })
    .await;
    assert_eq!(
        message,
        "kubernetes.config.file is /nowhere/config, which is not a file; name a kubeconfig that exists."
    );
    let message = sentence_with(&fine, |settings| {
        settings.context = Some("other".to_owned());
    })
    .await;
    assert_eq!(
        message,
        "The kubeconfig config has no context \"other\", which kubernetes.context names; set kubernetes.context to one that it has: test."
    );
    let message = sentence_with(&fine, |settings| settings.user_agent = "a\nb".to_owned()).await;
    assert!(
        message.starts_with("kubernetes.client.user-agent is \"a\\nb\""),
        "{message}"
    );
    let message = sentence_with(&fine, |settings| {
        settings.system_properties = map(&[("kubernetes.keystore.file", "/k")]);
    })
    .await;
    assert!(
        message.starts_with("The system property kubernetes.keystore.file is \"/k\", which is not supported: "),
        "{message}"
    );
    let message = sentence_with(&fine, |settings| {
        settings.system_properties = map(&[("kubernetes.auth.token", "nobody-may-see-this x")]);
    })
    .await;
    assert_eq!(
        message,
        "The token of the system property kubernetes.auth.token holds characters that no token has; put a valid bearer token there."
    );
    let message = sentence(&fine).await;
    assert_eq!(
        message,
        "GET of ConfigMap ns/c failed: no connection to http://127.0.0.1:1/ (Connection refused (os error 111))."
    );
}

#[tokio::test]
async fn nothing_configured_is_one_sentence() {
    let error = ApiClient::connect_in(ClientSettings::default(), nowhere())
        .await
        .unwrap_err();
    assert_eq!(
        error.message(),
        "No way to the Kubernetes API server is configured: kubernetes.config.file is not set, no file of KUBECONFIG and no ~/.kube/config exists, and there is no service account in /nowhere; set kubernetes.config.file, or run in a pod with a service account."
    );
    let in_a_pod = Surroundings {
        environment: map(&[
            ("KUBERNETES_SERVICE_HOST", "fd00::1"),
            ("KUBERNETES_SERVICE_PORT", "443"),
        ]),
        ..nowhere()
    };
    let error = ApiClient::connect_in(ClientSettings::default(), in_a_pod)
        .await
        .unwrap_err();
    assert_eq!(
        error.message(),
        "The token file /nowhere/token of the pod's service account cannot be read (No such file or directory (os error 2)); put a valid bearer token there."
    );
}

/// Names which of several servers a client would ask.
async fn server_of(settings: ClientSettings, surroundings: &Surroundings) -> String {
    ApiClient::connect_in(settings, surroundings.clone())
        .await
        .unwrap()
        .server()
}

#[tokio::test]
async fn the_order_is_stock_s() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let write = |name: &str, content: &str| {
        std::fs::create_dir_all(path.join(name).parent().unwrap()).unwrap();
        std::fs::write(path.join(name), content).unwrap();
        path.join(name)
    };
    let server = |name: &str| to(&json!({"server": format!("http://{name}")}));
    let mut surroundings = Surroundings {
        environment: BTreeMap::new(),
        service_account: path.join("account"),
    };

    write("account/token", "t");
    assert_eq!(
        server_of(ClientSettings::default(), &surroundings).await,
        "https://kubernetes.default.svc/"
    );
    surroundings.environment = map(&[
        ("KUBERNETES_SERVICE_HOST", "fd00::1"),
        ("KUBERNETES_SERVICE_PORT", "6443"),
    ]);
    assert_eq!(
        server_of(ClientSettings::default(), &surroundings).await,
        "https://[fd00::1]:6443/"
    );

    write("home/.kube/config", &server("home"));
    surroundings
        .environment
        .insert("HOME".to_owned(), path.join("home").display().to_string());
    assert_eq!(
        server_of(ClientSettings::default(), &surroundings).await,
        "http://home/"
    );

    // A list: files that do not exist are passed over, the first to name something wins.
    let (first, second) = (
        write("first", "current-context: test"),
        write("second", &server("second")),
    );
    let list = format!("/nowhere/config:{}:{}", first.display(), second.display());
    surroundings.environment.insert("KUBECONFIG".to_owned(), list);
    assert_eq!(
        server_of(ClientSettings::default(), &surroundings).await,
        "http://second/"
    );
    surroundings
        .environment
        .insert("KUBECONFIG".to_owned(), "/nowhere/config".to_owned());
    assert_eq!(
        server_of(ClientSettings::default(), &surroundings).await,
        "https://[fd00::1]:6443/",
        "no file: the service account, not the home"
    );

    let property = write("property", &server("property"));
    let mut settings = ClientSettings {
        system_properties: map(&[("kubeconfig", &property.display().to_string())]),
        ..ClientSettings::default()
    };
    assert_eq!(server_of(settings.clone(), &surroundings).await, "http://property/");
    settings
        .system_properties
        .insert("kubernetes.auth.tryKubeConfig".to_owned(), "false".to_owned());
    assert_eq!(
        server_of(settings.clone(), &surroundings).await,
        "https://[fd00::1]:6443/"
    );
    settings.config_file = Some(write("file", &server("file")));
    assert_eq!(server_of(settings.clone(), &surroundings).await, "http://file/");
    surroundings
        .environment
        .insert("KUBERNETES_MASTER".to_owned(), "master:8443".to_owned());
    assert_eq!(server_of(settings.clone(), &surroundings).await, "https://master:8443/");
    settings
        .system_properties
        .insert("kubernetes.master".to_owned(), "http://[::1]:8080/prefix".to_owned());
    assert_eq!(server_of(settings, &surroundings).await, "http://[::1]:8080/prefix");
}

async fn authorization(user: &Value, system_properties: &[(&str, &str)]) -> String {
    let server = FaultServer::start(|_| ok()).await;
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    std::fs::write(directory.path().join("token"), "from-file\n").unwrap();
    std::fs::write(&config, kubeconfig(&json!({"server": server.url()}), user)).unwrap();
    let settings = ClientSettings {
        system_properties: map(system_properties),
        ..settings(&config, "ns")
    };
    ApiClient::connect_in(settings, nowhere())
        .await
        .unwrap()
        .get("c", LIMIT)
        .await
        .unwrap();
    server.seen()[0].authorization.clone()
}

#[tokio::test]
async fn credentials_are_those_of_the_user_unless_a_property_says_otherwise() {
    assert_eq!(authorization(&json!({}), &[]).await, "");
    assert_eq!(authorization(&json!({"token": "inline"}), &[]).await, "Bearer inline");
    // A path in a kubeconfig is relative to it.
    assert_eq!(
        authorization(&json!({"tokenFile": "token"}), &[]).await,
        "Bearer from-file"
    );
    assert_eq!(
        authorization(&json!({"tokenFile": "token", "token": "inline"}), &[]).await,
        "Bearer from-file"
    );
    assert_eq!(
        authorization(&json!({"tokenFile": "gone", "token": "inline"}), &[]).await,
        "Bearer inline"
    );
    assert_eq!(
        authorization(&json!({"username": "me", "password": "pw", "token": "inline"}), &[]).await,
        "Basic bWU6cHc="
    );
    assert_eq!(
        authorization(&json!({"tokenFile": "token"}), &[("kubernetes.auth.token", "property")]).await,
        "Bearer property"
    );
    let basic = [
        ("kubernetes.auth.basic.username", "me"),
        ("kubernetes.auth.basic.password", "pw"),
    ];
    assert_eq!(
        authorization(&json!({"tokenFile": "token"}), &basic).await,
        "Basic bWU6cHc="
    );
}

#[tokio::test]
async fn a_proxy_is_used_and_no_proxy_is_obeyed() {
    // It answers the CONNECT of a proxy, and then for the server behind it.
    let proxy = FaultServer::start(|seen| {
        if seen.method == "CONNECT" {
            Reaction::Answer(200, "", String::new())
        } else {
            ok()
        }
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    std::fs::write(
        &config,
        to(&json!({"server": "http://kube.invalid:8080", "proxy-url": proxy.url()})),
    )
    .unwrap();
    ApiClient::connect_in(settings(&config, "ns"), nowhere())
        .await
        .unwrap()
        .get("c", LIMIT)
        .await
        .unwrap();
    let seen: Vec<_> = proxy
        .seen()
        .iter()
        .map(|seen| format!("{} {}", seen.method, seen.target))
        .collect();
    assert_eq!(
        seen,
        ["CONNECT kube.invalid:8080", "GET /api/v1/namespaces/ns/configmaps/c"]
    );

    let direct = ClientSettings {
        system_properties: map(&[("no.proxy", "invalid")]),
        ..settings(&config, "ns")
    };
    let error = ApiClient::connect_in(direct, nowhere())
        .await
        .unwrap()
        .get("c", LIMIT)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Unreachable);
    assert_eq!(proxy.seen().len(), 2);
}

#[tokio::test]
async fn an_edited_kubeconfig_is_noticed_without_a_failure() {
    let (one, two) = (FaultServer::start(|_| ok()).await, FaultServer::start(|_| ok()).await);
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    std::fs::write(&config, to(&json!({"server": one.url()}))).unwrap();
    let client = ApiClient::connect_in(settings(&config, "ns"), nowhere()).await.unwrap();
    client.get("c", LIMIT).await.unwrap();
    support::replace_file(&config, &to(&json!({"server": two.url()})));
    // The files are looked at every two seconds, while calls are made.
    let started = std::time::Instant::now();
    while two.seen().is_empty() {
        assert!(started.elapsed() < LIMIT);
        client.get("c", LIMIT).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // A file that is broken for a moment changes nothing.
    support::replace_file(&config, "{");
    let started = std::time::Instant::now();
    while started.elapsed() < Duration::from_millis(2500) {
        client.get("c", LIMIT).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let settings = ClientSettings {
        system_properties: map(&[("kubernetes.auth.token", SECRET)]),
        ..settings(Path::new("c"), "ns")
    };
    let surroundings = Surroundings {
        environment: map(&[("KUBERNETES_AUTH_TOKEN", SECRET)]),
        ..nowhere()
    };
    assert!(!format!("{settings:?}{surroundings:?}").contains(SECRET));
}

#[test]
fn the_namespace_around_is_that_of_the_context_or_of_the_pod() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    std::fs::write(&config, to(&json!({"server": "http://127.0.0.1:1"}))).unwrap();
    let of_context = ApiClient::namespace_around(settings(&config, "wins-elsewhere"), nowhere());
    assert_eq!(of_context.unwrap().as_deref(), Some("ignored"));

    std::fs::write(directory.path().join("namespace"), "of-the-pod\n").unwrap();
    let in_a_pod = Surroundings {
        service_account: directory.path().to_owned(),
        ..nowhere()
    };
    let of_pod = ApiClient::namespace_around(ClientSettings::default(), in_a_pod);
    assert_eq!(of_pod.unwrap().as_deref(), Some("of-the-pod"));
    let of_nobody = ApiClient::namespace_around(ClientSettings::default(), nowhere());
    assert_eq!(of_nobody.unwrap(), None);

    let mut wrong = settings(&config, "");
    wrong.context = Some("gone".to_owned());
    assert!(
        ApiClient::namespace_around(wrong, nowhere())
            .unwrap_err()
            .message()
            .contains("no context \"gone\"")
    );
}
