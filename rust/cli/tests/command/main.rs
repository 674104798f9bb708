//! The command `flink-ha`, run as a process: alone, and against a real kube-apiserver and etcd as service accounts that may do no more than each
//! subcommand needs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod files;
mod looking;
mod mirror;
mod moving;
mod support;
mod without_a_cluster;
mod zoo;

use support::Scenario;

/// One test, so that one control plane serves all; each scenario has namespaces of its own.
#[test]
fn on_a_real_api_server() {
    let scenarios: [(&str, Scenario); 19] = [
        ("golden_samples", looking::golden_samples),
        ("one_verb_each", looking::one_verb_each),
        ("missing_rights", looking::missing_rights),
        ("what_is_not_there", looking::what_is_not_there),
        ("lost_labels", looking::lost_labels),
        ("other_config_maps", looking::other_config_maps),
        ("many_clusters", looking::many_clusters),
        ("broken_zoo", zoo::broken_zoo),
        ("broken_locks", zoo::broken_locks),
        ("files_and_pointers", files::files_and_pointers),
        ("objects_on_s3", files::objects_on_s3),
        ("collection", files::collection),
        (
            "collection_in_a_shared_directory",
            files::collection_in_a_shared_directory,
        ),
        ("a_healthy_cluster", moving::a_healthy_cluster),
        ("an_incomplete_role", moving::an_incomplete_role),
        ("there_and_back", moving::there_and_back),
        ("not_under_a_leader", moving::not_under_a_leader),
        ("out_of_the_mirror", mirror::out_of_the_mirror),
        ("refusals_of_the_mirror", mirror::refusals_of_the_mirror),
    ];
    support::on_a_control_plane(&scenarios);
}
