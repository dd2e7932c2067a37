//! Catches a panic while one message is built: that delivery is held, and the
//! rest continue. The panic text may contain the person's name, so it is not
//! shown. Users see an error id made from it; the log has the same id together
//! with the source location (`cli/mishap`).

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::engine::tokens;

/// Runs `make`, and turns a panic into an error.
pub(super) fn catch_panic<T>(make: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(make)).unwrap_or_else(|said| {
        let reference = reference(&*said);
        Err(format!("internal error, reference {reference}: the program could not make this mail"))
    })
}

/// A short error id, the same for the same panic text: `R-k7m2q5xw`.
pub(crate) fn reference(said: &(dyn Any + Send)) -> String {
    let words = said.downcast_ref::<&str>().copied();
    let words = words.or_else(|| said.downcast_ref::<String>().map(String::as_str)).unwrap_or_default();
    let hash: String = tokens::sha256_base32(words.as_bytes()).chars().take(8).collect();
    format!("R-{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_with_an_id() {
        let made = catch_panic(|| Ok(["Hej!"].concat().into_bytes()[7..].to_vec()));
        let why = made.expect_err("it panics");
        let reference = reference(&"range start index 7 out of range for slice of length 4".to_owned());
        assert_eq!(
            why,
            format!("internal error, reference {reference}: the program could not make this mail")
        );
        assert_eq!(catch_panic::<()>(|| Err("no name".to_owned())), Err("no name".to_owned()));
    }

    #[test]
    fn an_error_id_does_not_quote_the_panic() {
        let reference = reference(&"byte index 1 is inside 'Å' of `Åsa`");
        assert!(reference.len() == 10 && reference.starts_with("R-"), "{reference}");
        assert!(reference[2..].bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{reference}");
    }
}
