//! Retention: how long answers are stored, and deleting those whose time is over, once a day.

use chrono::TimeDelta;

use crate::domain::answer::week_of;
use crate::domain::model::library::Programme;
use crate::domain::time::duration::Duration;
use crate::domain::time::timezone::Timestamp;
use crate::store::{ExpiredAnswers, RetentionLimits, Store, StoreError};

/// How long the answers of people who left are stored.
const AFTER_LEAVING: TimeDelta = TimeDelta::days(30);

/// Until when answers are stored, by `retention` of the programme. `None` if that is not a duration: then
/// nothing is deleted.
pub(crate) fn limits(programme: &Programme, now: Timestamp) -> Option<RetentionLimits> {
    let retention = Duration::parse(&programme.privacy.retention).ok()?;
    let (zone, calendar) = (programme.zone, &programme.calendar);
    let oldest = calendar.date_before(zone.date(now), retention, &[]);
    Some(RetentionLimits {
        last_mail: zone.midnight(oldest),
        week: week_of(oldest),
        left: zone.midnight(zone.date(now - AFTER_LEAVING)),
    })
}

/// Deletes what is over, once a day.
pub(crate) fn run_daily(programme: &Programme, store: &mut Store, now: Timestamp) -> Result<(), StoreError> {
    let today = programme.zone.date(now);
    if store.retention_day()? != Some(today) {
        run(programme, store, now)?;
        store.set_retention_day(today)?;
    }
    Ok(())
}

/// Deletes what is over.
pub(crate) fn run(
    programme: &Programme,
    store: &mut Store,
    now: Timestamp,
) -> Result<ExpiredAnswers, StoreError> {
    let Some(limits) = limits(programme, now) else { return Ok(ExpiredAnswers::default()) };
    let deleted = store.delete_expired_answers(&limits)?;
    if deleted != ExpiredAnswers::default() {
        store.truncate_log()?;
    }
    Ok(deleted)
}
