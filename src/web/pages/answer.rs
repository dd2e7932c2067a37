//! The answer page of a step: the form, saving, what was saved, removing.

use axum::http::StatusCode;
use chrono::{NaiveDate, TimeDelta};

use super::{ReaderPage, mine, text};
use crate::domain::answer::{Asked, ValidAnswer};
use crate::domain::model::step::{QuestionForm, ReadBy};
use crate::engine::pages::answer::{self, Given, Invalid, PageQuestion, SaveError, SavedStep};
use crate::engine::pages::journeys;
use crate::render::page::views::{
    self, AnswerError, AnswerPage, AnswerState, AnsweredPage, Notice, Page, Part, Saved, SavedPage, StepForm,
    Task,
};
use crate::store::{Store, StoreError};
use crate::web::forms::FormCheck;
use crate::web::response::PageResponse;

/// More questions than this are asked on several pages.
const MAX_ON_ONE_PAGE: usize = 7;
/// Questions on each of several pages.
const ON_EACH_PAGE: usize = 5;
/// For how long the page offers to undo what is never sealed.
const UNDO: TimeDelta = TimeDelta::days(7);
/// For how long the page says *saved* when it is opened again.
const JUST_SAVED: TimeDelta = TimeDelta::minutes(10);

/// The questions of one page, and what is in its fields.
struct Form<'r> {
    page: &'r ReaderPage<'r>,
    /// All questions of the step.
    all: Vec<PageQuestion<'r>>,
    /// Those of this page.
    part: std::ops::Range<usize>,
    /// What is in the field of each question of this page.
    given: Vec<Option<Given>>,
    errors: Vec<Option<Invalid>>,
}

/// How the form is shown.
#[derive(Clone, Copy)]
struct Shown {
    status: StatusCode,
    state: AnswerState,
    notice: Option<Notice>,
}

impl Shown {
    const EMPTY: Shown = Shown { status: StatusCode::OK, state: AnswerState::Empty, notice: None };
    const FILLED: Shown = Shown { state: AnswerState::Filled, ..Shown::EMPTY };

    /// Not saved yet; the answer is in the form.
    fn not_saved(status: StatusCode) -> Shown {
        Shown { status, notice: Some(Notice::NotSaved), ..Shown::FILLED }
    }
}

pub(super) fn show(page: &ReaderPage<'_>, store: &Store) -> anyhow::Result<PageResponse> {
    let saved = answer::saved(store, page.link)?;
    let Some(mut form) = Form::empty(page, saved.as_ref()) else { return answered(page, saved.as_ref()) };
    let is_preselected = form.preselect();
    match form.next_part(saved.as_ref()) {
        _ if is_preselected => form.show(Shown::FILLED),
        Some(part) => {
            form.set_part(part);
            form.show(Shown::EMPTY)
        }
        None => match saved {
            Some(saved) if page.cx.now - saved.last_saved <= JUST_SAVED => just_saved(page, store, &saved),
            saved => answered(page, saved.as_ref()),
        },
    }
}

pub(super) fn submit(page: &ReaderPage<'_>, store: &mut Store) -> anyhow::Result<PageResponse> {
    let saved = answer::saved(store, page.link)?;
    let Some(mut form) = Form::empty(page, saved.as_ref()) else { return answered(page, saved.as_ref()) };
    form.read();
    match page.check_form() {
        FormCheck::Accepted => {}
        FormCheck::Expired => return form.show(Shown::not_saved(StatusCode::OK)),
        FormCheck::Refused => return form.show(Shown::not_saved(StatusCode::FORBIDDEN)),
    }
    match page.button() {
        "save" => save(form, store),
        "remove" if page.is_confirmed() => {
            answer::remove(store, page.link, page.cx.now)?;
            page.show(StatusCode::OK, &Page::Removed { step: text::head(page) })
        }
        "remove" => {
            let token = page.form_token();
            page.show(
                StatusCode::OK,
                &Page::ConfirmRemove(StepForm { step: text::head(page), token: &token }),
            )
        }
        "read" => mine::request(page, store),
        "keep" => Ok(page.reload()),
        _ => {
            form.set_part(form.part.clone());
            form.show(Shown::EMPTY)
        }
    }
}

fn save(mut form: Form<'_>, store: &mut Store) -> anyhow::Result<PageResponse> {
    let (page, now) = (form.page, form.page.cx.now);
    if form.given.iter().all(Option::is_none) {
        let notice = Some(Notice::NothingChosen);
        return form.show(Shown { status: StatusCode::UNPROCESSABLE_ENTITY, notice, ..Shown::EMPTY });
    }
    let answers = match form.validated() {
        Ok(answers) => answers,
        Err(errors) => {
            form.errors = errors;
            return form.show(Shown { status: StatusCode::UNPROCESSABLE_ENTITY, ..Shown::FILLED });
        }
    };
    if answer::is_soon_after_delivery(page.link, now) && !page.is_confirmed() {
        return form.show(Shown { state: AnswerState::Confirm, ..Shown::EMPTY });
    }
    match answer::save(store, page.link, &answers, now) {
        Ok(_) => Ok(page.reload()),
        // The text is in the form; the person can press once more.
        Err(SaveError::Store(error @ (StoreError::Busy | StoreError::DiskFull))) => {
            let response = form.show(Shown::not_saved(StatusCode::SERVICE_UNAVAILABLE))?;
            Ok(PageResponse { cause: Some(error.to_string()), ..response })
        }
        Err(error) => Err(error.into()),
    }
}

/// What was saved a moment ago, and what comes next.
fn just_saved(page: &ReaderPage<'_>, store: &Store, saved: &SavedStep) -> anyhow::Result<PageResponse> {
    let (link, now) = (page.link, page.cx.now);
    let snapshot = journeys::snapshot_of(&page.cx.app.config, page.cx.content, store, link, now)?;
    let next = snapshot.and_then(|snapshot| journeys::next_mail(&snapshot, link, now));
    let zone = link.library.programme.zone;
    let token = page.form_token();
    let view = SavedPage {
        step: text::head(page),
        what: match saved.done {
            Some(1) => Saved::Done,
            Some(2) => Saved::WillDo,
            Some(3) => Saved::NotForMe,
            Some(_) | None => Saved::Answered,
        },
        next: next.map(|at| views::Next::Earliest(zone.date(at))),
        undo_until: undo_until(page, saved),
        more: None,
        token: &token,
    };
    page.show(StatusCode::OK, &Page::Saved(view))
}

/// The step was answered some time ago. What was written is not shown: others may see the screen.
fn answered(page: &ReaderPage<'_>, saved: Option<&SavedStep>) -> anyhow::Result<PageResponse> {
    let token = page.form_token();
    let on = saved.map_or(page.cx.now, |saved| saved.last_saved);
    let view = AnsweredPage {
        step: text::head(page),
        on: page.link.library.programme.zone.date(on),
        can_read: saved.is_some_and(SavedStep::can_be_removed),
        can_replace: Form::empty(page, saved).is_some(),
        can_remove: saved.is_some_and(SavedStep::can_be_removed),
        token: &token,
    };
    page.show(StatusCode::OK, &Page::Answered(view))
}

/// The last day on which the answer can be changed or removed.
fn undo_until(page: &ReaderPage<'_>, saved: &SavedStep) -> Option<NaiveDate> {
    let zone = page.link.library.programme.zone;
    let last = match saved.seals_at {
        Some(seals_at) => seals_at - TimeDelta::seconds(1),
        None => saved.first_saved + UNDO,
    };
    (saved.can_be_removed() && page.cx.now <= last).then(|| zone.date(last))
}

impl<'r> Form<'r> {
    /// The questions whose answers can be given or changed; `None` if there are none.
    fn empty(page: &'r ReaderPage<'r>, saved: Option<&SavedStep>) -> Option<Form<'r>> {
        let is_open = |question: &PageQuestion<'_>| {
            saved.is_none_or(|saved| saved.sealed.iter().all(|id| id != question.asked.id()))
        };
        let mut all = answer::questions(page.link, page.language());
        all.retain(is_open);
        if all.is_empty() {
            return None;
        }
        let mut form = Form { page, all, part: 0..0, given: Vec::new(), errors: Vec::new() };
        // The place of the first question, from 1.
        let asked = page.cx.request.field("part").and_then(|part| part.parse::<usize>().ok());
        let part = form.parts().into_iter().find(|part| Some(part.start + 1) == asked);
        form.set_part(part.unwrap_or_else(|| form.parts().swap_remove(0)));
        Some(form)
    }

    /// The questions of each page.
    fn parts(&self) -> Vec<std::ops::Range<usize>> {
        let count = self.all.len();
        let on_each = if count <= MAX_ON_ONE_PAGE { count } else { ON_EACH_PAGE };
        (0..count).step_by(on_each).map(|first| first..(first + on_each).min(count)).collect()
    }

    fn set_part(&mut self, part: std::ops::Range<usize>) {
        self.given = vec![None; part.len()];
        self.errors = vec![None; part.len()];
        self.part = part;
    }

    /// The first page of which no question is answered; `None` if there is none.
    fn next_part(&self, saved: Option<&SavedStep>) -> Option<std::ops::Range<usize>> {
        let is_answered = |question: &PageQuestion<'_>| {
            saved.is_some_and(|saved| saved.questions.iter().any(|id| id == question.asked.id()))
        };
        self.parts().into_iter().find(|part| !self.all[part.clone()].iter().any(is_answered))
    }

    fn questions(&self) -> &[PageQuestion<'r>] {
        &self.all[self.part.clone()]
    }

    /// Fills in what the link of a mail says: `?a=<question>:<number>`. Saves nothing.
    fn preselect(&mut self) -> bool {
        let Some((id, number)) = self.page.cx.request.query("a").and_then(|a| a.split_once(':')) else {
            return false;
        };
        let Ok(number) = number.parse() else { return false };
        let step = self.page.link.step;
        let is_meant = |question: &PageQuestion<'_>| {
            question.asked.id() == id && question.validate(step, &Given::Number(number)).is_ok()
        };
        let Some(place) = self.questions().iter().position(is_meant) else { return false };
        self.given[place] = Some(Given::Number(number));
        true
    }

    /// Reads the fields.
    fn read(&mut self) {
        let read = |question: &PageQuestion<'_>| {
            let (request, id) = (&self.page.cx.request, question.asked.id());
            let shared = request.field(&format!("share.{id}")) == Some("1");
            question.read(request.field(&format!("q.{id}"))?, shared)
        };
        self.given = self.questions().iter().map(read).collect();
    }

    /// The answers, or what is wrong with each.
    fn validated(&self) -> Result<Vec<ValidAnswer>, Vec<Option<Invalid>>> {
        let mut answers = Vec::new();
        let mut errors = vec![None; self.part.len()];
        for (place, (question, given)) in self.questions().iter().zip(&self.given).enumerate() {
            let Some(given) = given else { continue };
            match question.validate(self.page.link.step, given) {
                Ok(answer) => answers.push(answer),
                Err(why) => errors[place] = Some(why),
            }
        }
        if errors.iter().any(Option::is_some) { Err(errors) } else { Ok(answers) }
    }

    fn show(&self, shown: Shown) -> anyhow::Result<PageResponse> {
        let questions = self.questions().iter().zip(&self.given).zip(&self.errors);
        let token = self.page.form_token();
        let task = text::of_step(self.page)?.task;
        let page = AnswerPage {
            step: text::head(self.page),
            task: match task.as_str() {
                "" => Task::None,
                task => Task::Html(task),
            },
            questions: questions
                .map(|((question, given), error)| view(question, given.as_ref(), *error))
                .collect(),
            part: (self.part.len() < self.all.len()).then_some(Part {
                first: self.part.start + 1,
                last: self.part.end,
                of: self.all.len(),
            }),
            state: shown.state,
            notice: shown.notice,
            backup_days: None,
            token: &token,
        };
        self.page.show(shown.status, &Page::Answer(page))
    }
}

fn view<'v>(
    question: &'v PageQuestion<'_>,
    given: Option<&'v Given>,
    error: Option<Invalid>,
) -> views::Question<'v> {
    views::Question {
        id: question.asked.id(),
        text: question.words.map_or("", |words| &words.text),
        form: form_of(question, matches!(given, Some(Given::Text { shared: true, .. }))),
        given: match given {
            None => views::Given::Nothing,
            Some(Given::Number(number)) => views::Given::Number(i32::try_from(*number).unwrap_or(i32::MIN)),
            Some(Given::Text { text, .. }) => views::Given::Text(text),
        },
        error: error.map(|error| match error {
            Invalid::TooLong(characters) => AnswerError::TooLong(characters),
            Invalid::NotAllowed => AnswerError::NotAnOption,
        }),
    }
}

fn form_of<'q>(question: &PageQuestion<'q>, shared: bool) -> views::QuestionForm<'q> {
    let max = u32::from(question.max());
    let (read_by, form) = match (question.asked, question.words) {
        (Asked::Step, _) => return views::QuestionForm::Done,
        (Asked::Note, _) | (Asked::Question(_), None) => {
            return views::QuestionForm::Text { max, read_by: views::ReadBy::Me };
        }
        (Asked::Question(question), Some(words)) => (question.read_by, &words.form),
    };
    let read_by = match read_by {
        ReadBy::Me => views::ReadBy::Me,
        ReadBy::Programme => views::ReadBy::Programme,
        ReadBy::Unit => views::ReadBy::Unit,
    };
    match form {
        QuestionForm::Done => views::QuestionForm::Done,
        QuestionForm::Text => views::QuestionForm::Text { max, read_by },
        QuestionForm::Pledge => views::QuestionForm::Pledge { max, read_by, shared },
        QuestionForm::Scale { min, max, labels } => views::QuestionForm::Scale {
            min: *min,
            max: *max,
            labels: labels.first().zip(labels.get(1)).map(|(low, high)| (low.as_str(), high.as_str())),
        },
        QuestionForm::Choice { options } => {
            views::QuestionForm::Choice { options: options.iter().map(String::as_str).collect() }
        }
    }
}
