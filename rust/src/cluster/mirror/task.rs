//! The task that writes manifests and takes them away, one operation after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use log::{debug, info, warn};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::map::{self, Map};
use super::vault::Vault;
use super::{Leader, MirrorSettings, Request, Stored};
use crate::cluster::config_map::trouble::Trouble;
use crate::error::{ErrorCode, HaError};
use crate::protocol::config_map;
use crate::protocol::elector::GrantId;
use crate::protocol::manifest::{Author, FileName, Manifest, directory, holds_pointers};
use crate::protocol::names;

/// A `ConfigMap` is not mirrored more often.
pub(super) const PACE: Duration = Duration::from_secs(1);
/// A checkpoint is two writes, one after the other: its pointer is added, and that of the one before is marked.
pub(super) const SETTLING: Duration = Duration::from_millis(100);
/// Between two tries of a storage that fails.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What was stored under a grant that has ended is mirrored no later than that: the next leader may have ended the job.
pub(super) const TOO_LATE: Duration = Duration::from_secs(10);

/// Owns everything that is known of the mirror.
pub(super) struct Task {
    requests: mpsc::UnboundedReceiver<Request>,
    vault: Arc<dyn Vault>,
    settings: MirrorSettings,
    leader: Leader,
    maps: BTreeMap<String, Map>,
    /// Under which grant a state was told of last, and under which one it was looked what lies there.
    grant: Option<GrantId>,
    looked: Option<GrantId>,
    /// `ConfigMap`s of which it was said that they are lost.
    told: BTreeSet<String>,
    trouble: Trouble,
    pause: Duration,
    paused_until: Option<Instant>,
}

impl Task {
    pub(super) fn new(
        leader: Leader,
        requests: mpsc::UnboundedReceiver<Request>,
        vault: Arc<dyn Vault>,
        settings: MirrorSettings,
    ) -> Self {
        Self {
            requests,
            vault,
            settings,
            leader,
            maps: BTreeMap::new(),
            grant: None,
            looked: None,
            told: BTreeSet::new(),
            trouble: Trouble::default(),
            pause: FIRST_PAUSE,
            paused_until: None,
        }
    }

    /// Runs until nobody can ask for anything any more.
    pub(super) async fn run(mut self) {
        loop {
            let due = self.due();
            tokio::select! {
                biased;
                request = self.requests.recv() => match request {
                    Some(request) => self.asked(request).await,
                    None => return,
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.work(Instant::now()).await,
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        let next = self.maps.values().filter_map(Map::due).min()?;
        Some(self.paused_until.map_or(next, |until| until.max(next)))
    }

    async fn asked(&mut self, request: Request) {
        // Who does not wait for an answer any more has given up its call.
        match request {
            Request::Stored { grant, object } => self.stored(grant, object),
            Request::Forget { config_map, reply } => drop(reply.send(self.forget(&config_map).await)),
            Request::List(reply) => drop(reply.send(self.list().await.map(|files| names_of(&files)))),
            Request::Remove { files, reply } => {
                self.maps.clear();
                drop(reply.send(self.remove(files).await));
            }
            Request::Flush(reply) => {
                self.paused_until = None;
                self.work(Instant::now() + PACE).await;
                let _ = reply.send(());
            }
        }
    }

    fn stored(&mut self, grant: GrantId, object: serde_json::Value) {
        let Some(name) = config_map::name(&object).map(str::to_owned) else {
            return;
        };
        self.grant = Some(grant);
        let at = self.leader.clock.boot();
        let map = self.maps.entry(name).or_default();
        let now = Instant::now();
        if !holds_pointers(&object) {
            // Its manifest is only to go.
            map.rests_until = Some(now);
        } else if map.waiting.is_none() {
            // What waits already waits no longer for what comes after it.
            map.rests_until = map.rests_until.max(Some(now + SETTLING));
        }
        map.waiting = Some(Stored { grant, at, object });
    }

    /// Everything that is due by then.
    async fn work(&mut self, by: Instant) {
        let due = |map: &Map| map.due().is_some_and(|due| due <= by);
        let names: Vec<String> = self
            .maps
            .iter()
            .filter(|(_, map)| due(map))
            .map(|(name, _)| name.clone())
            .collect();
        if names.is_empty() {
            return;
        }
        let mut outcome = self.look().await;
        for name in names {
            if outcome.is_ok() {
                outcome = self.settle(&name).await;
            }
        }
        self.judge(outcome);
    }

    fn judge(&mut self, outcome: Result<(), HaError>) {
        let what = format!("Mirroring ConfigMaps to {}", self.directory());
        match outcome {
            Ok(()) => {
                self.trouble.succeeded(self.leader.clock.boot(), &what);
                self.pause = FIRST_PAUSE;
                self.paused_until = None;
            }
            Err(error) => {
                self.trouble.failed(self.leader.clock.boot(), &what, &error.message);
                self.paused_until = Some(Instant::now() + self.pause);
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    /// Once in each grant, what lies there: of former leaders, and of what was deleted.
    async fn look(&mut self) -> Result<(), HaError> {
        if self.looked == self.grant {
            return Ok(());
        }
        let files = self.list().await?;
        for map in self.maps.values_mut() {
            map.found.clear();
        }
        for file in files {
            let map = self.maps.entry(file.config_map.clone()).or_default();
            if !map.replaced.contains(&file) {
                map.found.push(file);
            }
        }
        self.looked = self.grant;
        Ok(())
    }

    /// Mirrors what waits of one `ConfigMap`. If it fails, it waits on.
    async fn settle(&mut self, name: &str) -> Result<(), HaError> {
        let Some(map) = self.maps.get_mut(name) else {
            return Ok(());
        };
        let Some(stored) = map.waiting.take() else {
            return Ok(());
        };
        let outcome = self.settle_stored(name, &stored).await;
        if let Some(map) = self.maps.get_mut(name)
            && outcome.is_err()
        {
            map.waiting = Some(stored);
        }
        outcome
    }

    async fn settle_stored(&mut self, name: &str, stored: &Stored) -> Result<(), HaError> {
        if !self.leader.grants.holds(stored.grant) && self.leader.clock.boot().saturating_since(stored.at) > TOO_LATE {
            debug!("ConfigMap {name} is not mirrored: the leadership that it was stored under has ended long since.");
            return Ok(());
        }
        self.compare(name, stored).await?;
        let author = Author {
            holder_identity: self.leader.identity.clone(),
            grant: stored.grant.0,
        };
        let manifest = Manifest::of(
            &stored.object,
            author,
            self.leader.clock.wall(),
            &self.settings.job_results,
        );
        let Some(manifest) = manifest else {
            self.find_late(name, stored).await?;
            let replaced = std::mem::take(&mut self.map(name).replaced);
            return self.take_away(name, replaced, true).await;
        };
        let (file, content) = (manifest.name.to_string(), manifest.encode());
        self.blocking(move |vault| vault.write(&file, content)).await?;
        let map = self.map(name);
        let mut replaced = std::mem::take(&mut map.replaced);
        replaced.remove(&manifest.name);
        map.replaced.insert(manifest.name);
        map.rests_until = Some(Instant::now() + PACE);
        self.take_away(name, replaced, false).await
    }

    /// A former leader may have written beside us since we looked. What it wrote of a job goes for certain when the job's `ConfigMap` does.
    async fn find_late(&mut self, name: &str, stored: &Stored) -> Result<(), HaError> {
        if name == self.leader.cluster_map && !self.map(name).replaced.is_empty() {
            let mut files = self.list().await?;
            files.retain(|file| file.config_map == name);
            let (_, of_this) = map::of_others(files, &stored.object);
            let late = map::older(of_this, &stored.object);
            self.map(name).replaced.extend(late);
        }
        Ok(())
    }

    /// What cannot be taken away is tried again with the next.
    async fn take_away(&mut self, name: &str, mut replaced: BTreeSet<FileName>, is_last: bool) -> Result<(), HaError> {
        while let Some(file) = replaced.pop_first() {
            let text = file.to_string();
            let deleted = self.blocking(move |vault| vault.delete(&text, is_last)).await;
            if deleted.is_err() {
                replaced.insert(file);
                self.map(name).replaced.extend(replaced);
                return deleted;
            }
        }
        Ok(())
    }

    fn map(&mut self, name: &str) -> &mut Map {
        self.maps.entry(name.to_owned()).or_default()
    }

    /// Holds what lay there against what is stored now.
    async fn compare(&mut self, name: &str, stored: &Stored) -> Result<(), HaError> {
        let Some(map) = self.maps.get(name).filter(|map| !map.found.is_empty()) else {
            return Ok(());
        };
        let (others, of_this) = map::of_others(map.found.clone(), &stored.object);
        let mut manifests = Vec::new();
        for file in others {
            let text = file.to_string();
            let content = self.blocking(move |vault| vault.read(&text)).await?;
            match content.map(|content| Manifest::decode(&content)) {
                Some(Ok(manifest)) if manifest.name == file => manifests.push(manifest),
                Some(Ok(_)) => warn!(
                    "The mirror {}/{file} is left alone: it is of another name.",
                    self.directory()
                ),
                Some(Err(reason)) => warn!("The mirror {}/{file} is left alone: {reason}.", self.directory()),
                None => {}
            }
        }
        let sorted = map::sort(manifests, &stored.object);
        if let Some(lost) = &sorted.lost
            && !holds_pointers(&stored.object)
        {
            self.tell_of_loss(lost);
        }
        if let Some(map) = self.maps.get_mut(name) {
            map.found.clear();
            map.replaced.extend(map::older(of_this, &stored.object));
            map.replaced.extend(sorted.replaced);
        }
        Ok(())
    }

    fn tell_of_loss(&mut self, lost: &Manifest) {
        let name = &lost.name.config_map;
        let cluster = self.cluster_id().to_owned();
        if !self.told.insert(name.clone()) {
            return;
        }
        let jobs = lost.jobs();
        // One WARN for the cluster is one for its jobs.
        self.told
            .extend(jobs.iter().map(|job| names::job_config_map(&cluster, job)));
        let what = match lost.latest_checkpoint() {
            Some(checkpoint) => format!("checkpoint {checkpoint}"),
            None => format!("the plans of {} jobs ({})", jobs.len(), jobs.join(", ")),
        };
        warn!(
            "ConfigMap {name} was not there, and {} has a mirror of an earlier one with {what}, stored by {} at {}. If it was deleted by accident, it can be \
             restored, which is not done by itself: stop all JobManagers, then run 'flink-ha --namespace {} restore --from-storage {} {cluster}' (with --overwrite \
             once there is something in its place). If it was deleted on purpose, nothing has to be done; the mirror goes when that directory is deleted.",
            self.directory(),
            lost.author.holder_identity,
            lost.written,
            self.leader.namespace,
            self.settings.root,
        );
    }

    /// The job has ended for good: whatever there is of it goes.
    async fn forget(&mut self, name: &str) -> Result<(), HaError> {
        if let Some(map) = self.maps.get_mut(name) {
            map.waiting = None;
        }
        let mut files = self.list().await?;
        files.retain(|file| file.config_map == name);
        self.remove(names_of(&files)).await?;
        self.maps.remove(name);
        Ok(())
    }

    async fn remove(&self, files: Vec<String>) -> Result<(), HaError> {
        if files.is_empty() {
            return Ok(());
        }
        debug!("{} mirrors are taken away from {}.", files.len(), self.directory());
        self.blocking(move |vault| files.iter().try_for_each(|file| vault.delete(file, true)))
            .await
    }

    /// Manifests of this cluster. Other files in the directory are none of ours.
    async fn list(&self) -> Result<Vec<FileName>, HaError> {
        let cluster = self.cluster_id().to_owned();
        let names = self.blocking(Vault::list).await?;
        let files = names.iter().filter_map(|name| FileName::parse(name));
        Ok(files.filter(|file| file.is_of_cluster(&cluster)).collect())
    }

    fn cluster_id(&self) -> &str {
        names::cluster_of(&self.leader.cluster_map).unwrap_or_default()
    }

    fn directory(&self) -> String {
        directory(&self.settings.root, &self.leader.namespace)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Vault) -> Result<T, HaError> + Send + 'static,
    ) -> Result<T, HaError> {
        let vault = Arc::clone(&self.vault);
        let done = tokio::task::spawn_blocking(move || work(vault.as_ref())).await;
        done.unwrap_or_else(|error| {
            info!("An operation on the mirror ended early: {error}");
            Err(HaError::new(
                ErrorCode::Internal,
                "An operation on the mirror ended early.",
            ))
        })
    }
}

fn names_of(files: &[FileName]) -> Vec<String> {
    files.iter().map(ToString::to_string).collect()
}
