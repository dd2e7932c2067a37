//! Text styles of the output.

use anstyle::{AnsiColor, Style};

/// For headings.
pub(super) const BOLD: Style = Style::new().bold();
/// For secondary text.
pub(super) const DIM: Style = Style::new().dimmed();
/// For errors and states that need action.
pub(super) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// For warnings.
pub(super) const WARNING: Style = AnsiColor::Yellow.on_default();
/// For success and for mails that are sent.
pub(super) const SUCCESS: Style = AnsiColor::Green.on_default().bold();
