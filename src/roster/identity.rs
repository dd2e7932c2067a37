//! Detects Swedish personal identity numbers (personnummer, samordningsnummer). The
//! program needs none: they are counted, and never stored or printed.

/// Counts the values of a column that look like personal identity numbers.
#[derive(Clone, Copy, Default)]
pub(super) struct IdNumberCounter {
    values: u32,
    like: u32,
}

impl IdNumberCounter {
    pub(super) fn count(&mut self, value: &str) {
        if !value.is_empty() {
            self.values += 1;
            self.like += u32::from(is_identity_number(value));
        }
    }

    /// Returns true if more than half of the values look like one.
    pub(super) fn most(self) -> bool {
        2 * self.like > self.values
    }
}

/// `YYMMDD-NNNN` or `YYYYMMDD-NNNN`, with or without the separator: a possible day
/// (plus 60 in a coordination number) and a correct check digit.
pub(super) fn is_identity_number(value: &str) -> bool {
    if !(10..=13).contains(&value.len()) || !value.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let Some(digits) = digits(value.as_bytes()) else { return false };
    let digits = match digits[..] {
        [b'1', b'8' | b'9', ..] | [b'2', b'0', ..] if digits.len() == 12 => &digits[2..],
        _ if digits.len() == 10 => &digits[..],
        _ => return false,
    };
    let two = |at: usize| (digits[at] - b'0') * 10 + digits[at + 1] - b'0';
    (1..=12).contains(&two(2)) && matches!(two(4), 1..=31 | 61..=91) && luhn(digits)
}

/// The ten or twelve digits, if there is nothing else but one sign before the last four.
fn digits(value: &[u8]) -> Option<Vec<u8>> {
    let sign = value.len().checked_sub(5)?;
    let digits: Vec<u8> = if matches!(value[sign], b'-' | b'+') {
        [&value[..sign], &value[sign + 1..]].concat()
    } else {
        value.to_vec()
    };
    digits.iter().all(u8::is_ascii_digit).then_some(digits)
}

/// Verifies the check digit of ten digits.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .enumerate()
        .map(|(i, digit)| u32::from(digit - b'0') * if i % 2 == 0 { 2 } else { 1 })
        .map(|product| product / 10 + product % 10)
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_identity_numbers_are_recognised_by_shape() {
        // test numbers published by the Swedish tax agency
        for number in ["8112189876", "811218-9876", "811218+9876", "198112189876", "19811218-9876"] {
            assert!(is_identity_number(number), "{number}");
        }
        assert!(is_identity_number("701063-2391"), "a coordination number");
        for other in
            ["8112189877", "811318-9876", "811200-9876", "0701234567", "1001", "2027-01-31", "abcdefghij"]
        {
            assert!(!is_identity_number(other), "{other}");
        }
    }
}
