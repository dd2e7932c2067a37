//! Integration tests: one binary, one module a subject. They run the built
//! program, drive the engine against a real database, and check the repository
//! itself.

mod answers;
mod bounces;
mod browser;
mod conformance;
mod crash;
mod deliver;
mod deploy;
mod docs;
mod doctor;
mod edits;
mod golden;
mod holds;
mod long_run;
mod midnight;
mod next;
mod pages;
mod people_import;
mod personal_data;
mod pictures;
mod postfix;
mod relay;
mod rig;
mod rng;
mod sample_mails;
mod scenarios;
mod steps;
mod stops;
mod store;
mod test_mail;
mod tidy;
mod transcripts;
mod web;
