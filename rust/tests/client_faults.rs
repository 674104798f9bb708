//! What the client makes of a server that fails in ways a real one cannot be told to.
#![cfg(feature = "native")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use flinkkubeha::cluster::client::{ApiClient, ApiErrorKind, WatchEvent, WatchStream, WriteFailure};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use serde_json::{Value, json};
use support::fault_server::{FaultServer, Reaction, Seen};
use support::{config_map, connect, kubeconfig, replace_file};

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(300);
const TOKEN: &str = "token-that-nobody-may-see";

struct Setup {
    server: FaultServer,
    client: ApiClient,
    directory: tempfile::TempDir,
}

/// A client with a token file before a server that reacts like this.
async fn setup(react: impl Fn(&Seen) -> Reaction + Send + Sync + 'static) -> Setup {
    let server = FaultServer::start(react).await;
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("token"), TOKEN).unwrap();
    let config = directory.path().join("config");
    std::fs::write(
        &config,
        kubeconfig(&json!({"server": server.url()}), &json!({"tokenFile": "token"})),
    )
    .unwrap();
    let client = connect(&config, "ns").await;
    Setup {
        server,
        client,
        directory,
    }
}

fn ok() -> Reaction {
    Reaction::json(
        200,
        &json!({"kind": "ConfigMap", "metadata": {"name": "c", "resourceVersion": "7"}}),
    )
}

fn written() -> Value {
    config_map("c", "payload-that-nobody-may-see")
}

fn assert_discreet(message: &str) {
    assert!(!message.contains("nobody-may-see"), "{message}");
    assert!(message.ends_with('.') && !message.contains('\n'), "{message}");
}

#[tokio::test]
async fn requests_are_what_they_should_be() {
    let Setup { server, client, .. } = setup(|_| ok()).await;
    let answer = client.get("c", LONG).await.unwrap();
    assert_eq!(answer.value.unwrap()["metadata"]["resourceVersion"], "7");
    assert_eq!(
        answer.server_date,
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777))
    );
    client.list("c", Some("0"), LONG).await.unwrap();
    client.create(&written(), LONG).await.unwrap();
    client.replace(&written(), LONG).await.unwrap();
    client.delete("c", "u", "7", LONG).await.unwrap();
    let seen = server.seen();
    let lines: Vec<String> = seen
        .iter()
        .map(|seen| format!("{} {}", seen.method, seen.target))
        .collect();
    assert_eq!(
        lines,
        [
            "GET /api/v1/namespaces/ns/configmaps/c",
            "GET /api/v1/namespaces/ns/configmaps?fieldSelector=metadata.name%3Dc&resourceVersion=0",
            "POST /api/v1/namespaces/ns/configmaps",
            "PUT /api/v1/namespaces/ns/configmaps/c",
            "DELETE /api/v1/namespaces/ns/configmaps/c",
        ]
    );
    assert!(seen.iter().all(|seen| seen.connection == 0
        && seen.user_agent == "client-test/1"
        && seen.authorization == format!("Bearer {TOKEN}")));
    assert_eq!(serde_json::from_str::<Value>(&seen[3].body).unwrap(), written());
    let options: Value = serde_json::from_str(&seen[4].body).unwrap();
    assert_eq!(options["propagationPolicy"], "Background");
    assert_eq!(options["preconditions"], json!({"uid": "u", "resourceVersion": "7"}));
}

#[tokio::test]
async fn a_server_below_a_path_is_reached() {
    let server = FaultServer::start(|_| ok()).await;
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    std::fs::write(
        &config,
        kubeconfig(
            &json!({"server": format!("{}/k8s/clusters/c-1/", server.url())}),
            &json!({"token": "t"}),
        ),
    )
    .unwrap();
    connect(&config, "ns").await.get("c", LONG).await.unwrap();
    assert_eq!(
        server.seen()[0].target,
        "/k8s/clusters/c-1/api/v1/namespaces/ns/configmaps/c"
    );
    assert_eq!(server.seen()[0].authorization, "Bearer t");
}

#[tokio::test]
async fn each_status_says_what_is_certain() {
    for (code, kind, refused) in [
        (400, ApiErrorKind::Invalid, true),
        (403, ApiErrorKind::Forbidden, true),
        (404, ApiErrorKind::NotFound, true),
        (408, ApiErrorKind::Other(408), false),
        (409, ApiErrorKind::Conflict, true),
        (410, ApiErrorKind::Gone, true),
        (422, ApiErrorKind::Invalid, true),
        (429, ApiErrorKind::TooManyRequests { retry_after: None }, true),
        (307, ApiErrorKind::Other(307), false),
        (500, ApiErrorKind::Server(500), false),
        (503, ApiErrorKind::Server(503), false),
        (504, ApiErrorKind::Server(504), false),
    ] {
        let Setup { client, server, .. } = setup(move |_| Reaction::status(code, "Because", "of this.")).await;
        let failure = client.replace(&written(), LONG).await.unwrap_err();
        assert_eq!(failure.error().kind, kind);
        assert_eq!(matches!(failure, WriteFailure::Refused(_)), refused, "{code}");
        assert_eq!(failure.is_conflict(), code == 409);
        assert_eq!(server.seen().len(), 1, "{code} is not retried");
        let message = &failure.error().message;
        assert_discreet(message);
        assert!(
            message.starts_with(&format!("PUT of ConfigMap ns/c failed with {code} "))
                && message.ends_with(": of this."),
            "{message}"
        );
    }
}

#[tokio::test]
async fn retry_after_is_told() {
    let Setup {
        client,
        server: _server,
        ..
    } = setup(|_| Reaction::Answer(429, "Retry-After: 2\r\n", String::new())).await;
    let error = client.get("c", LONG).await.unwrap_err();
    assert_eq!(
        error.kind,
        ApiErrorKind::TooManyRequests {
            retry_after: Some(Duration::from_secs(2))
        }
    );
    assert_eq!(
        error.message,
        "GET of ConfigMap ns/c failed with 429 Too Many Requests."
    );
    let Setup {
        client,
        server: _server,
        ..
    } = setup(|_| Reaction::Answer(503, "Retry-After: 3\r\n", String::new())).await;
    let failure = client.replace(&written(), LONG).await.unwrap_err();
    assert!(matches!(failure, WriteFailure::Unknown(_)));
    assert_eq!(failure.error().kind.retry_after(), Some(Duration::from_secs(3)));
}

#[tokio::test]
async fn a_404_that_is_not_the_api_server_s_is_not_an_absent_object() {
    let Setup {
        client,
        server: _server,
        ..
    } = setup(|_| Reaction::Answer(404, "", "<html>no such page</html>".to_owned())).await;
    assert_eq!(client.get("c", LONG).await.unwrap_err().kind, ApiErrorKind::NotFound);
    let Setup {
        client,
        server: _server,
        ..
    } = setup(|_| Reaction::status(404, "NotFound", "configmaps \"c\" not found")).await;
    assert_eq!(client.get("c", LONG).await.unwrap().value, None);
}

#[tokio::test]
async fn a_success_that_is_none_leaves_a_write_unknown() {
    for body in ["<html>sign in</html>", "[1]", ""] {
        let Setup {
            client,
            server: _server,
            ..
        } = setup(move |_| Reaction::Answer(200, "", body.to_owned())).await;
        assert_eq!(client.get("c", LONG).await.unwrap_err().kind, ApiErrorKind::Malformed);
        let WriteFailure::Unknown(error) = client.create(&written(), LONG).await.unwrap_err() else {
            panic!("{body}")
        };
        assert_eq!(error.kind, ApiErrorKind::Malformed);
        assert_discreet(&error.message);
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_leaves_a_write_unknown() {
    let Setup {
        client,
        server: _server,
        ..
    } = setup(|seen| match seen.method.as_str() {
        "PUT" => Reaction::Bytes("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"kind\"".to_owned()),
        "POST" => Reaction::Bytes("what is this\r\n\r\n".to_owned()),
        _ => ok(),
    })
    .await;
    for failure in [
        client.replace(&written(), LONG).await.unwrap_err(),
        client.create(&written(), LONG).await.unwrap_err(),
    ] {
        assert!(matches!(failure, WriteFailure::Unknown(_)), "{failure}");
        assert_discreet(&failure.error().message);
    }
    client.get("c", LONG).await.unwrap();
}

#[tokio::test]
async fn a_reset_after_sending_is_unknown_and_the_next_call_works() {
    let Setup { client, server, .. } = setup(|seen| if seen.method == "PUT" { Reaction::Reset } else { ok() }).await;
    let WriteFailure::Unknown(error) = client.replace(&written(), LONG).await.unwrap_err() else {
        panic!()
    };
    assert_eq!(error.kind, ApiErrorKind::Unreachable);
    assert_discreet(&error.message);
    client.get("c", LONG).await.unwrap();
    assert_eq!(
        server.seen().iter().filter(|seen| seen.method == "PUT").count(),
        1,
        "never repeated"
    );
}

#[tokio::test]
async fn a_time_out_is_unknown_and_the_next_call_uses_none_of_the_old_connections() {
    let dead = Arc::new(AtomicBool::new(false));
    let Setup { client, server, .. } = setup({
        let dead = Arc::clone(&dead);
        // Two connections, which then fall silent, while new ones work.
        move |seen| {
            if dead.load(Ordering::SeqCst) && seen.connection < 2 {
                Reaction::Hang
            } else {
                ok()
            }
        }
    })
    .await;
    while server.seen().iter().map(|seen| seen.connection).max() != Some(1) {
        join_all((0..2).map(|_| client.get("c", LONG))).await;
    }
    dead.store(true, Ordering::SeqCst);
    let WriteFailure::Unknown(error) = client.replace(&written(), SHORT).await.unwrap_err() else {
        panic!()
    };
    assert_eq!(error.kind, ApiErrorKind::TimedOut);
    assert_discreet(&error.message);
    assert!(error.message.contains("no answer from http://127.0.0.1:"), "{error}");

    let started = std::time::Instant::now();
    client.replace(&written(), LONG).await.unwrap();
    assert!(started.elapsed() < LONG / 2);
    assert_eq!(server.seen().last().unwrap().connection, 2);
}

#[tokio::test]
async fn a_copy_goes_over_another_connection_and_so_does_everything_once_it_was_answered_first() {
    let dead = Arc::new(AtomicBool::new(false));
    let Setup { client, server, .. } = setup({
        let dead = Arc::clone(&dead);
        move |seen| {
            if dead.load(Ordering::SeqCst) && seen.connection == 0 {
                Reaction::Hang
            } else {
                ok()
            }
        }
    })
    .await;
    client.get("c", LONG).await.unwrap();
    dead.store(true, Ordering::SeqCst);
    let (object, elsewhere) = (written(), client.elsewhere());
    tokio::select! {
        biased;
        _ = client.replace(&object, LONG) => panic!("the first connection is dead"),
        copy = elsewhere.replace(&object, LONG) => assert!(copy.is_ok()),
    }
    client.get("c", LONG).await.unwrap();
    let connections: Vec<usize> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections.first(), Some(&0));
    assert_eq!(connections.last(), Some(&1), "{connections:?}");
}

#[tokio::test]
async fn a_write_that_found_no_connection_is_refused() {
    let Setup { client, server, .. } = setup(|_| ok()).await;
    let address = server.url();
    drop(server);
    tokio::task::yield_now().await;
    let WriteFailure::Refused(error) = client.replace(&written(), LONG).await.unwrap_err() else {
        panic!()
    };
    assert_eq!(error.kind, ApiErrorKind::Unreachable);
    assert_eq!(
        error.message,
        format!("PUT of ConfigMap ns/c failed: no connection to {address}/ (Connection refused (os error 111)).")
    );
}

#[tokio::test]
async fn a_handshake_that_hangs_is_refused_at_the_limit() {
    // A server that waits for a request, while the client waits for the server's side of the TLS handshake.
    let server = FaultServer::start(|_| Reaction::Hang).await;
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    let cluster = json!({"server": format!("https://127.0.0.1:{}", server.port), "insecure-skip-tls-verify": true});
    std::fs::write(&config, kubeconfig(&cluster, &json!({"token": TOKEN}))).unwrap();
    let client = connect(&config, "ns").await;
    let WriteFailure::Refused(error) = client.replace(&written(), SHORT).await.unwrap_err() else {
        panic!()
    };
    assert_eq!(error.kind, ApiErrorKind::TimedOut);
    assert!(error.message.contains("no connection to https://127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_named() {
    let server = FaultServer::start(|_| ok()).await;
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    let cluster = json!({"server": format!("https://127.0.0.1:{}", server.port), "insecure-skip-tls-verify": true});
    std::fs::write(&config, kubeconfig(&cluster, &json!({"token": TOKEN}))).unwrap();
    let client = connect(&config, "ns").await;
    let failure = client.replace(&written(), Duration::from_secs(2)).await.unwrap_err();
    assert!(matches!(failure, WriteFailure::Refused(_)), "{failure}");
}

#[tokio::test]
async fn a_refused_token_is_read_again_at_once() {
    let Setup {
        client,
        server,
        directory,
    } = setup(|seen| {
        if seen.authorization == "Bearer second" {
            ok()
        } else {
            Reaction::status(401, "Unauthorized", "Unauthorized")
        }
    })
    .await;
    replace_file(&directory.path().join("token"), "second\n");
    client.replace(&written(), LONG).await.unwrap();
    let used: Vec<String> = server.seen().into_iter().map(|seen| seen.authorization).collect();
    assert_eq!(used, [format!("Bearer {TOKEN}"), "Bearer second".to_owned()]);
    client.get("c", LONG).await.unwrap();
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_refused_token_of_a_kubeconfig_is_read_again_too() {
    let server = FaultServer::start(|seen| {
        if seen.authorization == "Bearer second" {
            ok()
        } else {
            Reaction::status(401, "Unauthorized", "Unauthorized")
        }
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    let with = |token: &str| kubeconfig(&json!({"server": server.url()}), &json!({"token": token}));
    std::fs::write(&config, with("first")).unwrap();
    let client = connect(&config, "ns").await;
    replace_file(&config, &with("second"));
    client.get("c", LONG).await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_token_that_stays_refused_is_one_sentence() {
    let Setup {
        client,
        server,
        directory,
    } = setup(|_| Reaction::status(401, "Unauthorized", "Unauthorized")).await;
    for _ in 0..3 {
        let WriteFailure::Refused(error) = client.replace(&written(), LONG).await.unwrap_err() else {
            panic!()
        };
        assert_eq!(error.kind, ApiErrorKind::Unauthorized);
        assert_discreet(&error.message);
        let token = directory.path().join("token");
        assert_eq!(
            error.message,
            format!(
                "PUT of ConfigMap ns/c failed with 401 Unauthorized: Unauthorized; {}/ does not accept the token in {}, so renew it.",
                server.url(),
                token.display()
            )
        );
    }
    // The configuration is read again for the first of them, not for each.
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn requests_in_flight_are_limited_and_the_lock_has_places_of_its_own() {
    let Setup { client, server, .. } = setup(|seen| {
        if seen.target.ends_with("/lock") {
            ok()
        } else {
            Reaction::Hang
        }
    })
    .await;
    let call = |index: usize, limit| {
        let client = client.clone();
        async move { client.create(&config_map(&format!("job-{index}"), ""), limit).await }
    };
    let hanging: Vec<_> = (0..14).map(|index| tokio::spawn(call(index, 60 * LONG))).collect();
    while server.seen().len() < hanging.len() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let failures = join_all((14..20).map(|index| call(index, SHORT))).await;
    client.with_reserved_places().get("lock", LONG).await.unwrap();
    assert!(hanging.iter().all(|call| !call.is_finished()));
    for call in hanging {
        call.abort();
    }
    assert_eq!(server.seen().iter().filter(|seen| seen.method == "POST").count(), 14);
    for failure in failures {
        let WriteFailure::Refused(error) = failure.unwrap_err() else {
            panic!("what found no place was never sent")
        };
        assert_eq!(error.kind, ApiErrorKind::TimedOut);
    }
}

#[tokio::test]
async fn a_hung_answer_is_cut_at_the_limit() {
    let Setup {
        client,
        server: _server,
        ..
    } = setup(|_| Reaction::BytesThenHang("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_owned())).await;
    let started = std::time::Instant::now();
    let WriteFailure::Unknown(error) = client.replace(&written(), SHORT).await.unwrap_err() else {
        panic!()
    };
    assert_eq!(error.kind, ApiErrorKind::TimedOut);
    assert!(started.elapsed() < LONG / 2);
}

async fn open(react: impl Fn(&Seen) -> Reaction + Send + Sync + 'static) -> (Setup, WatchStream) {
    let setup = setup(react).await;
    let watch = setup.client.watch("c", "7", Duration::from_secs(60)).await.unwrap();
    (setup, watch)
}

#[tokio::test]
async fn a_watch_brings_events_and_ends() {
    let (setup, watch) = open(|_| {
        Reaction::events(&[
            "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"8\"},\"unknown\":1}}\n",
            "{\"type\":\"MODIFIED\",\"object\":{}}\n\n",
            "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\"}}}\n",
            "{\"type\":\"DELETED\",\"object\":{}}\n",
            "{\"type\":\"ADDED\",\"obj",
        ])
    })
    .await;
    let events: Vec<WatchEvent> = watch.map(Result::unwrap).collect().await;
    assert_eq!(
        events,
        [
            WatchEvent::Added(json!({"metadata": {"resourceVersion": "8"}, "unknown": 1})),
            WatchEvent::Modified(json!({})),
            WatchEvent::Bookmark("9".to_owned()),
            WatchEvent::Deleted(json!({})),
        ]
    );
    assert_eq!(
        setup.server.seen()[0].target,
        "/api/v1/namespaces/ns/configmaps?allowWatchBookmarks=true&fieldSelector=metadata.name%3Dc&resourceVersion=7&timeoutSeconds=60&watch=true"
    );
}

#[tokio::test]
async fn a_watch_from_too_far_back_says_so() {
    let (_setup, watch) = open(|_| {
        Reaction::events(&["{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"too old\"}}\n{\"type\":\"ADDED\",\"object\":{}}\n"])
    })
    .await;
    let events: Vec<_> = watch.collect().await;
    let [Ok(WatchEvent::Error(error))] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(error.kind, ApiErrorKind::Gone);

    let setup = setup(|_| Reaction::status(410, "Expired", "too old")).await;
    let error = setup.client.watch("c", "7", LONG).await.err().unwrap();
    assert_eq!(error.kind, ApiErrorKind::Gone);
    assert_eq!(
        error.message,
        "GET (watch) of ConfigMap ns/c failed with 410 Gone: too old."
    );
}

#[tokio::test]
async fn a_watch_of_garbage_is_an_error_and_one_that_breaks_off_too() {
    for reaction in [
        Reaction::events(&["garbage\n"]),
        Reaction::Bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"t".to_owned()),
    ] {
        let (_setup, watch) = open(move |_| reaction.clone()).await;
        let events: Vec<_> = watch.collect().await;
        assert!(
            matches!(events.as_slice(), [Err(error)] if matches!(error.kind, ApiErrorKind::Malformed | ApiErrorKind::Unreachable)),
            "{events:?}"
        );
    }
}

#[tokio::test]
async fn a_caller_can_ask_for_a_new_connection() {
    let Setup { client, server, .. } = setup(|_| ok()).await;
    client.get("c", LONG).await.unwrap();
    client.get("c", LONG).await.unwrap();
    client.distrust_connections();
    client.get("c", LONG).await.unwrap();
    let connections: Vec<usize> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0, 1]);
}

#[tokio::test]
async fn a_plug_in_gives_the_token_and_is_run_again_when_it_is_refused() {
    let runs = Arc::new(AtomicUsize::new(0));
    let server = FaultServer::start({
        let runs = Arc::clone(&runs);
        move |seen| {
            runs.fetch_add(1, Ordering::SeqCst);
            if seen.authorization == "Bearer from-plug-in-2" {
                ok()
            } else {
                Reaction::status(401, "Unauthorized", "Unauthorized")
            }
        }
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let token: PathBuf = directory.path().join("printed");
    let config = directory.path().join("config");
    let credential = |token: &str| {
        json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": token}})
            .to_string()
    };
    std::fs::write(&token, credential("from-plug-in-1")).unwrap();
    let exec = json!({"apiVersion": "client.authentication.k8s.io/v1", "command": "cat", "args": [token], "interactiveMode": "Never"});
    std::fs::write(
        &config,
        kubeconfig(&json!({"server": server.url()}), &json!({"exec": exec})),
    )
    .unwrap();
    let client = connect(&config, "ns").await;
    std::fs::write(&token, credential("from-plug-in-2")).unwrap();
    client.get("c", LONG).await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

/// Every kind of write.
async fn writes(client: &ApiClient) -> [Option<WriteFailure>; 3] {
    let object = written();
    [
        client.create(&object, LONG).await.err(),
        client.replace(&object, LONG).await.err(),
        client.delete("c", "u", "7", LONG).await.err(),
    ]
}

fn assert_withheld(failures: &[Option<WriteFailure>]) {
    for failure in failures {
        let Some(WriteFailure::Refused(error)) = failure else {
            panic!("{failure:?}")
        };
        assert_eq!(error.kind, ApiErrorKind::Withheld);
        assert_discreet(&error.message);
    }
}

#[tokio::test]
async fn no_write_is_sent_without_a_permit_but_those_that_need_none() {
    let Setup { client, server, .. } = setup(|_| ok()).await;
    let client = client.while_permitted(|| false);
    assert_withheld(&writes(&client).await);
    client.get("c", LONG).await.unwrap();
    assert_eq!(server.seen().len(), 1);
    client.without_permit().delete("c", "u", "7", LONG).await.unwrap();
}

#[tokio::test]
async fn a_write_that_waited_for_its_connection_needs_its_permit_still() {
    let permitted = Arc::new(AtomicBool::new(true));
    // A proxy: while the way through it is being made, the permit ends.
    let proxy = FaultServer::start({
        let permitted = Arc::clone(&permitted);
        move |seen| {
            permitted.store(seen.method != "CONNECT", Ordering::SeqCst);
            ok()
        }
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config");
    let cluster = json!({"server": "http://kube.invalid:8080", "proxy-url": proxy.url()});
    std::fs::write(&config, kubeconfig(&cluster, &json!({"token": TOKEN}))).unwrap();
    for verb in 0..3 {
        permitted.store(true, Ordering::SeqCst);
        let client = connect(&config, "ns").await.while_permitted({
            let permitted = Arc::clone(&permitted);
            move || permitted.load(Ordering::SeqCst)
        });
        let failure = match verb {
            0 => client.create(&written(), LONG).await.err(),
            1 => client.replace(&written(), LONG).await.err(),
            _ => client.delete("c", "u", "7", LONG).await.err(),
        };
        assert_withheld(&[failure]);
    }
    let methods: Vec<String> = proxy.seen().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, ["CONNECT"; 3]);
}
