//! What keeps a database from sending until somebody has looked: a copy that
//! may have a twin, a clock that cannot be right, an outage after which much
//! is due (delivery.md, 2.4 and 2.6).

use chrono::TimeDelta;

use crate::domain::time::timezone::Timestamp;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendBlock {
    /// Of which kind.
    pub kind: BlockKind,
    /// Since when.
    pub(crate) at: Timestamp,
    /// What was found.
    pub message: String,
}

/// Kinds of guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockKind {
    /// The database sent from another machine or folder: it may be a copy
    /// whose twin sends too.
    OtherInstallation,
    /// The send journal knows more than the database: it was restored.
    Restored,
    /// The clock cannot be right. The daemon alone heeds it.
    Clock,
    /// The daemon was away for long. It alone heeds it.
    Outage,
}

impl BlockKind {
    /// Every kind.
    pub(crate) const ALL: [BlockKind; 4] =
        [BlockKind::OtherInstallation, BlockKind::Restored, BlockKind::Clock, BlockKind::Outage];

    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            BlockKind::OtherInstallation => "other_installation",
            BlockKind::Restored => "restored",
            BlockKind::Clock => "clock",
            BlockKind::Outage => "outage",
        }
    }

    /// The kind of that word.
    pub(crate) fn parse(text: &str) -> Option<BlockKind> {
        BlockKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Does it bind whoever sends by hand, too (contract, 7)?
    pub(crate) fn binds_everybody(self) -> bool {
        matches!(self, BlockKind::OtherInstallation | BlockKind::Restored)
    }
}

/// What the clocks show at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clocks {
    /// The system's: can be set, and wrong.
    pub(crate) wall: Timestamp,
    /// How long the machine has run, asleep or awake: nobody can set it.
    pub(crate) since_boot: TimeDelta,
}

/// Is the wall clock one to send by? `seen` is the latest time this database
/// was sent by, `anchor` what the clocks showed when they last were right in
/// this process. `Err` says what is wrong (delivery.md, 2.4; F49 to F51).
pub(crate) fn check_clock(
    now: Clocks,
    seen: Option<Timestamp>,
    anchor: Option<Clocks>,
) -> Result<(), String> {
    if let Some(anchor) = anchor {
        let drift = (now.wall - anchor.wall) - (now.since_boot - anchor.since_boot);
        if drift.abs() > MAX_CLOCK_DRIFT {
            return Err(format!(
                "the system clock moved by {}; nothing is sent until it is right again, or somebody says that it is",
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
            "the system clock is {} later than when this database was last used; nothing is sent until somebody says that it is right",
            in_words(gap)
        ));
    }
    Ok(())
}

/// After how long without a daemon what is due is looked at by somebody first.
pub(crate) const OUTAGE: TimeDelta = TimeDelta::days(3);

const MAX_CLOCK_DRIFT: TimeDelta = TimeDelta::minutes(10);
const MAX_CLOCK_BACKWARD: TimeDelta = TimeDelta::minutes(5);
const MAX_CLOCK_AHEAD: TimeDelta = TimeDelta::days(40);

/// `+365 d 0 h`
fn in_words(length: TimeDelta) -> String {
    let sign = if length < TimeDelta::zero() { '-' } else { '+' };
    // To the nearest minute: no two clocks agree to the last part of a second.
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
    fn f43_a_machine_that_slept_has_a_clock_that_is_right() {
        let anchor = Some(clocks("2026-12-01T07:00:00Z", 1));
        assert_eq!(check(clocks("2026-12-01T16:00:00Z", 10), None, anchor), "fine");
    }

    #[test]
    fn f49_a_clock_that_jumps_a_year_ahead_and_back_sends_nothing_meanwhile() {
        let anchor = Some(clocks("2026-12-01T07:00:00Z", 1));
        let jumped = check(clocks("2027-12-01T08:00:00Z", 2), None, anchor);
        assert!(jumped.starts_with("the system clock moved by +365 d 0 h;"), "{jumped}");
        assert_eq!(check(clocks("2026-12-01T09:00:00Z", 3), None, anchor), "fine");
    }

    #[test]
    fn f50_a_clock_that_jumps_two_hours_back_sends_nothing_meanwhile() {
        let anchor = Some(clocks("2026-12-01T09:00:00Z", 3));
        let jumped = check(clocks("2026-12-01T08:00:00.001Z", 4), None, anchor);
        assert!(jumped.starts_with("the system clock moved by -0 d 2 h;"), "{jumped}");
    }

    #[test]
    fn f51_a_machine_that_boots_in_1970_waits_for_the_time() {
        let seen = Some("2026-12-01T07:00:00Z");
        let early = check(clocks("1970-01-01T00:00:10Z", 0), seen, None);
        assert!(early.starts_with("the system clock shows 1970-01-01T00:00Z"), "{early}");
        assert_eq!(check(clocks("2026-12-01T06:56:00Z", 0), seen, None), "fine");
        assert_eq!(check(clocks("2026-12-24T06:56:00Z", 0), seen, None), "fine");
        let late = check(clocks("2027-06-01T07:00:00Z", 0), seen, None);
        assert!(late.contains("+182 d 0 h later"), "{late}");
    }
}
