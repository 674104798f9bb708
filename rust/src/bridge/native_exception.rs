//! `io.flinkkubeha.bridge.NativeException`: how errors and panics leave.

use std::any::Any;

use jni::errors::{Error, ErrorPolicy};
use jni::objects::{JClass, JString, JThrowable};
use jni::refs::Weak;
use jni::{Env, JValue, jni_sig, jni_str};
use once_cell::sync::OnceCell;

use super::panics;
use crate::error::{ErrorCode, HaError};

/// Found with the loader of the class that loads the library. Weak, so that the class loader of a session that has ended can go.
static CLASS: OnceCell<Weak<JClass<'static>>> = OnceCell::new();

/// What a native method ends with when it does not return.
#[derive(Debug)]
pub(super) enum BridgeError {
    /// An error of ours.
    Ha(HaError),
    /// JNI failed; with [`Error::JavaException`] a Java exception is pending, and goes on.
    Jni(Error),
}

impl From<HaError> for BridgeError {
    fn from(error: HaError) -> Self {
        Self::Ha(error)
    }
}

impl From<Error> for BridgeError {
    fn from(error: Error) -> Self {
        Self::Jni(error)
    }
}

/// Looks the class up and keeps it.
pub(super) fn find_class(env: &mut Env<'_>) -> Result<(), Error> {
    CLASS.get_or_try_init(|| {
        let class = env.find_class(jni_str!("io/flinkkubeha/bridge/NativeException"))?;
        env.new_weak_ref(&class)
    })?;
    Ok(())
}

/// Throws a `NativeException` for an error, and one of [`ErrorCode::Internal`] for a panic.
///
/// The policies of the jni crate lose the message of a panic that was formatted, and know no codes.
pub(super) struct ThrowNativeException;

impl<T: Default> ErrorPolicy<T, BridgeError> for ThrowNativeException {
    type Captures<'unowned_env_local: 'native_method, 'native_method> = ();

    fn on_error<'unowned_env_local: 'native_method, 'native_method>(
        env: &mut Env<'unowned_env_local>,
        (): &mut (),
        error: BridgeError,
    ) -> Result<T, Error> {
        let error = match error {
            BridgeError::Ha(error) => error,
            BridgeError::Jni(error) => internal(format!("A call of JNI failed: {error}.")),
        };
        throw(env, &error).map(|()| T::default())
    }

    fn on_panic<'unowned_env_local: 'native_method, 'native_method>(
        env: &mut Env<'unowned_env_local>,
        (): &mut (),
        payload: Box<dyn Any + Send + 'static>,
    ) -> Result<T, Error> {
        throw(env, &internal(panics::describe(payload))).map(|()| T::default())
    }
}

fn internal(message: String) -> HaError {
    HaError::new(ErrorCode::Internal, message)
}

/// Leaves an exception pending: this one, unless there is one already.
fn throw(env: &mut Env<'_>, error: &HaError) -> Result<(), Error> {
    if env.exception_check() {
        return Ok(());
    }
    let class = CLASS.get().ok_or(Error::ObjectFreed)?.upgrade_local(env)?;
    let class = class.ok_or(Error::ObjectFreed)?;
    let message = JString::new(env, &error.message)?;
    let arguments = [JValue::Int(error.code.number()), JValue::Object(&message)];
    let exception = env.new_object(&class, jni_sig!((jint, JString)), &arguments)?;
    let exception = env.cast_local::<JThrowable<'_>>(exception)?;
    match env.throw(&exception) {
        Ok(()) | Err(Error::JavaException) => Ok(()),
        Err(error) => Err(error),
    }
}
