//! The document of `people forget`.

use serde::Serialize;

use crate::store::ForgetCounts;

/// What was deleted, or would be.
#[derive(Debug, Serialize)]
pub(crate) struct ForgetView<'a> {
    person: &'a str,
    dry_run: bool,
    deleted: DeletedView,
    kept: KeptView,
    tombstone: bool,
}

#[derive(Debug, Serialize)]
struct DeletedView {
    queued_mails: usize,
    texts: usize,
    counted_answers: usize,
    slips: usize,
    pauses: usize,
    bounces: usize,
    audit_texts: usize,
}

#[derive(Debug, Serialize)]
struct KeptView {
    enrolments: usize,
    mails: usize,
    events: usize,
    sealed_answers: usize,
}

impl<'a> ForgetView<'a> {
    pub(crate) fn of(person: &'a str, dry_run: bool, counts: &ForgetCounts) -> ForgetView<'a> {
        ForgetView {
            person,
            dry_run,
            deleted: DeletedView {
                queued_mails: counts.queued_mails,
                texts: counts.texts,
                counted_answers: counts.counted_answers,
                slips: counts.slips,
                pauses: counts.pauses,
                bounces: counts.bounces,
                audit_texts: counts.audit_texts,
            },
            kept: KeptView {
                enrolments: counts.kept_enrolments,
                mails: counts.kept_mails,
                events: counts.kept_events,
                sealed_answers: counts.kept_sealed,
            },
            tombstone: !dry_run,
        }
    }
}
