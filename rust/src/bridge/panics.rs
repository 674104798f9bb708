//! What a panic said, and where.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};

use super::log_queue;

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps message and place of each panic for [`describe`], and logs it as an error: on a thread of the runtime nobody else would
/// tell. Standard error, where the former hook writes, is nothing that people look at.
pub(super) fn install() {
    panic::set_hook(Box::new(|info| {
        let description = place(info);
        log_queue::record_panic(&description);
        // Fails while thread-locals are torn down, when no native method runs on this thread.
        let _ = LAST.try_with(|last| last.replace(Some(description)));
    }));
}

fn place(info: &PanicHookInfo<'_>) -> String {
    let message = message(info.payload());
    match info.location() {
        Some(location) => format!("{message} (panic at {location})"),
        None => format!("{message} (panic)"),
    }
}

/// `panic!` with arguments has a `String`, without them a `&str`.
fn message(payload: &(dyn Any + Send)) -> &str {
    let formatted = payload.downcast_ref::<String>().map(String::as_str);
    formatted
        .or_else(|| payload.downcast_ref::<&'static str>().copied())
        .unwrap_or("no message")
}

/// The panic that this thread was just caught in.
pub(super) fn describe(payload: Box<dyn Any + Send + 'static>) -> String {
    let message = message(payload.as_ref()).to_owned();
    // The payload of somebody's `panic_any` may panic again when it is dropped, with a payload that is better not touched.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
    let last = LAST.try_with(RefCell::take).ok().flatten();
    last.unwrap_or_else(|| format!("{message} (panic)"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    struct PanicsWhenDropped;

    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("when dropped");
        }
    }

    fn caught(panics: impl FnOnce()) -> String {
        describe(catch_unwind(AssertUnwindSafe(panics)).unwrap_err())
    }

    // One test: the hook belongs to the whole process.
    #[test]
    fn message_and_place_of_a_panic_are_kept() {
        let formatted = caught(|| panic!("{} of {}", 1, 2));
        assert_eq!(formatted, "1 of 2 (panic)", "without the hook the place is not known");
        let former = panic::take_hook();
        install();
        for (description, message) in [
            (caught(|| panic!("plain")), "plain"),
            (caught(|| panic!("{} of {}", 1, 2)), "1 of 2"),
            (caught(|| panic::panic_any(7)), "no message"),
            (
                caught(|| drop(String::from_utf8(vec![0xff]).unwrap())),
                "called `Result::unwrap()`",
            ),
        ] {
            assert!(description.starts_with(message), "{description}");
            assert!(description.contains("bridge/panics.rs:"), "{description}");
        }
        assert!(caught(|| panic::panic_any(PanicsWhenDropped)).starts_with("when dropped"));
        panic::set_hook(former);
    }
}
