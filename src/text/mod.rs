//! Texts that people write, with positions: a file with its lines, and TOML that
//! is read key by key. `config` and `content` use both and word their own messages.

pub(crate) mod secret_file;
pub(crate) mod text_file;
pub(crate) mod toml_reader;
