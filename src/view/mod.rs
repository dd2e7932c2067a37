//! The JSON documents of the program, as serializable structs: the command line
//! and a web page print the same. They are built from values of the engine;
//! the caller only serializes them.
//!
//! Names, order and number formats of the fields are a contract with other
//! programs: `docs/json.md` describes them.

pub(crate) mod answer;
pub(crate) mod change;
pub(crate) mod coverage;
pub(crate) mod decision;
pub(crate) mod diagnostic;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod forget;
pub(crate) mod health;
pub(crate) mod import;
pub(crate) mod limit;
pub(crate) mod outbox;
pub(crate) mod person;
pub(crate) mod personal_data;
pub(crate) mod plan;
pub(crate) mod reason;
pub(crate) mod resolve;
pub(crate) mod retention;
pub(crate) mod send;
pub(crate) mod status;

mod object;
