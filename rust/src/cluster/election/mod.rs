//! The owner of the cluster `ConfigMap`: it drives the elector and carries every write to this object.
//!
//! | file | holds |
//! |---|---|
//! | `task` | the loop: commands, watch, timer and answers in; elector steps out |
//! | `command` | what others ask of it |
//! | `compose` | what a write contains: lock record, labels, leader addresses, edits |
//! | `requests` | requests under way |

mod command;
mod compose;
mod requests;
mod task;

pub(crate) use command::Command;
pub(crate) use task::Election;
