//! What the command says without any API server.

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Instant;

use crate::support::flink_ha;

#[test]
fn it_says_what_it_can_do() {
    let began = Instant::now();
    let help = flink_ha(&["--help"], &[]);
    println!("flink-ha --help: {:?}", began.elapsed());
    assert_eq!(help.code, 0);
    for word in [
        "ls",
        "who-leads",
        "inspect",
        "du",
        "--kubeconfig",
        "--namespace",
        "Exit codes",
    ] {
        assert!(help.out.contains(word), "{word}: {}", help.out);
    }
    assert_eq!(flink_ha(&[], &[]).code, 2);
    assert_eq!(flink_ha(&["no-such-thing"], &[]).code, 2);
}

#[test]
fn it_is_a_plug_in_of_kubectl_under_another_name() {
    let help = Command::new(env!("CARGO_BIN_EXE_flink-ha"))
        .arg0("/usr/local/bin/kubectl-flink_ha")
        .args(["ls", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("Usage: kubectl flink-ha ls"), "{help}");
}

#[test]
fn completions_and_man_pages_are_complete() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = flink_ha(&["completions", shell], &[]);
        assert_eq!(script.code, 0);
        assert!(script.out.contains("who-leads"), "{shell}");
    }
    let page = flink_ha(&["man"], &[]).out;
    assert!(
        page.contains(".TH flink-ha 1") && page.contains("SUBCOMMANDS"),
        "{page}"
    );
    let page = flink_ha(&["man", "ls"], &[]).out;
    assert!(page.contains(".TH flink-ha-ls 1"), "{page}");
    let refused = flink_ha(&["man", "nothing"], &[]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("there are ls, "), "{refused:?}");
}

#[test]
fn a_way_to_the_api_server_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().to_str().unwrap();
    let ended = flink_ha(&["ls"], &[("HOME", home)]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("no ~/.kube/config exists"), "{ended:?}");
    let missing = directory.path().join("missing");
    let ended = flink_ha(&["ls", "--kubeconfig", missing.to_str().unwrap()], &[]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("missing, which is not a file"), "{ended:?}");
}
