//! One mail on its way: its states, what a mail server replies, bounces, and what blocks all sending.

pub(crate) mod bounce;
pub(crate) mod concern;
pub mod reply;
pub mod send_block;
pub mod state;
