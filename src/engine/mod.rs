//! Use cases: each reads its inputs, asks the planner, and carries out the
//! answer. A command calls one function here; no decision is made in this
//! folder.

pub mod begin;
pub mod bounce;
pub mod change;
pub mod deliver;
pub mod doctor;
pub mod import;
pub mod journal;
pub mod keys;
pub mod letters;
pub mod lock;
pub mod matrix;
pub mod mishap;
pub mod pass;
pub mod plan;
pub mod positions;
pub mod post;
pub mod send;
pub mod sign_in;
pub mod slices;
pub mod status;
pub mod test_mail;
pub mod why;
pub mod world;
