//! How often one person can send forms. In memory: a restart begins again, which does no harm.

use std::collections::HashMap;

use chrono::TimeDelta;

use crate::domain::model::ids::PersonNumber;
use crate::domain::time::timezone::Timestamp;

/// Forms of one person in an hour.
const FORMS_PER_HOUR: u32 = 60;
const HOUR: TimeDelta = TimeDelta::hours(1);

/// Counts the forms of each person.
#[derive(Debug, Default)]
pub(super) struct FormLimit {
    counts: HashMap<PersonNumber, (Timestamp, u32)>,
}

impl FormLimit {
    /// Counts one form. `Err`: seconds until the next one is accepted.
    pub(super) fn count(&mut self, person: PersonNumber, now: Timestamp) -> Result<(), u32> {
        self.counts.retain(|_, (since, _)| now - *since < HOUR);
        let (since, forms) = self.counts.entry(person).or_insert((now, 0));
        if *forms >= FORMS_PER_HOUR {
            let left = HOUR - (now - *since);
            return Err(u32::try_from(left.num_seconds()).unwrap_or(1).max(1));
        }
        *forms += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_forms_an_hour_are_accepted() {
        let now: Timestamp = "2026-12-01T07:30:00Z".parse().expect("an instant");
        let mut limit = FormLimit::default();
        for _ in 0..60 {
            assert_eq!(limit.count(PersonNumber(1), now), Ok(()));
        }
        assert_eq!(limit.count(PersonNumber(1), now + TimeDelta::minutes(59)), Err(60));
        assert_eq!(limit.count(PersonNumber(2), now), Ok(()));
        assert_eq!(limit.count(PersonNumber(1), now + TimeDelta::hours(1)), Ok(()));
    }
}
