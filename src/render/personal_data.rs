//! The data about one person as plain text, in Swedish for Swedish, else in English. It is for the
//! person, so there are no codes where a sentence says it.

use std::fmt::Write;

use chrono::NaiveDate;

use crate::domain::answer::{NOT_FOR_ME, NOTE, WHOLE_STEP, WILL_DO};
use crate::domain::delivery::state::{MailPurpose, State};
use crate::domain::history::EventKind;
use crate::domain::model::ids::Language;
use crate::domain::model::step::ReadBy;
use crate::domain::personal_data::{AnswerContent, AnswerData, MailData, PersonalData};
use crate::domain::time::timezone::{TimeZone, Timestamp};

/// Everything as text. `language` is one of the programme's.
pub(crate) fn text(
    data: &PersonalData,
    programme_title: &str,
    language: &Language,
    zone: TimeZone,
    made: Timestamp,
) -> String {
    let words = Words { is_swedish: language.as_str().starts_with("sv"), zone };
    let mut out = words.of("Dina uppgifter i ", "Your data in ").to_owned() + programme_title + "\n";
    let mut line = |text: String| out.push_str(&(text.trim_end().to_owned() + "\n"));
    line(format!("{} {}", words.of("Hämtade", "Made on"), words.time(made)));
    for (title, lines) in [
        (words.of("Om dig", "About you"), master(data, &words)),
        (words.of("Resor", "Journeys"), enrolments(data, &words)),
        (words.of("Mejl", "Mails"), data.mails.iter().map(|mail| mail_line(mail, &words)).collect()),
        (
            words.of("Svar", "Answers"),
            data.answers.iter().map(|answer| answer_line(answer, &words)).collect(),
        ),
        (words.of("Pauser", "Pauses"), pauses(data, &words)),
        (words.of("Ändringar som gäller dig", "Changes that concern you"), audit(data, &words)),
    ] {
        line(String::new());
        line(title.to_uppercase());
        line(String::new());
        if lines.is_empty() {
            line(words.of("Inget sparat.", "Nothing is stored.").to_owned());
        }
        lines.into_iter().for_each(&mut line);
    }
    out
}

/// The language of the text, and the time zone of its times.
struct Words {
    is_swedish: bool,
    zone: TimeZone,
}

impl Words {
    fn of<'t>(&self, swedish: &'t str, english: &'t str) -> &'t str {
        if self.is_swedish { swedish } else { english }
    }

    fn time(&self, at: Timestamp) -> String {
        self.zone.civil(at).format("%Y-%m-%d %H:%M").to_string()
    }
}

fn master(data: &PersonalData, words: &Words) -> Vec<String> {
    let person = &data.person;
    let mut lines = Vec::new();
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            lines.push(format!("{name}: {value}"));
        }
    };
    let day = |day: Option<NaiveDate>| day.map_or(String::new(), |day| day.to_string());
    add(words.of("Anställningsnummer", "Employee id"), person.id.as_str());
    add(words.of("Namn", "Name"), &person.full_name());
    add(words.of("E-postadress", "Mail address"), person.email.as_deref().unwrap_or_default());
    add(words.of("Enhet", "Unit"), &data.unit_name);
    add(words.of("Avdelning", "Department"), person.department.as_deref().unwrap_or_default());
    add(words.of("Språk", "Language"), person.language.as_str());
    add(words.of("Väg in", "Character"), data.character.as_ref().map_or("", |slug| slug.as_str()));
    add(words.of("Första dag", "First day"), &day(person.start));
    add(words.of("Sista dag", "Last day"), &day(person.end));
    for leave in &person.leave {
        add(words.of("Ledig", "On leave"), &format!("{}–{}", leave.from, leave.to));
    }
    if person.protected {
        add(words.of("Skyddade uppgifter", "Protected identity"), words.of("ja", "yes"));
    }
    for (name, value) in &person.extra {
        add(name, value);
    }
    add(words.of("Med sedan", "Stored since"), &words.time(data.joined));
    add(words.of("Slutade", "Left"), &data.left.map_or(String::new(), |at| words.time(at)));
    for (at, undone) in &data.stops {
        let undone = undone
            .map_or(String::new(), |at| format!(" ({} {})", words.of("ångrat", "undone"), words.time(at)));
        add(words.of("Inga fler mejl sedan", "No more mails since"), &(words.time(*at) + &undone));
    }
    lines
}

fn enrolments(data: &PersonalData, words: &Words) -> Vec<String> {
    let mut lines = Vec::new();
    for enrolment in &data.enrolments {
        lines.push(enrolment.journey.to_string());
        for event in &enrolment.events {
            let what = match event.what {
                EventKind::Mailed { round: 0, .. } => words.of("mejl", "mail"),
                EventKind::Mailed { .. } => words.of("påminnelse", "reminder"),
                EventKind::Skipped => words.of("hoppades över", "skipped"),
                EventKind::Answered => words.of("besvarat", "answered"),
                EventKind::Withdrawn => words.of("svaret borttaget", "answer removed"),
            };
            lines.push(format!("  {}  {}: {what}", words.time(event.at), event.step));
        }
    }
    lines
}

fn mail_line(mail: &MailData, words: &Words) -> String {
    let subject = match (mail.purpose, &mail.subject) {
        (MailPurpose::OwnData, _) => words.of("länk till dina svar", "link to your data").to_owned(),
        (MailPurpose::Access, _) => words.of("ny länk", "new link").to_owned(),
        (MailPurpose::Step, Some(subject)) => subject.clone(),
        (MailPurpose::Step, None) => mail.step.to_string(),
    };
    let state = match mail.state {
        State::Planned | State::Due | State::Deferred | State::Held => words.of("väntar", "waits"),
        State::InDoubt => words.of("oklart om det kom fram", "not known whether it arrived"),
        State::Sent => words.of("skickat", "sent"),
        State::Rejected => words.of("kom inte fram", "was refused"),
        State::Expired => words.of("blev för sent", "was too late"),
        State::Cancelled => words.of("skickades inte", "was not sent"),
    };
    let mut line = format!("{}  {subject} ({state})", words.time(mail.settled.unwrap_or(mail.booked)));
    if !mail.bounces.is_empty() {
        let _ = write!(line, " {}", mail.bounces.join(" "));
    }
    line
}

fn answer_line(answer: &AnswerData, words: &Words) -> String {
    let asked = match (&answer.asked, answer.question.as_str()) {
        (Some(asked), _) => asked,
        (None, WHOLE_STEP) => words.of("Hur gick det?", "How did it go?"),
        (None, NOTE) => words.of("Vad skulle göra det lättare?", "What would make it easier?"),
        (None, question) => question,
    };
    let said = match &answer.content {
        AnswerContent::Text { text, read_by } => {
            let readers = match read_by {
                ReadBy::Me => words.of("bara du läser den", "only you read it"),
                ReadBy::Programme => {
                    words.of("programmets grupp läser den utan namn", "the team reads it without your name")
                }
                ReadBy::Unit => {
                    words.of("din enhet läser den utan namn", "your unit reads it without your name")
                }
            };
            format!("{} ({readers})", text.replace('\n', "\n    "))
        }
        AnswerContent::Number(number) => number.to_string(),
        AnswerContent::Option { text, .. } => text.clone(),
        AnswerContent::Deed(WILL_DO) => words.of("Jag tänker göra det", "I mean to do it").to_owned(),
        AnswerContent::Deed(NOT_FOR_ME) => words.of("Inte för mig", "Not for me").to_owned(),
        AnswerContent::Deed(_) => words.of("Jag har gjort det", "I have done it").to_owned(),
        AnswerContent::Sealed => words
            .of(
                "svaret räknas utan ditt namn och går inte att koppla till dig",
                "the answer is counted without your name and cannot be traced to you",
            )
            .to_owned(),
    };
    format!("{}  {} – {asked}\n    {said}", words.time(answer.saved), answer.step)
}

fn pauses(data: &PersonalData, words: &Words) -> Vec<String> {
    let mut lines = Vec::new();
    for pause in &data.pauses {
        let end = match (pause.resumed, pause.until) {
            (Some(at), _) => format!("{} {}", words.of("avslutad", "ended"), words.time(at)),
            (None, Some(day)) => format!("{} {day}", words.of("till", "until")),
            (None, None) => words.of("tills vidare", "until further notice").to_owned(),
        };
        lines.push(format!("{}, {end}: {}", words.time(pause.from), pause.reason));
    }
    lines
}

fn audit(data: &PersonalData, words: &Words) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in &data.audit {
        let by = match entry.by_themselves {
            true => words.of("du", "you"),
            false => words.of("en administratör", "an operator"),
        };
        let why = entry.why.as_ref().map_or(String::new(), |why| format!(" ({why})"));
        let before = if entry.before.is_empty() { String::new() } else { format!("{} → ", entry.before) };
        lines.push(format!("{}  {}, {by}: {before}{}{why}", words.time(entry.at), entry.action, entry.after));
    }
    lines
}
