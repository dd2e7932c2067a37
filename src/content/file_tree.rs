//! Reads the content folder as one consistent snapshot: only regular files inside
//! the folder, limited in size and number, and none of them modified during the
//! read. It knows which files are text, but does not parse them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::decode;
use super::diagnostics::ContentDiagnostics;
use crate::domain::diagnostic::{Diagnostic, Location, NO_PERMISSION};
use crate::text::text_file::TextFile;

/// Content as files: their bytes by path below the content folder.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A snapshot of the folder; paths are relative to it and use `/`.
#[derive(Debug, Default)]
pub(super) struct FileTree {
    /// The folder as the user typed it, with a trailing `/`.
    shown: String,
    /// Text files by path.
    pub(super) texts: BTreeMap<String, TextFile>,
    /// Text files that could not be read; they are already reported.
    unread: BTreeSet<String>,
    /// Files whose bytes are not kept, such as pictures, with their size.
    pub(super) others: BTreeMap<String, u64>,
    /// Those that are pictures small enough for a mail.
    pub(super) pictures: BTreeMap<String, Arc<[u8]>>,
    /// Paths of the folders.
    pub(super) folders: BTreeSet<String>,
}

/// Maximum size of one text file.
const MAX_TEXT_BYTES: u64 = 200_000;
/// Some mail clients clip a message above 100 kB, and base64 enlarges a
/// picture by a third.
pub(super) const MAX_PICTURE_BYTES: u64 = 60_000;
/// Maximum size of all text together; it is held in memory.
const MAX_TOTAL_BYTES: u64 = 50_000_000;
const MAX_FILES: usize = 5_000;
const MAX_DEPTH: usize = 4;
/// Number of attempts when the folder changes during the read, and the delay
/// between them.
const ATTEMPTS: u32 = 3;
const SETTLE: Duration = Duration::from_millis(100);

impl FileTree {
    /// The path for messages, as the user would type it.
    pub(super) fn file(&self, path: &str) -> String {
        format!("{}{path}", self.shown)
    }

    /// Returns true if a text file exists at this path, readable or not.
    pub(super) fn has_text(&self, path: &str) -> bool {
        self.texts.contains_key(path) || self.unread.contains(path)
    }

    /// Paths of the text files in a folder, readable or not.
    pub(super) fn texts_in(&self, folder: &str) -> impl Iterator<Item = &str> {
        let prefix = format!("{folder}/");
        let all: BTreeSet<&str> = self.texts.keys().chain(&self.unread).map(String::as_str).collect();
        all.into_iter().filter(move |path| path.starts_with(&prefix))
    }

    /// The bytes of the files, to be stored.
    pub(super) fn into_files(self) -> Files {
        let texts = self.texts.into_iter().map(|(path, source)| (path, source.text.as_bytes().to_vec()));
        texts.chain(self.pictures.into_iter().map(|(path, bytes)| (path, bytes.to_vec()))).collect()
    }
}

/// Builds a snapshot from stored files.
pub(super) fn from_files(dir: &Path, files: &Files, faults: &ContentDiagnostics) -> FileTree {
    let mut snapshot = FileTree { shown: shown(dir), ..FileTree::default() };
    for (path, bytes) in files {
        let folders = path.match_indices('/').map(|(end, _)| path[..end].to_owned());
        snapshot.folders.extend(folders);
        if !is_text(path) {
            snapshot.others.insert(path.clone(), bytes.len() as u64);
            snapshot.pictures.insert(path.clone(), bytes.as_slice().into());
            continue;
        }
        match decode::read(&snapshot.file(path), bytes.clone()) {
            Ok(source) => {
                snapshot.texts.insert(path.clone(), source);
            }
            Err(found) => {
                snapshot.unread.insert(path.clone());
                faults.extend(found);
            }
        }
    }
    snapshot
}

/// Reads the folder. `None` if it does not exist or keeps changing.
pub(super) fn snapshot(dir: &Path, faults: &ContentDiagnostics) -> Option<FileTree> {
    snapshot_while(dir, faults, &mut || ())
}

/// Like [`snapshot`]; `meanwhile` runs between listing and reading, so that tests
/// can modify files at that point.
fn snapshot_while(dir: &Path, faults: &ContentDiagnostics, meanwhile: &mut dyn FnMut()) -> Option<FileTree> {
    let shown = shown(dir);
    for attempt in 1..=ATTEMPTS {
        // Resolved on each attempt: a deployment may switch a symbolic link.
        let root = match dir.canonicalize() {
            Ok(root) => root,
            Err(wrong) => {
                faults.add(no_folder(dir, &wrong));
                return None;
            }
        };
        match read_all(&root, &shown, meanwhile) {
            Ok((snapshot, found)) => {
                faults.extend(found);
                return Some(snapshot);
            }
            Err(ReadConflict::Changed(path)) if attempt == ATTEMPTS => {
                let place = Location::file(format_args!("{shown}{path}"));
                let message = format!("changed while it was being read, {ATTEMPTS} times in a row");
                faults.add(
                    Diagnostic::error("changed-while-read", place, message)
                        .hint("let the copying or the `git pull` finish, then try again"),
                );
            }
            Err(ReadConflict::Changed(_)) => std::thread::sleep(SETTLE),
            Err(ReadConflict::Unreadable(path, wrong)) => {
                faults.add(unreadable(&shown, &path, &wrong));
                return None;
            }
        }
    }
    None
}

/// Why an attempt gave no consistent snapshot.
enum ReadConflict {
    Changed(String),
    Unreadable(String, io::Error),
}

/// One attempt: list, read, list again; both listings must be equal.
fn read_all(
    root: &Path,
    shown: &str,
    meanwhile: &mut dyn FnMut(),
) -> Result<(FileTree, Vec<Diagnostic>), ReadConflict> {
    let before = list(root)?;
    meanwhile();
    let mut snapshot = FileTree { shown: shown.to_owned(), ..FileTree::default() };
    let mut faults = before.faults(shown);
    let mut bytes_of_all = 0;
    for (path, entry) in &before.entries {
        let Entry::File(stamp) = entry else {
            if *entry == Entry::Folder {
                snapshot.folders.insert(path.clone());
            }
            continue;
        };
        if !is_text(path) {
            snapshot.others.insert(path.clone(), stamp.bytes);
            if is_picture(path) && stamp.bytes <= MAX_PICTURE_BYTES {
                bytes_of_all += stamp.bytes;
                let fits = bytes_of_all <= MAX_TOTAL_BYTES;
                // A file that cannot be read is reported where it is needed.
                if let Some(Ok(bytes)) = fits.then(|| read(&root.join(path), path, stamp)).transpose()? {
                    snapshot.pictures.insert(path.clone(), bytes.into());
                }
            }
            continue;
        }
        bytes_of_all += stamp.bytes;
        let source = if stamp.bytes > MAX_TEXT_BYTES {
            Err(vec![too_large(shown, path, stamp.bytes)])
        } else if bytes_of_all > MAX_TOTAL_BYTES {
            Err(vec![all_too_large(shown, path)])
        } else {
            match read(&root.join(path), path, stamp)? {
                Ok(bytes) => decode::read(&format!("{shown}{path}"), bytes),
                Err(wrong) => Err(vec![unreadable(shown, path, &wrong)]),
            }
        };
        match source {
            Ok(source) => {
                snapshot.texts.insert(path.clone(), source);
            }
            Err(found) => {
                snapshot.unread.insert(path.clone());
                faults.extend(found);
            }
        }
    }
    let after = list(root)?;
    match before.first_difference(&after) {
        Some(path) => Err(ReadConflict::Changed(path)),
        None => Ok((snapshot, faults)),
    }
}

/// Reads a file and verifies that it is the one that was listed.
fn read(full: &Path, path: &str, seen: &FileFingerprint) -> Result<Result<Vec<u8>, io::Error>, ReadConflict> {
    let changed = || ReadConflict::Changed(path.to_owned());
    let mut file = match File::open(full) {
        Ok(file) => file,
        Err(wrong) if wrong.kind() == ErrorKind::NotFound => return Err(changed()),
        Err(wrong) => return Ok(Err(wrong)),
    };
    let mut bytes = Vec::new();
    let read = file.metadata().and_then(|opened| {
        // The opened file is another one, perhaps a symbolic link put in its place. The
        // fingerprint includes the file's identity, and nothing has been read yet.
        if FileFingerprint::of(&opened) != *seen {
            return Ok(false);
        }
        file.by_ref().take(MAX_TEXT_BYTES + 1).read_to_end(&mut bytes)?;
        Ok(FileFingerprint::of(&file.metadata()?) == *seen && bytes.len() as u64 == seen.bytes)
    });
    match read {
        Ok(true) => Ok(Ok(bytes)),
        Ok(false) => Err(changed()),
        Err(wrong) => Ok(Err(wrong)),
    }
}

/// The files of the folder by path.
#[derive(PartialEq, Eq, Default)]
struct Listing {
    entries: BTreeMap<String, Entry>,
    /// There are more files than the limit; the rest was not listed.
    too_many: bool,
}

#[derive(PartialEq, Eq)]
enum Entry {
    File(FileFingerprint),
    Folder,
    /// A folder nested deeper than the limit.
    TooDeep,
    Link,
    /// A pipe, socket or device.
    Special,
    /// A file name that is not UTF-8.
    Unnamed,
}

/// Metadata that changes when the file changes.
#[derive(PartialEq, Eq)]
struct FileFingerprint {
    bytes: u64,
    modified: Option<SystemTime>,
    identity: (u64, u64),
}

impl FileFingerprint {
    fn of(metadata: &Metadata) -> FileFingerprint {
        FileFingerprint {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            identity: identity(metadata),
        }
    }
}

/// Device and inode number, where the platform has them.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

impl Listing {
    fn first_difference(&self, later: &Listing) -> Option<String> {
        let gone_or_changed = |path: &&String| self.entries.get(*path) != later.entries.get(*path);
        let path = self.entries.keys().chain(later.entries.keys()).find(gone_or_changed);
        path.cloned().or_else(|| (self.too_many != later.too_many).then(String::new))
    }

    /// Diagnostics for entries that must not be there.
    fn faults(&self, shown: &str) -> Vec<Diagnostic> {
        let mut faults: Vec<Diagnostic> =
            self.entries.iter().filter_map(|(path, entry)| entry.fault(shown, path)).collect();
        if self.too_many {
            let message = format!("more than {MAX_FILES} files; the rest was not read");
            let fault = Diagnostic::error("too-many-files", Location::file(shown_folder(shown)), message);
            faults.push(fault.hint("keep only journeys and templates in the content folder"));
        }
        faults
    }
}

impl Entry {
    fn fault(&self, shown: &str, path: &str) -> Option<Diagnostic> {
        let error = |code, message: String, hint: &str| {
            Some(Diagnostic::error(code, Location::file(format_args!("{shown}{path}")), message).hint(hint))
        };
        match self {
            Entry::File(_) | Entry::Folder => None,
            Entry::TooDeep => error(
                "too-deep",
                format!("a folder more than {MAX_DEPTH} levels down is not read"),
                "put steps into `journeys/<journey>/`, templates into `templates/email/`",
            ),
            Entry::Link => error(
                "link-refused",
                "a symbolic link; it was not opened, for it may lead out of the content folder".to_owned(),
                "put the file itself here",
            ),
            Entry::Special => {
                error("not-a-file", "neither a file nor a folder; it was not opened".to_owned(), "delete it")
            }
            Entry::Unnamed => error(
                "name-not-utf-8",
                "the name is not UTF-8".to_owned(),
                "rename it; lower-case ASCII letters, digits and `-` work everywhere",
            ),
        }
    }
}

/// Lists the programme file, the journeys and the templates; other files in the
/// folder are ignored.
fn list(root: &Path) -> Result<Listing, ReadConflict> {
    let mut listing = Listing::default();
    for name in ["programme.toml", "journeys", "templates"] {
        match fs::symlink_metadata(root.join(name)) {
            Ok(metadata) => listing.visit(root, name.to_owned(), &metadata)?,
            Err(wrong) if wrong.kind() == ErrorKind::NotFound => {}
            Err(wrong) => return Err(ReadConflict::Unreadable(name.to_owned(), wrong)),
        }
    }
    Ok(listing)
}

impl Listing {
    fn visit(&mut self, root: &Path, path: String, metadata: &Metadata) -> Result<(), ReadConflict> {
        if self.entries.len() >= MAX_FILES {
            self.too_many = true;
            return Ok(());
        }
        let kind = metadata.file_type();
        let entry = if kind.is_symlink() {
            Entry::Link
        } else if kind.is_file() {
            Entry::File(FileFingerprint::of(metadata))
        } else if !kind.is_dir() {
            Entry::Special
        } else if path.split('/').count() >= MAX_DEPTH {
            Entry::TooDeep
        } else {
            self.visit_folder(root, &path)?;
            Entry::Folder
        };
        self.entries.insert(path, entry);
        Ok(())
    }

    fn visit_folder(&mut self, root: &Path, path: &str) -> Result<(), ReadConflict> {
        let unreadable = |path: &str, wrong: io::Error| match wrong.kind() {
            ErrorKind::NotFound => ReadConflict::Changed(path.to_owned()),
            _ => ReadConflict::Unreadable(path.to_owned(), wrong),
        };
        for entry in fs::read_dir(root.join(path)).map_err(|wrong| unreadable(path, wrong))? {
            let entry = entry.map_err(|wrong| unreadable(path, wrong))?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                self.entries.insert(format!("{path}/{}", name.to_string_lossy()), Entry::Unnamed);
                continue;
            };
            if is_editor_file(name) {
                continue;
            }
            let path = format!("{path}/{name}");
            let metadata = entry.metadata().map_err(|wrong| unreadable(&path, wrong))?;
            self.visit(root, path, &metadata)?;
        }
        Ok(())
    }
}

/// Hidden files, backups and swap files of editors.
fn is_editor_file(name: &str) -> bool {
    let endings = ["~", ".swp", ".swo", ".tmp", ".bak", ".orig", ".rej", "#"];
    name.starts_with('.') || name.starts_with("~$") || endings.iter().any(|ending| name.ends_with(ending))
}

/// Returns true for files that may be the poster of a film.
fn is_picture(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    path.starts_with("journeys/") && [".png", ".jpg", ".jpeg"].iter().any(|ending| path.ends_with(ending))
}

/// Returns true for text files that the program reads.
fn is_text(path: &str) -> bool {
    match path.split('/').collect::<Vec<_>>()[..] {
        ["programme.toml"] => true,
        ["journeys", _, file] => file == "journey.toml" || file.ends_with(".md"),
        ["templates", "page", file] => file.ends_with(".hbs") || is_statement(file),
        ["templates", .., file] => file.ends_with(".hbs"),
        _ => false,
    }
}

/// Returns true for an accessibility statement, which is Markdown.
fn is_statement(file: &str) -> bool {
    file.starts_with("accessibility.") && file.ends_with(".md")
}

/// The prefix of paths in messages.
fn shown(dir: &Path) -> String {
    let text = dir.to_string_lossy();
    match text.trim_end_matches('/') {
        "" if text.starts_with('/') => "/".to_owned(),
        "" | "." => String::new(),
        dir => format!("{}/", dir.strip_prefix("./").unwrap_or(dir)),
    }
}

fn shown_folder(shown: &str) -> &str {
    if shown.is_empty() { "." } else { shown.trim_end_matches('/') }
}

fn no_folder(dir: &Path, wrong: &io::Error) -> Diagnostic {
    let place = Location::file(dir.display());
    let message = match wrong.kind() {
        ErrorKind::NotFound => "there is no such folder".to_owned(),
        _ => format!("the folder cannot be opened: {wrong}"),
    };
    let code = if wrong.kind() == ErrorKind::PermissionDenied { NO_PERMISSION } else { "no-content" };
    Diagnostic::error(code, place, message)
        .hint("name the folder that holds `programme.toml`, in `config.toml`, key `content`")
}

fn unreadable(shown: &str, path: &str, wrong: &io::Error) -> Diagnostic {
    let place = Location::file(format_args!("{shown}{path}"));
    let message = format!("cannot be read: {wrong}");
    let code = if wrong.kind() == ErrorKind::PermissionDenied { NO_PERMISSION } else { "unreadable" };
    Diagnostic::error(code, place, message).hint("see who may read the file: `ls -l`")
}

fn too_large(shown: &str, path: &str, bytes: u64) -> Diagnostic {
    let place = Location::file(format_args!("{shown}{path}"));
    let message =
        format!("the file has {} kB; at most {} kB are read", bytes.div_ceil(1_000), MAX_TEXT_BYTES / 1_000);
    Diagnostic::error("file-too-large", place, message)
        .hint("a mail is one to two screens of text; pictures stand in files of their own")
}

fn all_too_large(shown: &str, path: &str) -> Diagnostic {
    let place = Location::file(format_args!("{shown}{path}"));
    let message = format!("not read: all text together is more than {} MB", MAX_TOTAL_BYTES / 1_000_000);
    Diagnostic::error("content-too-large", place, message)
        .hint("keep only journeys and templates in the content folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a snapshot of a small folder and returns its diagnostics.
    fn told(prepare: impl FnOnce(&Path), meanwhile: &mut dyn FnMut(&Path)) -> String {
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(dir.path().join("journeys/miljo")).expect("folders");
        fs::write(dir.path().join("programme.toml"), "a = 1\n").expect("a file");
        fs::write(dir.path().join("journeys/miljo/resor.md"), "Hej\n").expect("a file");
        prepare(dir.path());
        let faults = ContentDiagnostics::default();
        let snapshot = snapshot_while(dir.path(), &faults, &mut || meanwhile(dir.path()));
        let faults: String = faults.in_order().iter().map(|fault| format!("{fault}\n")).collect();
        let read = snapshot.map(|snapshot| snapshot.texts.into_keys().collect::<Vec<_>>());
        format!("{}{read:?}", faults.replace(&format!("{}/", dir.path().display()), ""))
    }

    fn told_of(prepare: impl FnOnce(&Path)) -> String {
        told(prepare, &mut |_| ())
    }

    #[test]
    fn a_folder_that_settles_is_read_on_retry() {
        let mut times = 0;
        let told = told(|_| (), &mut |dir| {
            times += 1;
            if times < ATTEMPTS {
                fs::write(dir.join("journeys/miljo/resor.md"), "x".repeat(times as usize)).expect("a file");
            }
        });
        assert_eq!(
            (told.as_str(), times),
            (r#"Some(["journeys/miljo/resor.md", "programme.toml"])"#, ATTEMPTS)
        );
    }

    #[test]
    fn a_folder_that_keeps_changing_is_rejected() {
        let mut times = 0;
        let told = told(|_| (), &mut |dir| {
            times += 1;
            fs::write(dir.join(format!("journeys/miljo/new-{times}.md")), "x").expect("a file");
        });
        expect_test::expect![[r#"
            journeys/miljo/new-3.md: error: changed while it was being read, 3 times in a row
              hint: let the copying or the `git pull` finish, then try again
            None"#]]
        .assert_eq(&told);
    }

    #[test]
    fn a_replaced_file_is_detected() {
        // The replacement has the same length and modification time.
        let swap = &mut |dir: &Path| {
            let (file, other) = (dir.join("journeys/miljo/resor.md"), dir.join("other"));
            let modified = fs::metadata(&file).and_then(|metadata| metadata.modified()).expect("a time");
            fs::write(&other, "Haj\n").expect("a file");
            File::open(&other).and_then(|file| file.set_modified(modified)).expect("a time");
            fs::rename(other, file).expect("renamed");
        };
        assert!(told(|_| (), swap).starts_with("journeys/miljo/resor.md: error: changed while"));
    }

    #[cfg(unix)]
    #[test]
    fn symbolic_links_are_rejected_and_not_opened() {
        let told = told_of(|dir| {
            std::os::unix::fs::symlink("/etc/passwd", dir.join("journeys/miljo/secret.md")).expect("a link");
            std::os::unix::fs::symlink("/etc", dir.join("journeys/etc")).expect("a link");
            std::os::unix::fs::symlink("nowhere", dir.join("journeys/miljo/.#lock")).expect("a link");
            std::os::unix::fs::symlink("/etc", dir.join("beside")).expect("a link");
        });
        expect_test::expect![[r#"
            journeys/etc: error: a symbolic link; it was not opened, for it may lead out of the content folder
              hint: put the file itself here
            journeys/miljo/secret.md: error: a symbolic link; it was not opened, for it may lead out of the content folder
              hint: put the file itself here
            Some(["journeys/miljo/resor.md", "programme.toml"])"#]].assert_eq(&told);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_replaces_a_file_is_not_read() {
        let swap = &mut |dir: &Path| {
            let file = dir.join("journeys/miljo/resor.md");
            fs::remove_file(&file).expect("gone");
            std::os::unix::fs::symlink("/etc/passwd", file).expect("a link");
        };
        let told = told(|_| (), swap);
        assert!(told.contains("resor.md: error: a symbolic link"), "{told}");
    }

    #[cfg(unix)]
    #[test]
    fn the_root_folder_may_be_a_symbolic_link() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::create_dir(dir.path().join("real")).expect("a folder");
        fs::write(dir.path().join("real/programme.toml"), "a = 1\n").expect("a file");
        std::os::unix::fs::symlink("real", dir.path().join("content")).expect("a link");
        let snapshot =
            snapshot(&dir.path().join("content"), &ContentDiagnostics::default()).expect("a snapshot");
        assert!(snapshot.texts["programme.toml"].file.ends_with("content/programme.toml"));
    }

    #[test]
    fn sizes_and_depth_are_limited() {
        let told = told_of(|dir| {
            fs::write(dir.join("journeys/miljo/lang.md"), "x".repeat(200_001)).expect("a file");
            fs::create_dir_all(dir.join("templates/email/a/b/c/d")).expect("folders");
            fs::create_dir_all(dir.join("node_modules/a/b/c/d/e")).expect("folders");
        });
        expect_test::expect![[r#"
            journeys/miljo/lang.md: error: the file has 201 kB; at most 200 kB are read
              hint: a mail is one to two screens of text; pictures stand in files of their own
            templates/email/a/b: error: a folder more than 4 levels down is not read
              hint: put steps into `journeys/<journey>/`, templates into `templates/email/`
            Some(["journeys/miljo/resor.md", "programme.toml"])"#]]
        .assert_eq(&told);
    }

    #[test]
    fn the_number_of_files_is_limited() {
        let told = told_of(|dir| {
            for n in 0..=MAX_FILES {
                fs::write(dir.join(format!("journeys/miljo/{n}.png")), "").expect("a file");
            }
        });
        assert!(told.contains("more than 5000 files"), "{told}");
    }

    #[test]
    fn a_folder_is_shown_as_it_was_typed() {
        let shown = |dir: &str| shown(Path::new(dir));
        assert_eq!(shown("content"), "content/");
        assert_eq!(shown("content/"), "content/");
        assert_eq!(shown("./content"), "content/");
        assert_eq!(shown("."), "");
        assert_eq!(shown("/srv/x"), "/srv/x/");
    }
}
