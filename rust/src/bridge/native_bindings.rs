//! `io.flinkkubeha.bridge.NativeBindings`: every native method there is.
//!
//! Each converts its arguments, makes one call and converts the answer. What they mean is documented where they lead to.

// The jni crate's macro passes arguments as the JVM does, by value, and the class that all of them belong to.
#![allow(clippy::needless_pass_by_value)]

use std::path::Path;

use jni::errors::Error;
use jni::objects::{JByteArray, JClass, JObjectArray, JString};
use jni::sys::{jboolean, jint, jlong};
use jni::{Env, NativeMethod, jni_str, native_method};

use super::arguments::{all_strings, byte_array, bytes, limit, map, optional_string, optional_text, strings, text};
use super::event_pump::{self, Pulled};
use super::handle_table::{HandleTable, Kind};
use super::log_queue::{self, LOG_QUEUE};
use super::native_exception::{BridgeError, ThrowNativeException};
use super::open_config_map::OpenConfigMap;
use super::pointer;
use crate::error::ErrorCode;
use crate::session::Session;
use crate::storage::Storage;

type Answer<T> = Result<T, BridgeError>;
type JStrings<'local> = JObjectArray<'local, JString<'local>>;

static SESSIONS: HandleTable<Session> = HandleTable::new(Kind::Session);
static CONFIG_MAPS: HandleTable<OpenConfigMap> = HandleTable::new(Kind::ConfigMap);
static STORAGES: HandleTable<Storage> = HandleTable::new(Kind::Storage);

/// A static method whose signature the compiler compares with the function of the same name, and the JVM with the class.
macro_rules! native {
    ($($signature:tt)*) => {
        native_method! { static fn $($signature)*, error_policy = ThrowNativeException }
    };
}

const METHODS: &[NativeMethod<'static>] = &[
    native! { version() -> JString },
    native! { error_table() -> JString[] },
    native! { set_log_level(level: JString) },
    native! { open_session(settings: JString[]) -> jlong },
    native! { await_ready(session: jlong, millis: jlong) },
    native! { close_session(session: jlong, millis: jlong) },
    native! { take_event(session: jlong, millis: jlong) -> JString[] },
    native! { pulse(session: jlong) },
    native! { metrics(session: jlong) -> JString },
    native! { black_box(session: jlong) -> JString },
    native! { start_mirror(session: jlong, storage: jlong, root: JString, job_results: JString) },
    native! { start_election(session: jlong) },
    native! { stop_election(session: jlong, millis: jlong) },
    native! { has_leadership(session: jlong, grant: jlong) -> jboolean },
    native! { revoke_heard(session: jlong, grant: jlong) },
    native! { publish_leader(session: jlong, grant: jlong, component: JString, value: JString) },
    native! { watch_leader(session: jlong, component: JString) -> jlong },
    native! { unwatch_leader(session: jlong, subscription: jlong) },
    native! { open_config_map(session: jlong, name: JString, create: jboolean) -> jlong },
    native! { close_config_map(config_map: jlong) },
    native! { delete_config_map(session: jlong, name: JString) },
    native! { read_pointer(config_map: jlong, key: JString) -> JString[] },
    native! { read_pointers(config_map: jlong, prefix: JString) -> JString[] },
    native! { add_pointer(config_map: jlong, key: JString, uri: JString, size: jlong) -> jboolean },
    native! { replace_pointer(config_map: jlong, key: JString, uri: JString, size: jlong) -> JString },
    native! { mark_pointer(config_map: jlong, key: JString) -> JString },
    native! { remove_pointer(config_map: jlong, key: JString, raw: JString) },
    native! { finish_removals(config_map: jlong) },
    native! { decode_pointer(raw: JString) -> JString[] },
    native! { clear_pointers(config_map: jlong, prefix: JString) -> jint },
    native! { next_counter(config_map: jlong) -> jlong },
    native! { read_counter(config_map: jlong) -> jlong },
    native! { set_counter(config_map: jlong, value: jlong) },
    native! { remove_counter(config_map: jlong) },
    native! { open_storage(root: JString, options: JString[]) -> jlong },
    native! { close_storage(storage: jlong) },
    native! { create_object(storage: jlong, uri: JString, content: jbyte[]) },
    native! { read_object(storage: jlong, uri: JString) -> jbyte[] },
    native! { delete_object(storage: jlong, uri: JString) -> jboolean },
    native! { delete_prefix(storage: jlong, uri: JString) -> jint },
    native! { object_exists(storage: jlong, uri: JString) -> jboolean },
    native! { list_objects(storage: jlong, uri: JString) -> JString[] },
    native! { rename_object(storage: jlong, from: JString, to: JString) },
    native! { upload_file(storage: jlong, local_path: JString, uri: JString) },
    native! { download_file(storage: jlong, uri: JString, local_path: JString) },
    native! { ensure_directory(storage: jlong, uri: JString) },
    native! { storage_metrics(storage: jlong) -> JString },
    native! { probe_storage(storage: jlong, uri: JString) },
    native! { panic_for_test(message: JString) },
];

/// Lets every pump look for log records.
pub(super) fn wake_pumps() {
    SESSIONS.for_each(Session::nudge);
}

/// Binds the methods to the class, which is found with the loader of the class that loads the library.
pub(super) fn register(env: &mut Env<'_>) -> Result<(), Error> {
    let class = env.find_class(jni_str!("io/flinkkubeha/bridge/NativeBindings"))?;
    // SAFETY: the macro makes each function to the signature that it is registered under, and all are static.
    unsafe { env.register_native_methods(&class, METHODS) }
}

fn version<'local>(env: &mut Env<'local>, _: JClass<'local>) -> Answer<JString<'local>> {
    Ok(JString::new(env, env!("CARGO_PKG_VERSION"))?)
}

fn error_table<'local>(env: &mut Env<'local>, _: JClass<'local>) -> Answer<JStrings<'local>> {
    let entry = |code: ErrorCode| format!("{}={}", code.number(), code.name());
    all_strings(env, ErrorCode::ALL.map(entry))
}

fn set_log_level(env: &mut Env<'_>, _: JClass<'_>, level: JString<'_>) -> Answer<()> {
    Ok(log_queue::set_level(&text(env, &level, "level")?)?)
}

fn open_session(env: &mut Env<'_>, _: JClass<'_>, settings: JStrings<'_>) -> Answer<jlong> {
    let session = Session::open(&map(env, &settings, "settings")?)?;
    Ok(SESSIONS.insert(session)?)
}

fn await_ready(_: &mut Env<'_>, _: JClass<'_>, session: jlong, millis: jlong) -> Answer<()> {
    let limit = (millis > 0).then(|| limit(millis));
    Ok(SESSIONS.get(session)?.await_ready(limit)?)
}

/// The session stays in the table until the pump has taken the last event, the revoke for one.
fn close_session(_: &mut Env<'_>, _: JClass<'_>, session: jlong, millis: jlong) -> Answer<()> {
    match SESSIONS.get(session) {
        Ok(session) => session.close(limit(millis)),
        Err(error) if error.code == ErrorCode::Closed => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn take_event<'local>(
    env: &mut Env<'local>,
    _: JClass<'local>,
    handle: jlong,
    millis: jlong,
) -> Answer<JStrings<'local>> {
    let pulled = match SESSIONS.get(handle) {
        Ok(session) => event_pump::pull(|wait| session.take_event(wait), &LOG_QUEUE, limit(millis)),
        Err(error) if error.code == ErrorCode::Closed => Pulled::Closed,
        Err(error) => return Err(error.into()),
    };
    if pulled == Pulled::Closed {
        SESSIONS.close(handle)?;
    }
    match pulled.into_strings() {
        Some(event) => all_strings(env, event),
        None => Ok(JStrings::null()),
    }
}

fn pulse(_: &mut Env<'_>, _: JClass<'_>, session: jlong) -> Answer<()> {
    SESSIONS.get(session)?.pulse();
    Ok(())
}

fn metrics<'local>(env: &mut Env<'local>, _: JClass<'local>, session: jlong) -> Answer<JString<'local>> {
    Ok(JString::new(env, SESSIONS.get(session)?.metrics())?)
}

fn black_box<'local>(env: &mut Env<'local>, _: JClass<'local>, session: jlong) -> Answer<JString<'local>> {
    Ok(JString::new(env, SESSIONS.get(session)?.black_box())?)
}

fn start_mirror(
    env: &mut Env<'_>,
    _: JClass<'_>,
    session: jlong,
    storage: jlong,
    root: JString<'_>,
    job_results: JString<'_>,
) -> Answer<()> {
    let (session, storage) = (SESSIONS.get(session)?, STORAGES.get(storage)?);
    let (root, job_results) = (text(env, &root, "root")?, text(env, &job_results, "jobResults")?);
    session.start_mirror(storage, &root, &job_results);
    Ok(())
}

fn start_election(_: &mut Env<'_>, _: JClass<'_>, session: jlong) -> Answer<()> {
    Ok(SESSIONS.get(session)?.start_election()?)
}

fn stop_election(_: &mut Env<'_>, _: JClass<'_>, session: jlong, millis: jlong) -> Answer<()> {
    Ok(SESSIONS.get(session)?.stop_election(limit(millis))?)
}

fn has_leadership(_: &mut Env<'_>, _: JClass<'_>, session: jlong, grant: jlong) -> Answer<jboolean> {
    Ok(SESSIONS.get(session)?.has_leadership(grant.cast_unsigned()))
}

fn revoke_heard(_: &mut Env<'_>, _: JClass<'_>, session: jlong, grant: jlong) -> Answer<()> {
    SESSIONS.get(session)?.revoke_heard(grant.cast_unsigned());
    Ok(())
}

fn publish_leader(
    env: &mut Env<'_>,
    _: JClass<'_>,
    session: jlong,
    grant: jlong,
    component: JString<'_>,
    value: JString<'_>,
) -> Answer<()> {
    let session = SESSIONS.get(session)?;
    let (component, value) = (text(env, &component, "component")?, optional_text(env, &value)?);
    Ok(session.publish_leader(grant.cast_unsigned(), &component, value.as_deref())?)
}

fn watch_leader(env: &mut Env<'_>, _: JClass<'_>, session: jlong, component: JString<'_>) -> Answer<jlong> {
    let session = SESSIONS.get(session)?;
    let subscription = session.watch_leader(&text(env, &component, "component")?)?;
    Ok(subscription.cast_signed())
}

fn unwatch_leader(_: &mut Env<'_>, _: JClass<'_>, session: jlong, subscription: jlong) -> Answer<()> {
    SESSIONS.get(session)?.unwatch_leader(subscription.cast_unsigned());
    Ok(())
}

fn open_config_map(
    env: &mut Env<'_>,
    _: JClass<'_>,
    session: jlong,
    name: JString<'_>,
    create: jboolean,
) -> Answer<jlong> {
    let session = SESSIONS.get(session)?;
    let name = text(env, &name, "name")?;
    let config_map = session.open_config_map(&name, create)?;
    Ok(CONFIG_MAPS.insert(OpenConfigMap::new(name, config_map))?)
}

fn close_config_map(_: &mut Env<'_>, _: JClass<'_>, config_map: jlong) -> Answer<()> {
    Ok(CONFIG_MAPS.close(config_map)?)
}

fn delete_config_map(env: &mut Env<'_>, _: JClass<'_>, session: jlong, name: JString<'_>) -> Answer<()> {
    let session = SESSIONS.get(session)?;
    Ok(session.delete_config_map(&text(env, &name, "name")?)?)
}

fn read_pointer<'local>(
    env: &mut Env<'local>,
    _: JClass<'local>,
    config_map: jlong,
    key: JString<'local>,
) -> Answer<JStrings<'local>> {
    let config_map = CONFIG_MAPS.get(config_map)?;
    match config_map.read_pointer(&text(env, &key, "key")?)? {
        Some(raw) => strings(env, &pointer::fields_and_raw(&raw)),
        None => Ok(JStrings::null()),
    }
}

fn read_pointers<'local>(
    env: &mut Env<'local>,
    _: JClass<'local>,
    config_map: jlong,
    prefix: JString<'local>,
) -> Answer<JStrings<'local>> {
    let config_map = CONFIG_MAPS.get(config_map)?;
    let mut flat = Vec::new();
    for (key, raw) in config_map.read_pointers(&text(env, &prefix, "prefix")?)? {
        flat.push(Some(key));
        flat.extend(pointer::fields_and_raw(&raw));
    }
    strings(env, &flat)
}

fn add_pointer(
    env: &mut Env<'_>,
    _: JClass<'_>,
    config_map: jlong,
    key: JString<'_>,
    uri: JString<'_>,
    size: jlong,
) -> Answer<jboolean> {
    let config_map = CONFIG_MAPS.get(config_map)?;
    let (key, uri) = (text(env, &key, "key")?, text(env, &uri, "uri")?);
    config_map.add_pointer(key, pointer::encode(uri, size))?;
    Ok(true)
}

fn replace_pointer<'local>(
    env: &mut Env<'local>,
    _: JClass<'local>,
    config_map: jlong,
    key: JString<'local>,
    uri: JString<'local>,
    size: jlong,
) -> Answer<JString<'local>> {
    let config_map = CONFIG_MAPS.get(config_map)?;
    let (key, uri) = (text(env, &key, "key")?, text(env, &uri, "uri")?);
    let old = config_map.replace_pointer(key, pointer::encode(uri, size))?;
    optional_string(env, old.as_deref())
}

fn mark_pointer<'local>(
    env: &mut Env<'local>,
    _: JClass<'local>,
    config_map: jlong,
    key: JString<'local>,
) -> Answer<JString<'local>> {
    let config_map = CONFIG_MAPS.get(config_map)?;
    let marked = config_map.mark_pointer(text(env, &key, "key")?)?;
    optional_string(env, marked.as_deref())
}

fn remove_pointer(
    env: &mut Env<'_>,
    _: JClass<'_>,
    config_map: jlong,
    key: JString<'_>,
    raw: JString<'_>,
) -> Answer<()> {
    let config_map = CONFIG_MAPS.get(config_map)?;
    let (key, raw) = (text(env, &key, "key")?, text(env, &raw, "raw")?);
    Ok(config_map.remove_pointer(key, raw)?)
}

fn finish_removals(_: &mut Env<'_>, _: JClass<'_>, config_map: jlong) -> Answer<()> {
    Ok(CONFIG_MAPS.get(config_map)?.finish_removals()?)
}

fn decode_pointer<'local>(env: &mut Env<'local>, _: JClass<'local>, raw: JString<'local>) -> Answer<JStrings<'local>> {
    let fields = pointer::fields(&text(env, &raw, "raw")?);
    strings(env, &fields)
}

fn clear_pointers(env: &mut Env<'_>, _: JClass<'_>, config_map: jlong, prefix: JString<'_>) -> Answer<jint> {
    let config_map = CONFIG_MAPS.get(config_map)?;
    let cleared = config_map.clear_pointers(text(env, &prefix, "prefix")?)?;
    Ok(jint::try_from(cleared).unwrap_or(jint::MAX))
}

fn next_counter(_: &mut Env<'_>, _: JClass<'_>, config_map: jlong) -> Answer<jlong> {
    Ok(CONFIG_MAPS.get(config_map)?.next_counter()?)
}

fn read_counter(_: &mut Env<'_>, _: JClass<'_>, config_map: jlong) -> Answer<jlong> {
    Ok(CONFIG_MAPS.get(config_map)?.read_counter()?)
}

fn set_counter(_: &mut Env<'_>, _: JClass<'_>, config_map: jlong, value: jlong) -> Answer<()> {
    Ok(CONFIG_MAPS.get(config_map)?.set_counter(value)?)
}

fn remove_counter(_: &mut Env<'_>, _: JClass<'_>, config_map: jlong) -> Answer<()> {
    Ok(CONFIG_MAPS.get(config_map)?.remove_counter()?)
}

fn open_storage(env: &mut Env<'_>, _: JClass<'_>, root: JString<'_>, options: JStrings<'_>) -> Answer<jlong> {
    let root = text(env, &root, "root")?;
    let storage = Storage::open(&root, &map(env, &options, "options")?)?;
    Ok(STORAGES.insert(storage)?)
}

fn close_storage(_: &mut Env<'_>, _: JClass<'_>, storage: jlong) -> Answer<()> {
    Ok(STORAGES.close(storage)?)
}

fn create_object(
    env: &mut Env<'_>,
    _: JClass<'_>,
    storage: jlong,
    uri: JString<'_>,
    content: JByteArray<'_>,
) -> Answer<()> {
    let storage = STORAGES.get(storage)?;
    let (uri, content) = (text(env, &uri, "uri")?, bytes(env, &content, "content")?);
    Ok(storage.create(&uri, content)?)
}

fn read_object<'local>(
    env: &mut Env<'local>,
    _: JClass<'local>,
    storage: jlong,
    uri: JString<'local>,
) -> Answer<JByteArray<'local>> {
    let content = STORAGES.get(storage)?.read(&text(env, &uri, "uri")?)?;
    byte_array(env, &content)
}

fn delete_object(env: &mut Env<'_>, _: JClass<'_>, storage: jlong, uri: JString<'_>) -> Answer<jboolean> {
    Ok(STORAGES.get(storage)?.delete(&text(env, &uri, "uri")?)?)
}

fn delete_prefix(env: &mut Env<'_>, _: JClass<'_>, storage: jlong, uri: JString<'_>) -> Answer<jint> {
    let deleted = STORAGES.get(storage)?.delete_prefix(&text(env, &uri, "uri")?)?;
    Ok(jint::try_from(deleted).unwrap_or(jint::MAX))
}

fn object_exists(env: &mut Env<'_>, _: JClass<'_>, storage: jlong, uri: JString<'_>) -> Answer<jboolean> {
    Ok(STORAGES.get(storage)?.exists(&text(env, &uri, "uri")?)?)
}

fn list_objects<'local>(
    env: &mut Env<'local>,
    _: JClass<'local>,
    storage: jlong,
    uri: JString<'local>,
) -> Answer<JStrings<'local>> {
    let names = STORAGES.get(storage)?.list(&text(env, &uri, "uri")?)?;
    all_strings(env, names)
}

fn rename_object(env: &mut Env<'_>, _: JClass<'_>, storage: jlong, from: JString<'_>, to: JString<'_>) -> Answer<()> {
    let storage = STORAGES.get(storage)?;
    let (from, to) = (text(env, &from, "from")?, text(env, &to, "to")?);
    Ok(storage.rename(&from, &to)?)
}

fn upload_file(
    env: &mut Env<'_>,
    _: JClass<'_>,
    storage: jlong,
    local_path: JString<'_>,
    uri: JString<'_>,
) -> Answer<()> {
    let storage = STORAGES.get(storage)?;
    let (file, uri) = (text(env, &local_path, "localPath")?, text(env, &uri, "uri")?);
    Ok(storage.upload(Path::new(&file), &uri)?)
}

fn download_file(
    env: &mut Env<'_>,
    _: JClass<'_>,
    storage: jlong,
    uri: JString<'_>,
    local_path: JString<'_>,
) -> Answer<()> {
    let storage = STORAGES.get(storage)?;
    let (file, uri) = (text(env, &local_path, "localPath")?, text(env, &uri, "uri")?);
    Ok(storage.download(&uri, Path::new(&file))?)
}

fn ensure_directory(env: &mut Env<'_>, _: JClass<'_>, storage: jlong, uri: JString<'_>) -> Answer<()> {
    Ok(STORAGES.get(storage)?.ensure_directory(&text(env, &uri, "uri")?)?)
}

fn storage_metrics<'local>(env: &mut Env<'local>, _: JClass<'local>, storage: jlong) -> Answer<JString<'local>> {
    Ok(JString::new(env, STORAGES.get(storage)?.metrics())?)
}

fn probe_storage(env: &mut Env<'_>, _: JClass<'_>, storage: jlong, uri: JString<'_>) -> Answer<()> {
    Ok(STORAGES.get(storage)?.probe(&text(env, &uri, "uri")?)?)
}

/// Shows that a panic ends at the boundary.
fn panic_for_test(env: &mut Env<'_>, _: JClass<'_>, message: JString<'_>) -> Answer<()> {
    panic!("{}", text(env, &message, "message")?)
}
