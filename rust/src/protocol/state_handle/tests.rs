#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;

/// Written by stock Flink for [`golden`].
const GOLDEN: &str = "rO0ABXNyAGNvcmcuYXBhY2hlLmZsaW5rLmt1YmVybmV0ZXMuaGlnaGF2YWlsYWJpbGl0eS5LdWJlcm5ldGVzU3RhdGVIYW5kbGVTdG9yZSRTdGF0ZUhhbmRsZVdpdGhEZWxldGVNYXJrZXIbrUSA74YNfAIAAloAEW1hcmtlZEZvckRlbGV0aW9uTAAFaW5uZXJ0ADdMb3JnL2FwYWNoZS9mbGluay9ydW50aW1lL3N0YXRlL1JldHJpZXZhYmxlU3RhdGVIYW5kbGU7eHAAc3IAO29yZy5hcGFjaGUuZmxpbmsucnVudGltZS5zdGF0ZS5SZXRyaWV2YWJsZVN0cmVhbVN0YXRlSGFuZGxlAAEeGPFVlysCAAFMABh3cmFwcGVkU3RyZWFtU3RhdGVIYW5kbGV0ADJMb3JnL2FwYWNoZS9mbGluay9ydW50aW1lL3N0YXRlL1N0cmVhbVN0YXRlSGFuZGxlO3hwc3IAOW9yZy5hcGFjaGUuZmxpbmsucnVudGltZS5zdGF0ZS5maWxlc3lzdGVtLkZpbGVTdGF0ZUhhbmRsZQTcddhivRuzAgACSgAJc3RhdGVTaXplTAAIZmlsZVBhdGh0AB9Mb3JnL2FwYWNoZS9mbGluay9jb3JlL2ZzL1BhdGg7eHAAAAAAAAAE0nNyAB1vcmcuYXBhY2hlLmZsaW5rLmNvcmUuZnMuUGF0aAAAAAAAAAABAgABTAADdXJpdAAOTGphdmEvbmV0L1VSSTt4cHNyAAxqYXZhLm5ldC5VUkmsAXguQ55JqwMAAUwABnN0cmluZ3QAEkxqYXZhL2xhbmcvU3RyaW5nO3hwdAA5czM6Ly9idWNrZXQvaGEvbXktY2x1c3Rlci9jb21wbGV0ZWRDaGVja3BvaW50MDEyMzQ1Njc4OWFieA==";

/// Written by JDK 17 for a marked handle with a URI outside ASCII and a size of -1.
const BEYOND_ASCII: &str = "rO0ABXNyAGNvcmcuYXBhY2hlLmZsaW5rLmt1YmVybmV0ZXMuaGlnaGF2YWlsYWJpbGl0eS5LdWJlcm5ldGVzU3RhdGVIYW5kbGVTdG9yZSRTdGF0ZUhhbmRsZVdpdGhEZWxldGVNYXJrZXIbrUSA74YNfAIAAloAEW1hcmtlZEZvckRlbGV0aW9uTAAFaW5uZXJ0ADdMb3JnL2FwYWNoZS9mbGluay9ydW50aW1lL3N0YXRlL1JldHJpZXZhYmxlU3RhdGVIYW5kbGU7eHABc3IAO29yZy5hcGFjaGUuZmxpbmsucnVudGltZS5zdGF0ZS5SZXRyaWV2YWJsZVN0cmVhbVN0YXRlSGFuZGxlAAEeGPFVlysCAAFMABh3cmFwcGVkU3RyZWFtU3RhdGVIYW5kbGV0ADJMb3JnL2FwYWNoZS9mbGluay9ydW50aW1lL3N0YXRlL1N0cmVhbVN0YXRlSGFuZGxlO3hwc3IAOW9yZy5hcGFjaGUuZmxpbmsucnVudGltZS5zdGF0ZS5maWxlc3lzdGVtLkZpbGVTdGF0ZUhhbmRsZQTcddhivRuzAgACSgAJc3RhdGVTaXplTAAIZmlsZVBhdGh0AB9Mb3JnL2FwYWNoZS9mbGluay9jb3JlL2ZzL1BhdGg7eHD//////////3NyAB1vcmcuYXBhY2hlLmZsaW5rLmNvcmUuZnMuUGF0aAAAAAAAAAABAgABTAADdXJpdAAOTGphdmEvbmV0L1VSSTt4cHNyAAxqYXZhLm5ldC5VUkmsAXguQ55JqwMAAUwABnN0cmluZ3QAEkxqYXZhL2xhbmcvU3RyaW5nO3hwdAAaczM6Ly9idWNrZXQvaMOpL+KCrC/toL3tuIB4";

/// Written by JDK 17 for stock's wrapper around `null`.
const WRAPPED_NULL: &str = "rO0ABXNyAGNvcmcuYXBhY2hlLmZsaW5rLmt1YmVybmV0ZXMuaGlnaGF2YWlsYWJpbGl0eS5LdWJlcm5ldGVzU3RhdGVIYW5kbGVTdG9yZSRTdGF0ZUhhbmRsZVdpdGhEZWxldGVNYXJrZXIbrUSA74YNfAIAAloAEW1hcmtlZEZvckRlbGV0aW9uTAAFaW5uZXJ0ADdMb3JnL2FwYWNoZS9mbGluay9ydW50aW1lL3N0YXRlL1JldHJpZXZhYmxlU3RhdGVIYW5kbGU7eHAAcA==";
/// The same, marked.
const WRAPPED_NULL_MARKED: &str = "rO0ABXNyAGNvcmcuYXBhY2hlLmZsaW5rLmt1YmVybmV0ZXMuaGlnaGF2YWlsYWJpbGl0eS5LdWJlcm5ldGVzU3RhdGVIYW5kbGVTdG9yZSRTdGF0ZUhhbmRsZVdpdGhEZWxldGVNYXJrZXIbrUSA74YNfAIAAloAEW1hcmtlZEZvckRlbGV0aW9uTAAFaW5uZXJ0ADdMb3JnL2FwYWNoZS9mbGluay9ydW50aW1lL3N0YXRlL1JldHJpZXZhYmxlU3RhdGVIYW5kbGU7eHABcA==";

fn golden() -> StateHandle {
    StateHandle {
        uri: "s3://bucket/ha/my-cluster/completedCheckpoint0123456789ab".to_owned(),
        size: 1234,
        marked: false,
    }
}

fn bytes_of(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

#[test]
fn writes_and_reads_the_golden_pointer() {
    assert_eq!(golden().encode(), GOLDEN);
    assert_eq!(StateHandle::decode(GOLDEN), Ok(golden()));
    assert_eq!(is_marked(GOLDEN), Ok(false));
}

#[test]
fn the_marked_golden_pointer_differs_in_one_character() {
    let mut expected = GOLDEN.to_owned();
    expected.replace_range(275..276, "B");
    let marked = StateHandle {
        marked: true,
        ..golden()
    };
    assert_eq!(marked.encode(), expected);
    assert_eq!(StateHandle::decode(&expected), Ok(marked));
    assert_eq!(mark(GOLDEN).as_ref(), Ok(&expected));
    assert_eq!(mark(&expected).as_ref(), Ok(&expected));
    assert_eq!(is_marked(&expected), Ok(true));
}

#[test]
fn writes_and_reads_a_uri_outside_ascii() {
    let handle = StateHandle {
        uri: "s3://bucket/h\u{e9}/\u{20ac}/\u{1f600}".to_owned(),
        size: -1,
        marked: true,
    };
    assert_eq!(handle.encode(), BEYOND_ASCII);
    assert_eq!(StateHandle::decode(BEYOND_ASCII), Ok(handle));
}

/// JDK 17 writes 66,169 bytes with `74 ffff` for 65,535 characters, and 66,176 with `7c` for one more.
#[test]
fn a_long_uri_becomes_a_long_string() {
    for (length, head, total) in [
        (65_535_usize, &b"\x74\xff\xff"[..], 66_169),
        (65_536, b"\x7c\x00\x00\x00\x00\x00\x01\x00\x00", 66_176),
    ] {
        let handle = StateHandle {
            uri: "x".repeat(length),
            ..golden()
        };
        let bytes = bytes_of(&handle.encode());
        assert_eq!(bytes.len(), total);
        assert_eq!(bytes[0x276..].get(..head.len()), Some(head));
        assert_eq!(StateHandle::decode(&handle.encode()), Ok(handle));
    }
}

#[test]
fn a_long_string_that_need_not_be_one_is_refused() {
    let mut bytes = bytes_of(GOLDEN);
    bytes.splice(0x276..0x279, *b"\x7c\x00\x00\x00\x00\x00\x00\x00\x39");
    let text = STANDARD.encode(bytes);
    assert_eq!(StateHandle::decode(&text), Err(Undecodable::ForeignShape));
}

#[test]
fn a_foreign_shape_in_the_wrapper_can_be_marked() {
    let foreign = Err(Undecodable::ForeignShape);
    assert_eq!(StateHandle::decode(WRAPPED_NULL), foreign);
    assert_eq!(is_marked(WRAPPED_NULL), Ok(false));
    assert_eq!(mark(WRAPPED_NULL).as_deref(), Ok(WRAPPED_NULL_MARKED));
    assert_eq!(is_marked(WRAPPED_NULL_MARKED), Ok(true));
    assert_eq!(StateHandle::decode(WRAPPED_NULL_MARKED), foreign);
}

#[test]
fn base64_is_strict() {
    let unpadded = GOLDEN.trim_end_matches('=');
    let loose_bits = GOLDEN.replace("eA==", "eB==");
    let with_break = format!("{GOLDEN}\n");
    let url_alphabet = GOLDEN.replacen('r', "_", 1);
    for text in [unpadded, &loose_bits, &with_break, &url_alphabet] {
        assert_ne!(text, GOLDEN);
        assert_eq!(StateHandle::decode(text), Err(Undecodable::NotBase64));
        assert_eq!(mark(text), Err(Undecodable::NotBase64));
    }
}

#[test]
fn every_truncation_is_refused() {
    let bytes = bytes_of(GOLDEN);
    for length in 0..bytes.len() {
        let expected = match length {
            0..=0x0ce => Undecodable::NotWrapped,
            _ => Undecodable::ForeignShape,
        };
        let text = STANDARD.encode(&bytes[..length]);
        assert_eq!(StateHandle::decode(&text), Err(expected), "{length}");
    }
}

#[test]
fn every_change_of_a_constant_byte_is_refused() {
    let golden_bytes = bytes_of(GOLDEN);
    let constant = (0..0x0ce).chain(0x0cf..0x1ee).chain(0x1f6..0x279);
    for position in constant.chain([golden_bytes.len() - 1]) {
        for flip in [0x01, 0x20, 0x80, 0xff] {
            let mut bytes = golden_bytes.clone();
            bytes[position] ^= flip;
            let text = STANDARD.encode(&bytes);
            let expected = match position {
                0..0x0ce => Undecodable::NotWrapped,
                _ => Undecodable::ForeignShape,
            };
            assert_eq!(StateHandle::decode(&text), Err(expected), "{position:#x}");
        }
    }
}

fn any_handle() -> impl Strategy<Value = StateHandle> {
    (any::<String>(), any::<i64>(), any::<bool>()).prop_map(|(uri, size, marked)| StateHandle { uri, size, marked })
}

proptest! {
    #[test]
    fn reads_back_what_it_writes(handle in any_handle()) {
        let text = handle.encode();
        prop_assert_eq!(is_marked(&text), Ok(handle.marked));
        prop_assert_eq!(StateHandle::decode(&text), Ok(handle));
    }

    #[test]
    fn marking_changes_nothing_else(handle in any_handle()) {
        let marked = StateHandle { marked: true, ..handle.clone() };
        prop_assert_eq!(mark(&handle.encode()), Ok(marked.encode()));
    }

    #[test]
    fn never_panics_on_any_text(text in any::<String>()) {
        prop_assert!(StateHandle::decode(&text).is_err());
        prop_assert!(mark(&text).is_err());
        prop_assert!(is_marked(&text).is_err());
    }

    #[test]
    fn never_panics_on_any_bytes_behind_any_part_of_a_pointer(
        kept in 0_usize..=691,
        tail in any::<Vec<u8>>(),
    ) {
        let mut bytes = bytes_of(GOLDEN);
        bytes.truncate(kept);
        bytes.extend(tail);
        let text = STANDARD.encode(bytes);
        if let Ok(handle) = StateHandle::decode(&text) {
            prop_assert_eq!(handle.encode(), text);
        }
    }

    #[test]
    fn reads_nothing_that_it_would_not_write(
        handle in any_handle(),
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = bytes_of(&handle.encode());
        let position = position.index(bytes.len());
        bytes[position] = byte;
        let text = STANDARD.encode(bytes);
        if let Ok(handle) = StateHandle::decode(&text) {
            prop_assert_eq!(handle.encode(), text);
        }
    }
}
