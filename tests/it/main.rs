//! Integration tests: one binary, one module a subject. They run the built
//! program, drive the engine against a real database, and check the repository
//! itself.

mod bounces;
mod chance;
mod deliver;
mod deploy;
mod docs;
mod doctor;
mod edits;
mod golden;
mod holds;
mod kills;
mod letters;
mod lives;
mod midnight;
mod pictures;
mod points;
mod postfix;
mod relay;
mod rig;
mod store;
mod test_mail;
mod tidy;
mod transcripts;
mod years;
