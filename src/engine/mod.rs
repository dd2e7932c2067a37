//! Use cases: each reads its inputs, asks the planner, and carries out the
//! answer. A command calls one function here; no decision is made in this
//! folder.

pub(crate) mod answers;
pub mod bounce;
pub mod change;
pub(crate) mod decisions;
pub mod deliver;
pub mod doctor;
pub(crate) mod forget;
pub mod import;
pub mod load;
pub mod message;
pub(crate) mod pages;
pub(crate) mod panics;
pub(crate) mod personal_data;
pub mod plan;
pub(crate) mod retention;
pub mod send;
pub mod status;
pub(crate) mod test_mail;
pub(crate) mod todo;
pub mod tokens;
pub mod transport;
