//! What a store behind a network has answered, in a few words.

use std::error::Error;

use super::failure::sources;

/// Longer texts of a server, such as the page of a proxy, are cut.
const LONGEST: usize = 300;

/// What S3 and Google say of an object that is absent, and what Azure does. Where the bucket or the owner of a key is absent,
/// there is no telling.
const NO_OBJECT: [&str; 2] = ["NoSuchKey", "BlobNotFound"];

/// Whether a 404 is about the object. An answer without a body, as to a HEAD, is taken for that.
pub(super) fn is_of_absence(error: &(dyn Error + 'static)) -> bool {
    let text = innermost(error).to_string();
    element(&text, "Code").is_none_or(|code| NO_OBJECT.contains(&code))
}

/// The innermost of the errors, which is the answer of the store itself: without the request that it repeats, for that holds the
/// name of an access key and everything that was signed.
pub(super) fn of(error: &(dyn Error + 'static)) -> String {
    let text = innermost(error).to_string();
    let text = text
        .strip_prefix("Server returned non-2xx status code: ")
        .unwrap_or(&text);
    let text = text.strip_prefix("Server returned error response: ").unwrap_or(text);
    let (head, body) = text.split_at(text.find('<').unwrap_or(text.len()));
    let status = head.trim_end_matches([':', ' ', '\u{feff}']);
    let parts = [Some(status), element(body, "Code"), element(body, "Message")];
    let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let sentence = parts.join(": ");
    short(&sentence)
}

fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.trim_end_matches('.').chars().take(LONGEST).collect();
    if cut.is_empty() {
        "no reason was given".to_owned()
    } else {
        cut
    }
}

/// Why there is no client: the name of a file that cannot be read stands in the error before the operating system's.
#[cfg(feature = "remote")]
pub(super) fn of_client(error: &(dyn Error + 'static)) -> String {
    let with_file = sources(error).filter(|error| !error.is::<std::io::Error>()).last();
    match (super::failure::os_error(error), with_file) {
        (Some(_), Some(with_file)) => short(&with_file.to_string()),
        _ => of(error),
    }
}

/// The store's own word for what is wrong, such as `NoSuchBucket`.
pub(super) fn word(error: &(dyn Error + 'static)) -> Option<String> {
    element(&innermost(error).to_string(), "Code").map(str::to_owned)
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    sources(error).last().unwrap_or(error)
}

fn element<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.trim())
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Said(&'static str, Option<Box<Said>>);

    impl fmt::Display for Said {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Said {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|source| source as _)
        }
    }

    #[test]
    fn code_and_message_are_kept_and_what_was_signed_is_not() {
        let inner = "Server returned non-2xx status code: 403 Forbidden: <?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code>\
                     <Message>The signature\n does not match.</Message><AWSAccessKeyId>AKIA</AWSAccessKeyId><StringToSign>x</StringToSign></Error>";
        let error = Said("outer with http://url", Some(Box::new(Said(inner, None))));
        assert_eq!(
            of(&error),
            "403 Forbidden: SignatureDoesNotMatch: The signature does not match"
        );
    }

    #[test]
    fn not_every_404_is_about_the_object() {
        for (text, of_absence) in [
            ("404 Not Found: <Error><Code>NoSuchKey</Code></Error>", true),
            ("404 Not Found: <Error><Code>BlobNotFound</Code></Error>", true),
            ("404 Not Found: <Error><Code>ContainerNotFound</Code></Error>", false),
            ("404 Not Found: ", true),
            ("404 Not Found: <Error><Code>NoSuchBucket</Code></Error>", false),
            ("404 Not Found: <Error><Code>XAdminUserNotFound</Code></Error>", false),
        ] {
            assert_eq!(is_of_absence(&Said(text, None)), of_absence, "{text}");
        }
    }

    #[test]
    fn other_answers_are_kept_short() {
        assert_eq!(
            of(&Said(
                "Server returned non-2xx status code: 503 Service Unavailable: ",
                None
            )),
            "503 Service Unavailable"
        );
        assert_eq!(of(&Said("operation timed out", None)), "operation timed out");
        assert_eq!(of(&Said("", None)), "no reason was given");
        assert_eq!(of(&Said("<html>nothing of use</html>", None)), "no reason was given");
        let long = "word ".repeat(200).leak();
        assert_eq!(of(&Said(long, None)).len(), LONGEST);
    }
}
