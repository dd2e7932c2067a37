//! The order of effects: fetch the inputs, ask the planner, carry out the
//! answer. Every command calls one verb of it; none decides anything.

pub mod letters;
pub mod matrix;
pub mod pass;
pub mod plan;
pub mod why;
pub mod world;
