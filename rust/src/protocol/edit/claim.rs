//! The edit of the claim.

use serde_json::Value;

use super::EditAnswer;
use crate::protocol::annotations::{CLAIM, Claim};
use crate::protocol::config_map;

pub(super) fn claim(object: &mut Value, claim: &Claim) -> EditAnswer {
    if Claim::of(object).as_ref() == Some(claim) {
        return EditAnswer::Unchanged;
    }
    config_map::set_annotation(object, CLAIM, &claim.encode());
    EditAnswer::Done
}
