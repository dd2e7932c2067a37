//! Builds a step from its Markdown files: the base file defines it, and each
//! variant or translation inherits what it omits, so that every [`Variant`] is
//! complete.

use super::hash;
use super::hints::{did_you_mean, listed};
use super::journey::RawStep;
use super::picture;
use crate::content::file_tree::MAX_PICTURE_BYTES;
use crate::content::resolve_context::ResolveContext;
use crate::content::step_file::{self, BaseFile, QuestionTexts, RawFilm, StepText, VariantFile};
use crate::domain::diagnostic::closest_match;
use crate::domain::model::ids::{Language, Slug};
use crate::domain::model::step::{Film, Poster, Question, QuestionForm, Step, Variant};
use crate::text::text_file::TextFile;
use crate::text::toml_reader::Located;

/// The parts of a step's file name:
/// `<step>[@<character>][.<language>].md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StepFile<'a> {
    /// Relative to the content folder.
    pub(super) path: &'a str,
    pub(super) step: &'a str,
    pub(super) character: Option<&'a str>,
    pub(super) language: Option<&'a str>,
}

impl<'a> StepFile<'a> {
    /// Parses a path; `None` if it does not have this form.
    pub(super) fn parse(path: &'a str) -> Option<StepFile<'a>> {
        let stem = path.rsplit('/').next()?.strip_suffix(".md")?;
        let (name, language) = match stem.split_once('.') {
            Some((name, language)) => (name, Some(language)),
            None => (stem, None),
        };
        let (step, character) = match name.split_once('@') {
            Some((step, character)) => (step, Some(character)),
            None => (name, None),
        };
        let part = |text: &str| !text.is_empty() && !text.contains(['@', '.']);
        let sound = part(step) && character.is_none_or(part) && language.is_none_or(part);
        sound.then_some(StepFile { path, step, character, language })
    }

    fn is_base(&self) -> bool {
        self.character.is_none() && self.language.is_none()
    }
}

/// A parsed variant file with its character and language resolved.
struct Named<'a> {
    character: Option<Slug>,
    language: Language,
    file: StepFile<'a>,
    version: Option<VariantFile<'a>>,
}

/// Builds the step; `None` if a required part is missing.
pub(super) fn step(
    content: &ResolveContext<'_>,
    folder: &str,
    step: &RawStep,
    first_name: &Slug,
    files: &[StepFile<'_>],
) -> Option<Step> {
    let mut builder = VariantBuilder { content, folder, step, knows_questions: false };
    let base = builder.base(files);
    builder.knows_questions = base.as_ref().is_some_and(|base| base.questions.is_some());
    let versions = builder.versions(files);
    let plain = base.as_ref().and_then(|base| builder.plain(base));
    let variants = builder.variants(plain, &versions);
    let texts = files.iter().filter_map(|file| {
        let source = content.snapshot.texts.get(file.path)?;
        let name = file.path.rsplit('/').next()?;
        let name = name
            .strip_prefix(step.id.value.as_str())
            .map_or(name.to_owned(), |rest| format!("{first_name}{rest}"));
        Some((name, &*source.text))
    });
    let base = base?;
    Some(Step {
        slug: step.id.value.clone(),
        kind: base.kind?.value,
        pace: step.pace.value.clone(),
        remind: step.remind.clone(),
        wait: step.wait.clone(),
        expires_after: step.expires_after,
        catch_up: step.catch_up,
        corrects: step.corrects.as_ref().map(|corrected| corrected.value.clone()),
        minutes: base.minutes?,
        focus: base.focus.map(|focus| focus.value),
        questions: base.questions?,
        variants: variants?,
        hash: hash::of_step(texts),
    })
}

/// Reports the errors of a file that belongs to no known step.
pub(super) fn check_orphan(content: &ResolveContext<'_>, file: &StepFile<'_>) {
    let Some(source) = content.snapshot.texts.get(file.path) else { return };
    if file.is_base() {
        step_file::read_base(source, content.faults);
    } else {
        step_file::read_version(source, &format!("{}.md", file.step), content.faults);
    }
}

/// Input for building one step.
struct VariantBuilder<'a> {
    content: &'a ResolveContext<'a>,
    folder: &'a str,
    step: &'a RawStep,
    /// The base file's questions are valid.
    knows_questions: bool,
}

impl<'a> VariantBuilder<'a> {
    fn base(&self, files: &[StepFile<'_>]) -> Option<BaseFile<'a>> {
        let file = files.iter().find(|file| file.is_base())?;
        let source = self.content.snapshot.texts.get(file.path)?;
        let base = step_file::read_base(source, self.content.faults)?;
        if let Some(focus) = &base.focus {
            self.content.check_focus(source, focus);
        }
        // Checked here as well, so that errors are reported even if the programme has errors.
        self.film(&base.words);
        Some(base)
    }

    /// Parses each variant and translation with a valid file name, in the order in
    /// which the step lists its variants.
    fn versions<'f>(&self, files: &[StepFile<'f>]) -> Vec<Named<'f>>
    where
        'a: 'f,
    {
        let base_file = format!("{}.md", self.step.id.value);
        let mut versions = Vec::new();
        for file in files.iter().filter(|file| !file.is_base()) {
            let language = self.language(file);
            let character = self.character(file);
            let Some(source) = self.content.snapshot.texts.get(file.path) else { continue };
            let version = step_file::read_version(source, &base_file, self.content.faults);
            if let Some(version) = &version {
                // Checked here as well, so that errors are reported even if the file name is invalid.
                self.film(&version.words);
            }
            if let (Some(language), Some(character)) = (language, character) {
                versions.push(Named { character, language, file: *file, version });
            }
        }
        versions.sort_by_key(|named| self.rank(named.character.as_ref(), &named.language));
        versions
    }

    /// Sort key: the programme's order of languages, then of characters.
    fn rank(&self, character: Option<&Slug>, language: &Language) -> (usize, usize) {
        let known = self.content.known;
        let place = known.languages.iter().flatten().position(|known| known == language);
        let characters = || known.characters.iter().flatten();
        let character =
            character.map(|own| 1 + characters().position(|known| known == own).unwrap_or_default());
        (place.unwrap_or_default(), character.unwrap_or_default())
    }

    /// The language in the file name; without one the programme's first.
    fn language(&self, file: &StepFile<'_>) -> Option<Language> {
        let languages = self.content.known.languages.as_deref()?;
        let Some(code) = file.language else { return languages.first().cloned() };
        let language = languages.iter().find(|language| language.as_str() == code);
        let (message, hint) = match language {
            Some(first) if *first == languages[0] => (
                format!("`{first}` is the first language; its text is in `{}.md`", self.step.id.value),
                format!("leave `.{first}` out of the name, or delete the file"),
            ),
            Some(language) => return Some(language.clone()),
            None => {
                let codes: Vec<&str> = languages.iter().map(Language::as_str).collect();
                let lower = code.to_ascii_lowercase();
                let hint = did_you_mean(&lower, &codes).unwrap_or_else(|| {
                    "rename the file, or name the language in `programme.toml`".to_owned()
                });
                (format!("`{code}` is not a language of the programme; known: {}", listed(&codes)), hint)
            }
        };
        self.content.file_error(file.path, "unknown-language", message, hint);
        None
    }

    /// The character in the file name; `Some(None)` for the variant without character.
    fn character(&self, file: &StepFile<'_>) -> Option<Option<Slug>> {
        let Some(name) = file.character else { return Some(None) };
        let known = self.content.known.characters.as_deref()?;
        if let Some(character) = known.iter().find(|character| character.as_str() == name) {
            return Some(Some(character.clone()));
        }
        let ids: Vec<&str> = known.iter().map(Slug::as_str).collect();
        let message = format!("there is no character `{name}`; known: {}", listed(&ids));
        let hint = did_you_mean(name, &ids).unwrap_or_else(|| {
            "rename the file, or define it with `[[character]]` in `programme.toml`".to_owned()
        });
        self.content.file_error(file.path, "unknown-character", message, hint);
        None
    }

    /// The variant without character in the first language.
    fn plain(&self, base: &BaseFile<'_>) -> Option<Variant> {
        let language = self.content.known.languages.as_ref()?.first()?.clone();
        let words = &base.words;
        // Without a subject there will be no library, but the rest is still checked.
        let (subject, offset) = words.subject.as_ref().map_or(("", 0), |at| (&at.value, at.offset));
        Some(Variant {
            character: None,
            language,
            title: words.title.clone().unwrap_or_else(|| self.title(subject)),
            subject: subject.to_owned(),
            preheader: words.preheader.clone(),
            manager_note: words.manager_note.clone(),
            film: self.film(words),
            questions: base.questions.clone().unwrap_or_default(),
            body: words.body.clone(),
            file: words.source.file.clone(),
            body_line: words.body_line,
            subject_line: words.source.line(offset),
        })
    }

    /// The default title: the subject if it has no placeholder, else derived from
    /// the slug.
    fn title(&self, subject: &str) -> String {
        if !subject.contains("{{") {
            return subject.to_owned();
        }
        let words = self.step.id.value.as_str().replace('-', " ");
        let mut letters = words.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    }

    /// All variants, the base variant first. Variants whose parent is missing are
    /// skipped.
    fn variants(&self, plain: Option<Variant>, versions: &[Named<'_>]) -> Option<Vec<Variant>> {
        let mut variants: Vec<Variant> = plain.into_iter().collect();
        for named in versions {
            let find = |language: &Language| {
                variants.iter().find(|v| v.character.is_none() && v.language == *language)
            };
            let first = variants.first();
            let translation = first.is_some_and(|first| first.language != named.language);
            if named.character.is_some() && translation && find(&named.language).is_none() {
                self.without_translation(named, versions);
            }
            let Some(version) = &named.version else { continue };
            let made = match (&named.character, first) {
                (_, None) => None,
                (Some(_), _) => find(&named.language).map(|parent| self.inherit(named, version, parent)),
                (None, Some(plain)) => Some(self.translated(named, version, plain)),
            };
            variants.extend(made);
        }
        (!variants.is_empty()).then_some(variants)
    }

    fn without_translation(&self, named: &Named<'_>, versions: &[Named<'_>]) {
        let is_there = |other: &Named<'_>| other.character.is_none() && other.language == named.language;
        let name = format!("{}.{}.md", self.step.id.value, named.language);
        // No second error if the translation exists but is invalid.
        if versions.iter().any(is_there) || self.content.snapshot.has_text(&format!("{}/{name}", self.folder))
        {
            return;
        }
        let message = format!("there is no `{name}` for it to build on");
        let hint = "write the translation for everybody first".to_owned();
        self.content.file_error(named.file.path, "variant-without-translation", message, hint);
    }

    /// Builds a translation. It has all texts itself; only the film is inherited from
    /// the first language.
    fn translated(&self, named: &Named<'_>, version: &VariantFile<'_>, plain: &Variant) -> Variant {
        let words = &version.words;
        if words.subject.is_none() && words.whole {
            let message = "`subject` is missing; a translation has its own".to_owned();
            let hint = "write `subject = \"…\"` between two lines `+++` at the top".to_owned();
            self.content.error(words.source, "missing-key", words.offset, message, hint);
        }
        if plain.film.is_some() && words.film.is_none() && words.whole {
            let message = "the film is not translated; its title is shown in the first language".to_owned();
            let hint = "add `film = { url = \"https://…\", title = \"…\", length = \"2:25\" }`".to_owned();
            self.content.warning(words.source, "untranslated", words.offset, message, hint);
        }
        let subject = words.subject.as_ref().map_or("", |subject| &subject.value);
        let parent =
            Variant { title: self.title(subject), preheader: None, manager_note: None, ..plain.clone() };
        self.inherit(named, version, &parent)
    }

    /// Builds a variant; omitted values are inherited from its parent.
    fn inherit(&self, named: &Named<'_>, version: &VariantFile<'_>, parent: &Variant) -> Variant {
        let words = &version.words;
        if let Some(film) = words.film.as_ref().filter(|_| parent.film.is_none()) {
            let message =
                format!("`film` belongs to a step of kind `film`; `{}` is none", self.step.id.value);
            let hint = "delete it, or change `kind` and add the film in the step's first file".to_owned();
            self.content.error(words.source, "film-refused", film.offset, message, hint);
        }
        let or_parent =
            |own: &Option<String>, parent: &Option<String>| own.clone().or_else(|| parent.clone());
        let subject = words.subject.as_ref();
        Variant {
            character: named.character.clone(),
            language: named.language.clone(),
            title: words.title.clone().unwrap_or_else(|| parent.title.clone()),
            subject: subject.map_or_else(|| parent.subject.clone(), |subject| subject.value.clone()),
            preheader: or_parent(&words.preheader, &parent.preheader),
            manager_note: or_parent(&words.manager_note, &parent.manager_note),
            film: self.film(words).or_else(|| parent.film.clone()),
            questions: self.questions(named, version, &parent.questions),
            body: words.body.clone(),
            file: words.source.file.clone(),
            body_line: words.body_line,
            subject_line: subject.map_or(0, |subject| words.source.line(subject.offset)),
        }
    }

    /// The parent's questions with the texts of this file.
    fn questions(&self, named: &Named<'_>, version: &VariantFile<'_>, parent: &[Question]) -> Vec<Question> {
        if !self.knows_questions {
            return Vec::new();
        }
        let source = version.words.source;
        self.report_unknown_questions(source, &version.questions, parent);
        let is_translation = named.character.is_none();
        let question = |asked: &Question| {
            let words = version.questions.iter().find(|words| words.id.value == asked.id);
            if is_translation && version.words.whole {
                self.untranslated(&version.words, words, asked);
            }
            words.map_or_else(|| asked.clone(), |words| self.question(source, words, asked))
        };
        parent.iter().map(question).collect()
    }

    fn report_unknown_questions(&self, source: &TextFile, written: &[QuestionTexts], parent: &[Question]) {
        let ids: Vec<&str> = parent.iter().map(|question| question.id.as_str()).collect();
        for (i, words) in written.iter().enumerate() {
            let id = words.id.value.as_str();
            let (code, message, hint) =
                if written[..i].iter().any(|earlier| earlier.id.value == words.id.value) {
                    let message = format!("question `{id}` is written twice");
                    ("duplicate-id", message, "keep one of the two".to_owned())
                } else if ids.contains(&id) {
                    continue;
                } else {
                    let message = format!("the step has no question `{id}`; it has {}", listed(&ids));
                    let hint = did_you_mean(id, &ids)
                        .unwrap_or_else(|| format!("ask it in `{}.md` first", self.step.id.value));
                    ("unknown-question", message, hint)
                };
            self.content.error(source, code, words.id.offset, message, hint);
        }
    }

    /// Warns about texts that readers of the translation get in the first language.
    fn untranslated(&self, file: &StepText<'_>, words: Option<&QuestionTexts>, asked: &Question) {
        let missing = match (words, &asked.form) {
            (None, _) => "",
            (Some(words), _) if words.text.is_none() => "`text` of ",
            (Some(words), QuestionForm::Choice { .. }) if words.options.is_none() => "`options` of ",
            (Some(words), QuestionForm::Scale { labels, .. })
                if words.labels.is_none() && !labels.is_empty() =>
            {
                "`labels` of "
            }
            (Some(_), _) => return,
        };
        let offset = words.map_or(file.offset, |words| words.id.offset);
        let message =
            format!("{missing}question `{}` is not translated; it is shown in the first language", asked.id);
        let hint = format!("add it under `[[question]]` with `id = \"{}\"`", asked.id);
        self.content.warning(file.source, "untranslated", offset, message, hint);
    }

    fn question(&self, source: &TextFile, words: &QuestionTexts, asked: &Question) -> Question {
        let form = match &asked.form {
            QuestionForm::Scale { min, max, labels } => {
                self.refuse_words(source, words.options.as_ref(), "options", "choice");
                let labels = self.check_count(source, words.labels.as_ref(), "labels", labels);
                QuestionForm::Scale { min: *min, max: *max, labels }
            }
            QuestionForm::Choice { options } => {
                self.refuse_words(source, words.labels.as_ref(), "labels", "scale");
                QuestionForm::Choice {
                    options: self.check_count(source, words.options.as_ref(), "options", options),
                }
            }
            form @ (QuestionForm::Text | QuestionForm::Done | QuestionForm::Pledge) => {
                self.refuse_words(source, words.options.as_ref(), "options", "choice");
                self.refuse_words(source, words.labels.as_ref(), "labels", "scale");
                form.clone()
            }
        };
        Question {
            id: asked.id.clone(),
            text: words.text.clone().unwrap_or_else(|| asked.text.clone()),
            form,
            read_by: asked.read_by,
            max: asked.max,
        }
    }

    fn refuse_words(&self, source: &TextFile, found: Option<&Located<Vec<String>>>, key: &str, form: &str) {
        if let Some(found) = found {
            let message = format!("`{key}` belongs to a question of type `{form}`");
            self.content.error(source, "wrong-question-key", found.offset, message, "delete it".to_owned());
        }
    }

    /// The translated texts if there are as many as in the parent: answers are
    /// counted by position.
    fn check_count(
        &self,
        source: &TextFile,
        found: Option<&Located<Vec<String>>>,
        key: &str,
        parent: &[String],
    ) -> Vec<String> {
        let Some(found) = found else { return parent.to_vec() };
        if found.value.len() != parent.len() {
            let message = format!("{} `{key}`; the first language has {}", found.value.len(), parent.len());
            let hint = "write as many, in the same order".to_owned();
            self.content.error(source, "bad-question", found.offset, message, hint);
        }
        found.value.clone()
    }

    /// A film with its poster, which must exist and be small enough.
    fn film(&self, words: &StepText<'_>) -> Option<Film> {
        let RawFilm { film, poster, alt } = &words.film.as_ref()?.value;
        let mut film = film.clone();
        let Some(poster) = poster else { return Some(film) };
        let snapshot = &self.content.snapshot;
        let folder = format!("{}/", self.folder);
        let path = format!("{folder}{}", poster.value);
        if let Some(picture) = snapshot.pictures.get(&path).and_then(picture::read) {
            let alt = alt.clone().unwrap_or_else(|| film.title.clone());
            film.poster = Some(Poster { alt, picture });
            return Some(film);
        }
        let name = &poster.value;
        let (code, message, hint) = match snapshot.others.get(&path) {
            Some(bytes) if *bytes > MAX_PICTURE_BYTES => (
                "poster-too-large",
                format!(
                    "`{name}` has {} kB; at most {} kB are allowed",
                    bytes.div_ceil(1_000),
                    MAX_PICTURE_BYTES / 1_000
                ),
                "save it smaller: 600 pixels wide are plenty".to_owned(),
            ),
            Some(_) => {
                let hint = "open it in an image editor and save it again".to_owned();
                ("bad-poster", format!("`{name}` cannot be read as a png or jpg picture"), hint)
            }
            None => {
                let beside = snapshot.others.keys().filter_map(|path| path.strip_prefix(&folder));
                let hint = match closest_match(name, beside) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "put it beside the step".to_owned(),
                };
                ("missing-poster", format!("there is no picture `{name}` beside the step"), hint)
            }
        };
        self.content.error(words.source, code, poster.offset, message, hint);
        Some(film)
    }
}
