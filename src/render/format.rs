//! The two formats of a mail, and the names that templates and their checks share.

/// The output format of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TemplateFormat {
    Html,
    Text,
}

/// The helper that capitalises a text.
pub(super) const CAPITAL: &str = "capital";
