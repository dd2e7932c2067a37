//! Loads what a decision needs: configuration, content, people, history.

pub mod snapshot;
