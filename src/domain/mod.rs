//! The domain model and the planner. Pure: no file, socket, clock, thread, database or serde.
//! Functions return values or lists of [`diagnostic::Diagnostic`].
//!
//! Read in this order: [`model`], [`time`], [`history`], [`answer`], [`change`], [`delivery`], then
//! the decision: [`verdict`], [`planner`], [`forecast`].

pub mod delivery;
pub mod diagnostic;
pub mod model;
pub mod time;

pub mod answer;
pub mod change;
pub mod history;
pub mod personal_data;

pub mod forecast;
pub mod planner;
pub(crate) mod verdict;
