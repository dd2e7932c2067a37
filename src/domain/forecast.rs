//! The planner with time moved on: who gets what when.
