//! Answers: draws their random keys, seals them once a day, counts them, and reads the texts that
//! the programme may read.

use crate::config::Config;
use crate::domain::answer::{AnswerId, NOT_FOR_ME, WHOLE_STEP, WILL_DO};
use crate::domain::model::ids::StepName;
use crate::domain::model::library::Library;
use crate::domain::model::step::QuestionForm;
use crate::domain::time::timezone::Timestamp;
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
    /// Whether a number is not shown.
    pub(crate) fn is_suppressed(&self) -> bool {
        [self.answered, self.will_do, self.not_for_me].contains(&None)
    }
}

/// Counts the answers by step, in the order of the content; steps that were never queued are left
/// out.
pub(crate) fn counts(
    library: &Library,
    store: &Store,
    min_group: u32,
) -> Result<Vec<AnswerCounts>, StoreError> {
    let (by_step, by_value) = (store.answer_counts()?, store.value_counts()?);
    let mut counts = Vec::new();
    for journey in &library.journeys {
        let name = |step: &StepName| journey.slug == step.journey;
        for step in &journey.steps {
            let is_step = |other: &StepName| name(other) && *journey.todays_name(&other.step) == step.slug;
            let of_step = by_step.iter().filter(|counts| is_step(&counts.step));
            let (queued, answered) =
                of_step.fold((0, 0), |sum, step| (sum.0 + step.queued, sum.1 + step.answered));
            if queued + answered == 0 {
                continue;
            }
            let is_done = |id: &str| {
                let question = step.questions.iter().find(|question| question.id.as_str() == id);
                question.map_or(id == WHOLE_STEP, |question| question.form == QuestionForm::Done)
            };
            let times = |value: i64| -> usize {
                let same = by_value
                    .iter()
                    .filter(|count| count.value == value && is_step(&count.step) && is_done(&count.question));
                same.map(|count| count.count).sum()
            };
            let is_small = |count: usize| (1..min_group as usize).contains(&count);
            let (will_do, not_for_me) = (times(WILL_DO), times(NOT_FOR_ME));
            let has_small = is_small(will_do)
                || is_small(not_for_me)
                || not_for_me > 0 && is_small(answered.saturating_sub(not_for_me));
            counts.push(AnswerCounts {
                step: StepName { journey: journey.slug.clone(), step: step.slug.clone() },
                queued,
                answered: (!is_small(answered)).then_some(answered),
                will_do: (!has_small).then_some(will_do),
                not_for_me: (!has_small).then_some(not_for_me),
            });
        }
    }
    Ok(counts)
}
