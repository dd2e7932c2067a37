//! What a kind colleague would say about the wording: words that a late mail
//! makes wrong, and links that say nothing about where they lead.

use super::faults::Faults;

/// Words that are only true on one day (E46).
const RELATIVE_DAYS: [&str; 10] = [
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
];

/// Link texts that mean nothing on their own (E42).
const VAGUE: [&str; 10] = [
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

/// Warns of days that are only true today.
pub(super) fn check_days(text: &str, faults: &mut Faults<'_>) {
    for (at, found) in relative_days(text) {
        let message = format!("`{found}` is wrong when the mail comes later than planned");
        faults.warning("relative-day", at, &message, "write the weekday or the date, or leave it out");
    }
}

/// Does the link say where it leads?
pub(super) fn is_vague(link_text: &str) -> bool {
    let text = link_text.trim().trim_end_matches(['.', '!', ':', '»', '>', '→', ' ']).to_lowercase();
    VAGUE.contains(&text.as_str())
}

/// The host, if a link's text looks like an address.
pub(super) fn shown_host(link_text: &str) -> Option<String> {
    let text = link_text.trim().to_lowercase();
    let after = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let after = after.or_else(|| text.starts_with("www.").then_some(text.as_str()))?;
    after.split(['/', '?', '#', ':', ' ']).next().map(str::to_owned)
}

/// Each relative day, with where it stands.
fn relative_days(text: &str) -> Vec<(usize, String)> {
    // Lower case may have another length than upper case; only for
    // characters that occur in no word we look for, so ASCII and the Swedish
    // letters are lowered and the rest stays.
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
    use super::*;

    fn days(text: &str) -> Vec<String> {
        relative_days(text).into_iter().map(|(_, word)| word).collect()
    }

    #[test]
    fn e46_relative_days_are_words_of_their_own() {
        assert_eq!(days("I morgon möts vi. Idag\ninte, och i\ngår var det"), ["i morgon", "idag", "i går"]);
        assert_eq!(days("i dagarna, idagsläget, https://x.se/idag, onsdag, Fridag"), [""; 0]);
        assert_eq!(days("See you tomorrow!"), ["tomorrow"]);
    }

    #[test]
    fn f97_a_link_says_where_it_leads() {
        assert!(is_vague("Klicka här!"));
        assert!(is_vague("here"));
        assert!(!is_vague("Så gjorde Ekdala"));
    }
}
