//! A fault of the program's own while it makes something for one person: that
//! one is held, and the others go on (D3, F13). What a panic says may quote
//! the person's name, so nobody is shown it. A reference that is made of it
//! stands in its place; the log has the same one, beside the place in the
//! program (`cli/mishap`).

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::keys;

/// What is made; where making it panics, that is why it cannot be made.
pub(super) fn unless_it_panics<T>(make: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|said| {
        let reference = reference(&*said);
        Err(format!("internal error, reference {reference}: the program could not make this mail"))
    })
}

/// Short, and the same for the same words: `R-k7m2q5xw`.
pub fn reference(said: &(dyn Any + Send)) -> String {
    let words = said.downcast_ref::<&str>().copied();
    let words = words.or_else(|| said.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
    let hash: String = keys::sha256_in_words(words.as_bytes()).chars().take(8).collect();
    format!("R-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f13_a_panic_is_why_a_mail_cannot_be_made() {
        let made = unless_it_panics(|| Ok(["Hej!"].concat().into_bytes()[7..].to_vec()));
        let why = made.expect_err("it panics");
        let reference = reference(&"range start index 7 out of range for slice of length 4".to_owned());
        assert_eq!(
            why,
            format!("internal error, reference {reference}: the program could not make this mail")
        );
        assert_eq!(unless_it_panics::<()>(|| Err("no name".to_owned())), Err("no name".to_owned()));
    }

    #[test]
    fn f13_a_reference_quotes_nobody() {
        let reference = reference(&"byte index 1 is inside 'Å' of `Åsa`");
        assert!(reference.len() == 10 && reference.starts_with("R-"), "{reference}");
        assert!(reference[2..].bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{reference}");
    }
}
