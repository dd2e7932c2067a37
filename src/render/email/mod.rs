//! One email: compiled per step and variant, filled for each recipient, checked before it is used.

pub(crate) mod compiled_email;
pub(crate) mod context;
pub(crate) mod links;
pub(crate) mod lint;
pub(crate) mod names;
pub(crate) mod sample_check;
pub(crate) mod style_lint;
pub(crate) mod subject;
pub(crate) mod values;
