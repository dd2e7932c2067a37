//! Asks the planner: who is due now, what comes next, and why not earlier.

pub(crate) mod coverage;
pub mod explain;
pub mod forecast;
pub mod pass;
pub(crate) mod people_batches;
pub mod positions;
pub(crate) mod upcoming;
