//! Java's modified UTF-8 (`java.io.DataInput`): UTF-16 code units of one to three bytes each, NUL as `C0 80`.

/// The bytes that `ObjectOutputStream` writes for this text, without their length.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        let [high, low] = unit.to_be_bytes();
        let last = 0x80 | (low & 0x3f);
        match unit {
            0x0001..=0x007f => bytes.push(low),
            0x0000 | 0x0080..=0x07ff => {
                bytes.extend_from_slice(&[0xc0 | (high << 2) | (low >> 6), last]);
            }
            0x0800.. => {
                let middle = 0x80 | ((high & 0x0f) << 2) | (low >> 6);
                bytes.extend_from_slice(&[0xe0 | (high >> 4), middle, last]);
            }
        }
    }
    bytes
}

/// The text of these bytes, if they are what [`encode`] makes of it. Java is more lenient: it also reads longer forms
/// than necessary, and half a surrogate pair, which no Rust text can hold.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf16(&decode_units(bytes)?).ok()?;
    (encode(&text) == bytes).then_some(text)
}

fn decode_units(mut bytes: &[u8]) -> Option<Vec<u16>> {
    let mut units = Vec::with_capacity(bytes.len());
    while let Some((first, rest)) = bytes.split_first() {
        let (bits, following) = match first {
            0x00..=0x7f => (first & 0x7f, 0),
            0xc0..=0xdf => (first & 0x1f, 1),
            0xe0..=0xef => (first & 0x0f, 2),
            _ => return None,
        };
        let (following, rest) = rest.split_at_checked(following)?;
        units.push(
            following
                .iter()
                .fold(u16::from(bits), |unit, byte| (unit << 6) | u16::from(byte & 0x3f)),
        );
        bytes = rest;
    }
    Some(units)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What `DataOutputStream.writeUTF` of JDK 17 writes after the length.
    const TEXT: &str = "a\0\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{1f600}\u{10000}\u{10ffff}";
    const BYTES: &[u8] = b"\x61\xc0\x80\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\
        \xed\xa0\xbd\xed\xb8\x80\xed\xa0\x80\xed\xb0\x80\xed\xaf\xbf\xed\xbf\xbf";

    #[test]
    fn writes_the_bytes_that_java_writes() {
        assert_eq!(encode(TEXT), BYTES);
        assert_eq!(decode(BYTES).as_deref(), Some(TEXT));
    }

    #[test]
    fn refuses_what_java_would_not_write() {
        let refused: [(&[u8], &str); 8] = [
            (b"\x00", "NUL in one byte"),
            (b"\xc1\x81", "A in two bytes"),
            (b"\xe0\x9f\xbf", "three bytes where two suffice"),
            (b"\xf0\x9f\x98\x80", "four bytes"),
            (b"\xed\xa0\xbd", "half a surrogate pair"),
            (b"\xc3\x29", "no continuation byte"),
            (b"\x80", "a continuation byte alone"),
            (b"\xe2\x82", "cut off"),
        ];
        for (bytes, what) in refused {
            assert_eq!(decode(bytes), None, "{what}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_writes(text in any::<String>()) {
            prop_assert_eq!(decode(&encode(&text)), Some(text));
        }

        #[test]
        fn reads_nothing_that_it_would_not_write(bytes in any::<Vec<u8>>()) {
            if let Some(text) = decode(&bytes) {
                prop_assert_eq!(encode(&text), bytes);
            }
        }
    }
}
