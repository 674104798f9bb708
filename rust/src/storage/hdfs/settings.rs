//! What Hadoop's configuration says to a client of HDFS, as far as it can be honoured here to the letter.

use std::collections::BTreeMap;

use super::configuration::Configuration;
use crate::storage::location::Location;
use crate::storage::options::{Refusal, invalid, unsupported};

const DEFAULT_FS: &str = "fs.defaultFS";
/// What Hadoop takes where an address has none.
const DEFAULT_PORT: u16 = 8020;
/// `dfs.replication` of a client that is told nothing: not what the `NameNode` is told.
const DEFAULT_REPLICATION: u32 = 3;
const DEFAULT_UMASK: u32 = 0o022;

/// What the client has to be to do without Hadoop's own: a value other than these needs that.
const NEEDED: [(&str, &[&str]); 9] = [
    ("hadoop.security.authentication", &["simple"]),
    ("fs.hdfs.impl", &["org.apache.hadoop.hdfs.DistributedFileSystem"]),
    ("dfs.encrypt.data.transfer", &["false"]),
    ("dfs.data.transfer.protection", &[]),
    // Encryption zones: their keys are with a server of their own.
    ("hadoop.security.key.provider.path", &[]),
    ("dfs.encryption.key.provider.uri", &[]),
    // Proxies.
    (
        "hadoop.rpc.socket.factory.class.default",
        &["org.apache.hadoop.net.StandardSocketFactory"],
    ),
    (
        "hadoop.rpc.socket.factory.class.ClientProtocol",
        &["org.apache.hadoop.net.StandardSocketFactory"],
    ),
    ("dfs.client.ipc.socket.factory", &[]),
];
/// Names of `NameNode`s that are made of what DNS says.
const RESOLVED: &str = "dfs.client.failover.resolve-needed.";
/// Who finds the active one of several `NameNode`s: both ask until one does not answer that it is the standby.
const PROVIDERS: [&str; 2] = [
    "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider",
    "org.apache.hadoop.hdfs.server.namenode.ha.RequestHedgingProxyProvider",
];
/// What the client library knows by itself.
const PASSED_ON: [&str; 5] = [
    "dfs.client.use.datanode.hostname",
    "dfs.client.socket-timeout",
    "dfs.client.block.write.replace-datanode-on-failure.enable",
    "dfs.client.block.write.replace-datanode-on-failure.policy",
    "dfs.client.block.write.replace-datanode-on-failure.best-effort",
];

/// Everything that is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// The name of a service, or host and port of its one `NameNode`.
    pub(super) name_node: String,
    /// In Hadoop's words.
    pub(super) for_the_client: BTreeMap<String, String>,
    /// Whom files belong to; without it the user that runs the process.
    pub(super) user: Option<String>,
    pub(super) replication: u32,
    /// In bytes; without it as the `NameNode` has it.
    pub(super) block_size: Option<u64>,
    /// Permissions that new files and directories lack.
    pub(super) umask: u32,
}

impl Settings {
    pub(super) fn read(root: &Location, configuration: &Configuration, user: Option<String>) -> Result<Self, Refusal> {
        for (key, allowed) in NEEDED {
            if let Some(value) = configuration.get(key)?
                && !allowed.iter().any(|allowed| value.eq_ignore_ascii_case(allowed))
            {
                return refused(configuration, key, &value);
            }
        }
        let authority = authority(root, configuration)?;
        let mut for_the_client = BTreeMap::new();
        for key in PASSED_ON {
            if let Some(value) = configuration.get(key)? {
                for_the_client.insert(key.to_owned(), value);
            }
        }
        let name_node = match service(&authority, configuration)? {
            Some(service) => {
                for_the_client.extend(service);
                authority
            }
            None => with_port(authority),
        };
        Ok(Self {
            name_node,
            for_the_client,
            user,
            replication: number(configuration, "dfs.replication", str::parse)?.unwrap_or(DEFAULT_REPLICATION),
            block_size: number(configuration, "dfs.blocksize", size)?,
            umask: umask(configuration)?,
        })
    }
}

/// As Hadoop's client does not tell what a value is, a message may: none of these is a secret.
fn refused<T>(configuration: &Configuration, key: &str, value: &str) -> Result<T, Refusal> {
    let source = configuration.source(key);
    unsupported(format!("it cannot honour {key}: {value} of {source}"))
}

/// Of the storage directory, or of the default file system.
fn authority(root: &Location, configuration: &Configuration) -> Result<String, Refusal> {
    let authority = if root.authority().is_empty() {
        let Some(default) = configuration.get(DEFAULT_FS)? else {
            return invalid(
                "high-availability.storageDir",
                &format!(
                    "{root} names no NameNode and {DEFAULT_FS} is not set, \
                     write it like hdfs://namenode:8020/flink/ha or let HADOOP_CONF_DIR name Hadoop's configuration."
                ),
            );
        };
        let Some(rest) = default.strip_prefix("hdfs://") else {
            return refused(configuration, DEFAULT_FS, &default);
        };
        rest.split('/').next().unwrap_or_default().to_owned()
    } else {
        root.authority().to_owned()
    };
    if authority.is_empty() || authority.contains(['@', '%']) {
        return unsupported(format!("it cannot tell which NameNode {root} means"));
    }
    Ok(authority)
}

/// What there is to know of the service of that name; none where it is a host.
fn service(name: &str, configuration: &Configuration) -> Result<Option<BTreeMap<String, String>>, Refusal> {
    let list = format!("dfs.ha.namenodes.{name}");
    let provider = format!("dfs.client.failover.proxy.provider.{name}");
    let chosen = configuration.get(&provider)?;
    let Some(ids) = configuration.get(&list)? else {
        return match chosen {
            Some(class) => refused(configuration, &provider, &class),
            None => Ok(None),
        };
    };
    if let Some(class) = chosen.filter(|class| !PROVIDERS.contains(&class.as_str())) {
        return refused(configuration, &provider, &class);
    }
    let resolved = format!("{RESOLVED}{name}");
    if let Some(value) = configuration
        .get(&resolved)?
        .filter(|value| !value.eq_ignore_ascii_case("false"))
    {
        return refused(configuration, &resolved, &value);
    }
    let ids: Vec<&str> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    let mut known = BTreeMap::from([(list, ids.join(","))]);
    for id in ids {
        let key = format!("dfs.namenode.rpc-address.{name}.{id}");
        let Some(address) = configuration.get(&key)? else {
            return invalid(&key, "is not set, set it to host and port of that NameNode.");
        };
        known.insert(key, with_port(address));
    }
    Ok(Some(known))
}

fn with_port(address: String) -> String {
    let after_host = address.rsplit_once(']').map_or(address.as_str(), |(_, rest)| rest);
    if after_host.contains(':') {
        address
    } else {
        format!("{address}:{DEFAULT_PORT}")
    }
}

fn number<T, E>(
    configuration: &Configuration,
    key: &str,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, Refusal> {
    let Some(text) = configuration.get(key)? else {
        return Ok(None);
    };
    match read(&text) {
        Ok(number) => Ok(Some(number)),
        Err(_) => refused(configuration, key, &text),
    }
}

/// Bytes, or with one of Hadoop's binary prefixes.
fn size(text: &str) -> Result<u64, ()> {
    let (digits, shift) = match text.chars().last().map(|last| last.to_ascii_lowercase()) {
        Some('k') => (text.len() - 1, 10),
        Some('m') => (text.len() - 1, 20),
        Some('g') => (text.len() - 1, 30),
        _ => (text.len(), 0),
    };
    let number: u64 = text.get(..digits).ok_or(())?.parse().map_err(|_| ())?;
    number.checked_mul(1 << shift).ok_or(())
}

/// In octal digits. Hadoop knows symbols too.
fn umask(configuration: &Configuration) -> Result<u32, Refusal> {
    let octal = |text: &str| {
        u32::from_str_radix(text, 8)
            .ok()
            .filter(|mask| *mask <= 0o777)
            .ok_or(())
    };
    Ok(number(configuration, "fs.permissions.umask-mode", octal)?.unwrap_or(DEFAULT_UMASK))
}
