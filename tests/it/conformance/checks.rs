//! The checks, by what they look at. Each takes a produced mail and returns
//! every fault as text; an empty list means that it passes.

pub(super) mod headers;
pub(super) mod html;
pub(super) mod parts;
pub(super) mod text;

use super::mail::Mail;

/// What is wrong with a mail in one requirement.
pub(super) type Faults = Vec<String>;

/// A check of one requirement.
pub(super) type Check = fn(&Mail<'_>) -> Faults;

/// The fault, if something is wrong.
fn fault_if(wrong: bool, fault: impl FnOnce() -> String) -> Faults {
    if wrong { vec![fault()] } else { Vec::new() }
}
