//! Retention: how long answers, bounces and audit lines are stored, and deleting what is over, once a day.

use chrono::{Months, TimeDelta};

use crate::domain::answer::week_of;
use crate::domain::model::library::Programme;
use crate::domain::time::duration::Duration;
use crate::domain::time::timezone::Timestamp;
use crate::store::{Expired, RetentionLimits, Store, StoreError};

/// How long the answers of people who left are stored.
const AFTER_LEAVING: TimeDelta = TimeDelta::days(30);

/// How long bounces are stored.
const BOUNCES: TimeDelta = TimeDelta::days(90);
/// How long the audit log is stored.
const AUDIT: Months = Months::new(24);

/// Until when each kind is stored. `retention` of the programme says it of texts; if that is not a duration, no
/// text is deleted.
pub(crate) fn limits(programme: &Programme, now: Timestamp) -> RetentionLimits {
    let (zone, calendar) = (programme.zone, &programme.calendar);
    let today = zone.date(now);
    let retention = Duration::parse(&programme.privacy.retention).ok();
    let oldest = retention.map(|retention| calendar.date_before(today, retention, &[]));
    RetentionLimits {
        last_mail: oldest.map_or(Timestamp::UNIX_EPOCH, |oldest| zone.midnight(oldest)),
        // Before every week.
        week: oldest.map_or(String::new(), week_of),
        left: zone.midnight(zone.date(now - AFTER_LEAVING)),
        bounces: zone.midnight(zone.date(now - BOUNCES)),
        audit: zone.midnight(today.checked_sub_months(AUDIT).unwrap_or(today)),
    }
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
pub(crate) fn run(programme: &Programme, store: &mut Store, now: Timestamp) -> Result<Expired, StoreError> {
    let deleted = store.delete_expired(&limits(programme, now))?;
    if deleted != Expired::default() {
        store.truncate_log()?;
    }
    Ok(deleted)
}
