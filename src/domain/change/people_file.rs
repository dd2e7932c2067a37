//! What an import notes about the people file: which version was read, and which rows were
//! set aside.

/// A version of the configured people file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeopleFileVersion {
    pub(crate) length: i64,
    /// Time of the last change, in nanoseconds since 1970.
    pub(crate) modified_ns: i64,
    pub(crate) sha256: [u8; 32],
}

/// A row that was not imported. The texts have no personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RowProblem {
    /// The file as the import was given it.
    pub(crate) file: String,
    /// Line from 1; 0 if the problem is not about one line.
    pub(crate) line: u32,
    /// Column in characters from 1.
    pub(crate) column: u32,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// What the last import noted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PeopleFileNotes {
    /// The configured file, even if another one was imported; `None` if it could not be read.
    pub(crate) version: Option<PeopleFileVersion>,
    /// In the order of the file.
    pub(crate) problems: Vec<RowProblem>,
}
