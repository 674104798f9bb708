//! What happens when the JVM loads the library.

use std::ffi::c_void;
use std::panic::catch_unwind;

use jni::errors::Error;
use jni::strings::JNIString;
use jni::sys::{JNI_ERR, JNI_VERSION_1_8, jint};
use jni::{Env, JavaVM, jni_str};

use super::{log_queue, native_bindings, native_exception, panics};

/// Called by the JVM once for each class loader's copy, on the thread that loads it. A pending exception is what
/// `System.load` throws.
#[unsafe(no_mangle)]
extern "system" fn JNI_OnLoad(vm: *mut jni::sys::JavaVM, _reserved: *mut c_void) -> jint {
    let loaded = catch_unwind(|| {
        // SAFETY: the JVM hands over its own pointer.
        let vm = unsafe { JavaVM::from_raw(vm) };
        vm.with_local_frame(16, |env| {
            load(env).or_else(|error| throw_link_error(env, &error.to_string()))
        })
    });
    match loaded {
        Ok(Ok(())) => JNI_VERSION_1_8,
        _ => JNI_ERR,
    }
}

fn load(env: &mut Env<'_>) -> Result<(), Error> {
    log_queue::install();
    panics::install();
    native_exception::find_class(env)?;
    native_bindings::register(env)
}

fn throw_link_error(env: &mut Env<'_>, reason: &str) -> Result<(), Error> {
    if env.exception_check() {
        return Err(Error::JavaException);
    }
    let version = env!("CARGO_PKG_VERSION");
    let message = format!("The native library {version} does not fit the classes of this jar: {reason}");
    env.throw_new(jni_str!("java/lang/UnsatisfiedLinkError"), JNIString::new(message))
}
