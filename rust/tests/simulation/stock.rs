//! A JobManager with Flink's own HA services beside ours: it reads and writes whole objects, knows no claim, and keeps what it does not know.

use std::sync::Arc;
use std::time::Duration;

use flinkkubeha::cluster::clock::Clock as _;
use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::edit::read_counter;
use flinkkubeha::protocol::lock_record::{LOCK_ANNOTATION, LeaseFormat, LockRecord, LockView};
use flinkkubeha::protocol::names::{COUNTER_KEY, leader_key};
use serde_json::Value;
use tokio::time::sleep;

use crate::CLUSTER_MAP;
use crate::clock::SimulatedClock;
use crate::random::Random;
use crate::world::World;

pub const IDENTITY: &str = "stock";

struct Stock {
    world: Arc<World>,
    clock: SimulatedClock,
    random: Random,
    lease: Duration,
    deadline: Duration,
    retry: Duration,
    made: u64,
}

/// Waits for the lock, leads, and dies, again and again until then.
pub async fn live(world: Arc<World>, (lease, deadline, retry): (u64, u64, u64), until: Duration) {
    let mut stock = Stock {
        clock: SimulatedClock::new(world.start, Duration::ZERO, 1000, 0),
        random: world.random(IDENTITY),
        lease: Duration::from_millis(lease),
        // As long before the end of the lease as ours, or it would be the one that is late.
        deadline: Duration::from_millis(deadline.min(lease - lease / 5)),
        retry: Duration::from_millis(retry),
        made: 0,
        world,
    };
    while stock.world.now() < until {
        let dies = stock.world.now() + stock.random.millis(3000, 30_000);
        while stock.world.now() < dies.min(until) {
            stock.elect().await;
            let pause = stock.retry + stock.random.millis(0, 200);
            sleep(pause).await;
        }
        stock.world.lock().stock_believes_until = None;
        sleep(stock.random.millis(1000, 15_000)).await;
    }
    stock.world.lock().stock_believes_until = None;
}

impl Stock {
    /// One look at the lock: as `LeaderElector` of fabric8 does it, by wall clocks.
    async fn elect(&mut self) {
        let sent = self.world.now();
        let Some(mut object) = self.read(CLUSTER_MAP) else {
            return;
        };
        let now = self.clock.wall();
        let (mut acquire_time, mut leader_transitions) = (now, 0);
        match LockView::of(&object) {
            LockView::Held(record) if record.holder_identity == IDENTITY => {
                (acquire_time, leader_transitions) = (record.acquire_time, record.leader_transitions);
            }
            LockView::Held(record)
                if now.as_micros() < record.renew_time.as_micros() + micros(record.lease_duration) =>
            {
                return;
            }
            LockView::Held(record) | LockView::Free(record) => leader_transitions = record.leader_transitions + 1,
            LockView::Absent => {}
            LockView::Broken { .. } => return,
        }
        let record = LockRecord {
            holder_identity: IDENTITY.to_owned(),
            lease_duration: self.lease,
            acquire_time,
            renew_time: now,
            leader_transitions,
        };
        config_map::set_annotation(&mut object, LOCK_ANNOTATION, &record.to_json(LeaseFormat::Iso));
        config_map::set_entry(
            &mut object,
            &leader_key("dispatcher"),
            "00000000-0000-0000-0002-000000000000,pekko://stock/dispatcher",
        );
        let latency = self.random.millis(1, 30);
        sleep(latency).await;
        if self.write(CLUSTER_MAP, &object) {
            self.world.befalls("lock held by stock");
            self.world.lock().stock_believes_until = Some(sent + self.deadline);
            self.write_a_job().await;
        }
    }

    /// Completes a checkpoint of some job, without a claim.
    async fn write_a_job(&mut self) {
        let names: Vec<String> = {
            let state = self.world.lock();
            let running = state.jobs.iter().filter(|job| !job.finished);
            running.map(|job| job.name.clone()).collect()
        };
        if names.is_empty() {
            return;
        }
        let name = self
            .random
            .pick(&names.iter().map(String::as_str).collect::<Vec<_>>())
            .to_owned();
        let Some(mut object) = self.read(&name) else { return };
        let Ok(id) = read_counter(&object) else { return };
        self.made += 1;
        config_map::set_entry(&mut object, COUNTER_KEY, &(id + 1).to_string());
        config_map::set_entry(
            &mut object,
            &format!("checkpointID-stock-{}", self.made),
            "a pointer of stock's",
        );
        let latency = self.random.millis(1, 30);
        sleep(latency).await;
        if self.write(&name, &object) {
            self.world.befalls("job written by stock");
            self.world.lock().ledger.handed_out_by_stock(&name, id);
        }
    }

    fn read(&self, name: &str) -> Option<Value> {
        self.world.lock().store.get(name).cloned()
    }

    fn write(&self, name: &str, object: &Value) -> bool {
        let now = self.world.now();
        let written = self.world.lock().store.replace(name, object, now).is_ok();
        self.world.changed.notify_waiters();
        written
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
