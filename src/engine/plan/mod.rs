//! Asks the planner: who is due now, what comes next, and why not earlier.

pub(crate) mod coverage;
pub mod decide;
pub mod explain;
pub mod forecast;
mod late_joiners;
pub mod pass;
pub(crate) mod people_batches;
pub mod positions;
pub(crate) mod subset;
pub(crate) mod upcoming;
