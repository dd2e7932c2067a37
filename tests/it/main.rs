//! The program from outside: one binary, one module a subject.

mod tidy;
mod years;
