//! Tests of answers: what each type of question accepts, and what is stored.

use super::*;
use crate::domain::model::ids::{ContentHash, Language, Slug};
use crate::domain::model::step::{Kind, Pace, Variant, Wait};

fn slug(text: &str) -> Slug {
    Slug::parse(text).expect("a slug")
}

fn question(id: &str, form: QuestionForm) -> Question {
    Question { id: slug(id), text: "?".to_owned(), form, read_by: ReadBy::Programme, max: 5 }
}

fn choice(options: [&str; 2]) -> QuestionForm {
    QuestionForm::Choice { options: options.map(str::to_owned).to_vec() }
}

fn step(questions: Vec<Question>) -> Step {
    let variant = |language: &str, questions: Vec<Question>| Variant {
        character: None,
        language: Language::parse(language).expect("a language"),
        title: String::new(),
        subject: String::new(),
        preheader: None,
        manager_note: None,
        film: None,
        questions,
        body: "".into(),
        file: String::new(),
        body_line: 1,
        subject_line: 1,
    };
    let english = vec![question("hur", choice(["walked", "cycled"]))];
    Step {
        slug: slug("resor"),
        kind: Kind::Survey,
        pace: Pace::NextSlot,
        remind: Vec::new(),
        wait: Wait::No,
        expires_after: None,
        catch_up: false,
        corrects: None,
        minutes: 5,
        focus: None,
        variants: vec![variant("sv", questions.clone()), variant("en", english)],
        questions,
        hash: ContentHash([0; 32]),
    }
}

/// What is stored, or what is allowed instead.
fn stored(step: &Step, id: &str, given: &AnswerValue) -> String {
    let asked = Asked::of(step, id).expect("a question");
    match given.validate(step, asked) {
        Ok(valid) => {
            assert_eq!(valid.question, id);
            let event = if valid.answers_step { "answered" } else { "no event" };
            match valid.content {
                StoredAnswer::Counted(value) => format!("{value}, {event}"),
                StoredAnswer::Written { text, read_by } => {
                    format!("{text:?} for {}, {event}", read_by.as_str())
                }
            }
        }
        Err(allowed) => allowed,
    }
}

#[test]
fn a_step_without_questions_is_answered_as_a_whole() {
    let step = step(Vec::new());
    let stored = |id, given| stored(&step, id, &given);
    assert_eq!(stored("done", AnswerValue::Done), "1, answered");
    assert_eq!(stored("done", AnswerValue::WillDo), "2, no event");
    assert_eq!(stored("done", AnswerValue::NotForMe), "3, answered");
    let text = || AnswerValue::Text("Tid".to_owned());
    assert_eq!(stored("done", text()), "the step asks nothing; it is answered with --done");
    assert_eq!(stored("note", text()), "\"Tid\" for me, no event");
    assert_eq!(stored("note", AnswerValue::Done), "answer it with --text");
    assert!(Asked::of(&step, "hur").is_none());
}

#[test]
fn the_unit_sees_a_pledge_only_with_the_tick() {
    let pledge = |read_by| Question { read_by, ..question("vana", QuestionForm::Pledge) };
    let stored = |read_by, given: AnswerValue| stored(&step(vec![pledge(read_by)]), "vana", &given);
    let (text, shared) = (AnswerValue::Text("Tåg".into()), AnswerValue::SharedText("Tåg".into()));
    assert_eq!(stored(ReadBy::Unit, shared.clone()), "\"Tåg\" for unit, answered");
    assert_eq!(stored(ReadBy::Unit, text), "\"Tåg\" for me, answered");
    for read_by in [ReadBy::Me, ReadBy::Programme] {
        assert_eq!(stored(read_by, shared.clone()), format!("\"Tåg\" for {}, answered", read_by.as_str()));
    }
}

#[test]
fn each_type_of_question_has_its_values() {
    let scale = QuestionForm::Scale { min: -1, max: 3, labels: Vec::new() };
    let questions = vec![
        question("hur", choice(["gick", "cyklade"])),
        question("skala", scale),
        question("klart", QuestionForm::Done),
        question("text", QuestionForm::Text),
    ];
    let step = step(questions);
    let value = |text: &str| AnswerValue::Value(text.to_owned());
    let stored = |id, given| stored(&step, id, &given);
    assert_eq!(stored("hur", value("cyklade")), "2, answered");
    assert_eq!(stored("hur", value("cycled")), "2, answered", "a page in English");
    assert_eq!(stored("hur", AnswerValue::Number(2)), "2, answered");
    let allowed = "it is answered with --value and one of `gick`, `cyklade`";
    for given in
        [value("2"), value("åkte"), AnswerValue::Number(0), AnswerValue::Number(3), AnswerValue::Done]
    {
        assert_eq!(stored("hur", given), allowed);
    }
    assert_eq!(stored("skala", value("2")), "2, answered", "this is not will do");
    assert_eq!(stored("skala", AnswerValue::Number(-1)), "-1, answered");
    for given in [value("4"), value("2.5"), AnswerValue::Number(-2), AnswerValue::Done] {
        let allowed = "it is answered with --value and a whole number from -1 to 3";
        assert_eq!(stored("skala", given), allowed);
    }
    assert_eq!(stored("klart", AnswerValue::WillDo), "2, no event");
    assert_eq!(stored("klart", AnswerValue::Number(1)), "it is answered with --done");
    assert_eq!(stored("text", AnswerValue::Done), "answer it with --text");
    assert!(Asked::of(&step, "note").is_none());
}

#[test]
fn a_text_has_a_maximum_and_no_control_characters() {
    let step = step(vec![question("text", QuestionForm::Text)]);
    let stored = |text: &str| stored(&step, "text", &AnswerValue::Text(text.to_owned()));
    assert_eq!(stored("å\r\n\tb"), "\"å\\n\\tb\" for programme, answered");
    assert_eq!(stored("åäöåä"), "\"åäöåä\" for programme, answered");
    assert_eq!(stored("åäöåäö"), "the text has 6 characters; at most 5 are allowed");
    assert_eq!(stored(" \n"), "the text is empty");
    for text in ["a\rb", "a\u{0}", "a\u{7f}"] {
        assert_eq!(stored(text), "the text has a control character in it");
    }
}

#[test]
fn a_week_has_the_year_that_it_belongs_to() {
    let week = |year, month, day| week_of(NaiveDate::from_ymd_opt(year, month, day).expect("a date"));
    assert_eq!(week(2027, 2, 3), "2027-W05");
    assert_eq!(week(2027, 1, 3), "2026-W53");
}
