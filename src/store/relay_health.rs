//! The health of the relay: its last success, its current failure, and a
//! temporary limit on connections.

use rusqlite::params;

use super::{Store, StoreError, codec, failpoints};
use crate::domain::delivery::reply::ConnectionCap;
use crate::domain::time::timezone::Timestamp;

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
}
