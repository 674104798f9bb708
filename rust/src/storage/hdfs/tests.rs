#![allow(clippy::unwrap_used)]

use super::*;
use crate::error::ErrorCode;
use crate::storage::options::configured;

const PROVIDER: &str = "org.apache.hadoop.hdfs.server.namenode.ha.";

/// With what Hadoop's configuration says.
fn read(root: &str, hadoop: &[(&str, &str)]) -> Result<Settings, HaError> {
    let options = hadoop
        .iter()
        .map(|(key, value)| (format!("flink.hadoop.{key}"), (*value).to_owned()));
    settings_in(
        &Location::parse(root).unwrap(),
        &options.collect(),
        Surroundings::default(),
    )
}

#[test]
fn a_host_is_enough() {
    for (root, name_node) in [
        ("hdfs://namenode:9000/ha", "namenode:9000"),
        ("hdfs://namenode/ha", "namenode:8020"),
        ("hdfs://[::1]/ha", "[::1]:8020"),
        ("hdfs://[::1]:9000/ha", "[::1]:9000"),
    ] {
        let settings = read(root, &[]).unwrap();
        assert_eq!(settings.name_node, name_node);
        assert!(settings.for_the_client.is_empty());
        assert_eq!(
            (settings.replication, settings.block_size, settings.umask),
            (3, None, 0o022)
        );
    }
}

#[test]
fn the_default_file_system_counts_where_no_host_is_named() {
    for default in ["hdfs://namenode:9000", "hdfs://namenode:9000/"] {
        assert_eq!(
            read("hdfs:///ha", &[("fs.defaultFS", default)]).unwrap().name_node,
            "namenode:9000"
        );
    }
    assert_eq!(
        read("hdfs:///ha", &[("fs.default.name", "hdfs://a")])
            .unwrap()
            .name_node,
        "a:8020"
    );
}

#[test]
fn a_service_has_several_name_nodes() {
    let provider = format!("{PROVIDER}ConfiguredFailoverProxyProvider");
    let hadoop = [
        ("fs.defaultFS", "hdfs://ns"),
        ("dfs.nameservices", "ns"),
        ("dfs.ha.namenodes.ns", "nn1, nn2"),
        ("dfs.namenode.rpc-address.ns.nn1", "a:9000"),
        ("dfs.namenode.rpc-address.ns.nn2", "b"),
        ("dfs.client.failover.proxy.provider.ns", &provider),
        ("dfs.client.use.datanode.hostname", "true"),
        ("dfs.namenode.name.dir", "/for/the/server"),
    ];
    for root in ["hdfs://ns/ha", "hdfs:///ha"] {
        let settings = read(root, &hadoop).unwrap();
        assert_eq!(settings.name_node, "ns");
        let expected = configured(&[
            ("dfs.ha.namenodes.ns", "nn1,nn2"),
            ("dfs.namenode.rpc-address.ns.nn1", "a:9000"),
            ("dfs.namenode.rpc-address.ns.nn2", "b:8020"),
            ("dfs.client.use.datanode.hostname", "true"),
        ]);
        assert_eq!(settings.for_the_client, expected);
    }
    assert_eq!(read("hdfs://other/ha", &hadoop).unwrap().name_node, "other:8020");
}

#[test]
fn files_are_made_as_hadoops_client_makes_them() {
    let settings = read(
        "hdfs://a/ha",
        &[
            ("dfs.replication", "2"),
            ("dfs.blocksize", "64m"),
            ("fs.permissions.umask-mode", "027"),
        ],
    );
    let settings = settings.unwrap();
    assert_eq!(
        (settings.replication, settings.block_size, settings.umask),
        (2, Some(64 << 20), 0o027)
    );
}

#[test]
fn what_only_hadoops_client_can_do_is_left_to_it() {
    for (key, value) in [
        ("hadoop.security.authentication", "kerberos"),
        ("dfs.data.transfer.protection", "privacy"),
        ("dfs.encrypt.data.transfer", "true"),
        ("hadoop.security.key.provider.path", "kms://https@kms:9600/kms"),
        (
            "hadoop.rpc.socket.factory.class.default",
            "org.apache.hadoop.net.SocksSocketFactory",
        ),
        ("fs.hdfs.impl", "com.example.Fs"),
        ("dfs.client.failover.proxy.provider.a", "com.example.Provider"),
        ("dfs.blocksize", "many"),
        ("dfs.replication", "x"),
        ("fs.permissions.umask-mode", "u=rwx,g=,o="),
    ] {
        let error = read("hdfs://a/ha", &[(key, value)]).unwrap_err();
        let expected = format!("The native storage for hdfs: it cannot honour {key}: {value} of flink.hadoop.{key}.");
        assert_eq!((error.code, error.message), (ErrorCode::Unsupported, expected));
    }
    let observers = format!("{PROVIDER}ObserverReadProxyProvider");
    for further in [
        ("dfs.client.failover.proxy.provider.ns", observers.as_str()),
        ("dfs.client.failover.resolve-needed.ns", "true"),
    ] {
        let hadoop = [
            ("dfs.ha.namenodes.ns", "nn1"),
            ("dfs.namenode.rpc-address.ns.nn1", "a:9000"),
            further,
        ];
        assert_eq!(
            read("hdfs://ns/ha", &hadoop).unwrap_err().code,
            ErrorCode::Unsupported,
            "{further:?}"
        );
    }
    let error = read("hdfs:///ha", &[("fs.defaultFS", "viewfs://cluster")]).unwrap_err();
    assert_eq!(error.code, ErrorCode::Unsupported, "{error}");
    assert_eq!(read("hdfs://user@a/ha", &[]).unwrap_err().code, ErrorCode::Unsupported);
}

#[test]
fn what_cannot_be_right_is_refused_by_its_key() {
    let error = read("hdfs:///ha", &[]).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidSetting);
    assert!(
        error
            .message
            .starts_with("high-availability.storageDir: hdfs:/ha names no NameNode and fs.defaultFS is not set, "),
        "{error}"
    );
    let error = read("hdfs://ns/ha", &[("dfs.ha.namenodes.ns", "nn1")]).unwrap_err();
    assert_eq!(error.code, ErrorCode::InvalidSetting);
    assert!(
        error.message.starts_with("dfs.namenode.rpc-address.ns.nn1: is not set"),
        "{error}"
    );
}
