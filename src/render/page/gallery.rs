//! Every page in every state, with sample values: what `journey check` renders, and what the
//! tests look at.

use chrono::NaiveDate;

use super::views::{
    AnswerError, AnswerPage, AnswerState, AnsweredPage, Because, CharacterCard, CharacterPage, ErrorPage,
    FilmLink, FooterLinks, Frame, Given, JourneyList, JourneyPage, MinePage, Next, Notice, OwnAnswer,
    OwnQuestion, OwnValue, Page, Part, PauseEnd, PauseError, PausePage, PrivacyPage, Question, QuestionForm,
    ReadBy, ReadRequest, Reader, RemoveAll, Saved, SavedPage, StepAnswer, StepForm, StepHead, StepLine,
    StepState, Task, WaitsFor, WebPage, WebText,
};
use crate::domain::model::ids::Language;
use crate::domain::model::step::Kind;

/// A page in one state.
#[derive(Clone, Debug)]
pub(crate) struct Sample<'a> {
    /// `answer-mission`.
    pub(crate) name: &'static str,
    pub(crate) frame: Frame<'a>,
    pub(crate) page: Page<'a>,
}

/// All of them in these languages. Texts are Swedish in `sv`, else English.
pub(crate) fn samples<'a>(languages: impl Iterator<Item = &'a Language>) -> Vec<Sample<'a>> {
    languages.flat_map(samples_in).collect()
}

fn samples_in(language: &Language) -> Vec<Sample<'_>> {
    let words = Texts { swedish: language.as_str() == "sv", language };
    let all = [words.answers(), words.after_answers(), words.settings(), words.texts(), words.errors()];
    let sample = |(name, page)| {
        let is_known = !matches!(page, Page::BadLink { .. } | Page::LinkRequested | Page::Error(_));
        Sample { name, frame: frame(language, is_known, name == "answer-mission-test"), page }
    };
    all.into_iter().flatten().map(sample).collect()
}

/// The day on which the samples are looked at.
fn day(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, month, day).unwrap_or_default()
}

fn next_year(month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2027, month, day).unwrap_or_default()
}

fn frame(language: &Language, is_known: bool, is_test: bool) -> Frame<'_> {
    let link = |path| Some(path).filter(|_| is_known);
    Frame {
        language,
        today: day(12, 1),
        reader: is_known.then_some(Reader { first_name: "Marianne", unit_name: "Hemtjänsten Norr" }),
        links: FooterLinks {
            answer: None,
            pause: link("/pause/aebagbaf"),
            character: None,
            journey: link("/journey/aebagbaf"),
            web: link("/web/aebagbaf"),
            privacy: "/privacy/aebagbaf",
            accessibility: "/accessibility",
        },
        css_href: "/static/style.css",
        is_test,
    }
}

const TOKEN: &str = "aaamf2bq3k7wq2xjh5tq4d6yea";

/// Sample texts in one of two languages.
#[derive(Clone, Copy)]
struct Texts<'l> {
    swedish: bool,
    language: &'l Language,
}

type Named<'l> = Vec<(&'static str, Page<'l>)>;

impl<'l> Texts<'l> {
    fn pick(self, swedish: &'static str, english: &'static str) -> &'static str {
        if self.swedish { swedish } else { english }
    }

    fn mission(self) -> StepHead<'l> {
        let title = self.pick("En resa på ett annat sätt", "A trip in another way");
        StepHead { title, language: self.language, kind: Kind::Mission, minutes: 5 }
    }

    fn survey(self) -> StepHead<'l> {
        let title = self.pick("Tre frågor till sist", "Three last questions");
        StepHead { title, language: self.language, kind: Kind::Survey, minutes: 3 }
    }

    fn reflection(self) -> StepHead<'l> {
        let title = self.pick("När var du senast stolt?", "When were you last proud?");
        StepHead { title, language: self.language, kind: Kind::Reflection, minutes: 4 }
    }

    fn task(self) -> Task<'static> {
        Task::Html(self.pick(
            "<p>Gör <strong>en</strong> resa på ett annat sätt än du brukar. Gå, cykla eller åk med en kollega.</p>",
            "<p>Make <strong>one</strong> trip in another way than you usually do. Walk, cycle or ride with a colleague.</p>",
        ))
    }

    fn done(self, given: Given<'static>) -> Question<'static> {
        Question { id: "klart", text: "", form: QuestionForm::Done, given, error: None }
    }

    fn written(self, read_by: ReadBy) -> Question<'static> {
        let text = self.pick("Vad skulle göra det lättare?", "What would make it easier?");
        let form = QuestionForm::Text { max: 2000, read_by };
        Question { id: "hinder", text, form, given: Given::Nothing, error: None }
    }

    fn scale(self) -> Question<'static> {
        Question {
            id: "saga-sitt",
            text: self.pick(
                "Hur lätt är det att säga vad du tycker på ditt jobb?",
                "How easy is it to say what you think at work?",
            ),
            form: QuestionForm::Scale {
                min: 1,
                max: 5,
                labels: Some((self.pick("Mycket svårt", "Very hard"), self.pick("Mycket lätt", "Very easy"))),
            },
            given: Given::Nothing,
            error: None,
        }
    }

    fn choice(self) -> Question<'static> {
        let options = if self.swedish {
            vec!["Att läsa och se film", "Uppdragen", "Frågorna att fundera på", "Att ses i enheten"]
        } else {
            vec![
                "Reading and watching films",
                "The missions",
                "The questions to think about",
                "Meeting in the unit",
            ]
        };
        Question {
            id: "mest",
            text: self.pick("Vad har du haft mest nytta av?", "What has been of most use to you?"),
            form: QuestionForm::Choice { options },
            given: Given::Nothing,
            error: None,
        }
    }

    fn habit(self, read_by: ReadBy) -> Question<'static> {
        Question {
            id: "vana",
            text: self.pick("Vilken vana vill du ta med dig?", "Which habit do you want to take with you?"),
            form: QuestionForm::Text { max: 2000, read_by },
            given: Given::Nothing,
            error: None,
        }
    }

    fn answer(self, step: StepHead<'l>, questions: Vec<Question<'static>>) -> AnswerPage<'l> {
        AnswerPage {
            step,
            task: Task::None,
            questions,
            part: None,
            state: AnswerState::Empty,
            notice: None,
            backup_days: Some(30),
            token: TOKEN,
        }
    }

    fn mission_page(self, given: Given<'static>, state: AnswerState) -> AnswerPage<'l> {
        let questions = vec![self.done(given), self.written(ReadBy::Me)];
        AnswerPage { task: self.task(), state, ..self.answer(self.mission(), questions) }
    }

    fn answers(self) -> Named<'l> {
        let mission = |given, state| Page::Answer(self.mission_page(given, state));
        let sent = Given::Text(
            self.pick("Bussen går för sällan.\nOch det regnar.", "The bus is too rare.\nAnd it rains."),
        );
        let kept = || {
            let mut page = self.mission_page(Given::Number(1), AnswerState::Filled);
            page.questions[1].given = sent;
            page
        };
        let not_saved = AnswerPage { notice: Some(Notice::NotSaved), ..kept() };
        let confirm = AnswerPage { state: AnswerState::Confirm, ..kept() };
        let nothing = AnswerPage {
            notice: Some(Notice::NothingChosen),
            ..self.mission_page(Given::Nothing, AnswerState::Empty)
        };
        let mut wrong = kept();
        wrong.questions[0] = Question { error: Some(AnswerError::NotAnOption), ..self.done(Given::Nothing) };
        wrong.questions[1].error = Some(AnswerError::TooLong(2417));
        let survey = vec![self.scale(), self.choice(), self.habit(ReadBy::Programme)];
        let part = Some(Part { first: 6, last: 8, of: 12 });
        let survey_part = AnswerPage { part, ..self.answer(self.survey(), survey.clone()) };
        let pledge = Question {
            id: "lofte",
            text: self.pick("Vad lovar du att prova?", "What do you promise to try?"),
            form: QuestionForm::Pledge { max: 300, read_by: ReadBy::Unit, shared: false },
            given: Given::Nothing,
            error: None,
        };
        let workshop = StepHead { kind: Kind::Workshop, minutes: 60, ..self.reflection() };
        vec![
            ("answer-mission", mission(Given::Nothing, AnswerState::Empty)),
            ("answer-mission-test", mission(Given::Nothing, AnswerState::Empty)),
            ("answer-filled", mission(Given::Number(1), AnswerState::Filled)),
            ("answer-confirm", Page::Answer(confirm)),
            ("answer-not-saved", Page::Answer(not_saved)),
            ("answer-nothing", Page::Answer(nothing)),
            ("answer-wrong", Page::Answer(wrong)),
            (
                "answer-reflection",
                Page::Answer(self.answer(self.reflection(), vec![self.written(ReadBy::Me)])),
            ),
            ("answer-survey", Page::Answer(self.answer(self.survey(), survey))),
            ("answer-survey-part", Page::Answer(survey_part)),
            ("answer-pledge", Page::Answer(self.answer(workshop, vec![pledge]))),
        ]
    }

    fn after_answers(self) -> Named<'l> {
        let step = self.reflection();
        let answered = AnsweredPage {
            step,
            on: day(3, 3),
            can_read: true,
            can_replace: true,
            can_remove: true,
            token: TOKEN,
        };
        let saved = SavedPage {
            step: self.mission(),
            what: Saved::Done,
            next: Some(Next::Earliest(day(12, 15))),
            undo_until: Some(day(12, 8)),
            more: None,
            token: TOKEN,
        };
        let sentence = self.pick("Det här var resans sista steg.", "This was the last step of the journey.");
        let last = SavedPage { next: Some(Next::Sentence(sentence)), undo_until: None, ..saved };
        let more = SavedPage {
            step: self.survey(),
            what: Saved::Answered,
            more: Some("/answer/aebagbaf?part=9"),
            ..saved
        };
        vec![
            ("answered", Page::Answered(answered)),
            ("confirm-remove", Page::ConfirmRemove(StepForm { step, token: TOKEN })),
            ("removed", Page::Removed { step }),
            ("confirm-read", Page::ConfirmRead { token: TOKEN }),
            ("read-requested", Page::ReadRequested(ReadRequest::Mailed)),
            ("read-already", Page::ReadRequested(ReadRequest::AlreadyMailed)),
            ("read-no-address", Page::ReadRequested(ReadRequest::NoAddress)),
            ("mine", Page::Mine(self.mine())),
            ("mine-none", Page::Mine(MinePage { answers: Vec::new(), can_remove: false, ..self.mine() })),
            ("confirm-remove-all", Page::ConfirmRemoveAll(RemoveAll { answers: 3, sealed: 1, token: TOKEN })),
            ("removed-all", Page::RemovedAll { sealed: 2 }),
            ("saved-done", Page::Saved(saved)),
            ("saved-will-do", Page::Saved(SavedPage { what: Saved::WillDo, ..saved })),
            ("saved-not-for-me", Page::Saved(SavedPage { what: Saved::NotForMe, ..saved })),
            ("saved-last", Page::Saved(SavedPage { what: Saved::Answered, ..last })),
            ("saved-more", Page::Saved(more)),
        ]
    }

    fn mine(self) -> MinePage<'l> {
        let own =
            |step: StepHead<'l>, question, on, answer| OwnAnswer { step: step.title, question, on, answer };
        let note =
            self.pick("Bussen går för sällan.\nOch det regnar.", "The bus is too rare.\nAnd it rains.");
        let answers = vec![
            own(self.mission(), OwnQuestion::Done, day(11, 28), OwnValue::Done(1)),
            own(self.mission(), OwnQuestion::Note, day(11, 28), OwnValue::Text(note)),
            own(
                self.survey(),
                OwnQuestion::Text(self.scale().text),
                day(11, 26),
                OwnValue::Scale { number: 4, of: 5 },
            ),
            own(self.survey(), OwnQuestion::Text(self.choice().text), day(11, 10), OwnValue::Sealed),
            own(self.survey(), OwnQuestion::Gone, day(11, 10), OwnValue::Number(2)),
        ];
        let data = self.pick(
            "OM DIG\n\nNamn: Marianne Berg\nE-postadress: marianne.berg@ekdala.example\nEnhet: Hemtjänsten Norr\n\n\
             RESOR\n\ngrunden\n  2026-11-24 08:30  varfor: mejl\n",
            "ABOUT YOU\n\nName: Marianne Berg\nMail address: marianne.berg@ekdala.example\nUnit: Hemtjänsten Norr\n\n\
             JOURNEYS\n\ngrunden\n  2026-11-24 08:30  varfor: mail\n",
        );
        MinePage { answers, can_remove: true, data, download: "/mine/aebagbaf?download=json", token: TOKEN }
    }

    fn characters(self) -> Vec<CharacterCard<'static>> {
        let card = |id, name, about| CharacterCard { id, name, about, picture: None };
        vec![
            card(
                "natur",
                self.pick("Naturvännen", "The Nature Friend"),
                self.pick(
                    "Du vill att skog, humlor och badvatten ska finnas kvar åt dem som kommer efter oss.",
                    "You want forests, bumblebees and clean lakes to be there for those who come after us.",
                ),
            ),
            card(
                "halsa",
                self.pick("Hälsohjälten", "The Health Hero"),
                self.pick(
                    "Du vill röra på dig, äta gott och må bra. Ofta mår planeten bra av samma saker.",
                    "You want to move, eat well and feel good. The planet often likes the same things.",
                ),
            ),
            card(
                "trygg",
                self.pick("Trygghetsvakten", "The Safety Keeper"),
                self.pick(
                    "Du tänker på hetta, skyfall och storm, och på att alla ska komma hem ordentligt.",
                    "You think about heat, cloudbursts and storms, and about everyone getting home safely.",
                ),
            ),
            card(
                "smart",
                self.pick("Vardagsfixaren", "The Everyday Fixer"),
                self.pick(
                    "Du vill ha mindre krångel och mindre svinn, och mer tid och pengar över.",
                    "You want less hassle and less waste, and more time and money left over.",
                ),
            ),
        ]
    }

    fn settings(self) -> Named<'l> {
        let pause = PausePage {
            pause: None,
            by_mail_program: false,
            first_day: day(12, 2),
            last_day: next_year(12, 1),
            chosen: "",
            until: "",
            error: None,
            notice: None,
            token: TOKEN,
        };
        let paused = PausePage { pause: Some(PauseEnd::On(day(12, 29))), by_mail_program: true, ..pause };
        let wrong = PausePage { chosen: "date", until: "2020-01-01", error: Some(PauseError::Date), ..pause };
        let characters = self.characters();
        let character = characters[1];
        let current = Some(characters[0].name);
        let choose = CharacterPage { characters, current, notice: None, token: TOKEN };
        let nothing = CharacterPage { notice: Some(Notice::NothingChosen), ..choose.clone() };
        vec![
            ("pause", Page::Pause(pause)),
            ("pause-now", Page::Pause(paused)),
            ("pause-open", Page::Pause(PausePage { pause: Some(PauseEnd::Open), ..pause })),
            ("pause-wrong", Page::Pause(wrong)),
            ("confirm-pause", Page::ConfirmPause { token: TOKEN }),
            ("paused", Page::Paused { end: PauseEnd::On(day(12, 29)), token: TOKEN }),
            ("paused-open", Page::Paused { end: PauseEnd::Open, token: TOKEN }),
            ("resumed", Page::Resumed),
            ("character", Page::Character(choose)),
            ("character-nothing", Page::Character(nothing)),
            ("confirm-character", Page::ConfirmCharacter { character, token: TOKEN }),
            ("character-chosen", Page::CharacterChosen { name: character.name }),
        ]
    }

    fn journey(self) -> JourneyPage<'l> {
        let lesson = StepHead {
            title: self.pick("Varför vi gör det här", "Why we do this"),
            language: self.language,
            kind: Kind::Lesson,
            minutes: 3,
        };
        let kickoff = StepHead {
            title: self.pick("Vi drar i gång", "We get going"),
            language: self.language,
            kind: Kind::Kickoff,
            minutes: 60,
        };
        let line = |step, state, answer| StepLine { step, state, answer };
        let answer = Some("/answer/aebagbaf");
        let received = |on, answer| StepState::Received { on, answer };
        let because = Some(Because::Closed(Some(self.pick("jul och nyår", "Christmas and New Year"))));
        let waits = WaitsFor::Answer(self.mission().title);
        let place = Some(self.pick("Stora salen", "The great hall"));
        let at = day(12, 9).and_hms_opt(13, 30, 0).unwrap_or_default();
        let steps = vec![
            line(lesson, received(day(11, 24), StepAnswer::NotAsked), None),
            line(self.reflection(), received(day(11, 26), StepAnswer::Answered), answer),
            line(self.mission(), received(day(12, 1), StepAnswer::None), answer),
            line(kickoff, StepState::Meeting { at, place }, None),
            line(self.survey(), StepState::Comes { earliest: next_year(1, 7), because }, None),
        ];
        let more = vec![
            line(self.mission(), received(day(12, 1), StepAnswer::WillDo), answer),
            line(lesson, StepState::Waits(waits), None),
            line(self.survey(), StepState::Later, None),
        ];
        JourneyPage {
            journeys: vec![
                JourneyList { title: self.pick("Grunden", "The basics"), steps },
                JourneyList { title: self.pick("Miljöresan", "The environment"), steps: more },
            ],
            minutes: 12,
            language: self.language,
            language_saved: false,
            character: Some(self.characters()[0].name),
            pause: None,
            support_link: Some(day(11, 27)),
            token: TOKEN,
        }
    }

    /// A step for each reason why it has not come yet.
    fn reasons(self) -> Vec<JourneyList<'l>> {
        let of = |state| StepLine { step: self.survey(), state, answer: None };
        let comes = [
            Because::Closed(None),
            Because::UnitClosed,
            Because::Holiday,
            Because::Leave,
            Because::Paused,
            Because::Cadence,
            Because::Gap,
            Because::UnitShift,
            Because::Starts,
            Because::OtherJourney,
        ]
        .map(|because| of(StepState::Comes { earliest: next_year(1, 7), because: Some(because) }));
        let waits =
            [WaitsFor::Address, WaitsFor::PauseEnd, WaitsFor::Others].map(|for_| of(StepState::Waits(for_)));
        let title = self.pick("Grunden", "The basics");
        vec![JourneyList { title, steps: comes.into_iter().chain(waits).collect() }]
    }

    fn texts(self) -> Named<'l> {
        let text = WebText {
            before: self
                .pick(
                    "<p>Hej Marianne!</p>\n<p>Resor är något som nästan alla gör i jobbet eller på väg dit.</p>\n\
                     <h2>Första steget</h2>\n<ul>\n<li>Gå igenom ett arbetspass i tankarna.</li>\n\
                     <li>Peka ut den resa som är lättast att ändra.</li>\n</ul>\n\
                     <blockquote>\n<p>Gick det inte? Skriv vad som stod i vägen.</p>\n</blockquote>\n",
                    "<p>Hello Marianne,</p>\n<p>Trips are something nearly everyone makes at work or on the way there.</p>\n\
                     <h2>First step</h2>\n<ul>\n<li>Go through a shift in your mind.</li>\n\
                     <li>Point out the trip that is easiest to change.</li>\n</ul>\n\
                     <blockquote>\n<p>Did it not work? Write what stood in the way.</p>\n</blockquote>\n",
                )
                .to_owned(),
            task: self
                .pick(
                    "<p><strong>Att göra:</strong> Prova en gång och skriv vad som skulle göra det lättare.</p>\n\
                     <p class=\"button\"><a rel=\"noreferrer\" href=\"/answer/aebagbaf\">Jag har provat</a></p>\n",
                    "<p><strong>To do:</strong> Try it once and write what would make it easier.</p>\n\
                     <p class=\"button\"><a rel=\"noreferrer\" href=\"/answer/aebagbaf\">I have tried it</a></p>\n",
                )
                .to_owned(),
            after: String::new(),
        };
        let film = FilmLink {
            url: "https://film.ekdala.example/varfor",
            title: self.pick("Därför", "That is why"),
            length: "2:25",
            transcript: Some("https://film.ekdala.example/varfor.txt"),
        };
        let contact = Some("dataskydd@ekdala.example");
        let journey = self.journey();
        let quiet = JourneyPage {
            journeys: Vec::new(),
            support_link: None,
            pause: Some(PauseEnd::Open),
            ..journey.clone()
        };
        vec![
            ("journey", Page::Journey(journey.clone())),
            ("journey-reasons", Page::Journey(JourneyPage { journeys: self.reasons(), ..journey })),
            ("journey-none", Page::Journey(JourneyPage { language_saved: true, ..quiet })),
            ("web", Page::Web(WebPage { step: self.mission(), text: text.clone(), film: None })),
            (
                "web-film",
                Page::Web(WebPage {
                    step: StepHead { kind: Kind::Film, ..self.mission() },
                    text,
                    film: Some(film),
                }),
            ),
            ("privacy", Page::Privacy(PrivacyPage { contact, backup_days: Some(30) })),
            ("accessibility", Page::Accessibility { contact }),
        ]
    }

    fn errors(self) -> Named<'l> {
        let error = |status, reference| Page::Error(ErrorPage { status, reference, texts: Vec::new() });
        let text =
            self.pick("Bussen går för sällan.\nOch det regnar.", "The bus is too rare.\nAnd it rains.");
        let label = self.pick("Vad skulle göra det lättare?", "What would make it easier?");
        let with_text = ErrorPage { status: 413, reference: None, texts: vec![(label, text)] };
        vec![
            ("bad-link", Page::BadLink { action: "/link", link: "aebagbafaydqq" }),
            ("link-requested", Page::LinkRequested),
            ("error-400", error(400, None)),
            ("error-403", error(403, None)),
            ("error-404", error(404, None)),
            ("error-405", error(405, None)),
            ("error-413", Page::Error(with_text)),
            ("error-414", error(414, None)),
            ("error-415", error(415, None)),
            ("error-421", error(421, None)),
            ("error-422", error(422, None)),
            ("error-429", error(429, None)),
            ("error-500", error(500, Some("R-7K2M"))),
            ("error-503", error(503, Some("R-7K2M"))),
        ]
    }
}
