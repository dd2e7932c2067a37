//! The checks themselves, by what they look at. Each takes a produced mail
//! and tells every fault it finds, in words; none is right.

pub(super) mod headers;
pub(super) mod looks;
pub(super) mod parts;
pub(super) mod words;

use super::mail::Mail;

/// What is wrong with a mail in one point.
pub(super) type Faults = Vec<String>;

/// A check of one point.
pub(super) type Check = fn(&Mail<'_>) -> Faults;

/// The fault, if something is wrong.
fn fault_if(wrong: bool, fault: impl FnOnce() -> String) -> Faults {
    if wrong { vec![fault()] } else { Vec::new() }
}
