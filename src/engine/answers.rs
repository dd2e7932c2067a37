//! Answers: draws their random keys, seals them once a day, counts them, and reads the texts that
//! the programme may read.

use crate::config::Config;
use crate::domain::answer::{AnswerId, NOT_FOR_ME, WHOLE_STEP, WILL_DO};
use crate::domain::model::ids::StepName;
use crate::domain::model::library::Library;
use crate::domain::model::step::{QuestionForm, Step};
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::tokens::{self, NoRandomness};
use crate::store::{Store, StoreError};

/// Texts of a question are shown from this many people on.
pub(crate) const MIN_TEXTS: usize = 10;

/// Draws the key of a new answer.
pub(crate) fn draw_id() -> Result<AnswerId, NoRandomness> {
    let drawn = tokens::generate_secret()?;
    let mut id = [0; 16];
    id.copy_from_slice(&drawn[..16]);
    Ok(id)
}

/// Seals the answers whose time has come before today.
pub(crate) fn seal(
    config: &Config,
    library: &Library,
    store: &mut Store,
    now: Timestamp,
) -> Result<(), StoreError> {
    let zone = library.programme.zone;
    let midnight = zone.midnight(zone.date(now));
    if store.has_answers_to_seal(midnight)? {
        store.seal_answers(midnight, config.limits.min_group)?;
        store.truncate_log()?;
    }
    Ok(())
}

/// How often a step was answered, over the whole organisation. A number is `None` if it, or another
/// that follows from it, is smaller than the smallest group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AnswerCounts {
    pub(crate) step: StepName,
    pub(crate) queued: usize,
    pub(crate) answered: Option<usize>,
    pub(crate) will_do: Option<usize>,
    pub(crate) not_for_me: Option<usize>,
}

impl AnswerCounts {
    /// `numbers`: answered, will do, not for me.
    fn new(step: StepName, queued: usize, numbers: [usize; 3], min_group: u32) -> AnswerCounts {
        let [answered, will_do, not_for_me] = numbers;
        let is_small = |count: usize| (1..min_group as usize).contains(&count);
        // Who has done it is the difference of two of the numbers.
        let done = answered.saturating_sub(not_for_me);
        let hides_values = is_small(will_do) || is_small(not_for_me) || not_for_me > 0 && is_small(done);
        AnswerCounts {
            step,
            queued,
            answered: (!is_small(answered)).then_some(answered),
            will_do: (!hides_values).then_some(will_do),
            not_for_me: (!hides_values).then_some(not_for_me),
        }
    }

    /// Whether a number is not shown.
    pub(crate) fn is_suppressed(&self) -> bool {
        [self.answered, self.will_do, self.not_for_me].contains(&None)
    }
}

/// Counts the answers by step, in the order of the content; steps that were never queued or answered
/// are left out. Changes nothing on disk.
pub(crate) fn counts(snapshot: &Snapshot) -> Result<Vec<AnswerCounts>, StoreError> {
    let database = &snapshot.config.database;
    let stored = |store: &Store| Ok((store.answer_counts()?, store.value_counts()?));
    let (by_step, by_value) = Store::read_only(database, stored)?.unwrap_or_default();
    let library = &snapshot.content.library;
    let names = library.journeys.iter().flat_map(|journey| {
        journey
            .steps
            .iter()
            .map(|step| (StepName { journey: journey.slug.clone(), step: step.slug.clone() }, step))
    });
    let mut counts = Vec::new();
    for (name, step) in names {
        let of_step = by_step.iter().filter(|counts| library.todays_name(&counts.step) == name);
        let (queued, answered) =
            of_step.fold((0, 0), |sum, counts| (sum.0 + counts.queued, sum.1 + counts.answered));
        if queued + answered == 0 {
            continue;
        }
        let times = |value: i64| -> usize {
            let of_step = by_value.iter().filter(|count| {
                count.value == value
                    && is_done(step, &count.question)
                    && library.todays_name(&count.step) == name
            });
            of_step.map(|count| count.count).sum()
        };
        let numbers = [answered, times(WILL_DO), times(NOT_FOR_ME)];
        counts.push(AnswerCounts::new(name, queued, numbers, snapshot.config.limits.min_group));
    }
    Ok(counts)
}

/// Whether a question of a step is answered by *done*.
fn is_done(step: &Step, id: &str) -> bool {
    let question = step.questions.iter().find(|question| question.id.as_str() == id);
    question.map_or(id == WHOLE_STEP, |question| question.form == QuestionForm::Done)
}

/// The texts of a question that the programme may read, in random order; `None` if there are too few.
/// Changes nothing on disk.
pub(crate) fn texts(
    snapshot: &Snapshot,
    step: &StepName,
    question: &str,
) -> Result<Option<Vec<String>>, StoreError> {
    let names = snapshot.content.library.names_of(step);
    let texts = Store::read_only(&snapshot.config.database, |store| {
        let texts = names.iter().map(|name| store.programme_texts(name, question));
        Ok(texts.collect::<Result<Vec<_>, _>>()?.concat())
    })?;
    Ok(texts.filter(|texts| texts.len() >= MIN_TEXTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(numbers: [usize; 3]) -> [Option<usize>; 3] {
        let step = StepName::parse("miljo/resor").expect("a step");
        let counts = AnswerCounts::new(step, 100, numbers, 5);
        [counts.answered, counts.will_do, counts.not_for_me]
    }

    #[test]
    fn a_number_about_few_people_is_not_shown() {
        assert_eq!(shown([0, 0, 0]), [Some(0), Some(0), Some(0)]);
        assert_eq!(shown([4, 0, 0]), [None, Some(0), Some(0)]);
        assert_eq!(shown([20, 5, 6]), [Some(20), Some(5), Some(6)]);
        assert_eq!(shown([20, 4, 6]), [Some(20), None, None]);
        assert_eq!(shown([20, 5, 4]), [Some(20), None, None]);
        assert_eq!(shown([20, 5, 18]), [Some(20), None, None], "two have done it");
    }

    #[test]
    fn each_key_is_another() {
        assert_ne!(draw_id().expect("a key"), draw_id().expect("a key"));
    }
}
