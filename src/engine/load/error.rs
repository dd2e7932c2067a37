//! Why loading failed.

use crate::domain::diagnostic::Diagnostic;
use crate::engine::tokens::NoRandomness;
use crate::store::StoreError;

/// Why loading failed.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The configuration or the content has errors.
    #[error("the content has errors")]
    Content(Vec<Diagnostic>),
    /// The people file has errors.
    #[error("the people file has errors")]
    People(Vec<Diagnostic>),
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A new database needs a secret.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}
