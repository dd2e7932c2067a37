//! What is told of a fault of the program's own: a reference and the place in
//! the program, for whoever mends it, and not what the panic says, which may
//! quote somebody's name (I17, F13). `engine/mishap` has the other half.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::{self, PanicHookInfo};

use crate::engine::mishap::reference;

/// From now on that is what is told.
pub(super) fn set_up() {
    panic::set_hook(Box::new(tell));
}

fn tell(mishap: &PanicHookInfo<'_>) {
    let place = mishap.location().map_or("an unknown place".to_owned(), ToString::to_string);
    let mut err = anstream::stderr().lock();
    // Who has closed it is not helped by another panic.
    let _ = writeln!(err, "internal error, reference {}: panicked at {place}", reference(mishap.payload()));
    // For who asks for it with RUST_BACKTRACE: names of functions, and nobody's.
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        let _ = writeln!(err, "{trace}");
    }
}
