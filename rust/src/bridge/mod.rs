//! The JNI boundary: the natives of `io.flinkkubeha.bridge.NativeBindings`.
//!
//! The library exports `JNI_OnLoad` alone, which registers every native method with the class. The JVM compares names and
//! signatures with the class then, return types too, so that a jar and a library that do not belong together part at loading,
//! and not in the middle of a take-over; with names that the JVM resolves itself it would compare parameter types at most.
//!
//! Native code never calls Java but to make what a method returns or throws, and no native thread attaches to the JVM.

// The only place with unsafe code: JNI hands out raw pointers, and the macro of the jni crate makes functions for the JVM to call.
#![allow(unsafe_code)]

mod arguments;
mod event_pump;
mod handle_table;
mod library;
mod log_queue;
mod native_bindings;
mod native_exception;
mod open_config_map;
mod panics;
mod pointer;

pub use crate::error::ErrorCode;
