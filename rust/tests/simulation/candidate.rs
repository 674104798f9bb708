//! A JobManager: it contends, and as a leader it does what Flink does.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flinkkubeha::cluster::events::{Event, Taken};
use flinkkubeha::cluster::services::{OpenMap, Services, ServicesSettings};
use flinkkubeha::error::{ErrorCode, HaError};
use flinkkubeha::protocol::config_map;
use flinkkubeha::protocol::edit::{Edit, EditAnswer};
use flinkkubeha::protocol::elector::{ElectorSettings, GrantId};
use flinkkubeha::protocol::lease::LeaseTimings;
use flinkkubeha::protocol::lock_record::LeaseFormat;
use flinkkubeha::protocol::names;
use flinkkubeha::protocol::state_handle::StateHandle;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::clock::SimulatedClock;
use crate::fake_api;
use crate::gate::Gate;
use crate::oracles::{self, EditId, Phase};
use crate::random::Random;
use crate::world::{Job, State, World};
use crate::{CLUSTER, CLUSTER_MAP};

// Causes of a revoke, as they are told.
pub const RENEW_DEADLINE_PASSED: &str = "no renewal was acknowledged within the renew deadline";
const NOT_ALONE_IN_OUTAGE: &str =
    "no renewal was acknowledged within the renew deadline, and somebody else waits for the lock";
const OUTAGE_HOLD_PASSED: &str = "the API server could not be used for longer than a leader that is alone goes on";

const COMPONENTS: [&str; 3] = ["dispatcher", "resourcemanager", "rest_server"];
/// How much later than its deadline a call may end: a request is given a moment even at the very end.
const SLACK: Duration = Duration::from_millis(300);
/// How late a belief that has ended may be told: timers of the library look at the clock every 100 ms, this loop every 50 ms.
const TOLD_WITHIN: Duration = Duration::from_millis(200);

/// Longer than any stop takes.
const A_WHILE: Duration = Duration::from_secs(60);

/// The machine that a process runs on.
#[derive(Clone)]
pub struct Machine {
    pub number: usize,
    pub timings: LeaseTimings,
    pub elector: ElectorSettings,
    pub patience: Duration,
    /// Its JVM gives signs of life by itself, unless it hangs.
    pub beats: bool,
    pub clock: Arc<SimulatedClock>,
}

/// One life of a JobManager.
pub struct Process {
    pub identity: String,
    pub machine: Machine,
    pub gate: Arc<Gate>,
    services: Services,
    subscription: u64,
    /// What the subscription was told last.
    pub told: Mutex<Option<String>>,
    /// Since when it believes no more what it was told.
    disbelieves: Mutex<Option<Duration>>,
    /// Its JVM hangs: it takes no events and gives no signs of life, while the native tasks go on.
    hangs: AtomicBool,
    /// What it is told now was due long ago, because its JVM hung.
    told_late: AtomicBool,
    /// How often it was told that it leads no more.
    losses: AtomicU64,
    /// When its JVM gave the last sign of life.
    pulse: Mutex<Duration>,
    /// The machine's clock stood still while it believed: nothing but the fence stands between it and the next leader.
    pub stood_still: AtomicBool,
}

impl Process {
    pub fn start(world: &Arc<World>, machine: &Machine, identity: &str) -> Arc<Self> {
        let gate = Arc::new(Gate::default());
        let api = fake_api::client(world, machine.number, identity, &gate);
        let settings = ServicesSettings {
            cluster_id: CLUSTER.to_owned(),
            identity: identity.to_owned(),
            labels: BTreeMap::from([("app".to_owned(), CLUSTER.to_owned())]),
            lease_format: LeaseFormat::Iso,
            elector: machine.elector,
            patience: machine.patience,
            pod_uid: None,
            fast_failover: None,
            // Others are not known to be candidates until they contend.
            contends: machine.number.is_multiple_of(2),
        };
        let services = Services::start(api, Arc::clone(&machine.clock) as _, gate.spawn(), settings);
        let subscription = services.watch_leader(COMPONENTS[0]).unwrap();
        let process = Arc::new(Self {
            identity: identity.to_owned(),
            machine: machine.clone(),
            gate,
            services,
            subscription,
            told: Mutex::default(),
            disbelieves: Mutex::default(),
            hangs: AtomicBool::new(false),
            told_late: AtomicBool::new(false),
            losses: AtomicU64::new(0),
            pulse: Mutex::new(world.now()),
            stood_still: AtomicBool::new(false),
        });
        world.lock().processes.push(Arc::clone(&process));
        let pump = Arc::clone(&process).pump(Arc::clone(world));
        (process.gate.spawn())(Box::pin(pump));
        process
    }

    pub fn services(&self) -> &Services {
        &self.services
    }

    pub fn contend(&self, world: &World) {
        *self.pulse.lock().unwrap() = world.now();
        world.lock().ledger.starts(&self.identity);
        self.services.start_election().unwrap();
    }

    /// Its JVM hangs from now on, or goes on.
    pub fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::Relaxed);
        // Until the events of that time are taken, whoever takes them.
        self.told_late.fetch_or(hangs, Ordering::Relaxed);
    }

    /// How long its JVM has given no sign of life.
    pub fn silent_for(&self, now: Duration) -> Duration {
        now.saturating_sub(*self.pulse.lock().unwrap())
    }

    /// When its JVM does not hang.
    async fn jvm_goes_on(&self) {
        while self.hangs.load(Ordering::Relaxed) {
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Stops the election in order, as far as the API server lets it, and waits for that no longer than this.
    pub async fn stop(self: &Arc<Self>, world: &Arc<World>, limit: Duration) {
        let (done, stopped) = oneshot::channel();
        let (process, world) = (Arc::clone(self), Arc::clone(world));
        tokio::spawn(async move {
            process.stop_in_order(&world).await;
            let _ = done.send(());
        });
        let _ = timeout(limit, stopped).await;
    }

    async fn stop_in_order(self: &Arc<Self>, world: &Arc<World>) {
        if let Some(grant) = self.services.grants().current() {
            // Flink's contenders leave one by one, each with its address.
            for component in COMPONENTS {
                self.publish(world, grant.0, component, None);
            }
        }
        let (called, frozen) = (world.now(), self.gate.frozen());
        world.lock().ledger.stops(&self.identity);
        let stopped = self.services.stop_election().unwrap();
        // A process that dies meanwhile is nobody's concern.
        let _ = stopped.await;
        if self.gate.is_dead() {
            return;
        }
        // What happened before the answer is told before it.
        self.take_events(world);
        let took = (world.now() + frozen).saturating_sub(called + self.gate.frozen());
        let limit = self.machine.timings.renew_deadline.min(Duration::from_secs(5)) * 11 / 10 + SLACK;
        let still = self.stood_still.load(Ordering::Relaxed);
        let mut state = world.lock();
        if took > limit && !still {
            let text = format!("{} took {took:?} to stop", self.identity);
            state.ledger.violation(oracles::IN_TIME, text);
        }
        state.ledger.stopped(&self.identity);
    }

    /// The end, in whatever it was doing.
    pub fn crash(&self, world: &World) {
        self.gate.kill();
        let mut state = world.lock();
        state.processes.retain(|process| process.identity != self.identity);
        state.ledger.died(&self.identity);
    }

    fn believes(&self, grant: u64) -> bool {
        self.services.grants().current().map(|grant| grant.0) == Some(grant)
    }

    fn publish(&self, world: &World, grant: u64, component: &str, value: Option<&str>) {
        // Under a grant that is not the present one the library ignores it.
        if self.believes(grant) {
            if world.lock().ledger.told(&self.identity) == Some(grant) {
                world.lock().ledger.publishes(&self.identity, component, value);
            }
            self.services.publish_leader(GrantId(grant), component, value).unwrap();
        }
    }

    /// Takes events as Java's pump does, and looks at beliefs while it is at it.
    async fn pump(self: Arc<Self>, world: Arc<World>) {
        loop {
            let hung = self.hangs.load(Ordering::Relaxed);
            self.jvm_goes_on().await;
            if self.machine.beats {
                self.services.pulse();
                *self.pulse.lock().unwrap() = world.now();
            }
            let undisturbed = !hung && !self.gate.was_frozen_within(TOLD_WITHIN);
            if undisturbed {
                let patience = self.machine.patience * 11 / 10 + SLACK;
                let still = self.stood_still.load(Ordering::Relaxed);
                let patience = if still { Duration::from_secs(600) } else { patience };
                world
                    .lock()
                    .ledger
                    .overdue(&self.identity, patience + self.gate.frozen());
            }
            self.told_late.store(hung, Ordering::Relaxed);
            self.take_events(&world);
            self.check_belief(&world, undisturbed);
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn take_events(self: &Arc<Self>, world: &Arc<World>) {
        while let Taken::Event(event) = self.services.events().take(Duration::ZERO) {
            self.take(world, event);
        }
    }

    fn take(self: &Arc<Self>, world: &Arc<World>, event: Event) {
        log::debug!("{} is told {event:?}", self.identity);
        match event {
            Event::Grant { grant } => {
                let mut state = world.lock();
                let state = &mut *state;
                if !self.gate.was_frozen_within(self.machine.timings.lease_duration) {
                    self.stood_still.store(false, Ordering::Relaxed);
                }
                let frozen = self.gate.was_frozen_within(Duration::from_millis(100));
                let late = self.told_late.load(Ordering::Relaxed);
                let late = late || frozen || self.stood_still.load(Ordering::Relaxed) || !self.believes(grant);
                state.ledger.granted(&self.identity, grant, &state.store, late);
                let work = lead(Arc::clone(world), Arc::clone(self), grant);
                (self.gate.spawn())(Box::pin(work));
            }
            Event::Revoke { grant, cause } => {
                let still = self.stood_still.swap(false, Ordering::Relaxed);
                let frozen = self.gate.was_frozen_within(self.machine.timings.lease_duration * 4);
                let mut state = world.lock();
                if !still && !frozen && !self.told_late.load(Ordering::Relaxed) {
                    let needed = needed_for(&self.machine, &cause);
                    state.ledger.check_need(&self.identity, &cause, needed);
                }
                state.ledger.revoked(&self.identity, grant, &cause);
                self.check_explanation(&mut state, grant, &cause);
                self.services.revoke_heard(GrantId(grant));
            }
            Event::Leader { subscription, value } => {
                assert_eq!(subscription, self.subscription);
                *self.told.lock().unwrap() = value;
            }
            // From here on nobody may find its pointer.
            Event::Unreferenced {
                config_map, pointer, ..
            } => {
                let mut state = world.lock();
                let state = &mut *state;
                state.ledger.promises.discards(&pointer);
                let object = state.store.get(&config_map);
                let dangling = object.map(|object| state.ledger.promises.dangling(object));
                if let Some(dangling) = dangling.filter(|keys| !keys.is_empty()) {
                    let text = format!(
                        "{} took the files of {dangling:?} of {config_map} for unreferenced",
                        self.identity
                    );
                    state.ledger.violation(oracles::FILES, text);
                }
            }
            Event::Error(error) => {
                world.lock().ledger.violation(oracles::SANE, error.to_string());
            }
        }
    }

    /// The library has counted this loss under one cause, which it knows.
    fn check_explanation(&self, state: &mut State, grant: u64, cause: &str) {
        let told = self.losses.fetch_add(1, Ordering::Relaxed) + 1;
        let text = self.services.metrics();
        let counts = text.lines().filter_map(|line| {
            let (cause, count) = line
                .strip_prefix("flink_kube_ha_leadership_losses_total{cause=\"")?
                .split_once("\"} ")?;
            Some((cause, count.parse::<u64>().unwrap()))
        });
        let counts: BTreeMap<_, _> = counts.filter(|(_, count)| *count > 0).collect();
        if counts.values().sum::<u64>() < told || counts.contains_key("unexplained") {
            let events = self.services.black_box();
            let text = format!(
                "{} lost grant {grant}, its loss number {told}, because {cause}; counted are {counts:?}:\n{events}",
                self.identity
            );
            state.ledger.violation(oracles::CAUSE, text);
        }
    }

    fn check_belief(&self, world: &World, undisturbed: bool) {
        let now = world.now();
        let believes = self.services.grants().current().map(|grant| grant.0);
        let mut state = world.lock();
        let told = state.ledger.told(&self.identity);
        let mut since = self.disbelieves.lock().unwrap();
        if told.is_some() && believes != told {
            let since = *since.get_or_insert(now);
            if undisturbed && now > since + TOLD_WITHIN {
                let text = format!(
                    "{} was told {told:?} and believes {believes:?} since {since:?}",
                    self.identity
                );
                state.ledger.violation(oracles::REVOKE_IN_TIME, text);
            }
        } else {
            *since = None;
        }
    }

    /// Applies an edit under the eyes of the oracles.
    pub async fn edit(&self, world: &World, grant: u64, map: &OpenMap, edit: Edit) -> Result<EditAnswer, HaError> {
        let (identity, name) = (&self.identity, map.name());
        let id = world.lock().ledger.calls(identity, grant, name, &edit);
        // If the caller is cancelled meanwhile, nobody will ever hear what became of it.
        let mut caller = Caller { world, id: Some(id) };
        let answer = map.edit(edit.clone()).await;
        caller.id = None;
        log::debug!(
            "{identity} of {name}: {}: {}",
            oracles::brief(&edit),
            oracles::brief_answer(&answer)
        );
        let disturbed = self.gate.was_frozen_within(Duration::from_millis(1));
        let mut state = world.lock();
        let state = &mut *state;
        state.ledger.answered(id, &answer, &state.store);
        if !disturbed {
            state.ledger.check_unknown_later(id, &answer);
        }
        answer
    }

    /// Runs a call that has the patience of the services.
    async fn in_time<T>(&self, world: &World, what: &str, call: impl Future<Output = T>) -> T {
        let (called, frozen) = (world.now(), self.gate.frozen());
        let outcome = call.await;
        let took = (world.now() + frozen).saturating_sub(called + self.gate.frozen());
        if took > self.machine.patience * 11 / 10 + SLACK && !self.stood_still.load(Ordering::Relaxed) {
            let text = format!("{} took {took:?} for {what}", self.identity);
            world.lock().ledger.violation(oracles::IN_TIME, text);
        }
        outcome
    }
}

/// How long a leader of this machine must have been without an acknowledged renewal to be revoked for this cause; what its clock is
/// slower or faster is allowed for.
fn needed_for(machine: &Machine, cause: &str) -> Duration {
    let deadline = machine.timings.renew_deadline;
    let needed = match cause {
        RENEW_DEADLINE_PASSED | NOT_ALONE_IN_OUTAGE => deadline,
        OUTAGE_HOLD_PASSED => deadline + machine.elector.outage_hold.duration,
        _ => Duration::ZERO,
    };
    needed * 95 / 100
}

/// What a dispatcher does once it leads.
async fn lead(world: Arc<World>, process: Arc<Process>, grant: u64) {
    let mut random = world.random(&format!("{} leads under {grant}", process.identity));
    for component in COMPONENTS {
        let value = format!(
            "00000000-0000-0000-0000-{grant:012},pekko://{}/{component}",
            process.identity
        );
        process.publish(&world, grant, component, Some(&value));
    }
    let spawn = process.gate.spawn();
    spawn(Box::pin(plans(Arc::clone(&world), Arc::clone(&process), grant)));
    let jobs: Vec<(usize, String, bool)> = {
        let state = world.lock();
        let jobs = state.jobs.iter().enumerate().filter(|(_, job)| !job.deleted);
        jobs.map(|(number, job)| (number, job.name.clone(), job.finished))
            .collect()
    };
    for (number, name, finished) in jobs {
        let (world, process) = (Arc::clone(&world), Arc::clone(&process));
        spawn(Box::pin(async move {
            if finished {
                clean_up(&world, &process, number, &name).await;
            } else {
                job(world, process, grant, number, name).await;
            }
        }));
    }
    // Components change their address now and then, and new jobs arrive.
    loop {
        sleep(random.millis(500, 20_000)).await;
        if !process.believes(grant) || !world.lock().working {
            return;
        }
        let (component, fresh) = (random.pick(&COMPONENTS), random.below(1_000_000));
        let value = format!(
            "00000000-0000-0000-0001-{fresh:012},pekko://{}/{component}",
            process.identity
        );
        let value = (fresh % 7 != 0).then_some(value.as_str());
        process.publish(&world, grant, component, value);
        if random.per_mille(300) && world.lock().jobs.len() < 3 {
            let (number, name) = new_job(&world);
            spawn(Box::pin(job(
                Arc::clone(&world),
                Arc::clone(&process),
                grant,
                number,
                name,
            )));
        }
    }
}

pub fn new_job(world: &World) -> (usize, String) {
    let mut state = world.lock();
    let number = state.jobs.len();
    let name = names::job_config_map(CLUSTER, &format!("{number:032}"));
    state.jobs.push(Job {
        name: name.clone(),
        finished: false,
        deleted: false,
    });
    (number, name)
}

/// Whether this error means that the work under this grant is over.
fn is_over(error: &HaError) -> bool {
    matches!(
        error.code,
        ErrorCode::NotLeader | ErrorCode::Closed | ErrorCode::ConfigMapMissing
    )
}

/// Whoever waits for an edit: dropped, it has given up.
struct Caller<'a> {
    world: &'a World,
    id: Option<EditId>,
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.world.lock().ledger.gives_up(id);
        }
    }
}

/// One thread of Flink that edits a map under a grant.
struct Writer {
    world: Arc<World>,
    process: Arc<Process>,
    grant: u64,
    map: OpenMap,
    random: Random,
    name: String,
    made: u64,
}

impl Writer {
    fn new(world: &Arc<World>, process: &Arc<Process>, grant: u64, map: OpenMap, what: &str) -> Self {
        let name = format!("{what}-{}-{grant}", process.identity);
        Self {
            random: world.random(&format!("{name} {}", map.name())),
            world: Arc::clone(world),
            process: Arc::clone(process),
            grant,
            map,
            name,
            made: 0,
        }
    }

    fn fresh(&mut self) -> String {
        self.made += 1;
        format!("{}-{}", self.name, self.made)
    }

    fn pointer(&mut self) -> String {
        let file = self.fresh();
        StateHandle {
            uri: format!("{}/{file}", self.map.name()),
            size: 7,
            marked: false,
        }
        .encode()
    }

    async fn edit(&self, edit: Edit) -> Result<EditAnswer, HaError> {
        self.process.edit(&self.world, self.grant, &self.map, edit).await
    }

    /// A task fails or a job is cancelled while a checkpoint is being added: the thread is interrupted, the edit goes its way.
    async fn add_and_give_up(&mut self) {
        let key = self.fresh();
        let pointer = self.pointer();
        let patience = self.random.millis(0, 20);
        let add = self.edit(Edit::AddPointer { key, pointer });
        if timeout(patience, add).await.is_err() {
            self.world.befalls("caller that gives up");
        }
    }

    /// Adds, perhaps replaces, marks and removes one pointer, each step when the one before is certain.
    async fn life_of_pointer(&mut self) -> Result<(), HaError> {
        let (key, pointer) = (self.fresh(), self.pointer());
        let add = Edit::AddPointer {
            key: key.clone(),
            pointer,
        };
        self.edit(add).await?;
        while self.random.per_mille(400) {
            let replace = Edit::ReplacePointer {
                key: key.clone(),
                pointer: self.pointer(),
            };
            self.edit(replace).await?;
        }
        if self.random.per_mille(900) {
            self.remove(&key).await?;
        }
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<(), HaError> {
        let key = key.to_owned();
        if let EditAnswer::Marked { pointer } = self.edit(Edit::MarkPointer { key: key.clone() }).await? {
            self.discard(key, pointer).await?;
        }
        Ok(())
    }

    /// The file, and then what points to it.
    async fn discard(&self, key: String, pointer: String) -> Result<(), HaError> {
        self.world.lock().ledger.promises.discards(&pointer);
        self.edit(Edit::RemovePointer { key, pointer }).await.map(drop)
    }

    /// Goes on with what an earlier leader has left: removals that it had begun, and the counter.
    async fn recover(&mut self, object: &serde_json::Value) -> Vec<String> {
        let mut completed = Vec::new();
        for (key, text) in config_map::entries_with_prefix(object, "checkpointID-") {
            let key = key.to_owned();
            match StateHandle::decode(text) {
                Ok(handle) if handle.marked => {
                    let _ = self.discard(key, text.to_owned()).await;
                }
                _ => completed.push(key),
            }
        }
        if self.random.per_mille(300) {
            let next = flinkkubeha::protocol::edit::read_counter(object).unwrap();
            let _ = self.edit(Edit::SetCounter(next + 1)).await;
        }
        completed
    }

    async fn checkpoint(&mut self, completed: &mut Vec<String>) -> Result<(), HaError> {
        let EditAnswer::Counter(id) = self.edit(Edit::NextCounter).await? else {
            return Ok(());
        };
        let key = format!("checkpointID-{id:019}");
        let add = Edit::AddPointer {
            key: key.clone(),
            pointer: self.pointer(),
        };
        self.edit(add).await?;
        completed.push(key);
        while completed.len() > 2 {
            let oldest = completed.remove(0);
            self.remove(&oldest).await?;
        }
        match self.random.below(8) {
            0 => self.edit(Edit::FinishRemovals).await.map(drop),
            1 => self.edit(Edit::ReadCounter).await.map(drop),
            _ => Ok(()),
        }
    }
}

/// Execution plans in the cluster map: written, replaced, removed.
async fn plans(world: Arc<World>, process: Arc<Process>, grant: u64) {
    let Ok(map) = process.services.open_config_map(CLUSTER_MAP, false).await else {
        return;
    };
    // As in `job`: the handle belongs to the grant that holds, which may be a later one than was told.
    if !process.believes(grant) {
        return;
    }
    let mut writer = Writer::new(&world, &process, grant, map, "executionPlan");
    loop {
        let pause = writer.random.millis(20, 6000);
        sleep(pause).await;
        if !world.lock().working {
            return;
        }
        if writer.life_of_pointer().await.is_err_and(|error| is_over(&error)) {
            return;
        }
    }
}

/// A job: its counter and its checkpoints, and beside them a second writer to the same map.
async fn job(world: Arc<World>, process: Arc<Process>, grant: u64, number: usize, name: String) {
    let map = loop {
        let open = process.services.open_config_map(&name, true);
        match process.in_time(&world, "opening", open).await {
            Ok(map) => break map,
            Err(error) if is_over(&error) => return,
            Err(_) => sleep(Duration::from_millis(500)).await,
        }
        if !process.believes(grant) {
            return;
        }
    };
    // The grant may have changed since it was told: then the handle is another's.
    if !process.believes(grant) {
        return;
    }
    {
        let mut state = world.lock();
        let state = &mut *state;
        state.ledger.opened(&process.identity, grant, &name, &state.store);
    }
    let mut writer = Writer::new(&world, &process, grant, map.clone(), "checkpoint");
    let mut completed = match process.in_time(&world, "reading", writer.map.read()).await {
        Ok(Some(object)) => writer.recover(&object).await,
        _ => Vec::new(),
    };
    let beside = Writer::new(&world, &process, grant, map, "beside");
    (process.gate.spawn())(Box::pin(write_beside(beside, number)));
    let mut stale = 0;
    loop {
        let pause = writer.random.millis(5, 4000);
        sleep(pause).await;
        if !world.lock().working || world.lock().jobs[number].finished {
            return;
        }
        if writer.random.per_mille(25) {
            world.lock().jobs[number].finished = true;
            world.lock().ledger.finished.insert(name.clone());
            let prefix = "checkpointID-".to_owned();
            let _ = writer.edit(Edit::ClearPointers { prefix }).await;
            return clean_up(&world, &process, number, &name).await;
        }
        // The checkpoint coordinator may try once more before it is stopped.
        if writer
            .checkpoint(&mut completed)
            .await
            .is_err_and(|error| is_over(&error))
        {
            stale += 1;
        }
        if stale > 1 {
            return;
        }
    }
}

/// Other pointers in the same job map, so that edits meet in one batch.
async fn write_beside(mut writer: Writer, number: usize) {
    let world = Arc::clone(&writer.world);
    let (process, grant, map) = (Arc::clone(&writer.process), writer.grant, writer.map.clone());
    let ids = Writer::new(&world, &process, grant, map, "ids");
    loop {
        let pause = writer.random.millis(5, 4000);
        sleep(pause).await;
        if !world.lock().working || world.lock().jobs[number].finished {
            return;
        }
        if writer.random.per_mille(50) {
            writer.add_and_give_up().await;
        }
        let (life, id) = tokio::join!(writer.life_of_pointer(), ids.edit(Edit::NextCounter));
        if [life.err(), id.err()].iter().flatten().any(is_over) {
            return;
        }
    }
}

async fn clean_up(world: &World, process: &Process, number: usize, name: &str) {
    loop {
        let delete = process.services.delete_config_map(name);
        match process.in_time(world, "deleting", delete).await {
            Ok(()) => {
                let mut state = world.lock();
                state.jobs[number].deleted = true;
                state.ledger.deleted(name);
                if state.store.get(name).is_some() && !state.ledger.deletions.contains_key(name) {
                    let text = format!("{} deleted {name}, which is there", process.identity);
                    state.ledger.violation(oracles::SUCCESS, text);
                }
                return;
            }
            Err(error) if is_over(&error) => return,
            Err(_) => sleep(Duration::from_millis(500)).await,
        }
    }
}

/// Contends, stops, starts again, comes and goes, until the faults end; then it contends.
pub async fn live(world: Arc<World>, machine: Machine, until: Duration) {
    let mut random = world.random(&format!("life on {}", machine.number));
    let mut process = begin(&world, &machine, 0).await;
    let mut lives = 1;
    while world.now() < until {
        sleep(random.millis(500, 30_000)).await;
        process.jvm_goes_on().await;
        match random.below(6) {
            0 => {
                world.befalls("crash");
                process.crash(&world);
                sleep(random.millis(0, 5000)).await;
                process = begin(&world, &machine, lives).await;
                lives += 1;
            }
            1 => {
                world.befalls("election stopped and started again");
                process.stop(&world, A_WHILE).await;
                sleep(random.millis(0, 3000)).await;
                process.contend(&world);
            }
            2 => {
                world.befalls("election started again while it stops");
                // Does not wait for the end of the election before the next.
                let limit = random.millis(0, 1500);
                process.stop(&world, limit).await;
                process.contend(&world);
            }
            3 => {
                world.befalls("stop in order");
                process.stop(&world, A_WHILE).await;
                process.services.end();
                process.crash(&world);
                process = begin(&world, &machine, lives).await;
                lives += 1;
            }
            _ => {}
        }
    }
    if !matches!(world.lock().ledger.phase(&process.identity), Phase::Running) {
        process.contend(&world);
    }
}

/// Nothing begins on a machine that stands still.
async fn begin(world: &Arc<World>, machine: &Machine, life: u64) -> Arc<Process> {
    while machine.clock.stands_still() {
        sleep(Duration::from_millis(50)).await;
    }
    let process = Process::start(world, machine, &format!("jm{}-{life}", machine.number));
    process.contend(world);
    process
}
