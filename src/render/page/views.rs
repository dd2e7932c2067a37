//! What a page shows, as plain values: the web server makes one, `render` turns it into
//! HTML. No decisions are made from them but about wording and structure.
//!
//! Fields of the forms, as they come back: `f` is the form token, `do` the button, `confirmed` is
//! `1` on a second page. `q.<question>` is an answer: the place of the option from 1, the
//! number of the scale, or the text; for *done* 1, 2 or 3. `share.<question>` is the tick of a
//! pledge. `part` is the place of the first question of this page.

use chrono::{NaiveDate, NaiveDateTime};

use crate::domain::model::ids::Language;
use crate::domain::model::step::Kind;

/// What every page shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    /// One of the programme's languages.
    pub(crate) language: &'a Language,
    /// The day in the programme's zone: dates of another year are written with the year.
    pub(crate) today: NaiveDate,
    /// Whom the page is for, if the link was good.
    pub(crate) reader: Option<Reader<'a>>,
    pub(crate) links: FooterLinks<'a>,
    /// Address of the style sheet.
    pub(crate) css_href: &'a str,
    /// A demo page: it is marked, and nothing is saved.
    pub(crate) is_test: bool,
}

/// The person whom a page is for; never more than this.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) first_name: &'a str,
    pub(crate) unit_name: &'a str,
}

/// Links at the end of a page; `None` where there is no such page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FooterLinks<'a> {
    pub(crate) answer: Option<&'a str>,
    pub(crate) pause: Option<&'a str>,
    pub(crate) character: Option<&'a str>,
    pub(crate) journey: Option<&'a str>,
    pub(crate) web: Option<&'a str>,
    pub(crate) privacy: &'a str,
    pub(crate) accessibility: &'a str,
}

/// A page.
#[derive(Clone, Debug)]
pub(crate) enum Page<'a> {
    /// The form of a step: `do` is `save` or `change`.
    Answer(AnswerPage<'a>),
    /// The person has answered before: `do` is `change`, `remove` or `read`.
    Answered(AnsweredPage<'a>),
    /// Asks once more before removing: `do` is `keep`, or `remove` with `confirmed`.
    ConfirmRemove(StepForm<'a>),
    /// After saving: `do` is `change` or `remove`.
    Saved(SavedPage<'a>),
    /// After removing.
    Removed {
        step: StepHead<'a>,
    },
    /// Asks once more before a link to everything about the person is mailed, because the mail left a
    /// moment ago: `do` is `keep`, or `read` with `confirmed`.
    ConfirmRead {
        token: &'a str,
    },
    /// The person has asked for a link to everything about them.
    ReadRequested(ReadRequest),
    /// Everything about the person: `do` is `remove`.
    Mine(MinePage<'a>),
    /// Asks once more before all answers are removed: `do` is `keep`, or `remove` with `confirmed`.
    ConfirmRemoveAll(RemoveAll<'a>),
    /// After all answers were removed that can be removed.
    RemovedAll {
        /// Answers that cannot be found any more.
        sealed: usize,
    },
    /// `do` is `save` or `resume`; the fields are `for` (`2`, `4`, `date`, `open`) and `until`.
    Pause(PausePage<'a>),
    /// Asks once more before a pause without end: `do` is `change`, or `save` with
    /// `confirmed` and `for=open`.
    ConfirmPause {
        token: &'a str,
    },
    /// After a pause began: `do` is `resume`.
    Paused {
        end: PauseEnd,
        token: &'a str,
    },
    /// After a pause ended.
    Resumed,
    /// `do` is `save`; the field is `character`.
    Character(CharacterPage<'a>),
    /// Asks once more: `do` is `change`, or `save` with `confirmed` and `character`.
    ConfirmCharacter {
        character: CharacterCard<'a>,
        token: &'a str,
    },
    CharacterChosen {
        name: &'a str,
    },
    /// `do` is `language` with the field `language`, or `read`.
    Journey(JourneyPage<'a>),
    Web(WebPage<'a>),
    Privacy(PrivacyPage<'a>),
    Accessibility {
        /// The address for complaints.
        contact: Option<&'a str>,
    },
    /// The one page for all bad links: POST to `action` with the field `link`.
    BadLink {
        action: &'a str,
        /// The link's token as it came.
        link: &'a str,
    },
    /// The answer to the button of [`Page::BadLink`], always the same.
    LinkRequested,
    Error(ErrorPage<'a>),
}

impl Page<'_> {
    /// Whether it has a form that changes something, with a token.
    pub(super) fn has_form(&self) -> bool {
        match self {
            Page::Answer(_)
            | Page::Answered(_)
            | Page::ConfirmRemove(_)
            | Page::ConfirmRead { .. }
            | Page::ConfirmRemoveAll(_)
            | Page::Pause(_)
            | Page::ConfirmPause { .. }
            | Page::Paused { .. }
            | Page::Character(_)
            | Page::ConfirmCharacter { .. }
            | Page::Journey(_) => true,
            Page::Saved(page) => page.undo_until.is_some(),
            Page::Mine(page) => page.can_remove,
            Page::Removed { .. }
            | Page::ReadRequested(_)
            | Page::RemovedAll { .. }
            | Page::Resumed
            | Page::CharacterChosen { .. }
            | Page::Web(_)
            | Page::Privacy(_)
            | Page::Accessibility { .. }
            | Page::BadLink { .. }
            | Page::LinkRequested
            | Page::Error(_) => false,
        }
    }
}

/// A step, as a heading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepHead<'a> {
    pub(crate) title: &'a str,
    /// The language of the title, the text and the questions, which may lack a translation.
    pub(crate) language: &'a Language,
    pub(crate) kind: Kind,
    /// 0 for none.
    pub(crate) minutes: u32,
}

/// The form of a step.
#[derive(Clone, Debug)]
pub(crate) struct AnswerPage<'a> {
    pub(crate) step: StepHead<'a>,
    pub(crate) task: Task<'a>,
    /// Those of this page; never empty: a step without questions asks [`QuestionForm::Done`].
    pub(crate) questions: Vec<Question<'a>>,
    /// For a survey on several pages.
    pub(crate) part: Option<Part>,
    pub(crate) state: AnswerState,
    /// A sentence before everything else.
    pub(crate) notice: Option<Notice>,
    /// For how many days backups are stored, if it is known.
    pub(crate) backup_days: Option<u32>,
    pub(crate) token: &'a str,
}

/// The task of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task<'a> {
    None,
    /// HTML from the step's own text, as `Renderer::web` makes it.
    Html(&'a str),
}

/// Where a survey on several pages stands; questions count from 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) of: usize,
}

/// What the form is about to do; decides buttons and their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerState {
    /// Nothing is chosen: *save* alone.
    Empty,
    /// The mail's link or an earlier try has filled it in: first *change*, then *save*.
    Filled,
    /// Asks once more, because the mail left a moment ago: first *change*, then *confirm*, which
    /// is `save` with `confirmed`.
    Confirm,
}

/// A sentence at the top of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Not saved yet: the text is in the form, press once more.
    NotSaved,
    /// Saved was pressed with nothing chosen or written.
    NothingChosen,
}

/// A question of the form.
#[derive(Clone, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) id: &'a str,
    /// Empty for [`QuestionForm::Done`] without a text of its own.
    pub(crate) text: &'a str,
    pub(crate) form: QuestionForm<'a>,
    /// What is chosen or written when the page opens.
    pub(crate) given: Given<'a>,
    pub(crate) error: Option<AnswerError>,
}

/// The form of a question.
#[derive(Clone, Debug)]
pub(crate) enum QuestionForm<'a> {
    /// 1 done, 2 will do, 3 not for me.
    Done,
    Text {
        /// In characters.
        max: u32,
        read_by: ReadBy,
    },
    Pledge {
        max: u32,
        read_by: ReadBy,
        /// The tick *show it to my unit*; only with [`ReadBy::Unit`].
        shared: bool,
    },
    Scale {
        min: i32,
        max: i32,
        /// Labels of the two ends.
        labels: Option<(&'a str, &'a str)>,
    },
    Choice {
        /// Their places count from 1.
        options: Vec<&'a str>,
    },
}

impl QuestionForm<'_> {
    /// Who can read the answer, if it is a text.
    pub(super) fn read_by(&self) -> Option<ReadBy> {
        match self {
            QuestionForm::Text { read_by, .. } | QuestionForm::Pledge { read_by, .. } => Some(*read_by),
            QuestionForm::Done | QuestionForm::Scale { .. } | QuestionForm::Choice { .. } => None,
        }
    }
}

impl ReadBy {
    /// The text that says it.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            ReadBy::Me => "who_reads_me",
            ReadBy::Programme => "who_reads_programme",
            ReadBy::Unit => "who_reads_unit",
        }
    }
}

/// Who can read a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadBy {
    Me,
    Programme,
    Unit,
}

/// What is in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given<'a> {
    Nothing,
    /// The place of an option, or the number of a scale.
    Number(i32),
    Text(&'a str),
}

/// Why an answer was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerError {
    /// Its length in characters; the limit is in the question's form.
    TooLong(usize),
    /// Not one of the answers that can be chosen.
    NotAnOption,
}

/// A step that was answered before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnsweredPage<'a> {
    pub(crate) step: StepHead<'a>,
    pub(crate) on: NaiveDate,
    /// Whether a link to read it can be mailed.
    pub(crate) can_read: bool,
    /// Whether another answer can be given.
    pub(crate) can_replace: bool,
    /// Whether the answer can be removed.
    pub(crate) can_remove: bool,
    pub(crate) token: &'a str,
}

/// A step and a form token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepForm<'a> {
    pub(crate) step: StepHead<'a>,
    pub(crate) token: &'a str,
}

/// What became of the wish to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadRequest {
    Mailed,
    /// Within the last hour; only one is mailed in an hour.
    AlreadyMailed,
    /// There is no address that works.
    NoAddress,
}

/// Everything about the person.
#[derive(Clone, Debug)]
pub(crate) struct MinePage<'a> {
    /// In the order of the journeys.
    pub(crate) answers: Vec<OwnAnswer<'a>>,
    /// Whether any of them can be removed.
    pub(crate) can_remove: bool,
    /// Everything that is stored, as plain text.
    pub(crate) data: &'a str,
    /// Address of the file with everything.
    pub(crate) download: &'a str,
    pub(crate) token: &'a str,
}

/// An answer, for the person who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnAnswer<'a> {
    pub(crate) step: &'a str,
    pub(crate) question: OwnQuestion<'a>,
    pub(crate) on: NaiveDate,
    pub(crate) answer: OwnValue<'a>,
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnQuestion<'a> {
    Text(&'a str),
    /// How it went with a step that is answered as a whole.
    Done,
    /// The optional text beside it.
    Note,
    /// It is not in the content any more.
    Gone,
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnValue<'a> {
    /// A text, or the text of an option.
    Text(&'a str),
    Number(i64),
    /// The number of a scale, and what it goes up to.
    Scale {
        number: i64,
        of: i32,
    },
    /// 1 done, 2 will do, 3 not for me.
    Done(i64),
    /// It cannot be found any more.
    Sealed,
}

/// What is about to be removed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RemoveAll<'a> {
    /// Answers that can be removed.
    pub(crate) answers: usize,
    /// Answers that cannot be found any more.
    pub(crate) sealed: usize,
    pub(crate) token: &'a str,
}

/// After an answer was saved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SavedPage<'a> {
    pub(crate) step: StepHead<'a>,
    pub(crate) what: Saved,
    pub(crate) next: Option<Next<'a>>,
    /// The last day on which it can be changed or removed; `None` if that day has passed.
    pub(crate) undo_until: Option<NaiveDate>,
    /// The next part of a survey on several pages.
    pub(crate) more: Option<&'a str>,
    pub(crate) token: &'a str,
}

/// What was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saved {
    Done,
    WillDo,
    NotForMe,
    Answered,
}

/// The next mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    /// The earliest day.
    Earliest(NaiveDate),
    /// A whole sentence in the page's language.
    Sentence(&'a str),
}

/// Choosing a pause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PausePage<'a> {
    /// The pause that is in force.
    pub(crate) pause: Option<PauseEnd>,
    /// The mail program asked for it, not the person on a page.
    pub(crate) by_mail_program: bool,
    /// The allowed dates, both included.
    pub(crate) first_day: NaiveDate,
    pub(crate) last_day: NaiveDate,
    /// What was chosen: `2`, `4`, `date`, `open`; empty for nothing.
    pub(crate) chosen: &'a str,
    /// The date as it was written.
    pub(crate) until: &'a str,
    pub(crate) error: Option<PauseError>,
    pub(crate) notice: Option<Notice>,
    pub(crate) token: &'a str,
}

/// When a pause ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PauseEnd {
    /// The last day of the pause.
    On(NaiveDate),
    /// When the person ends it.
    Open,
}

/// Why a pause was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PauseError {
    /// Not a date, or not between the allowed ones.
    Date,
}

/// Choosing a character.
#[derive(Clone, Debug)]
pub(crate) struct CharacterPage<'a> {
    pub(crate) characters: Vec<CharacterCard<'a>>,
    /// The name of the one in force.
    pub(crate) current: Option<&'a str>,
    pub(crate) notice: Option<Notice>,
    pub(crate) token: &'a str,
}

/// A character.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CharacterCard<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) about: &'a str,
    /// Address of its picture.
    pub(crate) picture: Option<&'a str>,
}

/// What came, what comes, and the person's settings.
#[derive(Clone, Debug)]
pub(crate) struct JourneyPage<'a> {
    pub(crate) journeys: Vec<JourneyList<'a>>,
    /// Minutes asked this month.
    pub(crate) minutes: u32,
    /// The language of the mails.
    pub(crate) language: &'a Language,
    pub(crate) language_saved: bool,
    /// The name of the character.
    pub(crate) character: Option<&'a str>,
    pub(crate) pause: Option<PauseEnd>,
    /// The day on which the help desk fetched a link.
    pub(crate) support_link: Option<NaiveDate>,
    pub(crate) token: &'a str,
}

/// A journey and its steps.
#[derive(Clone, Debug)]
pub(crate) struct JourneyList<'a> {
    pub(crate) title: &'a str,
    pub(crate) steps: Vec<StepLine<'a>>,
}

/// A step of a journey.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepLine<'a> {
    pub(crate) step: StepHead<'a>,
    pub(crate) state: StepState<'a>,
    /// Its answer page, if there is something to do on it.
    pub(crate) answer: Option<&'a str>,
}

/// Where a person stands with a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepState<'a> {
    /// The mail was sent on that day.
    Received { on: NaiveDate, answer: StepAnswer },
    /// Not before that day.
    Comes { earliest: NaiveDate, because: Option<Because<'a>> },
    /// A meeting.
    Meeting { at: NaiveDateTime, place: Option<&'a str> },
    /// It waits for something else than a date.
    Waits(WaitsFor<'a>),
    /// After the others.
    Later,
}

/// Why a step does not come earlier, in the person's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Because<'a> {
    /// Closed for all; the author's text for it, if it is in the language of the page.
    Closed(Option<&'a str>),
    UnitClosed,
    Holiday,
    Leave,
    Paused,
    /// Days with mail are fixed.
    Cadence,
    /// Some time between two mails.
    Gap,
    /// The unit has a plan of its own.
    UnitShift,
    /// The journey has not begun for the person.
    Starts,
    /// Another journey goes first.
    OtherJourney,
}

impl Because<'_> {
    /// Its name in templates.
    pub(super) fn name(self) -> &'static str {
        match self {
            Because::Closed(Some(_)) => "closed",
            Because::Closed(None) => "closed_period",
            Because::UnitClosed => "unit_closed",
            Because::Holiday => "holiday",
            Because::Leave => "leave",
            Because::Paused => "paused",
            Because::Cadence => "cadence",
            Because::Gap => "gap",
            Because::UnitShift => "unit_shift",
            Because::Starts => "starts",
            Because::OtherJourney => "other_journey",
        }
    }
}

/// What a step waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitsFor<'a> {
    /// The answer to the step with this title.
    Answer(&'a str),
    /// An address that works.
    Address,
    /// The end of a pause.
    PauseEnd,
    /// Something that others must do.
    Others,
}

/// The answer to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepAnswer {
    /// The step asks for none.
    NotAsked,
    None,
    WillDo,
    Answered,
}

/// A step as a page.
#[derive(Clone, Debug)]
pub(crate) struct WebPage<'a> {
    pub(crate) step: StepHead<'a>,
    pub(crate) text: WebText,
    pub(crate) film: Option<FilmLink<'a>>,
}

/// The text of a step as HTML of a page, made by `Renderer::web`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WebText {
    /// Before the task, or all of it.
    pub(crate) before: String,
    pub(crate) task: String,
    pub(crate) after: String,
}

/// A film.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilmLink<'a> {
    pub(crate) url: &'a str,
    pub(crate) title: &'a str,
    pub(crate) length: &'a str,
    pub(crate) transcript: Option<&'a str>,
}

/// The privacy text; the programme's own part is in `Pages`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrivacyPage<'a> {
    /// The address of the data protection officer.
    pub(crate) contact: Option<&'a str>,
    pub(crate) backup_days: Option<u32>,
}

/// An error as a page.
#[derive(Clone, Debug)]
pub(crate) struct ErrorPage<'a> {
    /// Chooses the text: 400, 403, 404, 405, 413, 414, 415, 421, 422, 429, 500, 503.
    pub(crate) status: u16,
    /// `R-…`, for the help desk.
    pub(crate) reference: Option<&'a str>,
    /// Texts that were sent, to be shown so that they can be copied: label and text.
    pub(crate) texts: Vec<(&'a str, &'a str)>,
}
