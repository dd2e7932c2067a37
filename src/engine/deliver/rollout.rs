//! A staged rollout: the first few mails of a mailing, a pause, then the rest. If it is
//! the wrong mailing, there is time to notice and to hold it. A mailing is one step,
//! enqueued by one pass.

use std::collections::HashMap;

use chrono::TimeDelta;

use crate::domain::delivery::state::Delivery;
use crate::domain::model::ids::StepName;
use crate::domain::time::timezone::Timestamp;
use crate::store::{Store, StoreError};

/// A mailing whose first mails are sent and whose rest waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PausedRollout {
    pub step: StepName,
    /// When the rest follows.
    pub opens: Timestamp,
}

/// The mailings that pause at an instant by the daemon's rule.
pub(crate) fn paused_rollouts(
    store: &Store,
    (first, pause): (u32, TimeDelta),
    now: Timestamp,
) -> Result<Vec<PausedRollout>, StoreError> {
    let mut all = Vec::new();
    for (step, booked) in store.mailings_due()? {
        let left = store.rollout_completed_at(&step, booked, first)?;
        let opens = left.map(|left| left + pause).filter(|opens| *opens > now);
        all.extend(opens.map(|opens| PausedRollout { step, opens }));
    }
    Ok(all)
}

/// The staged rollouts of one delivery.
pub(super) struct StagedRollout {
    /// The number of first mails and the pause; `None` for no stages.
    rule: Option<(u32, TimeDelta)>,
    mailings: HashMap<(StepName, Timestamp), RolloutState>,
    /// When the earliest pause ends.
    pub(super) opens: Option<Timestamp>,
}

enum RolloutState {
    /// This many more of the first mails may be sent.
    First(u32),
    /// The rest may be sent.
    Open,
    /// Nothing is sent before.
    Pause(Timestamp),
}

impl StagedRollout {
    pub(super) fn new(rule: Option<(u32, TimeDelta)>) -> StagedRollout {
        StagedRollout { rule, mailings: HashMap::new(), opens: None }
    }

    /// Whether a mail may be sent now. One that may is counted.
    pub(super) fn admit(
        &mut self,
        store: &Store,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some((first, pause)) = self.rule else { return Ok(true) };
        let mailing = (delivery.step.clone(), delivery.booked);
        if !self.mailings.contains_key(&mailing) {
            let wave = match store.rollout_completed_at(&delivery.step, delivery.booked, first)? {
                Some(left) if left + pause <= now => RolloutState::Open,
                Some(left) => RolloutState::Pause(left + pause),
                None => RolloutState::First(
                    first.saturating_sub(store.rollout_started_count(&delivery.step, delivery.booked)?),
                ),
            };
            self.mailings.insert(mailing.clone(), wave);
        }
        let may = match self.mailings.get_mut(&mailing) {
            Some(RolloutState::Open) | None => return Ok(true),
            Some(RolloutState::First(0)) => now + pause,
            Some(RolloutState::First(more)) => {
                *more -= 1;
                return Ok(true);
            }
            Some(RolloutState::Pause(opens)) => *opens,
        };
        self.opens = Some(self.opens.map_or(may, |opens| opens.min(may)));
        Ok(false)
    }
}
