//! Conditions that block all sending until an operator confirms: a database that may be a copy,
//! an implausible clock, a long outage.

use chrono::TimeDelta;

use crate::domain::time::timezone::Timestamp;

/// A send block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendBlock {
    pub kind: BlockKind,
    pub(crate) at: Timestamp,
    /// What was found.
    pub message: String,
}

/// Kinds of send blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockKind {
    /// The database was last used on another machine or in another folder: it may be a copy.
    OtherInstallation,
    /// The send journal has newer entries than the database: it was restored.
    Restored,
    /// The clock is implausible. Applies to the daemon only.
    Clock,
    /// The daemon was down for long. Applies to the daemon only.
    Outage,
}

impl BlockKind {
    pub(crate) const ALL: [BlockKind; 4] =
        [BlockKind::OtherInstallation, BlockKind::Restored, BlockKind::Clock, BlockKind::Outage];

    /// The stored word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            BlockKind::OtherInstallation => "other_installation",
            BlockKind::Restored => "restored",
            BlockKind::Clock => "clock",
            BlockKind::Outage => "outage",
        }
    }

    /// Parses the stored word.
    pub(crate) fn parse(text: &str) -> Option<BlockKind> {
        BlockKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clocks {
    /// The system clock, which can be set and be wrong.
    pub(crate) wall: Timestamp,
    /// Time since boot including suspend, which cannot be set.
    pub(crate) since_boot: TimeDelta,
}

/// Checks the system clock. `seen` is the latest time recorded in this database, `anchor` the
/// clocks when they were last plausible in this process. `Err` says what is wrong.
pub(crate) fn check_clock(
    now: Clocks,
    seen: Option<Timestamp>,
    anchor: Option<Clocks>,
) -> Result<(), String> {
    if let Some(anchor) = anchor {
        let drift = (now.wall - anchor.wall) - (now.since_boot - anchor.since_boot);
        if drift.abs() > MAX_CLOCK_DRIFT {
            return Err(format!(
                "the system clock moved by {}; nothing is sent until it is right again, or until `journey hold release`",
                in_words(drift)
            ));
        }
        return Ok(());
    }
    let Some(seen) = seen else { return Ok(()) };
    let gap = now.wall - seen;
    if gap < -MAX_CLOCK_BACKWARD {
        return Err(format!(
            "the system clock shows {}, and mails were sent at {}; nothing is sent until it is later than that",
            now.wall.format("%Y-%m-%dT%H:%MZ"),
            seen.format("%Y-%m-%dT%H:%MZ")
        ));
    }
    if gap > MAX_CLOCK_AHEAD {
        return Err(format!(
            "the system clock is {} later than when this database was last used; nothing is sent until `journey hold release`",
            in_words(gap)
        ));
    }
    Ok(())
}

/// After this long without a daemon, what is due needs confirmation.
pub(crate) const OUTAGE: TimeDelta = TimeDelta::days(3);

const MAX_CLOCK_DRIFT: TimeDelta = TimeDelta::minutes(10);
const MAX_CLOCK_BACKWARD: TimeDelta = TimeDelta::minutes(5);
const MAX_CLOCK_AHEAD: TimeDelta = TimeDelta::days(40);

/// Formats a duration: `+365 d 0 h`.
fn in_words(length: TimeDelta) -> String {
    let sign = if length < TimeDelta::zero() { '-' } else { '+' };
    // Rounded to the minute, because two clocks never agree exactly.
    let length = length.abs() + TimeDelta::seconds(30);
    match length.num_hours() {
        0 => format!("{sign}{} min", length.num_minutes()),
        hours => format!("{sign}{} d {} h", hours / 24, hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(wall: &str, hours_since_boot: i64) -> Clocks {
        Clocks { wall: wall.parse().expect("an instant"), since_boot: TimeDelta::hours(hours_since_boot) }
    }

    fn check(now: Clocks, seen: Option<&str>, anchor: Option<Clocks>) -> String {
        let seen = seen.map(|seen| seen.parse().expect("an instant"));
        check_clock(now, seen, anchor).err().unwrap_or_else(|| "fine".to_owned())
    }

    #[test]
    fn the_clock_after_suspend_is_plausible() {
        let anchor = Some(clocks("2026-12-01T07:00:00Z", 1));
        assert_eq!(check(clocks("2026-12-01T16:00:00Z", 10), None, anchor), "fine");
    }

    #[test]
    fn nothing_is_sent_after_a_jump_of_a_year() {
        let anchor = Some(clocks("2026-12-01T07:00:00Z", 1));
        let jumped = check(clocks("2027-12-01T08:00:00Z", 2), None, anchor);
        assert!(jumped.starts_with("the system clock moved by +365 d 0 h;"), "{jumped}");
        assert_eq!(check(clocks("2026-12-01T09:00:00Z", 3), None, anchor), "fine");
    }

    #[test]
    fn nothing_is_sent_after_a_jump_back_of_two_hours() {
        let anchor = Some(clocks("2026-12-01T09:00:00Z", 3));
        let jumped = check(clocks("2026-12-01T08:00:00.001Z", 4), None, anchor);
        assert!(jumped.starts_with("the system clock moved by -0 d 2 h;"), "{jumped}");
    }

    #[test]
    fn nothing_is_sent_by_a_clock_in_1970() {
        let seen = Some("2026-12-01T07:00:00Z");
        let early = check(clocks("1970-01-01T00:00:10Z", 0), seen, None);
        assert!(early.starts_with("the system clock shows 1970-01-01T00:00Z"), "{early}");
        assert_eq!(check(clocks("2026-12-01T06:56:00Z", 0), seen, None), "fine");
        assert_eq!(check(clocks("2026-12-24T06:56:00Z", 0), seen, None), "fine");
        let late = check(clocks("2027-06-01T07:00:00Z", 0), seen, None);
        assert!(late.contains("+182 d 0 h later"), "{late}");
    }
}
