//! What the store promises, tested with a real database.
