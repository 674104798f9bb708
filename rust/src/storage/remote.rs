//! Object stores behind a network, of whatever cloud.

use std::future::Future;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::StreamExt;
use log::info;
use object_store::path::Path as ObjectPath;
use object_store::{BackoffConfig, ClientOptions, Error, ObjectStore, ObjectStoreExt, PutMode, RetryConfig};
use tokio::runtime::Runtime;

use super::Object;
use super::backend::Backend;
use super::failure::{Action, Failure, is_missing, os_error};
use super::location::Location;
use super::threads;
use super::transfer::{self, CopyFailure};
use crate::error::{ErrorCode, HaError};

/// Until there is a connection, and between two pieces of an answer.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const SILENCE_LIMIT: Duration = Duration::from_secs(20);
/// How long a request is repeated that found no connection, or that the store asked to be sent again (500, 503, `SlowDown`).
const RETRY_LIMIT: Duration = Duration::from_secs(60);
/// How often a write is begun whose connection broke while the client waited for the answer.
const ATTEMPTS: usize = 3;

/// A request is repeated after a pause that grows from 0.1 to 5 s and is drawn, so that many do not come back at once.
pub(super) fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            base: 2.0,
        },
        max_retries: 30,
        retry_timeout: RETRY_LIMIT,
    }
}

/// A large object may take as long as it likes, as long as something arrives.
pub(super) fn client_options() -> ClientOptions {
    ClientOptions::new()
        .with_connect_timeout(CONNECT_LIMIT)
        .with_read_timeout(SILENCE_LIMIT)
        .with_timeout_disabled()
}

/// Makes the client of a store when the first object is asked for.
pub(super) trait StoreFactory: Send + Sync {
    type Store: ObjectStore;

    fn make(&self) -> impl Future<Output = object_store::Result<Self::Store>> + Send;
}

/// One bucket or container of a store.
pub(super) struct Remote<F: StoreFactory> {
    /// None only while it is dropped.
    runtime: Option<Runtime>,
    factory: F,
    store: OnceLock<F::Store>,
    /// The bucket, as the root of the storage names it.
    root: Location,
    /// Some servers that speak a store's protocol do not know conditional requests.
    lacks_conditions: AtomicBool,
}

impl<F: StoreFactory> Remote<F> {
    pub(super) fn open(root: &Location, factory: F) -> Result<Self, HaError> {
        Ok(Self {
            runtime: Some(threads::start(root)?),
            factory,
            store: OnceLock::new(),
            root: root.clone(),
            lacks_conditions: AtomicBool::new(false),
        })
    }

    /// Runs it on the calling thread, with timers and sockets served by the runtime.
    fn run<T, E>(
        &self,
        action: Action,
        location: &Location,
        work: impl AsyncFnOnce(&F::Store, &ObjectPath) -> Result<T, E>,
    ) -> Result<Result<T, E>, Failure> {
        let object = self.object_path(location)?;
        let Some(runtime) = &self.runtime else {
            return Err(HaError::new(
                ErrorCode::StorageFailed,
                format!("The storage {} is closed.", self.root),
            )
            .into());
        };
        runtime.block_on(async {
            let store = self
                .store()
                .await
                .map_err(|error| Failure::of_client(action, location, &error))?;
            Ok(work(store, &object).await)
        })
    }

    async fn store(&self) -> object_store::Result<&F::Store> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let made = self.factory.make().await?;
        Ok(self.store.get_or_init(|| made))
    }

    fn get<T>(
        &self,
        action: Action,
        location: &Location,
        work: impl AsyncFnOnce(&F::Store, &ObjectPath) -> object_store::Result<T>,
    ) -> Result<T, Failure> {
        self.run(action, location, work)?
            .map_err(|error| Failure::new(action, location, &error))
    }

    fn copy(
        &self,
        action: Action,
        location: &Location,
        file: &Path,
        work: impl AsyncFnOnce(&F::Store, &ObjectPath) -> Result<(), CopyFailure>,
    ) -> Result<(), Failure> {
        self.run(action, location, work)?
            .map_err(|failure| failure.into_failure(action, location, file))
    }

    /// The key of an object is the decoded path, for Flink's plug-ins too.
    fn object_path(&self, location: &Location) -> Result<ObjectPath, HaError> {
        if location.authority() != self.root.authority() {
            let message = format!("{location} lies elsewhere than its storage, {}.", self.root);
            return Err(HaError::new(ErrorCode::Unsupported, message));
        }
        let key = location.path().trim_start_matches('/');
        let object = ObjectPath::parse(key).ok().filter(|object| object.as_ref() == key);
        object.ok_or_else(|| {
            let message =
                format!("{location} cannot be served natively: the library for object stores has no such names.");
            HaError::new(ErrorCode::Unsupported, message)
        })
    }

    /// Whether what lies there is what was to be written: the answer to the write itself can be lost, and the repeated one refused.
    fn is_there(&self, location: &Location, content: &[u8]) -> bool {
        self.read(location).is_ok_and(|found| found == content)
    }
}

impl<F: StoreFactory> Drop for Remote<F> {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Nobody waits for anything any more.
            runtime.shutdown_background();
        }
    }
}

impl<F: StoreFactory> Backend for Remote<F> {
    fn create(&self, location: &Location, content: Vec<u8>) -> Result<(), Failure> {
        let content = Bytes::from(content);
        let put = async |store: &F::Store, object: &ObjectPath| {
            if self.lacks_conditions.load(Ordering::Relaxed) {
                // As Flink's plug-ins do: names are drawn, and nobody else writes them.
                return match store.head(object).await {
                    Ok(_) => Err(already_exists(object)),
                    Err(Error::NotFound { .. }) => store.put(object, content.clone().into()).await.map(drop),
                    Err(error) => Err(error),
                };
            }
            match store
                .put_opts(object, content.clone().into(), PutMode::Create.into())
                .await
            {
                Err(error) if says_no_conditions(&error) => {
                    info!("The store behind {} knows no conditional requests.", self.root);
                    self.lacks_conditions.store(true, Ordering::Relaxed);
                    store.put(object, content.clone().into()).await.map(drop)
                }
                result => result.map(drop),
            }
        };
        let (started, mut attempts) = (Instant::now(), 1);
        loop {
            let error = match self.run(Action::Write, location, put)? {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            // The answer to a write can be lost, and the client may have repeated it: what lies there tells.
            match error {
                Error::AlreadyExists { .. } | Error::Precondition { .. } if !self.is_there(location, &content) => {
                    return Err(Failure::exists(location));
                }
                Error::AlreadyExists { .. } | Error::Precondition { .. } => return Ok(()),
                // A store that has not answered for so long is not asked what came of it.
                Error::Generic { .. } if started.elapsed() >= RETRY_LIMIT => {
                    return Err(Failure::new(Action::Write, location, &error));
                }
                Error::Generic { .. } if self.is_there(location, &content) => return Ok(()),
                // Cut off: nothing is overwritten by another attempt.
                Error::Generic { .. } if os_error(&error).is_some() && attempts < ATTEMPTS => attempts += 1,
                error => return Err(Failure::new(Action::Write, location, &error)),
            }
        }
    }

    fn read(&self, location: &Location) -> Result<Vec<u8>, Failure> {
        self.get(Action::Read, location, async |store, object| {
            store.get(object).await?.bytes().await.map(Into::into)
        })
    }

    fn delete(&self, location: &Location) -> Result<bool, Failure> {
        self.get(Action::Delete, location, async |store, object| {
            match store.delete(object).await {
                Err(error) if is_missing(&error) => Ok(false),
                deleted => deleted.map(|()| true),
            }
        })
    }

    fn delete_prefix(&self, location: &Location, _root: &Location) -> Result<usize, Failure> {
        let below = self.get(Action::Delete, location, async |store, object| {
            let found = store.list(Some(object)).map_ok(|meta| meta.location).boxed();
            let deleted = store.delete_stream(found);
            deleted.try_fold(0, async |count, _| Ok(count + 1)).await
        })?;
        let alone = self.exists(location)?
            && self.get(Action::Delete, location, async |store, object| {
                match store.delete(object).await {
                    // A directory, where the store has them, with others in it: they stay.
                    Err(Error::AlreadyExists { .. }) => Ok(false),
                    Err(error) if is_missing(&error) => Ok(false),
                    deleted => deleted.map(|()| true),
                }
            })?;
        Ok(usize::from(alone) + below)
    }

    fn exists(&self, location: &Location) -> Result<bool, Failure> {
        self.get(Action::Read, location, async |store, object| {
            match store.head(object).await {
                Err(error) if is_missing(&error) => Ok(false),
                found => found.map(|_| true),
            }
        })
    }

    fn list(&self, location: &Location) -> Result<Vec<String>, Failure> {
        self.get(Action::List, location, async |store, object| {
            let found = store.list_with_delimiter(Some(object)).await?.objects;
            // Some clients put an object with a slash at its end in the place of a directory.
            let names = found
                .iter()
                .filter(|meta| meta.location != *object)
                .filter_map(|meta| meta.location.filename());
            let mut names: Vec<String> = names.map(str::to_owned).collect();
            names.sort_unstable();
            Ok(names)
        })
    }

    fn objects(&self, location: &Location) -> Result<Vec<Object>, Failure> {
        self.get(Action::List, location, async |store, object| {
            let found = store.list_with_delimiter(Some(object)).await?.objects;
            let below = found.into_iter().filter(|meta| meta.location != *object);
            let mut objects: Vec<Object> = below
                .filter_map(|meta| {
                    Some(Object {
                        name: meta.location.filename()?.to_owned(),
                        size: meta.size,
                        modified: meta.last_modified.into(),
                    })
                })
                .collect();
            objects.sort_unstable_by(|one, other| one.name.cmp(&other.name));
            Ok(objects)
        })
    }

    /// A copy under the new name, then the old one goes: a crash in between leaves both.
    fn rename(&self, from: &Location, to: &Location) -> Result<(), Failure> {
        let target = self.object_path(to)?;
        self.get(Action::Rename, from, async |store, object| {
            store.copy(object, &target).await?;
            store.delete(object).await
        })
    }

    fn upload(&self, file: &Path, location: &Location) -> Result<(), Failure> {
        self.copy(Action::Write, location, file, async |store, object| {
            transfer::upload(store, file, object).await
        })
    }

    fn download(&self, location: &Location, file: &Path) -> Result<(), Failure> {
        self.copy(Action::Read, location, file, async |store, object| {
            transfer::download(store, object, file).await
        })
    }

    fn ensure_directory(&self, _location: &Location) -> Result<(), Failure> {
        Ok(())
    }
}

fn already_exists(object: &ObjectPath) -> Error {
    Error::AlreadyExists {
        path: object.to_string(),
        source: "it was there before".into(),
    }
}

/// 501, the answer of gateways that do not implement a header.
fn says_no_conditions(error: &Error) -> bool {
    matches!(error, Error::NotImplemented { .. } | Error::NotSupported { .. })
        || error.to_string().contains("501 Not Implemented")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_conditions_is_known_by_its_answer() {
        let generic = |text: &str| Error::Generic {
            store: "S3",
            source: text.into(),
        };
        assert!(says_no_conditions(&generic(
            "Server returned non-2xx status code: 501 Not Implemented: <Code>NotImplemented</Code>"
        )));
        assert!(!says_no_conditions(&generic(
            "Server returned non-2xx status code: 503 Slow Down"
        )));
    }
}
