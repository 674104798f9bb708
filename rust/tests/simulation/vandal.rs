//! Writers that are none of ours.

use std::sync::Arc;

use serde_json::json;

use crate::random::Random;
use crate::world::World;

/// Somebody with kubectl, or stock Flink, changes an annotation: every version that was known is outdated.
pub fn write_into_a_map(world: &Arc<World>, random: &mut Random) {
    let now = world.now();
    {
        let mut state = world.lock();
        let names: Vec<String> = state.store.names();
        if names.is_empty() {
            return;
        }
        let place = usize::try_from(random.below(names.len() as u64)).unwrap();
        let mark = random.next();
        let mut object = state.store.get(&names[place]).unwrap().clone();
        object["metadata"]["annotations"]["theirs"] = json!(mark.to_string());
        log::debug!("somebody writes {}", names[place]);
        state.store.replace(&names[place], &object, now).unwrap();
    }
    world.changed.notify_waiters();
}
