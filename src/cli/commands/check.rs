//! `journey check`: lists all errors and warnings in configuration, content and people.

use std::io::{self, Write};

use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::output;
use crate::cli::style::{ERROR, SUCCESS, WARNING};
use crate::domain::diagnostic::{Diagnostic, Severity};
use crate::engine::load::check as engine;
use crate::view::diagnostic::DiagnosticView;

/// Find errors in the configuration, the content and the people file
///
/// Each text is tried in every character and language, with a long name, a
/// short name and a name with an apostrophe. The exit code is 1 if there is an
/// error.
///
/// Example: journey check --strict
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Treat warnings as errors
    #[arg(long)]
    strict: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Format {
    /// To read
    #[default]
    Text,
    /// For programs
    Json,
    /// For annotations of a GitHub pull request
    Github,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let faults = match cx.config() {
        Ok(config) => engine::check(&config, cx.provisional_time()?),
        Err(error) => error.faults,
    };
    match args.format {
        Format::Text => text(cx, &faults)?,
        Format::Json => output::print_json(&mut *cx.out, &DiagnosticView::of_all(&faults))?,
        Format::Github => faults.iter().try_for_each(|fault| github(&mut *cx.out, fault))?,
    }
    let bad = faults.iter().any(|fault| args.strict || fault.is_error());
    if bad { Err(CommandError::new(ErrorKind::Negative, "")) } else { Ok(()) }
}

fn text(cx: &mut Context, faults: &[Diagnostic]) -> io::Result<()> {
    output::print_diagnostics(&mut *cx.out, faults)?;
    let errors = faults.iter().filter(|fault| fault.is_error()).count();
    let warnings = faults.len() - errors;
    let told = |n, one, many| (n > 0).then(|| output::count(n, one, many));
    match (told(errors, "error", "errors"), told(warnings, "warning", "warnings")) {
        (None, None) if cx.quiet => Ok(()),
        (None, None) => {
            writeln!(
                cx.out,
                "{SUCCESS}No errors{SUCCESS:#} in the configuration, the content and the people file"
            )
        }
        (Some(errors), None) => writeln!(cx.out, "{ERROR}{errors}{ERROR:#}"),
        (None, Some(warnings)) => writeln!(cx.out, "{WARNING}{warnings}{WARNING:#}, no errors"),
        (Some(errors), Some(warnings)) => {
            writeln!(cx.out, "{ERROR}{errors}{ERROR:#}, {WARNING}{warnings}{WARNING:#}")
        }
    }
}

/// Writes a GitHub workflow command. Characters that would end it early are
/// percent-encoded.
fn github(out: &mut dyn Write, fault: &Diagnostic) -> io::Result<()> {
    let encoded = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| encoded(text).replace(':', "%3A").replace(',', "%2C");
    let level = match fault.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let hint = fault.hint.as_ref().map_or(String::new(), |hint| format!("\nhint: {hint}"));
    let (file, line, column) =
        (property(&fault.place.file), fault.place.line.max(1), fault.place.column.max(1));
    let message = encoded(&format!("{}{hint}", fault.message));
    writeln!(out, "::{level} file={file},line={line},col={column},title={}::{message}", fault.code)
}
