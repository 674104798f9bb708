//! The owner of the cluster `ConfigMap`: it drives the elector and carries every write to this object.
//!
//! | file | holds |
//! |---|---|
//! | `task` | the loop: commands, watch, timer and answers in |
//! | `command` | what others ask of it |
//! | `candidacy` | when there is an elector, from the check of the Role to the release |
//! | `start_report` | what is known when it begins, in one line |
//! | `sight` | what is known of the `ConfigMap`, and what of it is news |
//! | `steps` | the elector's inputs and effects |
//! | `belief` | what others are told of the leadership: the grant, the hold, the end |
//! | `writing` | the one write that may be under way |
//! | `copies` | a write that is sent again, elsewhere, while its answer is waited for |
//! | `compose` | what a write contains: lock record, labels, leader addresses, edits |
//! | `presence` | what this process shows of itself beside the lock, and sees of the holder |
//! | `switchover` | a leadership that is handed over because an operator asked for it |
//! | `damage` | the `ConfigMap` deleted or emptied under a leader, and the clean-up of the whole cluster |
//! | `requests` | requests under way |

mod belief;
mod candidacy;
mod command;
mod compose;
mod copies;
mod damage;
mod presence;
mod requests;
mod sight;
mod start_report;
mod steps;
mod switchover;
mod task;
mod writing;

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::cluster::client::Departure;
use crate::cluster::config_map::batch::Batch;
use crate::cluster::config_map::leaders::Leaders;
use crate::cluster::config_map::subscribers::Subscribers;
use crate::cluster::config_map::trouble::Trouble;
use crate::cluster::context::Context;
use crate::cluster::failover::FailoverSettings;
use crate::cluster::watch::Seen;
use crate::protocol::elector::{Elector, GrantId};
use crate::protocol::time::BootTime;

use candidacy::Starting;
pub(crate) use command::Command;
use presence::Presence;
use requests::Requests;
use sight::Known;
use switchover::Switchover;

/// Owns the cluster `ConfigMap` of one session, whether or not the session is a candidate.
pub(crate) struct Election {
    context: Context,
    commands: mpsc::UnboundedReceiver<Command>,
    watch: mpsc::UnboundedReceiver<Seen>,
    requests: Requests,
    subscribers: Subscribers,
    known: Known,
    /// The last object seen, kept when it is deleted: a leader can make it anew.
    last: Option<Value>,
    long_dead: bool,
    elector: Option<Elector>,
    next_grant: GrantId,
    wake: Option<BootTime>,
    /// The sign of life of the JVM that the elector was told of last.
    jvm_heard: Option<BootTime>,
    /// Since when the leadership is held on to through an outage, once that was said.
    holds_on_since: Option<BootTime>,
    /// The write that is under way.
    writing: Option<Departure>,
    /// The `ConfigMap` was deleted while we lead, and what else is gone is being found out.
    vanishing: bool,
    /// What somebody else has taken out of it while we lead, to be put back.
    emptied: Vec<(String, String)>,
    leaders: Leaders,
    batch: Batch,
    stopping: Vec<oneshot::Sender<()>>,
    starting: Starting,
    trouble: Trouble,
    presence: Presence,
    switchover: Switchover,
}

impl Election {
    pub(crate) fn new(
        context: Context,
        commands: mpsc::UnboundedReceiver<Command>,
        watch: mpsc::UnboundedReceiver<Seen>,
        pod_uid: Option<String>,
        failover: Option<FailoverSettings>,
    ) -> Self {
        let presence = Presence::new(&context, pod_uid, failover);
        Self {
            requests: Requests::new(&context.api, context.cluster_map.clone()),
            subscribers: Subscribers::new(Arc::clone(&context.events)),
            context,
            commands,
            watch,
            known: Known::Nothing,
            last: None,
            long_dead: false,
            elector: None,
            next_grant: GrantId(1),
            wake: None,
            jvm_heard: None,
            holds_on_since: None,
            writing: None,
            vanishing: false,
            emptied: Vec::new(),
            leaders: Leaders::default(),
            batch: Batch::default(),
            stopping: Vec::new(),
            starting: Starting::No,
            trouble: Trouble::default(),
            presence,
            switchover: Switchover::default(),
        }
    }
}
