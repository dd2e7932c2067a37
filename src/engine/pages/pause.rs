//! A person's own pause: from a page, or from the button of a mail program.

use chrono::{Days, NaiveDate, TimeDelta};

use super::link::Link;
use crate::domain::change::settings::PauseTarget;
use crate::domain::change::{Change, ChangeAuthor};
use crate::domain::time::format::format_date;
use crate::domain::time::timezone::{TimeZone, Timestamp};
use crate::store::{Store, StoreError};

/// The reason of a pause that a person has chosen on a page.
const CHOSEN: &str = "chosen on the page";
/// The reason of a pause that a mail program has asked for (RFC 8058).
const ONE_CLICK: &str = "asked for by the mail program";
/// The furthest last day that can be chosen.
const MAX_DAYS: u64 = 366;

/// The pause of a person that is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnPause {
    /// The last day without mails; `None`: until the person ends it.
    pub(crate) last_day: Option<NaiveDate>,
    pub(crate) is_by_mail_program: bool,
    pub(crate) since: Timestamp,
}

/// The pause of the person that is in force, if any; the one that ends last.
pub(crate) fn current(
    store: &Store,
    link: &Link<'_>,
    now: Timestamp,
) -> Result<Option<OwnPause>, StoreError> {
    let today = zone(link).date(now);
    let pauses = store.open_pauses_of(link.reader.number)?;
    let in_force = pauses.into_iter().filter(|pause| pause.until.is_none_or(|until| today < until));
    let last = in_force.max_by_key(|pause| pause.until.unwrap_or(NaiveDate::MAX));
    Ok(last.map(|pause| OwnPause {
        last_day: pause.until.and_then(|until| until.pred_opt()),
        is_by_mail_program: pause.reason == ONE_CLICK,
        since: pause.from,
    }))
}

/// The first and the last day that can be chosen as the last day of a pause.
pub(crate) fn allowed_days(link: &Link<'_>, now: Timestamp) -> (NaiveDate, NaiveDate) {
    let today = zone(link).date(now);
    (today, today.checked_add_days(Days::new(MAX_DAYS)).unwrap_or(today))
}

/// Begins a pause; one that is in force is replaced. `last_day`: `None` until the person ends it.
pub(crate) fn begin(
    store: &mut Store,
    link: &Link<'_>,
    last_day: Option<NaiveDate>,
    now: Timestamp,
) -> Result<(), StoreError> {
    end(store, link, now)?;
    write(store, link, last_day.and_then(|day| day.succ_opt()), CHOSEN, now)
}

/// Ends the person's own pauses.
pub(crate) fn end(store: &mut Store, link: &Link<'_>, now: Timestamp) -> Result<(), StoreError> {
    let Some(pause) = current(store, link, now)? else { return Ok(()) };
    let change = Change::Resume(PauseTarget::Person(link.reader.person.id.clone()));
    let until = pause.last_day.and_then(|day| day.succ_opt());
    store.record_decision(&change, &Link::author(now), &describe(until), "not paused")
}

/// The pause that a mail program asks for. A second request changes nothing.
pub(crate) fn one_click(
    store: &mut Store,
    link: &Link<'_>,
    length: TimeDelta,
    now: Timestamp,
) -> Result<(), StoreError> {
    if current(store, link, now)?.is_some() {
        return Ok(());
    }
    write(store, link, Some(zone(link).date(now) + length), ONE_CLICK, now)
}

fn write(
    store: &mut Store,
    link: &Link<'_>,
    until: Option<NaiveDate>,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let of = PauseTarget::Person(link.reader.person.id.clone());
    let change = Change::Pause { of, until, reason: reason.into() };
    let author = ChangeAuthor { why: Some(reason.to_owned()), ..Link::author(now) };
    store.record_decision(&change, &author, "not paused", &describe(until))
}

/// For the audit log.
fn describe(until: Option<NaiveDate>) -> String {
    match until {
        Some(until) => format!("paused until {}", format_date(until)),
        None => "paused with no end date".to_owned(),
    }
}

fn zone(link: &Link<'_>) -> TimeZone {
    link.library.programme.zone
}
