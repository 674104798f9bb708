//! The command line.
// The docs of arguments are what --help shows, as it stands.
#![allow(clippy::doc_markdown)]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The name of the program.
pub(crate) const BINARY: &str = "flink-ha";
/// Under which kubectl finds it as `kubectl flink-ha`.
pub(crate) const PLUGIN: &str = "kubectl-flink_ha";

/// Looks at, checks and moves the Kubernetes HA data of Apache Flink clusters.
///
/// It reads what Flink's own services and the jar of flink-kube-ha write: leader locks, leader
/// addresses, pointers to checkpoints and job graphs, counters. Without --kubeconfig the files of
/// KUBECONFIG or ~/.kube/config are used, or else the service account of the pod.
///
/// Exit codes: 0 all is well, 1 something is wrong with the data, 2 the command itself failed.
#[derive(Debug, Parser)]
#[command(name = BINARY, version, propagate_version = true, verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Form of the output
    #[arg(
        long,
        short,
        global = true,
        value_enum,
        default_value = "table",
        value_name = "FORMAT",
        help_heading = "Options of every subcommand"
    )]
    pub(crate) output: Format,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the API server is.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every subcommand")]
pub(crate) struct Connection {
    /// A kubeconfig file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig
    #[arg(long, global = true)]
    pub(crate) context: Option<String>,
    /// The namespace of the Flink clusters; else that of the context or of the pod, else "default"
    #[arg(long, short, global = true)]
    pub(crate) namespace: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people; coloured on a terminal
    Table,
    /// JSON
    Json,
    /// YAML
    Yaml,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List clusters: who leads, since when, jobs, newest checkpoint, size
    #[command(visible_alias = "list")]
    Ls(Several),
    /// Say who holds the lock of a cluster
    ///
    /// The exit code is 1 when nobody leads.
    WhoLeads(One),
    /// Decode everything that is stored of a cluster, and name what is damaged
    Inspect(One),
    /// Say how large the ConfigMaps are, beside the 1 MiB that Kubernetes takes
    Du(Several),
    /// Hold pointers against the files that they name, and the other way round
    ///
    /// Finds pointers without a file, files without a pointer, sizes that differ, and whatever
    /// 'inspect' finds. The exit code is 1 when something is lost or stands in the way of a recovery,
    /// with --strict also for warnings. Directories are those of the pointers; name others with
    /// --directory.
    #[command(verbatim_doc_comment)]
    Verify(Verify),
    /// Remove files that nothing points to, and empty ConfigMaps of jobs that are gone
    ///
    /// Only shows what it would remove unless --delete is given. A file goes when it bears a name of
    /// Flink's making, is older than --min-age, and no pointer of any cluster in the namespace names
    /// it. The ConfigMap of a job goes when it holds nothing but a counter, the leader of the cluster
    /// lives and knows nothing of the job, and it was not written for as long. Checkpoints that a job
    /// can be restored from always stay, and while any pointer cannot be read, all files do.
    #[command(verbatim_doc_comment)]
    Gc(Collect),
    /// Tell what is known of the past: who wrote last, and with --from what a process remembers
    ///
    /// Kubernetes keeps the last write of each writer, and nothing of what a lease went through. A process keeps its last few hundred events; with
    /// high-availability.native.metrics.port it serves them beside its metrics.
    History(History),
    /// Hand the leadership over to a standby, between two checkpoints
    ///
    /// For the drain of a node. The leader is asked by a note on the cluster's ConfigMap. It sees who is there, waits for the next checkpoint if jobs
    /// run (for 10 s or three retry periods at most), ends its leadership, and gives the lock away; it stays as a standby. Both have to run
    /// flink-kube-ha. The exit code is 1 when a component has no address yet at the end of --timeout, and 2 when nothing was handed over.
    Switchover(Switchover),
    /// Ask whether everything is there that a cluster needs: Role, clocks, lease timing, sizes, storage
    ///
    /// Every verb is tried by a request that changes nothing, as whoever runs this. The exit code is 1
    /// for errors.
    #[command(verbatim_doc_comment)]
    Doctor(Examine),
    /// Write the ConfigMaps of a cluster into a file
    ///
    /// Pointers are kept, the files that they name are not. A backup of a running cluster is old as
    /// soon as the next checkpoint is complete: what it names is deleted then. Take it of a cluster
    /// that is stopped.
    #[command(verbatim_doc_comment)]
    Backup(Backup),
    /// Put ConfigMaps back from a file, or from the mirror that JobManagers keep in their storage directory
    ///
    /// Refuses while a leader lives, and to overwrite anything unless --overwrite is given. The lock comes back released. From the mirror come the
    /// ConfigMaps that are missing, or hold nothing; jobs that have ended for good are left out, and the files of the others have to be there. The mirror
    /// may be behind by a second or so.
    Restore(Restore),
    /// Print a completion script
    Completions {
        /// For this shell
        shell: clap_complete::Shell,
    },
    /// Print the man page, or that of a subcommand
    Man {
        /// Name of the subcommand
        subcommand: Option<String>,
    },
}

/// One cluster.
#[derive(Debug, Args)]
pub(crate) struct One {
    /// Value of kubernetes.cluster-id
    pub(crate) cluster: String,
}

/// Some clusters, or all.
#[derive(Debug, Args)]
pub(crate) struct Several {
    /// Values of kubernetes.cluster-id; all clusters of the namespace without any
    pub(crate) clusters: Vec<String>,
    /// All namespaces; that takes a ClusterRole
    #[arg(long, short = 'A', conflicts_with = "namespace")]
    pub(crate) all_namespaces: bool,
}

/// What is held against what.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) clusters: Several,
    #[command(flatten)]
    pub(crate) storage: StorageArguments,
    /// Directories to look for files in that no pointer names, for example file:///mnt/flink-ha/my-cluster: the storage directory with
    /// high-availability.cluster-id below it
    #[arg(long = "directory", value_name = "URI")]
    pub(crate) directories: Vec<String>,
    /// Do not count a file as left over before it is so old: its pointer may be on the way
    #[arg(long, default_value = "1h", value_name = "AGE", value_parser = crate::units::read_span)]
    pub(crate) min_age: std::time::Duration,
    /// Let warnings count as errors
    #[arg(long)]
    pub(crate) strict: bool,
}

/// What may go.
#[derive(Debug, Args)]
pub(crate) struct Collect {
    /// Value of kubernetes.cluster-id
    pub(crate) cluster: String,
    #[command(flatten)]
    pub(crate) storage: StorageArguments,
    /// More directories to look in than those that the cluster's pointers lie in, for example file:///mnt/flink-ha/my-cluster
    #[arg(long = "directory", value_name = "URI")]
    pub(crate) directories: Vec<String>,
    /// Leave alone what is younger
    #[arg(long, default_value = "1d", value_name = "AGE", value_parser = crate::units::read_span)]
    pub(crate) min_age: std::time::Duration,
    /// Remove it
    #[arg(long)]
    pub(crate) delete: bool,
    /// No cluster that cannot be seen from here keeps files in these directories
    #[arg(long)]
    pub(crate) sole_user: bool,
}

/// Whose past.
#[derive(Debug, Args)]
pub(crate) struct History {
    /// Value of kubernetes.cluster-id
    pub(crate) cluster: String,
    /// Where a JobManager or TaskManager serves its metrics, for example http://10.0.0.7:9250
    #[arg(long, value_name = "URL")]
    pub(crate) from: Option<String>,
}

/// Who is to lead.
#[derive(Debug, Args)]
pub(crate) struct Switchover {
    /// Value of kubernetes.cluster-id
    pub(crate) cluster: String,
    /// The holder identity of a standby, or how it begins, as 'who-leads' shows it; whoever is first without
    #[arg(long, value_name = "IDENTITY")]
    pub(crate) to: Option<String>,
    /// How long to wait for the next leader and its addresses
    #[arg(long, default_value = "60s", value_name = "TIME", value_parser = crate::units::read_span)]
    pub(crate) timeout: std::time::Duration,
}

/// What is examined.
#[derive(Debug, Args)]
pub(crate) struct Examine {
    /// Value of kubernetes.cluster-id
    pub(crate) cluster: String,
    #[command(flatten)]
    pub(crate) storage: StorageArguments,
    /// Write, read and delete an object below this directory, for example file:///mnt/flink-ha/my-cluster
    #[arg(long, value_name = "URI")]
    pub(crate) probe_storage: Option<String>,
}

/// What is written down.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Value of kubernetes.cluster-id
    pub(crate) cluster: String,
    /// A file that does not exist yet; readable for its owner alone
    #[arg(long, short, value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// What is put back.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Value of kubernetes.cluster-id, where it comes from the mirror
    #[arg(requires = "from_storage")]
    pub(crate) cluster: Option<String>,
    /// What 'backup' has written
    #[arg(
        long,
        short,
        value_name = "FILE",
        required_unless_present = "from_storage",
        conflicts_with = "from_storage"
    )]
    pub(crate) file: Option<PathBuf>,
    /// The directory that the mirror lies below, for example file:///mnt/flink-ha/my-cluster: the storage directory with
    /// high-availability.cluster-id below it
    #[arg(long, value_name = "URI", requires = "cluster")]
    pub(crate) from_storage: Option<String>,
    #[command(flatten)]
    pub(crate) storage: StorageArguments,
    /// Replace ConfigMaps that exist
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Only say what would be restored
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// How the storage is reached.
#[derive(Debug, Args)]
#[command(next_help_heading = "Storage")]
pub(crate) struct StorageArguments {
    /// Flink's configuration (config.yaml or flink-conf.yaml), for the settings of its S3 plug-ins
    #[arg(long, value_name = "FILE")]
    pub(crate) flink_conf: Option<PathBuf>,
    /// One such setting, for example -D s3.endpoint=https://minio:9000; wins over --flink-conf
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
