//! State that decides whether the sender may run: the health of the relay, the
//! blocks on sending that an operator must release, and the latest time seen.

use rusqlite::params;

use super::{Store, StoreError, failpoints};
use crate::domain::delivery::reply::ConnectionCap;
use crate::domain::delivery::send_block::{BlockKind, SendBlock};
use crate::domain::time::timezone::Timestamp;
use crate::store::codec;

/// The health of the relay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelayHealth {
    /// When it last accepted a mail.
    pub success: Option<Timestamp>,
    /// The current failure, if there is one.
    pub failure: Option<RelayFailure>,
    /// A temporary limit on the number of connections.
    pub(crate) connection_cap: Option<ConnectionCap>,
}

/// A failure of the relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayFailure {
    /// The error message.
    pub why: String,
    /// Time of the first failure in a row.
    pub since: Timestamp,
    /// The number of failures in a row.
    pub failures: u32,
    /// The relay is not contacted before this instant.
    pub retry: Timestamp,
}

impl Store {
    /// The health of the relay.
    pub fn relay_health(&self) -> Result<RelayHealth, StoreError> {
        let sql =
            "SELECT success_at, trouble, since_at, failures, retry_at, connections, fewer_until FROM relay";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let Some(row) = found.next()? else { return Ok(RelayHealth::default()) };
        let trouble = match codec::maybe_str(row, 1)? {
            Some(why) => Some(RelayFailure {
                why: why.to_owned(),
                since: codec::get_time(row, 2)?,
                failures: row.get(3)?,
                retry: codec::get_time(row, 4)?,
            }),
            None => None,
        };
        let (connections, until) = (row.get::<_, Option<u16>>(5)?, codec::maybe_time(row, 6)?);
        let fewer = connections.zip(until).map(|(connections, until)| ConnectionCap { connections, until });
        Ok(RelayHealth { success: codec::maybe_time(row, 0)?, failure: trouble, connection_cap: fewer })
    }

    /// Stores the health of the relay.
    pub(crate) fn set_relay_health(&mut self, state: &RelayHealth) -> Result<(), StoreError> {
        failpoints::at("store.relay")?;
        let trouble = state.failure.as_ref();
        self.connection.prepare_cached(include_str!("sql/set_relay.sql"))?.execute(params![
            state.success.map(codec::time),
            trouble.map(|trouble| trouble.why.as_str()),
            trouble.map(|trouble| codec::time(trouble.since)),
            trouble.map_or(0, |trouble| trouble.failures),
            trouble.map(|trouble| codec::time(trouble.retry)),
            state.connection_cap.map(|fewer| fewer.connections),
            state.connection_cap.map(|fewer| codec::time(fewer.until)),
        ])?;
        Ok(())
    }

    /// The blocks on sending in force, oldest first.
    pub fn send_blocks(&self) -> Result<Vec<SendBlock>, StoreError> {
        let sql = "SELECT kind, at, message FROM guard WHERE released_at IS NULL ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([])?;
        let mut guards = Vec::new();
        while let Some(row) = found.next()? {
            let kind =
                BlockKind::parse(codec::str(row, 0)?).ok_or_else(|| codec::bad_column(0, "a guard"))?;
            let message = codec::str(row, 2)?.to_owned();
            guards.push(SendBlock { kind, at: codec::get_time(row, 1)?, message });
        }
        Ok(guards)
    }

    /// Blocks all sending. Does nothing if a block of that kind is in force.
    pub(crate) fn add_send_block(&mut self, guard: &SendBlock) -> Result<(), StoreError> {
        let sql = "INSERT INTO guard (kind, at, message) VALUES (?1, ?2, ?3)
                   ON CONFLICT (kind) WHERE released_at IS NULL DO NOTHING";
        let values = params![guard.kind.as_str(), codec::time(guard.at), guard.message];
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Releases the block of that kind. Returns how many were released.
    pub(crate) fn release_send_block(
        &mut self,
        kind: BlockKind,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let sql = "UPDATE guard SET released_at = ?2 WHERE kind = ?1 AND released_at IS NULL";
        let values = params![kind.as_str(), codec::time(now)];
        Ok(self.connection.prepare_cached(sql)?.execute(values)?)
    }

    /// The latest time at which a sender ran.
    pub(crate) fn clock(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT clock_at FROM instance")?;
        let mut found = statement.query([])?;
        found.next()?.map_or(Ok(None), |row| codec::maybe_time(row, 0))
    }

    /// Stores the time at which the sender runs.
    pub(crate) fn set_clock(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.connection.execute("UPDATE instance SET clock_at = ?1", [codec::time(now)])?;
        Ok(())
    }
}
