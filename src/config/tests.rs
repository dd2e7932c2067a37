//! What a configuration may say, and what is said of one that may not.
