//! Named points at which a test can crash, fail or delay the program. Compiled
//! in only with the feature `failpoints`.

use std::io;
use std::time::Duration;

/// Reads the actions from the environment variable `FAILPOINTS`.
#[cfg(feature = "failpoints")]
pub(crate) fn set_up() {
    // For the lifetime of the process.
    std::mem::forget(fail::FailScenario::setup());
}

/// Fails if a test asks for it at this point.
#[cfg(feature = "failpoints")]
pub(crate) fn at(point: &'static str) -> io::Result<()> {
    fail::fail_point!(point, |how: Option<String>| happens(point, how.as_deref().unwrap_or_default()));
    Ok(())
}

/// Panics if a test asks for it at this point. For code without an error to
/// return.
#[cfg(feature = "failpoints")]
pub(crate) fn panics(point: &'static str) {
    fail::fail_point!(point, |words: Option<String>| panic!("{}", words.unwrap_or_default()));
}

#[cfg(feature = "failpoints")]
#[expect(
    clippy::disallowed_methods,
    reason = "to die at once, with nothing put in order, is what is asked for"
)]
fn happens(point: &str, how: &str) -> io::Result<()> {
    use std::io::Write;
    // The test reads from this line that the point was reached.
    let _ = writeln!(io::stderr(), "failpoint {point}: {how}");
    match how.split_once(' ').unwrap_or((how, "50")) {
        ("abort", _) => std::process::abort(),
        ("delay", milliseconds) => {
            std::thread::sleep(Duration::from_millis(milliseconds.parse().unwrap_or_default()));
            Ok(())
        }
        _ => Err(io::Error::other(format!("a test lets it fail at {point}"))),
    }
}

/// A duration, shortened to a number of milliseconds if a test asks for it.
#[cfg(feature = "failpoints")]
pub(crate) fn at_most(point: &'static str, usual: Duration) -> Duration {
    fail::fail_point!(point, |milliseconds: Option<String>| {
        let wanted = milliseconds.and_then(|text| text.parse().ok());
        wanted.map_or(usual, |wanted| usual.min(Duration::from_millis(wanted)))
    });
    usual
}

/// Seconds by which a test has moved the wall clock and the boot clock. Read
/// from a file, so that they can move while the program runs.
#[cfg(feature = "failpoints")]
pub(crate) fn clocks_moved() -> (i64, i64) {
    fail::fail_point!("clock.moves", |file: Option<String>| {
        let text = std::fs::read_to_string(file.unwrap_or_default()).unwrap_or_default();
        let mut seconds = text.split_whitespace().map_while(|word| word.parse().ok());
        (seconds.next().unwrap_or(0), seconds.next().unwrap_or(0))
    });
    (0, 0)
}

#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn set_up() {}

/// No point.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn at(_: &'static str) -> io::Result<()> {
    Ok(())
}

/// No point.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn panics(_: &'static str) {}

#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn at_most(_: &'static str, usual: Duration) -> Duration {
    usual
}

#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn clocks_moved() -> (i64, i64) {
    (0, 0)
}
