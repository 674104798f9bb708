//! What a write of the cluster `ConfigMap` contains.

use log::warn;
use serde_json::Value;

use super::presence::Presence;
use crate::cluster::config_map::batch::Batch;
use crate::cluster::config_map::leaders::Leaders;
use crate::cluster::context::Context;
use crate::protocol::annotations::CONTENDERS;
use crate::protocol::config_map;
use crate::protocol::contenders::Contenders;
use crate::protocol::content_mark;
use crate::protocol::edit::Edit;
use crate::protocol::elector::{LockWrite, LockWriteKind};
use crate::protocol::lock_record::{LOCK_ANNOTATION, LockView};
use crate::protocol::managed_fields;

/// Renders the object for a lock write: the record, the notes of the contenders, stock's labels, and everything that rides along.
///
/// `last` is the last known object, also when it has been deleted since: a leader makes it anew from memory, and puts back what somebody else has
/// taken out of it.
pub(crate) fn compose(
    context: &Context,
    write: &LockWrite,
    last: Option<&Value>,
    emptied: &[(String, String)],
    leaders: &mut Leaders,
    batch: &mut Batch,
    presence: &Presence,
) -> Value {
    let mut object = match (&write.base, last) {
        (Some(_), Some(last)) => last.clone(),
        (None, Some(last)) if write.kind != LockWriteKind::Acquire => {
            // A write whose answer was lost may be in what was seen last, and is nowhere else any more.
            if let Some(version) = config_map::resource_version(last) {
                batch.settle_doubts(last, version, false);
            }
            let mut anew = last.clone();
            config_map::strip_server_fields(&mut anew);
            anew
        }
        _ => config_map::new_config_map(&context.cluster_map, context.api.namespace(), &context.labels),
    };
    let (former, notes) = (LockView::of(&object), Contenders::of(&object));
    let record = write.record(
        &context.identity,
        context.elector.timings.lease_duration,
        context.clock.wall(),
    );
    let notes = write.contenders(&context.identity, notes, &former, record.as_ref());
    config_map::set_annotation(&mut object, CONTENDERS, &notes.encode());
    if let Some(record) = record {
        config_map::set_annotation(&mut object, LOCK_ANNOTATION, &record.to_json(context.lease_format));
        for (key, value) in context.labels.iter() {
            config_map::set_label(&mut object, key, value);
        }
    }
    presence.apply(&mut object, write.kind);
    match write.kind {
        LockWriteKind::Join | LockWriteKind::Leave => {}
        // The addresses of a leader that is gone lead nowhere: whoever retrieves them learns so in the very write that releases the lock, or
        // that elects the next leader.
        LockWriteKind::Acquire | LockWriteKind::Release | LockWriteKind::HandOver => {
            if let Err(refusal) = Edit::ClearLeaders.apply(&mut object) {
                warn!(
                    "The former leader's addresses stay in ConfigMap {}: {refusal}",
                    context.cluster_map
                );
            }
        }
        LockWriteKind::Renew => {
            for (key, value) in emptied {
                config_map::set_entry(&mut object, key, value);
            }
            leaders.apply(&mut object);
            batch.apply(&mut object);
        }
    }
    let replaced = last.filter(|_| write.base.is_some());
    match write.kind {
        LockWriteKind::Join | LockWriteKind::Leave => {}
        LockWriteKind::Release | LockWriteKind::HandOver => content_mark::unmark(&mut object),
        LockWriteKind::Acquire | LockWriteKind::Renew => {
            let acquiring = write.kind == LockWriteKind::Acquire;
            content_mark::mark(&mut object, replaced, &context.identity, acquiring);
        }
    }
    // What those who follow by metadata do not need, and are sent with every renewal.
    managed_fields::forget_data(&mut object);
    object
}
