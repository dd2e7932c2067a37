//! The program from outside, and the house around it: one binary, one module
//! a subject.

mod docs;
mod store;
mod tidy;
mod transcripts;
mod years;
