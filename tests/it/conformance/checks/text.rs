//! Checks of the text and of accessibility for screen readers: requirements
//! E39, E40, E42, E45, E46 and E50.

use std::collections::BTreeMap;

use super::super::mail::{self, Mail};
use super::super::page::Page;
use super::parts::is_heading;
use super::{Faults, fault_if};

/// Link texts that mean nothing out of context (E42).
const VAGUE: &[&str] = &[
    "här",
    "klicka här",
    "tryck här",
    "läs mer",
    "läs mer här",
    "mer",
    "länk",
    "länken",
    "den här länken",
    "ja",
    "here",
    "click here",
    "read more",
    "more",
    "link",
    "this link",
    "this",
    "yes",
    "ok",
];

/// Relative dates, which are right on one day only (E46).
const RELATIVE: &[&str] = &[
    "i morgon",
    "imorgon",
    "i går",
    "igår",
    "i dag",
    "idag",
    "i övermorgon",
    "i förrgår",
    "i kväll",
    "ikväll",
    "i natt",
    "nästa vecka",
    "förra veckan",
    "tomorrow",
    "yesterday",
    "today",
    "tonight",
    "next week",
    "last week",
];

/// Limits of readability (E45): LIX, and the length of sentences.
const HIGHEST_LIX: f64 = 50.0;
const LONGEST_SENTENCES: f64 = 25.0;

/// Elements that may contain text directly (E39).
const OF_TEXT: &[&str] = &["p", "li", "h1", "h2", "h3", "h4", "h5", "h6", "pre"];

pub(in super::super) fn headings(mail: &Mail<'_>) -> Faults {
    let page = &mail.page;
    let ranks: Vec<(usize, String)> = page
        .elements()
        .filter(|&id| is_heading(page.name(id)) && page.is_shown(id))
        .map(|id| (page.name(id)[1..].parse().unwrap_or(0), page.text(id)))
        .collect();
    let first: Vec<&str> =
        ranks.iter().filter(|(rank, _)| *rank == 1).map(|(_, text)| text.as_str()).collect();
    let title = &mail.source.variant().title;
    let mut faults =
        fault_if(first != [title], || format!("`h1` is {first:?}, and the step is called `{title}`"));
    let mut last = 0;
    for (rank, text) in &ranks {
        faults.extend(fault_if(*rank > last + 1, || format!("`{text}` is of rank {rank} after rank {last}")));
        faults.extend(fault_if(text.is_empty(), || format!("an empty heading of rank {rank}")));
        last = *rank;
    }
    faults.extend(blocks_of_text(page));
    faults
}

/// Lists are lists and paragraphs are paragraphs.
fn blocks_of_text(page: &Page) -> Faults {
    let mut faults = Vec::new();
    for (block, text) in page.blocks() {
        let name = page.name(block);
        let shown: String = text.chars().take(30).collect();
        let is_button = name == "td" && page.links().iter().any(|link| link.text == text);
        faults.extend(fault_if(!OF_TEXT.contains(&name) && !is_button, || {
            format!("`{shown}` stands in a `{name}`")
        }));
        let marker = ["- ", "• ", "* ", "– ", "· "].iter().any(|marker| text.starts_with(marker));
        faults.extend(fault_if(name == "p" && marker, || format!("`{shown}` is an item of no list")));
    }
    for item in page.named("li") {
        let list = page.parent(item).map(|list| page.name(list)).unwrap_or_default();
        faults.extend(fault_if(!matches!(list, "ul" | "ol"), || "an item outside a list".to_owned()));
    }
    faults
}

pub(in super::super) fn pictures(mail: &Mail<'_>) -> Faults {
    let page = &mail.page;
    let mut faults = Vec::new();
    for picture in page.named("img") {
        let alt = page.attribute(picture, "alt");
        let linked = page.within(picture, "a");
        let file =
            alt.is_some_and(|alt| [".png", ".jpg", ".jpeg", ".gif"].iter().any(|end| alt.ends_with(end)));
        faults.extend(fault_if(alt.is_none(), || "a picture without `alt`".to_owned()));
        faults.extend(fault_if(linked && alt.is_none_or(|alt| alt.trim().is_empty()), || {
            "a picture that is a link and says nothing".to_owned()
        }));
        faults.extend(fault_if(file, || "the words of a picture are the name of its file".to_owned()));
    }
    faults
}

pub(in super::super) fn link_texts(mail: &Mail<'_>) -> Faults {
    let mut faults = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for link in mail.page.links() {
        let text = link.text.trim_end_matches(['.', '!', ':', '»', '>', '→', ' ']).to_lowercase();
        let empty = !text.chars().any(char::is_alphabetic);
        faults.extend(fault_if(empty, || format!("a link to {} says nothing", link.target)));
        faults.extend(fault_if(VAGUE.contains(&text.as_str()), || {
            format!("`{}` does not say where it leads", link.text)
        }));
        *seen.entry(text).or_default() += 1;
    }
    let twice = seen.into_iter().filter(|(text, times)| *times > 1 && !text.is_empty());
    faults.extend(twice.map(|(text, times)| format!("{times} links say `{text}`")));
    faults
}

/// How hard a text is to read.
pub(in super::super) struct Reading {
    /// Words per sentence.
    pub(in super::super) sentence: f64,
    /// That, plus the share of words with more than six letters in percent.
    pub(in super::super) lix: f64,
}

/// How hard the mail is to read.
pub(in super::super) fn reading(mail: &Mail<'_>) -> Reading {
    let (mut words, mut long, mut sentences) = (0, 0, 0);
    for (block, text) in mail.page.blocks() {
        if is_heading(mail.page.name(block)) {
            continue;
        }
        let mut open = false;
        for word in text.split_whitespace() {
            let letters = word.chars().filter(|c| c.is_alphabetic()).count();
            words += usize::from(letters > 0);
            long += usize::from(letters > 6);
            open = letters > 0 || open;
            if open && word.trim_end_matches(['”', '"', '\'', ')']).ends_with(['.', '!', '?', ':', '…']) {
                sentences += 1;
                open = false;
            }
        }
        sentences += usize::from(open);
    }
    let of = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    let sentence = of(words, sentences);
    Reading { sentence, lix: sentence + 100.0 * of(long, words) }
}

pub(in super::super) fn plain_language(mail: &Mail<'_>) -> Faults {
    let Reading { sentence, lix } = reading(mail);
    let minutes = mail.source.due.step.minutes;
    let (one, many) = if mail.source.is_swedish() { ("minut", "minuter") } else { ("minute", "minutes") };
    let stated = match minutes {
        0 => true,
        1 => mail.text.contains(&format!("1 {one}")),
        minutes => {
            let words: Vec<&str> = mail.text.split_whitespace().collect();
            let number = minutes.to_string();
            words.windows(2).any(|two| two[0] == number && two[1].starts_with(many))
        }
    };
    [
        fault_if(lix > HIGHEST_LIX, || format!("LIX is {lix:.0}")),
        fault_if(sentence > LONGEST_SENTENCES, || format!("{sentence:.0} words a sentence")),
        fault_if(!stated, || format!("that it takes {minutes} minutes is not said")),
    ]
    .concat()
}

pub(in super::super) fn dates(mail: &Mail<'_>) -> Faults {
    let subject = mail.message.subject().unwrap_or_default();
    let shown: Vec<String> = mail.page.blocks().into_iter().map(|(_, text)| text).collect();
    let text = format!("{subject}\n{}\n{}", shown.join("\n"), mail.text);
    let words: Vec<String> = text
        .split_whitespace()
        .filter(|word| !word.contains("://"))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase())
        .filter(|word| !word.is_empty())
        .collect();
    let mut faults = Vec::new();
    for day in RELATIVE {
        let wanted: Vec<&str> = day.split(' ').collect();
        let said = words.windows(wanted.len()).any(|window| window == wanted);
        faults.extend(fault_if(said, || format!("`{day}` is wrong when the mail comes later")));
    }
    let numbers = words.iter().filter(|word| is_date(word));
    faults.extend(numbers.map(|word| format!("`{word}` is a date in figures")));
    faults.sort();
    faults.dedup();
    faults
}

/// `2026-11-24`, `24/11`
fn is_date(word: &str) -> bool {
    let number =
        |part: &&str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
    let parts = |sign: char| word.split(sign).filter(number).count();
    let whole = |sign: char| word.split(sign).count();
    (whole('-') == 3 && parts('-') == 3) || (matches!(whole('/'), 2 | 3) && parts('/') == whole('/'))
}

pub(in super::super) fn first_mail(mail: &Mail<'_>) -> Faults {
    let due = &mail.source.due;
    if due.round > 0 || due.journey.steps.first().is_none_or(|first| first.slug != due.step.slug) {
        return Vec::new();
    }
    let world = mail.source.world;
    let programme = &world.content.library.programme;
    let own = programme.translations.get(mail.source.language());
    let purpose = own.and_then(|words| words.purpose.as_ref()).unwrap_or(&programme.privacy.purpose);
    let visible = own.and_then(|words| words.visible_to.as_ref()).unwrap_or(&programme.privacy.visible_to);
    let flat = |text: &str| mail::clean(text).to_lowercase();
    let text = flat(&mail.text);
    let says = |words: &[&str]| words.iter().any(|word| text.contains(&flat(word)));
    let (kept, human): (&[&str], &[&str]) = match mail.source.is_swedish() {
        true => (&["sparas", "sparar"], &["svara på mejlet", "svara på det här mejlet"]),
        false => (&["kept", "keep", "store"], &["reply to this email", "answer this email"]),
    };
    [
        ("who sends", says(&[&world.config.mail.from.name])),
        ("why", says(&[purpose])),
        ("what is kept", says(kept)),
        ("who sees what", says(&[visible])),
        ("how to pause", mail::addresses(&mail.text).contains(&mail.source.links.pause)),
        ("how to reach a human", says(human)),
    ]
    .into_iter()
    .filter(|(_, said)| !said)
    .map(|(what, _)| format!("the first mail does not say {what}"))
    .collect()
}
