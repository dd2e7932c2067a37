//! Decides who gets what now, and if not now, when and why not.
