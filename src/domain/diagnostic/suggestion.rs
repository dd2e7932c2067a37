//! Finds the allowed word that was probably meant.

/// The closest allowed word, if it is close enough to be a typing error. Case is
/// ignored, and two neighbours in the wrong order are one error.
pub(crate) fn closest_match<'a>(found: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = 1 + found.chars().count() / 4;
    let found = comparable(found);
    allowed
        .into_iter()
        .map(|word| (strsim::osa_distance(&found, &comparable(word)), word))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// The beginning in lower case; comparing two long texts takes long.
fn comparable(text: &str) -> String {
    text.chars().take(64).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::closest_match;

    #[test]
    fn the_closest_word_is_one_typing_error_away() {
        assert_eq!(closest_match("cadance", ["cadence", "start"]), Some("cadence"));
        assert_eq!(closest_match("stpe", ["step", "start"]), Some("step"));
        assert_eq!(closest_match("banana", ["cadence", "start"]), None);
    }
}
