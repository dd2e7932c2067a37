//! Warnings about wording: relative days that a late mail makes wrong, vague link texts,
//! and text that is hard to read.

use crate::render::faults::Faults;
use crate::render::plain::{Block, Flow};

/// Words that are only true on one day.
const RELATIVE_DAYS: [&str; 17] = [
    "i morgon",
    "imorgon",
    "idag",
    "i dag",
    "i går",
    "igår",
    "i övermorgon",
    "tomorrow",
    "yesterday",
    "i förrgår",
    "i kväll",
    "ikväll",
    "nästa vecka",
    "today",
    "tonight",
    "next week",
    "last week",
];

/// Link texts that mean nothing out of context.
const VAGUE_LINK_TEXTS: [&str; 10] = [
    "här",
    "here",
    "klicka här",
    "click here",
    "tryck här",
    "länk",
    "link",
    "läs mer här",
    "den här länken",
    "this link",
];

/// Warns about relative days.
pub(crate) fn check_relative_dates(text: &str, faults: &mut Faults<'_>) {
    for (at, found) in relative_days(text) {
        let message = format!("`{found}` is wrong when the mail comes later than planned");
        faults.warning("relative-day", at, &message, "write the weekday or the date, or leave it out");
    }
}

/// Newspaper text has a LIX of 40 to 50; higher is hard to read.
const MAX_LIX: usize = 50;
/// Average number of words per sentence.
const MAX_SENTENCE_WORDS: usize = 25;
/// Shorter texts have no meaningful readability.
const MIN_WORDS: usize = 30;

/// Warns about text that is hard to read.
pub(crate) fn check_readability<'b>(blocks: impl Iterator<Item = &'b Block>, faults: &mut Faults<'_>) {
    let counts = measure(blocks);
    let Some((length, lix)) = counts.index() else { return };
    if lix > MAX_LIX || length > MAX_SENTENCE_WORDS {
        let found = format!(
            "hard to read: LIX {lix}, with {length} words in a sentence and {} % long words",
            100 * counts.long / counts.words
        );
        let hint = format!(
            "use shorter sentences and words: LIX at most {MAX_LIX}, at most {MAX_SENTENCE_WORDS} words in a sentence"
        );
        faults.warning("hard-to-read", 0, &found, &hint);
    }
}

/// Counts for the readability index.
#[derive(Default)]
struct ReadabilityCounts {
    words: usize,
    /// Words of more than six letters.
    long: usize,
    sentences: usize,
}

fn measure<'b>(blocks: impl Iterator<Item = &'b Block>) -> ReadabilityCounts {
    let mut all = ReadabilityCounts::default();
    for block in blocks.filter(|block| block.flow == Flow::Wrapped) {
        // A name counts as a short word.
        let text: String = block.words.segments().map(|part| part.unwrap_or("x")).collect();
        all.add(&text);
    }
    all
}

impl ReadabilityCounts {
    /// Adds a text, which begins a sentence.
    fn add(&mut self, text: &str) {
        let mut begun = false;
        for word in text.split_whitespace() {
            // URLs are not read.
            let letters = if word.starts_with('<') || word.contains("://") {
                0
            } else {
                word.chars().filter(|c| c.is_alphabetic()).count()
            };
            self.words += usize::from(letters > 0);
            self.long += usize::from(letters > 6);
            begun |= letters > 0;
            let said = word.trim_end_matches(['"', '”', '\'', '’', ')']);
            if begun && said.ends_with(['.', '!', '?', ':', '…']) {
                self.sentences += 1;
                begun = false;
            }
        }
        self.sentences += usize::from(begun);
    }

    /// Length of a sentence, and the readability index; `None` for a short text.
    fn index(&self) -> Option<(usize, usize)> {
        if self.words < MIN_WORDS {
            return None;
        }
        let length = self.words / self.sentences.max(1);
        Some((length, length + 100 * self.long / self.words))
    }
}

/// The readability index (LIX) of some texts; `None` if they are short.
pub(crate) fn readability(texts: impl Iterator<Item = String>) -> Option<usize> {
    let mut all = ReadabilityCounts::default();
    texts.for_each(|text| all.add(&text));
    all.index().map(|(_, lix)| lix)
}

/// Whether a link text does not say where the link leads.
pub(crate) fn is_vague(link_text: &str) -> bool {
    let text = link_text.trim().trim_end_matches(['.', '!', ':', '»', '>', '→', ' ']).to_lowercase();
    VAGUE_LINK_TEXTS.contains(&text.as_str())
}

/// The host, if a link text looks like a URL.
pub(crate) fn shown_host(link_text: &str) -> Option<String> {
    let text = link_text.trim().to_lowercase();
    let after = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let after = after.or_else(|| text.starts_with("www.").then_some(text.as_str()))?;
    after.split(['/', '?', '#', ':', ' ']).next().map(str::to_owned)
}

/// Each relative day, with its offset.
fn relative_days(text: &str) -> Vec<(usize, String)> {
    // Lower case may differ in length from upper case. No word in the list has such
    // characters, so it is enough to lower ASCII and Swedish letters.
    let lowered: String = text
        .chars()
        .map(|c| match c {
            'Å' => 'å',
            'Ä' => 'ä',
            'Ö' => 'ö',
            '\n' | '\u{a0}' => ' ',
            _ => c.to_ascii_lowercase(),
        })
        .collect();
    if lowered.len() != text.len() && !text.contains('\u{a0}') {
        return Vec::new();
    }
    let mut found = Vec::new();
    for word in RELATIVE_DAYS {
        for (at, _) in lowered.match_indices(word) {
            let before = lowered[..at].chars().next_back();
            let after = lowered[at + word.len()..].chars().next();
            let joins = |c: char| c.is_alphanumeric() || matches!(c, '/' | '-' | '_' | '@' | '=' | '&' | '#');
            if !before.is_some_and(|c| joins(c) || c == '.') && !after.is_some_and(joins) {
                found.push((at, word.to_owned()));
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::render::rig::faults_of;

    fn days(text: &str) -> Vec<String> {
        relative_days(text).into_iter().map(|(_, word)| word).collect()
    }

    #[test]
    fn relative_days_are_whole_words() {
        assert_eq!(days("I morgon möts vi. Idag\ninte, och i\ngår var det"), ["i morgon", "idag", "i går"]);
        assert_eq!(days("i dagarna, idagsläget, https://x.se/idag, onsdag, Fridag"), [""; 0]);
        assert_eq!(days("See you tomorrow, or next\nweek!"), ["tomorrow", "next week"]);
    }

    #[test]
    fn hard_text_is_reported() {
        let easy = "Hej {{person.first_name}}! Gå en bit till jobbet. Det tar fem minuter. Sedan är du vaken.\n\n- Ta med en vän.\n- [Skriv hur det gick]({{link.answer}}). Det tar en minut, och ingen chef ser vad du har svarat.\n";
        assert_eq!(faults_of(easy), "");
        let long = "Den som går till jobbet ".to_owned() + &"och tar en bit till ".repeat(5) + "är vaken.\n";
        expect![[r#"
            journeys/miljo/resor.md:10:1: warning: hard to read: LIX 32, with 32 words in a sentence and 0 % long words
              hint: use shorter sentences and words: LIX at most 50, at most 25 words in a sentence
        "#]]
        .assert_eq(&faults_of(&long));
        let official = "Verksamhetens hållbarhetsarbete förutsätter medarbetarnas engagemang. ".repeat(8);
        expect![[r#"
            journeys/miljo/resor.md:10:1: warning: hard to read: LIX 105, with 5 words in a sentence and 100 % long words
              hint: use shorter sentences and words: LIX at most 50, at most 25 words in a sentence
        "#]]
        .assert_eq(&faults_of(&official));
    }

    #[test]
    fn vague_link_texts_are_reported() {
        assert!(is_vague("Klicka här!"));
        assert!(is_vague("here"));
        assert!(!is_vague("Så gjorde Ekdala"));
    }
}
