//! What only a database in a file has: backup, restore, integrity check, disk space.

pub(crate) mod backup;
pub(crate) mod disk;
pub(crate) mod integrity;
pub(crate) mod restore;
