//! `journey people export`: writes everything that is stored about one person to two files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::one_person;
use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::engine::load::snapshot::LoadScope;
use crate::engine::personal_data;
use crate::render;
use crate::store::AuditRecord;
use crate::view::personal_data::PersonalDataView;

/// Write everything that is stored about one person to `data.json` and `data.txt`
///
/// For a person who asks for a copy. The text is in the person's language. No
/// file is overwritten, and only you can read the new ones. The audit log has
/// an entry.
///
/// Example: journey people export 1042 --out copy
#[derive(clap::Args, Debug)]
pub(in crate::cli) struct Args {
    /// Employee id or mail address
    person: String,
    /// The folder of the two files; it is created if needed
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

pub(super) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (mut store, snapshot, at) = cx.writing(LoadScope::ReferenceGroups)?;
    let number = one_person(&store, &args.person)?;
    let (json, text) = (args.out.join("data.json"), args.out.join("data.txt"));
    for file in [&json, &text] {
        if fs::symlink_metadata(file).is_ok() {
            return Err(cannot_write(file, &io::Error::from(io::ErrorKind::AlreadyExists)));
        }
    }
    fs::create_dir_all(&args.out).map_err(|why| cannot_write(&args.out, &why))?;
    let record = AuditRecord {
        action: "people export",
        subject: "a person",
        person: Some(number),
        before: "",
        after: "data written to a file",
    };
    store.record_action(&cx.act(at, None, None), &record)?;
    let data = personal_data::load(&store, &snapshot.content, number)?;
    let data = data.ok_or_else(|| crate::cli::lookup::no_such_person(&args.person))?;
    let programme = &snapshot.content.library.programme;
    let view = PersonalDataView::of(&data, programme.zone, at);
    let mut document = serde_json::to_vec_pretty(&view).map_err(anyhow::Error::from)?;
    document.push(b'\n');
    let language = programme.serve(&data.person.language);
    let translated = programme.translations.get(language).and_then(|words| words.title.as_ref());
    let title = translated.unwrap_or(&programme.title);
    let words = render::personal_data::text(&data, title, language, programme.zone, at);
    write_private(&json, &document)?;
    write_private(&text, words.as_bytes())?;
    Ok(writeln!(cx.out, "wrote {} and {}", json.display(), text.display())?)
}

/// Writes a new file that only its owner can read.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|why| cannot_write(path, &why))
}

fn cannot_write(path: &Path, why: &io::Error) -> CommandError {
    let (shown, kind) = (path.display(), ErrorKind::CannotMake);
    match why.kind() {
        io::ErrorKind::AlreadyExists => CommandError::new(kind, format!("{shown} is there already"))
            .hint("name another folder with --out, or move the file away"),
        _ => CommandError::new(kind, format!("cannot write {shown}: {why}"))
            .hint("name a folder that you can write to with --out"),
    }
}
