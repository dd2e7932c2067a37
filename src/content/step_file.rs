//! Parses one Markdown file of a step: front matter and body. The base file
//! defines the step; variants and translations contain only text. Inheritance is
//! applied in `variants`.

use std::sync::Arc;

use super::diagnostics::ContentDiagnostics;
use super::document::Document;
use super::front_matter::{self, FrontMatterSplit};
use super::table_reader::TableReader;
use crate::domain::answer::{DEFAULT_TEXT_LENGTH, MAX_TEXT_LENGTH, NOTE, WHOLE_STEP};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::model::ids::Slug;
use crate::domain::model::step::{Film, Kind, Question, QuestionForm, ReadBy};
use crate::text::text_file::TextFile;
use crate::text::toml_reader::Located;

/// The texts of one file; `None` for absent keys.
#[derive(Debug)]
pub(super) struct StepText<'a> {
    pub(super) source: &'a TextFile,
    pub(super) title: Option<String>,
    pub(super) subject: Option<Located<String>>,
    pub(super) preheader: Option<String>,
    pub(super) manager_note: Option<String>,
    pub(super) film: Option<Located<RawFilm>>,
    pub(super) body: Arc<str>,
    pub(super) body_line: u32,
    /// Offset at which errors of the whole file are reported.
    pub(super) offset: usize,
    /// False after a syntax error: an absent key may then only be unreadable.
    pub(super) whole: bool,
}

/// A film whose poster has not been looked up yet.
#[derive(Debug)]
pub(super) struct RawFilm {
    pub(super) film: Film,
    pub(super) poster: Option<Located<String>>,
    /// Alternative text of the poster.
    pub(super) alt: Option<String>,
}

/// The parsed base file of a step.
#[derive(Debug)]
pub(super) struct BaseFile<'a> {
    pub(super) words: StepText<'a>,
    pub(super) kind: Option<Located<Kind>>,
    pub(super) minutes: Option<u32>,
    pub(super) focus: Option<Located<Slug>>,
    /// `None` if one of the questions is invalid.
    pub(super) questions: Option<Vec<Question>>,
}

/// A parsed variant or translation.
#[derive(Debug)]
pub(super) struct VariantFile<'a> {
    pub(super) words: StepText<'a>,
    pub(super) questions: Vec<QuestionTexts>,
}

/// The texts of a question in a variant or translation.
#[derive(Debug)]
pub(super) struct QuestionTexts {
    pub(super) id: Located<Slug>,
    pub(super) text: Option<String>,
    pub(super) labels: Option<Located<Vec<String>>>,
    pub(super) options: Option<Located<Vec<String>>>,
}

const BASE_KEYS: &[&str] =
    &["kind", "title", "subject", "preheader", "minutes", "focus", "manager_note", "film"];
const VERSION_KEYS: &[&str] = &["title", "subject", "preheader", "manager_note", "film"];
const MAX_SUBJECT_LENGTH: usize = 150;
const MAX_SCALE_STEPS: i32 = 11;

/// Parses `<step>.md`.
pub(super) fn read_base<'a>(source: &'a TextFile, faults: &'a ContentDiagnostics) -> Option<BaseFile<'a>> {
    let split_front_matter = split_front_matter(source, faults)?;
    let Some(front) = split_front_matter.front.clone() else {
        let message = "no front matter; it says what kind of step this is";
        faults.add(
            Diagnostic::error("front-matter", source.place(0), message).hint(
                "begin the file with a line `+++`, then `kind = \"lesson\"` and so on, then `+++` again",
            ),
        );
        return None;
    };
    let document = Document::parse(source, front, BASE_KEYS, faults);
    let mut table = TableReader::root(&document);
    table.require(&[("kind", "\"lesson\""), ("subject", "\"…\""), ("minutes", "5")]);
    let kind = table.word("kind", &Kind::ALL.map(|kind| (kind.as_str(), kind)));
    let minutes = table.integer("minutes", 1..481).map(|minutes| minutes.value as u32);
    let focus = table.slug("focus");
    let questions = questions(&mut table);
    let words = words(source, &mut table, &split_front_matter, document.is_whole(), faults);
    film_or_not(&table, kind.as_ref(), &words);
    table.finish();
    Some(BaseFile { words, kind, minutes, focus, questions })
}

/// Parses a variant or translation; `base_file` is named in messages.
pub(super) fn read_version<'a>(
    source: &'a TextFile,
    base_file: &str,
    faults: &'a ContentDiagnostics,
) -> Option<VariantFile<'a>> {
    let split_front_matter = split_front_matter(source, faults)?;
    let document =
        Document::parse(source, split_front_matter.front.clone().unwrap_or(0..0), VERSION_KEYS, faults);
    let mut table = TableReader::root(&document);
    let why = format!("is allowed only in `{base_file}`");
    let hint = "delete it here; a variant or a translation has only text";
    let questions =
        table.tables("question").into_iter().filter_map(|table| question_texts(table, &why)).collect();
    let words = words(source, &mut table, &split_front_matter, document.is_whole(), faults);
    table.refuse(&["kind", "minutes", "focus"], "base-only-key", &why, hint);
    table.finish();
    Some(VariantFile { words, questions })
}

fn split_front_matter(source: &TextFile, faults: &ContentDiagnostics) -> Option<FrontMatterSplit> {
    front_matter::split(source).map_err(|fault| faults.add(fault)).ok()
}

fn words<'a>(
    source: &'a TextFile,
    table: &mut TableReader<'_>,
    split_front_matter: &FrontMatterSplit,
    whole: bool,
    faults: &ContentDiagnostics,
) -> StepText<'a> {
    let body: Arc<str> = source.text[split_front_matter.body.clone()].into();
    if body.trim().is_empty() {
        let fault =
            Diagnostic::error("empty-body", source.place(split_front_matter.body.start), "there is no text");
        faults.add(fault.hint("write the mail below the front matter"));
    }
    StepText {
        source,
        title: title(table),
        subject: subject(table),
        preheader: table.line("preheader").map(|text| text.value),
        manager_note: table.text("manager_note").map(|text| text.value),
        film: film(table),
        body,
        body_line: source.line(split_front_matter.body.start),
        offset: split_front_matter.front.as_ref().map_or(0, |front| front.start),
        whole,
    }
}

fn title(table: &mut TableReader<'_>) -> Option<String> {
    let title = table.line("title")?;
    if title.value.contains("{{") {
        let message = "`title` has a placeholder; it names the step in lists, the same for everybody";
        table.error("placeholder-in-title", title.offset, message, "write the title without `{{…}}`");
    }
    Some(title.value)
}

fn subject(table: &mut TableReader<'_>) -> Option<Located<String>> {
    let subject = table.line("subject")?;
    let length = subject.value.chars().count();
    if length > MAX_SUBJECT_LENGTH {
        let message = format!("`subject` has {length} characters; at most {MAX_SUBJECT_LENGTH} are allowed");
        table.error(
            "subject-too-long",
            subject.offset,
            message,
            "a phone shows about 40: say the thing first",
        );
    }
    Some(subject)
}

fn film(table: &mut TableReader<'_>) -> Option<Located<RawFilm>> {
    let mut film = table.table("film")?;
    let offset = film.offset;
    film.require(&[("url", "\"https://…\""), ("title", "\"…\""), ("length", "\"2:25\"")]);
    let url = https(&mut film, "url");
    let title = film.line("title");
    let length = length(&mut film);
    let poster = poster(&mut film);
    let alt = film.line("alt").map(|alt| alt.value);
    let transcript = https(&mut film, "transcript");
    film.finish();
    let film = Film { url: url?, title: title?.value, length: length?, poster: None, transcript };
    Some(Located { value: RawFilm { film, poster, alt }, offset })
}

fn https(table: &mut TableReader<'_>, key: &'static str) -> Option<String> {
    let url = table.line(key)?;
    let rest = url.value.strip_prefix("https://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || url.value.contains(char::is_whitespace) {
        let message = format!("`{key}` is `{}`; an address that begins with `https://` is needed", url.value);
        table.error("bad-link", url.offset, message, "copy the whole address from the browser");
        return None;
    }
    Some(url.value)
}

/// `m:ss` or `h:mm:ss`.
fn length(table: &mut TableReader<'_>) -> Option<String> {
    let length = table.line("length")?;
    let digits = |text: &str, most: usize| {
        !text.is_empty() && text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let sixtieth = |text: &str| text.len() == 2 && digits(text, 2) && text < "60";
    let sound = match length.value.split(':').collect::<Vec<_>>()[..] {
        [minutes, seconds] => digits(minutes, 3) && sixtieth(seconds),
        [hours, minutes, seconds] => digits(hours, 2) && sixtieth(minutes) && sixtieth(seconds),
        _ => false,
    };
    if !sound {
        let message = format!("`length` is `{}`; minutes and seconds are needed", length.value);
        table.error("bad-length", length.offset, message, "for example `2:25` or `1:02:25`");
    }
    sound.then_some(length.value)
}

/// The file name of a picture in the same folder; a path is rejected.
fn poster(table: &mut TableReader<'_>) -> Option<Located<String>> {
    let poster = table.line("poster")?;
    let name = poster.value.as_str();
    let plain = !name.contains(['/', '\\', ':']) && !name.starts_with('.');
    let picture = [".png", ".jpg", ".jpeg"].iter().any(|ending| name.to_ascii_lowercase().ends_with(ending));
    if plain && picture {
        return Some(poster);
    }
    let message = format!("`poster` is `{name}`; the name of a png or jpg file beside the step is needed");
    table.error("bad-poster", poster.offset, message, "for example `poster = \"film.jpg\"`, without a path");
    None
}

/// Steps of kind `film` need a film; other kinds must not have one.
fn film_or_not(table: &TableReader<'_>, kind: Option<&Located<Kind>>, words: &StepText<'_>) {
    let Some(kind) = kind else { return };
    if kind.value == Kind::Film && !table.has("film") && words.whole {
        let hint = "add `film = { url = \"https://…\", title = \"…\", length = \"2:25\" }`";
        table.error("missing-key", kind.offset, "`film` is missing in a step of kind `film`", hint);
    }
    if kind.value != Kind::Film && table.has("film") {
        let message = format!("`film` belongs to kind `film`; this step is a `{}`", kind.value);
        table.error(
            "film-refused",
            table.offset_of("film"),
            message,
            "write `kind = \"film\"`, or link to the film in the text",
        );
    }
}

fn questions(table: &mut TableReader<'_>) -> Option<Vec<Question>> {
    let mut taken = Vec::new();
    let questions: Vec<_> =
        table.tables("question").into_iter().map(|table| question(table, &mut taken)).collect();
    questions.into_iter().collect()
}

/// The values of `type`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Text,
    Scale,
    Choice,
    Done,
    Pledge,
}

fn question(mut table: TableReader<'_>, taken: &mut Vec<Slug>) -> Option<Question> {
    table.require(&[("id", "\"hinder\""), ("text", "\"…\""), ("type", "\"text\"")]);
    let id = table.slug("id");
    let text = table.text("text");
    let types = [
        ("text", Type::Text),
        ("scale", Type::Scale),
        ("choice", Type::Choice),
        ("done", Type::Done),
        ("pledge", Type::Pledge),
    ];
    let form = table.word("type", &types).map(|kind| kind.value);
    if let Some(id) = &id {
        if taken.contains(&id.value) {
            let message = format!("question `{}` is written twice", id.value);
            table.error("duplicate-id", id.offset, message, "give one of the two another id");
        }
        taken.push(id.value.clone());
        refuse_reserved(&table, id, form);
    }
    let read_by = read_by(&mut table, form);
    let max = match form {
        Some(Type::Text | Type::Pledge) => table.integer("max", 1..i64::from(MAX_TEXT_LENGTH) + 1),
        Some(Type::Scale | Type::Choice | Type::Done) | None => None,
    };
    let max = max.map_or(DEFAULT_TEXT_LENGTH, |max| max.value as u16);
    let form = question_form(&mut table, form);
    if !table.finish() {
        return None;
    }
    Some(Question { id: id?.value, text: text?.value, form: form?, read_by, max })
}

/// Refuses ids under which a step without questions is answered.
fn refuse_reserved(table: &TableReader<'_>, id: &Located<Slug>, form: Option<Type>) {
    let what = match id.value.as_str() {
        NOTE => "the text beside *done*",
        WHOLE_STEP if form.is_some_and(|form| form != Type::Done) => "questions of type `done`",
        _ => return,
    };
    let message = format!("the id `{}` is reserved for {what}", id.value);
    table.error("reserved-id", id.offset, message, "give the question another id");
}

/// Who reads a text; nothing else has a reader.
fn read_by(table: &mut TableReader<'_>, form: Option<Type>) -> ReadBy {
    let word = |read_by: ReadBy| (read_by.as_str(), read_by);
    let read_by = match form {
        Some(Type::Text) => table.word("read_by", &[ReadBy::Me, ReadBy::Programme].map(word)),
        Some(Type::Pledge) => table.word("read_by", &[ReadBy::Me, ReadBy::Programme, ReadBy::Unit].map(word)),
        Some(Type::Scale | Type::Choice | Type::Done) => {
            let why = "belongs to a question of type `text` or `pledge`";
            table.refuse(&["read_by"], "wrong-question-key", why, "change `type`, or delete it");
            None
        }
        None => {
            table.expect(&["read_by"]);
            None
        }
    };
    read_by.map_or(ReadBy::default(), |read_by| read_by.value)
}

fn question_form(table: &mut TableReader<'_>, form: Option<Type>) -> Option<QuestionForm> {
    const SCALE: &[&str] = &["min", "labels"];
    const MAX: &[&str] = &["max"];
    const CHOICE: &[&str] = &["options"];
    let Some(form) = form else {
        // Without a type it is unknown which of these keys are allowed.
        table.expect(SCALE);
        table.expect(MAX);
        table.expect(CHOICE);
        return None;
    };
    let hint = "change `type`, or delete it";
    if form != Type::Scale {
        table.refuse(SCALE, "wrong-question-key", "belongs to a question of type `scale`", hint);
    }
    if matches!(form, Type::Choice | Type::Done) {
        let why = "belongs to a question of type `scale`, `text` or `pledge`";
        table.refuse(MAX, "wrong-question-key", why, hint);
    }
    if form != Type::Choice {
        table.refuse(CHOICE, "wrong-question-key", "belongs to a question of type `choice`", hint);
    }
    match form {
        Type::Text => Some(QuestionForm::Text),
        Type::Done => Some(QuestionForm::Done),
        Type::Pledge => Some(QuestionForm::Pledge),
        Type::Scale => scale(table),
        Type::Choice => choice(table),
    }
}

fn scale(table: &mut TableReader<'_>) -> Option<QuestionForm> {
    table.require(&[("min", "1"), ("max", "5")]);
    let min = table.integer("min", -100..101).map(|min| min.value as i32);
    let max = table.integer("max", -100..101);
    let labels = table.values("labels");
    if let Some(labels) = labels.as_ref().filter(|labels| !matches!(labels.value.len(), 0 | 2)) {
        let message = format!("{} `labels`; a scale has two, for its ends, or none", labels.value.len());
        table.error(
            "bad-question",
            labels.offset,
            message,
            "for example `labels = [\"inte alls\", \"mycket\"]`",
        );
    }
    let (min, max) = (min?, max?);
    let top = max.value as i32;
    if top <= min || top - min >= MAX_SCALE_STEPS {
        let message = format!(
            "a scale from {min} to {top}; `min` must be less than `max`, with at most {MAX_SCALE_STEPS} steps"
        );
        table.error("bad-question", max.offset, message, "for example `min = 1` and `max = 5`");
    }
    Some(QuestionForm::Scale { min, max: top, labels: labels.map(|labels| labels.value).unwrap_or_default() })
}

fn choice(table: &mut TableReader<'_>) -> Option<QuestionForm> {
    table.require(&[("options", "[\"…\", \"…\"]")]);
    let options = table.values("options")?;
    let repeated = options.value.iter().enumerate().find(|(i, option)| options.value[..*i].contains(option));
    if let Some((_, option)) = repeated {
        let message = format!("option `{option}` is written twice");
        table.error("bad-question", options.offset, message, "keep one of the two");
    }
    if options.value.len() == 1 {
        let message = "one option; a choice has at least two";
        table.error("bad-question", options.offset, message, "add another, or write `type = \"done\"`");
    }
    Some(QuestionForm::Choice { options: options.value })
}

fn question_texts(mut table: TableReader<'_>, why: &str) -> Option<QuestionTexts> {
    table.require(&[("id", "\"hinder\"")]);
    let id = table.slug("id");
    let text = table.text("text").map(|text| text.value);
    let labels = table.values("labels");
    let options = table.values("options");
    let hint = "delete it here; only the text is translated";
    table.refuse(&["type", "min", "max", "read_by"], "base-only-key", why, hint);
    table.finish();
    Some(QuestionTexts { id: id?, text, labels, options })
}
