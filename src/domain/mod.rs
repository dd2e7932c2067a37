//! What is true. Pure: no file, socket, clock, thread, database or serde
//! exists in this folder. Functions here cannot fail for outside reasons;
//! they return values, or lists of [`diagnostic::Diagnostic`].
//!
//! Read in this order: the nouns ([`library`], [`journey`], [`step`],
//! [`person`], [`memory`], [`settings`], [`change`], [`delivery`], [`handover`], [`guard`], [`bounce`]), time ([`duration`], [`cadence`],
//! [`zone`], [`calendar`]), then the answer to the one question
//! ([`verdict`], [`planner`], [`forecast`]).

pub mod address;
pub mod diagnostic;
pub mod ids;
pub mod import;

pub mod change;
pub mod delivery;
pub mod email;
pub mod guard;
pub mod handover;
pub mod journey;
pub mod library;
pub mod memory;
pub mod person;
pub mod picture;
pub mod response;
pub mod settings;
pub mod step;

pub mod bounce;
pub mod cadence;
pub mod calendar;
pub mod duration;
pub mod holidays;
pub mod zone;

pub mod forecast;
pub mod planner;
pub mod position;
pub mod progress;
pub mod verdict;
