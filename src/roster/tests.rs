//! What people files may look like, and what is said of those that may not.
