//! The document of `people export`: everything that is stored about one person.

use serde::Serialize;

use super::person::periods_text;
use crate::domain::history::EventKind;
use crate::domain::model::ids::Slug;
use crate::domain::personal_data::{AnswerContent, PersonalData};
use crate::domain::time::timezone::{TimeZone, Timestamp};

/// Everything about one person. Unlike other documents it names also a protected person: it is for
/// that person.
#[derive(Debug, Serialize)]
pub(crate) struct PersonalDataView<'a> {
    made: String,
    person: MasterView<'a>,
    stops: Vec<StopView>,
    enrolments: Vec<EnrolmentView<'a>>,
    mails: Vec<MailView<'a>>,
    answers: Vec<AnswerView<'a>>,
    pauses: Vec<PauseView<'a>>,
    audit: Vec<AuditView<'a>>,
}

#[derive(Debug, Serialize)]
struct MasterView<'a> {
    id: &'a str,
    address: Option<&'a str>,
    first_name: &'a str,
    last_name: &'a str,
    unit: &'a str,
    department: Option<&'a str>,
    language: &'a str,
    character: Option<&'a str>,
    start_date: Option<String>,
    end_date: Option<String>,
    leave: String,
    protected: bool,
    extra: Vec<ExtraView<'a>>,
    joined: String,
    left: Option<String>,
}

#[derive(Debug, Serialize)]
struct ExtraView<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Debug, Serialize)]
struct StopView {
    at: String,
    undone: Option<String>,
}

#[derive(Debug, Serialize)]
struct EnrolmentView<'a> {
    journey: &'a str,
    entered: Option<String>,
    events: Vec<EventView<'a>>,
}

#[derive(Debug, Serialize)]
struct EventView<'a> {
    at: String,
    step: &'a str,
    what: &'static str,
    round: Option<u16>,
}

#[derive(Debug, Serialize)]
struct MailView<'a> {
    purpose: &'static str,
    journey: &'a str,
    step: &'a str,
    round: u16,
    subject: Option<&'a str>,
    state: &'static str,
    queued: String,
    settled: Option<String>,
    bounces: &'a [String],
}

#[derive(Debug, Serialize)]
struct AnswerView<'a> {
    journey: &'a str,
    step: &'a str,
    question: &'a str,
    asked: Option<&'a str>,
    saved: String,
    seals: Option<String>,
    sealed: bool,
    text: Option<&'a str>,
    read_by: Option<&'static str>,
    value: Option<i64>,
    option: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct PauseView<'a> {
    from: String,
    until: Option<String>,
    resumed: Option<String>,
    reason: &'a str,
}

#[derive(Debug, Serialize)]
struct AuditView<'a> {
    at: String,
    by: &'static str,
    action: &'a str,
    before: &'a str,
    after: &'a str,
    why: Option<&'a str>,
}

impl<'a> PersonalDataView<'a> {
    pub(crate) fn of(data: &'a PersonalData, zone: TimeZone, made: Timestamp) -> PersonalDataView<'a> {
        let time = |at: Timestamp| zone.rfc3339(at);
        let person = &data.person;
        PersonalDataView {
            made: time(made),
            person: MasterView {
                id: person.id.as_str(),
                address: person.email.as_deref(),
                first_name: &person.first_name,
                last_name: &person.last_name,
                unit: &data.unit_name,
                department: person.department.as_deref(),
                language: person.language.as_str(),
                character: data.character.as_ref().map(Slug::as_str),
                start_date: person.start.map(|day| day.to_string()),
                end_date: person.end.map(|day| day.to_string()),
                leave: periods_text(&person.leave),
                protected: person.protected,
                extra: person.extra.iter().map(|(name, value)| ExtraView { name, value }).collect(),
                joined: time(data.joined),
                left: data.left.map(time),
            },
            stops: data
                .stops
                .iter()
                .map(|(at, undone)| StopView { at: time(*at), undone: undone.map(time) })
                .collect(),
            enrolments: data
                .enrolments
                .iter()
                .map(|enrolment| EnrolmentView {
                    journey: enrolment.journey.as_str(),
                    entered: enrolment.entered.map(time),
                    events: enrolment
                        .events
                        .iter()
                        .map(|event| EventView::of(event, time(event.at)))
                        .collect(),
                })
                .collect(),
            mails: data
                .mails
                .iter()
                .map(|mail| MailView {
                    purpose: mail.purpose.as_str(),
                    journey: mail.step.journey.as_str(),
                    step: mail.step.step.as_str(),
                    round: mail.round,
                    subject: mail.subject.as_deref(),
                    state: mail.state.as_str(),
                    queued: time(mail.booked),
                    settled: mail.settled.map(time),
                    bounces: &mail.bounces,
                })
                .collect(),
            answers: data
                .answers
                .iter()
                .map(|answer| {
                    let (text, read_by, value, option) = match &answer.content {
                        AnswerContent::Text { text, read_by } => {
                            (Some(&**text), Some(read_by.as_str()), None, None)
                        }
                        AnswerContent::Number(value) | AnswerContent::Deed(value) => {
                            (None, None, Some(*value), None)
                        }
                        AnswerContent::Option { place, text } => (None, None, Some(*place), Some(&**text)),
                        AnswerContent::Sealed => (None, None, None, None),
                    };
                    AnswerView {
                        journey: answer.step.journey.as_str(),
                        step: answer.step.step.as_str(),
                        question: &answer.question,
                        asked: answer.asked.as_deref(),
                        saved: time(answer.saved),
                        seals: answer.seals.map(time),
                        sealed: answer.content == AnswerContent::Sealed,
                        text,
                        read_by,
                        value,
                        option,
                    }
                })
                .collect(),
            pauses: data
                .pauses
                .iter()
                .map(|pause| PauseView {
                    from: time(pause.from),
                    until: pause.until.map(|day| day.to_string()),
                    resumed: pause.resumed.map(time),
                    reason: &pause.reason,
                })
                .collect(),
            audit: data
                .audit
                .iter()
                .map(|entry| AuditView {
                    at: time(entry.at),
                    by: if entry.by_themselves { "themselves" } else { "an operator" },
                    action: &entry.action,
                    before: &entry.before,
                    after: &entry.after,
                    why: entry.why.as_deref(),
                })
                .collect(),
        }
    }
}

impl<'a> EventView<'a> {
    fn of(event: &'a crate::domain::history::Event, at: String) -> EventView<'a> {
        let (what, round) = match event.what {
            EventKind::Mailed { round, .. } => ("mailed", Some(round)),
            EventKind::Skipped => ("skipped", None),
            EventKind::Answered => ("answered", None),
            EventKind::Withdrawn => ("withdrawn", None),
        };
        EventView { at, step: event.step.as_str(), what, round }
    }
}
