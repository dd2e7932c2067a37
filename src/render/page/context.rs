//! The values that a template sees: a frame and a view as JSON. Every name of a page is always
//! there, so a missing name is a typing error in a template.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::dates::DateNames;
use super::views::{
    AnswerPage, AnswerState, Because, CharacterCard, CharacterPage, ErrorPage, Frame, JourneyPage, MinePage,
    Next, Notice, OwnAnswer, OwnQuestion, OwnValue, Page, PauseEnd, PausePage, ReadRequest, Saved, SavedPage,
    StepAnswer, StepHead, StepLine, StepState, Task, WaitsFor,
};
use crate::domain::model::ids::Language;
use crate::domain::model::library::Privacy;

mod question;

/// What is the same for all pages of a language.
#[derive(Debug)]
pub(super) struct LanguageValues {
    pub(super) programme_title: String,
    pub(super) privacy: Privacy,
    pub(super) dates: DateNames,
    /// Labels of the three answers to *done*, and its question.
    pub(super) done: [String; 4],
    /// The optional text beside *done*.
    pub(super) note: String,
    /// The accessibility statement as HTML.
    pub(super) statement: String,
}

/// What is the same for all pages of a programme.
#[derive(Debug)]
pub(super) struct ProgrammeValues {
    pub(super) organisation: String,
    /// Each with its own name for itself.
    pub(super) languages: Vec<(Language, String)>,
}

/// Makes values for one page.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) own: &'a LanguageValues,
    pub(super) programme: &'a ProgrammeValues,
    pub(super) frame: &'a Frame<'a>,
}

impl Values<'_> {
    /// The values of the frame and of the page, without title and body.
    pub(super) fn of(&self, page: &Page<'_>) -> Value {
        let mut all = self.frame_values(step_of(page), page);
        if let (Some(all), Value::Object(page)) = (all.as_object_mut(), self.page_values(page)) {
            all.extend(page);
        }
        all
    }

    fn frame_values(&self, step: Option<&StepHead<'_>>, page: &Page<'_>) -> Value {
        let frame = self.frame;
        let (number, unit) = self.own.privacy.retention.split_once(' ').unwrap_or_default();
        json!({
            "page": {
                "language": frame.language.as_str(),
                "css": frame.css_href,
                "class": step.map_or("general", |step| step.kind.as_str()),
                "test": frame.is_test,
                "error": is_error(page),
                "title": null,
                "title_lang": step.filter(|_| matches!(page, Page::Answer(_) | Page::Web(_))).and_then(|s| self.lang(s)),
                "body": null,
            },
            "languages": self.languages(frame.language),
            "programme": { "title": self.own.programme_title },
            "organisation": self.programme.organisation,
            "reader": frame.reader.map(|reader| json!({
                "first_name": reader.first_name,
                "unit": reader.unit_name,
            })),
            "link": {
                "answer": frame.links.answer,
                "pause": frame.links.pause,
                "character": frame.links.character,
                "journey": frame.links.journey,
                "web": frame.links.web,
                "privacy": frame.links.privacy,
                "accessibility": frame.links.accessibility,
            },
            "step": step.map(|step| self.step_values(step)),
            "retention": { "number": number, "unit": unit },
            "form": { "token": null },
            "errors": [],
            "notice": null,
        })
    }

    fn languages(&self, chosen: &Language) -> Vec<Value> {
        let languages = self.programme.languages.iter();
        let value = |(language, name): &(Language, String)| {
            let is_current = language == self.frame.language;
            json!({
                "code": language.as_str(), "name": name, "current": is_current, "chosen": language == chosen,
            })
        };
        languages.map(value).collect()
    }

    fn step_values(&self, step: &StepHead<'_>) -> Value {
        json!({ "title": step.title, "lang": self.lang(step), "kind": step.kind.as_str(), "minutes": step.minutes })
    }

    /// The language of a step's text where it is not the language of the page (WCAG 3.1.2).
    fn lang<'s>(&self, step: &StepHead<'s>) -> Option<&'s str> {
        (step.language != self.frame.language).then_some(step.language.as_str())
    }

    fn page_values(&self, page: &Page<'_>) -> Value {
        match page {
            Page::Answer(page) => self.answer(page),
            Page::Answered(page) => json!({
                "answered": { "on": self.date(page.on) },
                "can_read": page.can_read,
                "can_replace": page.can_replace,
                "can_remove": page.can_remove,
                "form": { "token": page.token },
            }),
            Page::ConfirmRemove(page) => json!({ "form": { "token": page.token } }),
            Page::Saved(page) => self.saved(page),
            Page::Pause(page) => self.pause(page),
            Page::ConfirmPause { token } => json!({ "form": { "token": token } }),
            Page::Paused { end, token } => json!({
                "pause": self.pause_end(Some(*end)),
                "form": { "token": token },
            }),
            Page::Character(page) => character_page(page),
            Page::ConfirmCharacter { character, token } => json!({
                "character": card(character),
                "form": { "token": token },
            }),
            Page::CharacterChosen { name } => json!({ "character": { "name": name } }),
            Page::Journey(page) => self.journey(page),
            Page::Web(page) => json!({
                "text": { "before": page.text.before, "task": page.text.task, "after": page.text.after },
                "film": page.film.map(|film| json!({
                    "url": film.url,
                    "title": film.title,
                    "length": film.length,
                    "transcript": film.transcript,
                })),
            }),
            Page::Privacy(page) => {
                let own = &self.own.privacy;
                json!({
                    "privacy": {
                        "purpose": own.purpose,
                        "legal_basis": own.legal_basis,
                        "visible_to": own.visible_to,
                    },
                    "contact": page.contact,
                    "backup_days": page.backup_days,
                })
            }
            Page::Accessibility { contact } => json!({
                "statement": self.own.statement,
                "contact": contact,
            }),
            Page::BadLink { action, link } => json!({ "action": action, "token": link }),
            Page::Error(page) => error(page),
            Page::ConfirmRead { token } => json!({ "form": { "token": token } }),
            Page::ReadRequested(outcome) => json!({
                "outcome": match outcome {
                    ReadRequest::Mailed => "mailed",
                    ReadRequest::AlreadyMailed => "already",
                    ReadRequest::NoAddress => "no_address",
                },
            }),
            Page::Mine(page) => self.mine(page),
            Page::ConfirmRemoveAll(page) => json!({
                "count": page.answers, "sealed": page.sealed, "form": { "token": page.token },
            }),
            Page::RemovedAll { sealed } => json!({ "sealed": sealed }),
            Page::Removed { .. } | Page::Resumed | Page::LinkRequested => json!({}),
        }
    }

    fn answer(&self, page: &AnswerPage<'_>) -> Value {
        let task = match page.task {
            Task::None => String::new(),
            Task::Html(html) => html.to_owned(),
        };
        json!({
            "task": task,
            "questions": page.questions.iter().map(|question| self.question(page, question)).collect::<Vec<_>>(),
            "errors": page.questions.iter().filter_map(|question| self.error_entry(page, question)).collect::<Vec<_>>(),
            "part": page.part.map(|part| json!({ "first": part.first, "last": part.last, "of": part.of })),
            "counted": page.questions.iter().any(|question| question.form.is_counted()),
            "backup_days": page.backup_days,
            "state": match page.state {
                AnswerState::Empty => "empty",
                AnswerState::Filled => "filled",
                AnswerState::Confirm => "confirm",
            },
            "notice": page.notice.map(notice),
            "form": { "token": page.token },
        })
    }

    fn saved(&self, page: &SavedPage<'_>) -> Value {
        json!({
            "what": match page.what {
                Saved::Done => "done",
                Saved::WillDo => "will_do",
                Saved::NotForMe => "not_for_me",
                Saved::Answered => "answered",
            },
            "next": match page.next {
                Some(Next::Earliest(day)) => Some(self.date(day)),
                Some(Next::Sentence(_)) | None => None,
            },
            "sentence": match page.next {
                Some(Next::Sentence(sentence)) => Some(sentence),
                Some(Next::Earliest(_)) | None => None,
            },
            "more": page.more,
            "undo_until": page.undo_until.map(|day| self.date(day)),
            "form": { "token": page.token },
        })
    }

    fn pause(&self, page: &PausePage<'_>) -> Value {
        let mut pause = self.pause_end(page.pause);
        let form = json!({
            "by_mail_program": page.by_mail_program,
            "first_day": self.date(page.first_day),
            "last_day": self.date(page.last_day),
            "min": page.first_day.to_string(),
            "max": page.last_day.to_string(),
            "chosen": page.chosen,
            "until": page.until,
            "error": page.error.is_some(),
        });
        if let (Some(pause), Value::Object(form)) = (pause.as_object_mut(), form) {
            pause.extend(form);
        }
        let errors: Vec<Value> = page
            .error
            .iter()
            .map(|_| json!({ "field": "until", "date": true, "has": null, "max": null, "text": null, "lang": null, "pause": pause }))
            .collect();
        json!({
            "pause": pause,
            "errors": errors,
            "notice": page.notice.map(notice),
            "form": { "token": page.token },
        })
    }

    /// `now` says whether there is a pause, `end` is its last day if it has one.
    fn pause_end(&self, end: Option<PauseEnd>) -> Value {
        let day = match end {
            Some(PauseEnd::On(day)) => Some(self.date(day)),
            Some(PauseEnd::Open) | None => None,
        };
        json!({ "now": end.is_some(), "end": day })
    }

    fn journey(&self, page: &JourneyPage<'_>) -> Value {
        let journeys = page.journeys.iter().map(|journey| {
            let steps: Vec<Value> = journey.steps.iter().map(|line| self.step_line(line)).collect();
            json!({ "title": journey.title, "steps": steps })
        });
        json!({
            "journeys": journeys.collect::<Vec<_>>(),
            "minutes": page.minutes,
            "languages": self.languages(page.language),
            "language_saved": page.language_saved,
            "current": page.character,
            "pause": self.pause_end(page.pause),
            "support_link": page.support_link.map(|day| self.date(day)),
            "form": { "token": page.token },
        })
    }

    fn mine(&self, page: &MinePage<'_>) -> Value {
        let answer = |own: &OwnAnswer<'_>| {
            let [done_legend, words @ ..] = &self.own.done;
            let question = match own.question {
                OwnQuestion::Text(text) => text,
                OwnQuestion::Done => done_legend,
                OwnQuestion::Note => &self.own.note,
                OwnQuestion::Gone => "",
            };
            let text = match own.answer {
                OwnValue::Text(text) => Some(text),
                OwnValue::Done(number) => {
                    usize::try_from(number - 1).ok().and_then(|place| words.get(place)).map(String::as_str)
                }
                OwnValue::Number(_) | OwnValue::Scale { .. } | OwnValue::Sealed => None,
            };
            let (number, of) = match own.answer {
                OwnValue::Number(number) => (Some(number), None),
                OwnValue::Scale { number, of } => (Some(number), Some(of)),
                OwnValue::Text(_) | OwnValue::Done(_) | OwnValue::Sealed => (None, None),
            };
            json!({
                "title": own.step, "question": question, "on": self.date(own.on),
                "text": text, "number": number, "of": of, "sealed": own.answer == OwnValue::Sealed,
            })
        };
        json!({
            "answers": page.answers.iter().map(answer).collect::<Vec<_>>(),
            "can_remove": page.can_remove,
            "data": page.data,
            "download": page.download,
            "form": { "token": page.token },
        })
    }

    fn step_line(&self, line: &StepLine<'_>) -> Value {
        let (state, on) = match line.state {
            StepState::Received { on, .. } => ("received", Some(self.date(on))),
            StepState::Comes { earliest, .. } => ("comes", Some(self.date(earliest))),
            StepState::Meeting { at, .. } => ("meeting", Some(self.date(at.date()))),
            StepState::Waits(_) => ("waits", None),
            StepState::Later => ("later", None),
        };
        let answer = match line.state {
            StepState::Received { answer, .. } => match answer {
                StepAnswer::NotAsked => "",
                StepAnswer::None => "none",
                StepAnswer::WillDo => "will_do",
                StepAnswer::Answered => "answered",
            },
            _ => "",
        };
        let (because, waits) = match line.state {
            StepState::Comes { because, .. } => (because, None),
            StepState::Waits(waits) => (None, Some(waits)),
            StepState::Received { .. } | StepState::Meeting { .. } | StepState::Later => (None, None),
        };
        let (place, time) = match line.state {
            StepState::Meeting { at, place } => (place, Some(at.format("%H:%M").to_string())),
            _ => (None, None),
        };
        // What it is about: the words for a closed period, or the title of a step.
        let about = match (because, waits) {
            (Some(Because::Closed(Some(words))), _) | (_, Some(WaitsFor::Answer(words))) => words,
            _ => "",
        };
        let waits = waits.map(|waits| match waits {
            WaitsFor::Answer(_) => "answer",
            WaitsFor::Address => "address",
            WaitsFor::PauseEnd => "pause",
            WaitsFor::Others => "others",
        });
        json!({
            "step": self.step_values(&line.step),
            "state": state, "on": on, "answer": answer, "because": because.map(Because::name),
            "waits": waits, "about": about, "place": place, "time": time, "link": line.answer,
        })
    }

    fn date(&self, day: NaiveDate) -> String {
        self.own.dates.date(day, self.frame.today)
    }
}

/// The step in a page's heading.
fn step_of<'p>(page: &'p Page<'_>) -> Option<&'p StepHead<'p>> {
    match page {
        Page::Answer(page) => Some(&page.step),
        Page::Answered(page) => Some(&page.step),
        Page::ConfirmRemove(page) => Some(&page.step),
        Page::Saved(page) => Some(&page.step),
        Page::Web(page) => Some(&page.step),
        Page::Removed { step } => Some(step),
        _ => None,
    }
}

/// Whether the title begins with *Error*.
fn is_error(page: &Page<'_>) -> bool {
    match page {
        Page::Answer(page) => page.notice.is_some() || page.questions.iter().any(|q| q.error.is_some()),
        Page::Pause(page) => page.notice.is_some() || page.error.is_some(),
        Page::Character(page) => page.notice.is_some(),
        Page::Error(_) => true,
        _ => false,
    }
}

fn notice(notice: Notice) -> &'static str {
    match notice {
        Notice::NotSaved => "not_saved",
        Notice::NothingChosen => "nothing",
    }
}

fn character_page(page: &CharacterPage<'_>) -> Value {
    json!({
        "characters": page.characters.iter().map(card).collect::<Vec<_>>(),
        "current": page.current,
        "notice": page.notice.map(notice),
        "form": { "token": page.token },
    })
}

fn card(character: &CharacterCard<'_>) -> Value {
    json!({
        "id": character.id, "name": character.name, "about": character.about, "picture": character.picture,
    })
}

fn error(page: &ErrorPage<'_>) -> Value {
    let texts = page.texts.iter().enumerate();
    let value = |(i, (label, text)): (usize, &(&str, &str))| json!({ "field": format!("text-{}", i + 1), "label": label, "text": text });
    json!({
        "status": page.status,
        "reference": page.reference,
        "texts": texts.map(value).collect::<Vec<_>>(),
    })
}
