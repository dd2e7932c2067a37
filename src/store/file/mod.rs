//! What only a database in a file has: opening, integrity checks, backup,
//! restore, and the file system below it. The other modules of the store do not
//! know that the database is a file, except `migrate`, which creates it.

pub(crate) mod backup;
pub(crate) mod disk;
pub(crate) mod integrity;
pub(crate) mod open;
pub(crate) mod restore;
