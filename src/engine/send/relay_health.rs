//! Records how the relay did, and when to try it again.

use chrono::TimeDelta;

use crate::domain::delivery::reply::{ConnectionCap, RelayError};
use crate::domain::delivery::state::relay_backoff;
use crate::domain::time::timezone::Timestamp;
use crate::engine::deliver::DeliverySummary;
use crate::store::{RelayFailure, RelayHealth, Store};

/// Records the health of the relay.
pub(super) fn record(
    store: &mut Store,
    delivered: &DeliverySummary,
    fewer: Option<ConnectionCap>,
    now: Timestamp,
) -> anyhow::Result<()> {
    let before = store.relay_health()?;
    let success = if delivered.sent > 0 { Some(now) } else { before.success };
    // A panic of our own worker is not a failure of the relay and causes no
    // backoff.
    let told = delivered.relay_error.as_ref().filter(|_| !delivered.worker_crashed);
    let trouble = told.map(|trouble| {
        // A success since then resets the backoff.
        let earlier = before.failure.as_ref().filter(|_| delivered.sent == 0);
        next_retry(trouble, earlier, now)
    });
    let untried = told.is_none() && delivered.sent == 0;
    let trouble = if untried { before.failure.clone() } else { trouble };
    let state = RelayHealth { success, failure: trouble, connection_cap: fewer };
    if state != before {
        store.set_relay_health(&state)?;
    }
    Ok(())
}

/// When to retry: exponential backoff with jitter.
fn next_retry(trouble: &RelayError, earlier: Option<&RelayFailure>, now: Timestamp) -> RelayFailure {
    let failures = earlier.map_or(0, |earlier| earlier.failures) + 1;
    let wait = relay_backoff(trouble.kind, failures);
    // Jitter of up to 20 %, from values that differ between machines.
    let percent = 80 + (now.timestamp() * 7919 + i64::from(std::process::id())) % 41;
    let wait = TimeDelta::seconds(wait.num_seconds() * percent / 100);
    RelayFailure {
        why: trouble.why.clone(),
        since: earlier.map_or(now, |earlier| earlier.since),
        failures,
        retry: now + wait,
    }
}
