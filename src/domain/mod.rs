//! What is true. Pure: no file, socket, clock, thread, database or serde
//! exists in this folder. Functions here cannot fail for outside reasons;
//! they return values, or lists of [`diagnostic::Diagnostic`].
//!
//! Read in this order: the nouns ([`library`], [`journey`], [`step`],
//! [`person`], [`history`], [`settings`], [`change`], [`delivery`], [`handover`], [`guard`], [`bounce`]), time ([`duration`], [`cadence`],
//! [`zone`], [`calendar`]), then the answer to the one question
//! ([`verdict`], [`planner`], [`forecast`]).

pub mod delivery;
pub mod diagnostic;
pub mod model;
pub mod time;

pub mod change;
pub mod history;

pub mod forecast;
pub mod planner;
pub(crate) mod verdict;
