//! What a write of the cluster `ConfigMap` contains.

use log::warn;
use serde_json::Value;

use crate::cluster::config_map::batch::Batch;
use crate::cluster::config_map::leaders::Leaders;
use crate::cluster::context::Context;
use crate::protocol::config_map;
use crate::protocol::edit::Edit;
use crate::protocol::elector::{LockWrite, LockWriteKind};
use crate::protocol::lock_record::LOCK_ANNOTATION;

/// Renders the object for a lock write: the record, stock's labels, and everything that rides along.
///
/// `last` is the last known object, also when it has been deleted since: a leader makes it anew from memory.
pub(crate) fn compose(
    context: &Context,
    write: &LockWrite,
    last: Option<&Value>,
    leaders: &mut Leaders,
    batch: &mut Batch,
) -> Value {
    let mut object = match (&write.base, last) {
        (Some(_), Some(last)) => last.clone(),
        (None, Some(last)) if write.kind != LockWriteKind::Acquire => {
            let mut anew = last.clone();
            config_map::strip_server_fields(&mut anew);
            anew
        }
        _ => config_map::new_config_map(&context.cluster_map, context.api.namespace(), &context.labels),
    };
    let record = write.record(&context.identity, context.timings.lease_duration, context.clock.wall());
    config_map::set_annotation(&mut object, LOCK_ANNOTATION, &record.to_json(context.lease_format));
    for (key, value) in context.labels.iter() {
        config_map::set_label(&mut object, key, value);
    }
    match write.kind {
        // The addresses of a leader that is gone lead nowhere: whoever retrieves them learns so in the very write that releases the lock, or
        // that elects the next leader.
        LockWriteKind::Acquire | LockWriteKind::Release => {
            if let Err(refusal) = Edit::ClearLeaders.apply(&mut object) {
                warn!(
                    "The former leader's addresses stay in ConfigMap {}: {refusal}",
                    context.cluster_map
                );
            }
        }
        LockWriteKind::Renew => {
            leaders.apply(&mut object);
            batch.apply(&mut object);
        }
    }
    object
}
