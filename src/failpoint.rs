//! Points with a name at which a test lets the program die, fail or wait
//! (delivery.md, 2.7). Whoever has effects passes them, and says what an error
//! means there. They are in the program the tests build, and in no other: that
//! is what the feature `failpoints` is for.

use std::io;
use std::time::Duration;

/// Learns from `FAILPOINTS` what happens where.
#[cfg(feature = "failpoints")]
pub(crate) fn set_up() {
    // For as long as the process lives.
    std::mem::forget(fail::FailScenario::setup());
}

/// Passes a point.
///
/// # Errors
///
/// Where a test wants one.
#[cfg(feature = "failpoints")]
pub(crate) fn at(point: &'static str) -> io::Result<()> {
    fail::fail_point!(point, |how: Option<String>| happens(point, how.as_deref().unwrap_or_default()));
    Ok(())
}

/// Passes a point at which there is nothing that could fail for reasons
/// outside; a test may have it panic there.
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
    // The test sees by this that somebody came here.
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

/// A length of time, or fewer milliseconds, where a test cannot wait so long.
#[cfg(feature = "failpoints")]
pub(crate) fn at_most(point: &'static str, usual: Duration) -> Duration {
    fail::fail_point!(point, |milliseconds: Option<String>| {
        let wanted = milliseconds.and_then(|text| text.parse().ok());
        wanted.map_or(usual, |wanted| usual.min(Duration::from_millis(wanted)))
    });
    usual
}

/// By how many seconds a test has moved the clock that can be set, and the one
/// that counts since the machine was started. They stand in a file, so that
/// they move while the program runs.
#[cfg(feature = "failpoints")]
pub(crate) fn clocks_moved() -> (i64, i64) {
    fail::fail_point!("clock.moves", |file: Option<String>| {
        let text = std::fs::read_to_string(file.unwrap_or_default()).unwrap_or_default();
        let mut seconds = text.split_whitespace().map_while(|word| word.parse().ok());
        (seconds.next().unwrap_or(0), seconds.next().unwrap_or(0))
    });
    (0, 0)
}

/// There are none.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn set_up() {}

/// No point.
///
/// # Errors
///
/// None.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn at(_: &'static str) -> io::Result<()> {
    Ok(())
}

/// No point.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn panics(_: &'static str) {}

/// As long as it is.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn at_most(_: &'static str, usual: Duration) -> Duration {
    usual
}

/// They are where they are.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn clocks_moved() -> (i64, i64) {
    (0, 0)
}
