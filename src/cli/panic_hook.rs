//! The panic hook: prints an error reference and the source location instead of
//! the panic message, which may quote personal data. The engine catches such
//! panics and records the same reference with the delivery.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::{self, PanicHookInfo};

use crate::engine::panics::reference;

/// Installs the panic hook.
pub(super) fn install() {
    panic::set_hook(Box::new(report_panic));
}

fn report_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or("an unknown place".to_owned(), ToString::to_string);
    let mut err = anstream::stderr().lock();
    // If standard error is closed, do not panic again.
    let _ = writeln!(err, "internal error, reference {}: panicked at {place}", reference(panic.payload()));
    // Only with RUST_BACKTRACE: it has names of functions and no personal data.
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        let _ = writeln!(err, "{trace}");
    }
}
