//! Formats and decisions of the HA protocol, pure.
//!
//! Nothing here does I/O, reads a clock, spawns a thread or draws a random number: whatever is needed arrives as an argument.

pub mod annotations;
pub mod black_box;
pub mod config_map;
pub mod contenders;
pub mod content_mark;
pub mod death_watch;
pub mod edit;
pub mod elector;
pub mod entry;
pub mod group_commit;
pub mod holder_notes;
pub mod jvm_stall;
pub mod leader_information;
pub mod lease;
pub mod lock_record;
pub mod managed_fields;
pub mod manifest;
pub mod names;
pub mod pod_seat;
pub mod slim_watch;
pub mod state_handle;
pub mod switchover;
pub mod time;
