//! The commands, one file each: each parses its arguments, calls the engine and prints.

pub(crate) mod answer;
pub(crate) mod answers;
pub(crate) mod approve;
pub(crate) mod backup;
pub(crate) mod bounce;
pub(crate) mod check;
pub(crate) mod choose;
pub(crate) mod completions;
pub(crate) mod daemon;
pub(crate) mod decisions;
pub(crate) mod doctor;
pub(crate) mod health;
pub(crate) mod hold;
pub(crate) mod man;
pub(crate) mod matrix;
pub(crate) mod pause;
pub(crate) mod people;
pub(crate) mod plan;
pub(crate) mod resolve;
pub(crate) mod restore;
pub(crate) mod resume;
pub(crate) mod send;
pub(crate) mod status;
pub(crate) mod test;
pub(crate) mod unit;
pub(crate) mod why;
