//! The document of `retention plan`.

use chrono::NaiveDate;
use serde::Serialize;

use crate::store::Expired;

/// What of one kind is over.
#[derive(Debug, Serialize)]
pub(crate) struct ExpiredView {
    class: &'static str,
    count: usize,
    on: String,
}

impl ExpiredView {
    /// One entry for each kind. `on` is the day on which they would be deleted.
    pub(crate) fn list(expired: &Expired, on: NaiveDate) -> Vec<ExpiredView> {
        let classes = [
            ("own_texts", expired.own_texts),
            ("programme_texts", expired.programme_texts),
            ("leavers", expired.leavers),
            ("bounces", expired.bounces),
            ("audit_lines", expired.audit_lines),
        ];
        classes.map(|(class, count)| ExpiredView { class, count, on: on.to_string() }).into()
    }
}
