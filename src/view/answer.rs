//! Answers without the people who gave them: the documents of `answers status` and `answers read`.

use serde::Serialize;

use crate::domain::model::ids::StepName;
use crate::engine::answers::AnswerCounts;

/// How often a step was answered.
#[derive(Debug, Serialize)]
pub(crate) struct AnswerCountsView<'a> {
    journey: &'a str,
    step: &'a str,
    queued: usize,
    answered: Option<usize>,
    will_do: Option<usize>,
    not_for_me: Option<usize>,
    suppressed: bool,
}

/// The texts that the programme may read.
#[derive(Debug, Serialize)]
pub(crate) struct TextsView<'a> {
    journey: &'a str,
    step: &'a str,
    question: &'a str,
    texts: &'a [String],
}

impl<'a> AnswerCountsView<'a> {
    pub(crate) fn list(counts: &'a [AnswerCounts]) -> Vec<AnswerCountsView<'a>> {
        let one = |counts: &'a AnswerCounts| AnswerCountsView {
            journey: counts.step.journey.as_str(),
            step: counts.step.step.as_str(),
            queued: counts.queued,
            answered: counts.answered,
            will_do: counts.will_do,
            not_for_me: counts.not_for_me,
            suppressed: counts.is_suppressed(),
        };
        counts.iter().map(one).collect()
    }
}

impl<'a> TextsView<'a> {
    pub(crate) fn of(name: &'a StepName, question: &'a str, texts: &'a [String]) -> TextsView<'a> {
        TextsView { journey: name.journey.as_str(), step: name.step.as_str(), question, texts }
    }
}
