//! What the daemon does around a send run: its clock, its reasons to stop, the watchdog and the log.

use std::cell::Cell;

use chrono::TimeDelta;

use super::clock_guard::ClockGuard;
use super::watchdog::Watchdog;
use super::{Control, WATCHDOG_DEADLINE};
use crate::clock::Stopwatch;
use crate::domain::delivery::send_block::{self, BlockKind, SendBlock};
use crate::domain::time::timezone::Timestamp;
use crate::engine::load::snapshot::Snapshot;
use crate::engine::plan::pass::Pass;
use crate::engine::send::run::{self, Observer};
use crate::engine::send::startup::Startup;
use crate::failpoint;
use crate::store::Store;

/// Observes one run of the daemon.
pub(super) struct DaemonObserver<'a> {
    pub(super) control: &'a Control<'a>,
    pub(super) watchdog: &'a Watchdog,
    pub(super) clock: ClockGuard,
    pub(super) in_doubt_wait: TimeDelta,
    /// Whether the check for a long outage is still to be made.
    pub(super) check_outage: &'a Cell<bool>,
    pub(super) started: Stopwatch,
}

impl Observer for DaemonObserver<'_> {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn should_stop(&self) -> bool {
        // Each step of a delivery has its own timeout, so a run that takes longer hangs.
        if self.started.elapsed() < failpoint::at_most("daemon.hangs", WATCHDOG_DEADLINE) {
            self.watchdog.ping();
        }
        (self.control.stop)() || (self.control.must_reload)() || self.clock.has_jumped()
    }

    fn is_final(&self) -> bool {
        (self.control.stop)()
    }

    fn recovered(&self, Startup { recovered, reconciled, .. }: &Startup) {
        if recovered.in_doubt + recovered.held + reconciled.arrived == 0 {
            return;
        }
        (self.control.log)(&format!(
            "recovered: {} sent (from the send journal), {} unclear (sent again after {}), {} to resolve by hand",
            reconciled.arrived,
            recovered.in_doubt,
            (self.now() + self.in_doubt_wait).format("%Y-%m-%dT%H:%M:%SZ"),
            recovered.held
        ));
    }

    fn before_enqueue(&self, snapshot: &Snapshot, store: &Store) -> anyhow::Result<Option<SendBlock>> {
        if self.check_outage.replace(false) { outage(snapshot, store, self.now()) } else { Ok(None) }
    }

    fn enqueued(&self, _: &Snapshot, _: &Pass<'_>, _: &[i64]) {
        self.watchdog.ping();
    }

    fn pass_ended(&self, enqueued: usize) {
        if enqueued > 0 {
            (self.control.log)(&format!("queued {enqueued} mails"));
        }
    }

    fn log(&self, message: String) {
        (self.control.log)(&message);
    }
}

/// After a long outage, an operator must confirm before anything is sent.
fn outage(snapshot: &Snapshot, store: &Store, now: Timestamp) -> anyhow::Result<Option<SendBlock>> {
    let Some(seen) = store.clock()?.filter(|seen| now - *seen > send_block::OUTAGE) else { return Ok(None) };
    let due = run::count_due(snapshot, store, now)?;
    let states = store.deliveries_by_state()?;
    let waiting: u64 = states.iter().filter(|(state, _)| !state.is_settled()).map(|(_, count)| count).sum();
    if due == 0 && waiting == 0 {
        return Ok(None);
    }
    let message = format!(
        "nothing was sent for {} days: {due} mails are due and {waiting} wait. Check `journey plan`, then run `journey hold release`",
        (now - seen).num_days()
    );
    Ok(Some(SendBlock { kind: BlockKind::Outage, at: now, message }))
}
