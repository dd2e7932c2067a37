//! The program from outside, and the house around it: one binary, one module
//! a subject.

mod docs;
mod golden;
mod letters;
mod pictures;
mod points;
mod tidy;
mod transcripts;
mod years;
