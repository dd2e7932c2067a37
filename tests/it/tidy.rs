//! The rules for the source code, as data and as a test. All violations are
//! reported at once, each with its place and what to do instead.
//!
//! A rule that is wrong is changed here, with a reason in the commit. A review
//! remark that comes twice becomes a rule.

mod circles;
mod source;

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use source::{Function, Source};

/// Which module may use which. A module of `src` that is missing here has no
/// place yet. Edges (`content`, `store`, `mail`) never use each
/// other; parts of the configuration are passed down as values.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("render", &["domain"]),
    // Files and TOML with positions, for `config` and `content`, and files that hold a secret.
    ("text", &["domain"]),
    ("content", &["domain", "render", "text"]),
    // The rows of a people file are checked in temporary tables of the store.
    ("roster", &["domain", "render", "store"]),
    // Failure injection for tests: used wherever there are side effects.
    ("failpoint", &[]),
    ("store", &["domain", "render", "failpoint"]),
    // The timeouts of a conversation are measured with the clock.
    ("mail", &["domain", "render", "text", "clock", "failpoint"]),
    // A test moves the clocks while the program runs.
    ("clock", &["domain", "failpoint"]),
    ("config", &["domain", "text"]),
    ("logging", &["domain"]),
    (
        "engine",
        &[
            "domain",
            "render",
            "content",
            "roster",
            "store",
            "mail",
            "clock",
            "config",
            "text",
            "logging",
            "failpoint",
        ],
    ),
    // JSON documents for every entry point, built from values of the engine.
    ("view", &["domain", "roster", "store", "engine"]),
    // An entry point like `cli`; it rereads the configuration on reload.
    (
        "daemon",
        &[
            "domain",
            "render",
            "content",
            "roster",
            "store",
            "mail",
            "clock",
            "config",
            "logging",
            "engine",
            "failpoint",
        ],
    ),
    ("web", &["domain", "render", "store", "clock", "config", "engine", "view"]),
    (
        "cli",
        &[
            "domain",
            "render",
            "content",
            "roster",
            "store",
            "mail",
            "clock",
            "config",
            "logging",
            "engine",
            "view",
            "daemon",
            "web",
            "failpoint",
        ],
    ),
    // The binary: arguments in, exit code out.
    ("main", &["cli"]),
];

/// The modules each package may be used in, so that it can be replaced with
/// known effort. A module is its file and its folder.
const ADDRESSES: &[(&str, Lives)] = &[
    ("strsim", Lives::In(&["domain/diagnostic/suggestion"])),
    ("cron", Lives::In(&["domain/time/cadence"])),
    ("chrono_tz", Lives::In(&["domain/time/timezone"])),
    ("serde", Lives::NotIn(&["domain"])),
    ("handlebars", Lives::In(&["render"])),
    ("css_inline", Lives::In(&["render/styles"])),
    ("pulldown_cmark", Lives::In(&["render"])),
    ("toml", Lives::In(&["text/toml_reader"])),
    // `roster` too, because it has a module of that name.
    ("csv", Lives::In(&["roster", "cli"])),
    ("csv_core", Lives::In(&["roster"])),
    // Content is UTF-8; there it only names the letter that was meant.
    ("encoding_rs", Lives::In(&["roster", "content"])),
    // Hashes of content and of migrations; the keys of mails and links, and
    // DKIM.
    (
        "ring",
        Lives::In(&[
            "content",
            "store/messages",
            "store/migrate",
            "engine/tokens",
            "engine/load/people_file",
            "mail/message/dkim",
        ]),
    ),
    ("data_encoding", Lives::In(&["engine/tokens", "mail/message/dkim", "mail/message/mime/header"])),
    ("axum", Lives::In(&["web"])),
    ("hyper", Lives::In(&["web/connections"])),
    ("hyper_util", Lives::In(&["web/connections"])),
    ("tokio", Lives::In(&["web"])),
    ("form_urlencoded", Lives::In(&["web/request"])),
    ("fail", Lives::In(&["failpoint"])),
    ("rustls", Lives::In(&["mail/smtp"])),
    ("rustls_native_certs", Lives::In(&["mail/smtp/tls"])),
    ("rusqlite", Lives::In(&["store"])),
    // Files, the host name, and the clock that counts sleep.
    ("rustix", Lives::In(&["store", "mail/files", "mail/smtp/connect", "mail/sendmail", "clock"])),
    ("lettre", Lives::In(&["mail"])),
    ("lz4_flex", Lives::In(&["store/messages"])),
    ("memchr", Lives::In(&["mail"])),
    // Tests of `quoted_printable` read their output with it.
    ("mail_parser", Lives::In(&["mail/inbound", "mail/message/compose", "mail/message/quoted_printable"])),
    ("hickory_proto", Lives::In(&["mail/dns"])),
    ("ureq", Lives::In(&["mail/auth_token", "engine/doctor/pages"])),
    ("mail_auth", Lives::In(&["mail/message/dkim"])),
    ("axum", Lives::In(&["web", "daemon"])),
    ("tokio", Lives::In(&["web", "daemon"])),
    (
        "serde_json",
        Lives::In(&["cli", "render/email/context", "render/page", "web/pages/mine", "mail/auth_token"]),
    ),
    ("clap", Lives::In(&["cli"])),
    ("clap_complete", Lives::In(&["cli"])),
    ("clap_mangen", Lives::In(&["cli"])),
    ("comfy_table", Lives::In(&["cli"])),
    ("indicatif", Lives::In(&["cli"])),
    ("signal_hook", Lives::In(&["cli"])),
    ("sd_notify", Lives::In(&["daemon"])),
    ("anstream", Lives::In(&["cli"])),
    ("icalendar", Lives::In(&["cli"])),
];

/// Calls that are allowed in one module only, and what to use elsewhere.
/// `clippy.toml` bans them too.
const CALLS: &[(&[&str], &str, &str)] = &[
    (&["Utc", "::", "now"], "clock", NOW),
    (&["Local", "::", "now"], "clock", NOW),
    (&["SystemTime", "::", "now"], "clock", NOW),
    (&["Instant", "::", "now"], "clock", NOW),
    (&["env", "::", "var"], "config", ENVIRONMENT),
    (&["env", "::", "var_os"], "config", ENVIRONMENT),
    (&["env", "::", "vars"], "config", ENVIRONMENT),
    (&["env", "::", "vars_os"], "config", ENVIRONMENT),
];

const NOW: &str = "take the time as an argument";
const ENVIRONMENT: &str = "take the value as an argument";

/// A longer file has two subjects. Files of tests alone are lists, and may be
/// longer.
const LONGEST: usize = 1_000;
const LONGEST_OF_TESTS: usize = 1_500;

/// Groups of files that import each other. The list may only get shorter.
const CIRCLES: &[&[&str]] = &[];

/// Terms of a private style. Documentation comments use the terms of the field
/// instead: worker, recipient, message body, timeout, failure, number of.
const DIALECT: &[&str] = &[
    "anew",
    "anybody",
    "believed",
    "lets",
    "lies",
    "nobody",
    "shall",
    "so many",
    "somebody",
    "told",
    "what came of",
    "whoever",
    "words",
];

/// What messages to users do not say; `docs/style.md` has what they say instead.
const NOT_IN_MESSAGES: &[&str] = &[
    "amiss",
    "anew",
    "handed over",
    "hand over",
    "kept back",
    "let go",
    "mend",
    "relay",
    "remembered",
    "somebody",
    "anybody",
    "nobody knows",
    "stands here",
    "type it",
    "typed again",
    "is told",
    "the matter",
    "its turn",
    "whoever",
    "booked",
];

/// The number of these that is left in messages. It may only fall.
const MESSAGES_LEFT: usize = 0;

/// The number of these terms that is left. It may only fall.
const DIALECT_LEFT: usize = 15;

/// Terms are not counted in comments of arguments, which are help texts.
const HELP_TEXTS: &str = "src/cli/";

/// Kinds of numbers that only name something together with a document that is
/// not in the repository: `F27`, `i8_…`. `E23` is a row of the table in
/// `conformance`.
const CITATIONS: &[char] = &['D', 'F', 'I', 'M', 'P', 'R', 'T'];

/// The number of these citations that is left. It may only fall.
const CITATIONS_LEFT: usize = 0;

/// Names of modules that say nothing.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "helpers", "types", "models", "misc", "prelude"];

/// Markers that promise work; allowed with the number of an issue.
const PROMISES: &[&str] = &["TODO", "FIXME", "XXX"];

/// Folders that are not part of the repository.
const NOT_OURS: &[&str] = &[".git", "target", "outbox", "tests/browser/node_modules"];

/// Files that are exempt on purpose: broken samples, and golden mails.
const SAMPLES: &[&str] = &["tests/fixtures/", "tests/golden/"];

/// Where a package may be used.
#[derive(Clone, Copy)]
enum Lives {
    In(&'static [&'static str]),
    NotIn(&'static [&'static str]),
}

/// A violation; line 0 is the file as a whole.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    file: String,
    line: usize,
    rule: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.rule),
            line => write!(f, "{}:{line}: {}", self.file, self.rule),
        }
    }
}

#[test]
fn the_repository_follows_the_rules() {
    let files = repository();
    let tests = test_files(&files);
    let mut faults = Vec::new();
    let mut functions = Vec::new();
    let mut lengths = Vec::new();
    let (mut dialect, mut citations, mut messages) = (Vec::new(), Vec::new(), Vec::new());
    for file in &files {
        faults.extend(text_faults(&file.name, &file.text));
        if file.name.ends_with(".rs") {
            let source = Source::read(&file.text);
            let only_tests = tests.contains(&file.name);
            faults.extend(rust_faults(&file.name, &source));
            dialect.extend(dialect_faults(&file.name, &file.text));
            citations.extend(citation_faults(&file.name, &source));
            if let Some(module) = Module::of(&file.name) {
                faults.extend(module_faults(&file.name, &module, &file.text, &source, only_tests));
                lengths.push((file.text.lines().count(), &file.name));
                if !only_tests {
                    messages.extend(message_faults(&file.name, &source));
                }
                let of_program = source.functions().into_iter().filter(|_| !only_tests);
                functions.extend(of_program.map(|function| (function, &file.name)));
            }
        }
    }
    faults.extend(circle_faults(&circles::circles(&files, &tests)));
    faults.extend(at_most(DIALECT_LEFT, "DIALECT_LEFT", dialect));
    faults.extend(at_most(MESSAGES_LEFT, "MESSAGES_LEFT", messages));
    faults.extend(at_most(CITATIONS_LEFT, "CITATIONS_LEFT", citations));
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    functions.sort_unstable_by(|a, b| b.cmp(a));
    println!("the longest files, in lines:");
    for (lines, name) in lengths.iter().take(5) {
        println!("{lines:6}  {name}");
    }
    println!("the longest functions, in lines:");
    for (Function { lines, line, name }, file) in functions.iter().take(5) {
        println!("{lines:6}  {name} ({file}:{line})");
    }
    faults.sort_unstable();
    let told: Vec<String> = faults.iter().map(Fault::to_string).collect();
    assert!(told.is_empty(), "{} rules of the house are broken:\n{}", told.len(), told.join("\n"));
}

/// A file of the repository.
struct File {
    /// From the root, with `/`.
    name: String,
    text: String,
}

/// Every text file of the repository.
fn repository() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        // Other tests run meanwhile: files may vanish.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path: PathBuf = entry.path();
            let name = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
            if NOT_OURS.contains(&name.as_str()) || path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                files.push(File { name, text });
            }
        }
    }
    files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    files
}

/// The files of `src` that hold tests alone: modules declared under
/// `#[cfg(test)]`, and those below them.
fn test_files(files: &[File]) -> BTreeSet<String> {
    let of_src = || files.iter().filter_map(|file| Some((file, Module::of(&file.name)?)));
    let mut roots = BTreeSet::new();
    for (file, module) in of_src() {
        for name in Source::read(&file.text).test_modules {
            roots.insert(module.path.iter().cloned().chain([name]).collect::<Vec<_>>());
        }
    }
    let below = |path: &[String]| (1..=path.len()).any(|n| roots.contains(&path[..n]));
    of_src().filter(|(_, module)| below(&module.path)).map(|(file, _)| file.name.clone()).collect()
}

/// The place of a file of `src` in the tree of modules.
struct Module {
    /// `["domain", "planner", "slot"]`; empty for `lib.rs` and `main.rs`.
    path: Vec<String>,
    /// The row of [`MAY_USE`]; empty for `lib.rs`, which is only the list.
    house: String,
}

impl Module {
    fn of(file: &str) -> Option<Module> {
        let inside = file.strip_prefix("src/")?.strip_suffix(".rs")?;
        let mut path: Vec<String> = inside.split('/').map(str::to_owned).collect();
        let house = if inside == "lib" { String::new() } else { path[0].clone() };
        if matches!(path.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            path.pop();
        }
        Some(Module { path, house })
    }

    /// Is it that module, or below it?
    fn is_in(&self, home: &str) -> bool {
        let home: Vec<&str> = home.split('/').collect();
        self.path.len() >= home.len() && self.path.iter().zip(home).all(|(a, b)| a == b)
    }

    /// The top-level module that a path goes through, if it does.
    fn enters<'p>(&self, path: &'p source::Path) -> Option<&'p str> {
        let supers = path.parts.iter().take_while(|part| *part == "super").count();
        let first = match path.parts[0].as_str() {
            "crate" => 1,
            "journey" if self.house == "main" => 1,
            "super" if supers == self.path.len() + path.nested => supers,
            _ => return None,
        };
        path.parts.get(first).map(String::as_str).filter(|part| *part != "self")
    }
}

/// Rules for a file of the program.
fn module_faults(file: &str, module: &Module, text: &str, source: &Source, only_tests: bool) -> Vec<Fault> {
    let mut faults = Faults::of(file);
    if !text.starts_with("//!") {
        faults.add(1, "a file begins with `//!`: what it is, what it is not, who calls it");
    }
    let longest = if only_tests { LONGEST_OF_TESTS } else { LONGEST };
    let lines = text.lines().count();
    if lines >= longest {
        faults.add(0, format!("{lines} lines, under {longest} are allowed: which two subjects are in it?"));
    }
    if let Some(name) = module.path.iter().find(|name| EMPTY_NAMES.contains(&name.as_str())) {
        faults.add(0, format!("`{name}` says nothing; name it for what it is about"));
    }
    for attribute in ["allow", "expect"] {
        let bare = source.attributes(attribute).into_iter().filter(|found| !found.text.contains("reason"));
        bare.for_each(|found| faults.add(found.line, format!("`{attribute}` without a `reason`")));
    }
    if only_tests {
        return faults.found;
    }
    if !module.house.is_empty() && !MAY_USE.iter().any(|(name, _)| *name == module.house) {
        faults.add(0, format!("`{}` has no place in the table of who may use whom", module.house));
    }
    for path in source.paths() {
        if let Some(target) = module.enters(&path) {
            faults.extend(path.line, direction(module, target));
        }
        if let Some((package, lives)) = ADDRESSES.iter().find(|(package, _)| path.parts[0] == *package) {
            faults.extend(path.line, address(module, package, *lives));
        }
    }
    for (call, home, instead) in CALLS {
        let elsewhere = source.places(call, false).into_iter().filter(|_| !module.is_in(home));
        elsewhere.for_each(|line| {
            faults.add(line, format!("`{}` is called in `{home}` alone; {instead}", call.concat()));
        });
    }
    let waits = ["web", "daemon"].iter().any(|home| module.is_in(home));
    for line in source.places(&["async"], false).into_iter().filter(|_| !waits) {
        faults.add(line, "`async` lives in `web` and `daemon` alone");
    }
    faults.found
}

/// The violation, if this module may not use that one.
fn direction(module: &Module, target: &str) -> Option<String> {
    let house = module.house.as_str();
    if house == target || house.is_empty() {
        return None;
    }
    let (_, allowed) = MAY_USE.iter().find(|(name, _)| *name == house)?;
    let names: Vec<String> = allowed.iter().map(|name| format!("`{name}`")).collect();
    let rule = match names.len() {
        0 => "it uses no other module".to_owned(),
        _ => format!("it may use {}", names.join(", ")),
    };
    (!allowed.contains(&target)).then(|| format!("`{house}` uses `{target}`; {rule}"))
}

/// The violation, if this package may not be used in this module.
fn address(module: &Module, package: &str, lives: Lives) -> Option<String> {
    let listed = |homes: &[&str]| homes.iter().map(|home| format!("`{home}`")).collect::<Vec<_>>().join(", ");
    match lives {
        Lives::In(homes) if !homes.iter().any(|home| module.is_in(home)) => {
            Some(format!("package `{package}` lives in {} alone", listed(homes)))
        }
        Lives::NotIn(homes) if homes.iter().any(|home| module.is_in(home)) => {
            Some(format!("package `{package}` does not exist in {}", listed(homes)))
        }
        Lives::In(_) | Lives::NotIn(_) => None,
    }
}

/// Rules for every Rust file, tests too.
fn rust_faults(file: &str, source: &Source) -> Vec<Fault> {
    let mut faults = Faults::of(file);
    for line in source.places(&["#", "[", "ignore"], true) {
        faults.add(line, "an ignored test rots; repair it or delete it");
    }
    for line in source.places(&["dbg", "!"], true) {
        faults.add(line, "`dbg!` is left over");
    }
    for remark in source.remarks.iter().filter(|remark| is_code(&remark.text)) {
        faults.add(remark.line, "code in a comment; git remembers it");
    }
    for remark in &source.comments {
        let words = remark.text.split(|c: char| !c.is_alphanumeric() && c != '_');
        let promise = words.into_iter().find(|word| PROMISES.contains(word));
        if let Some(word) = promise.filter(|_| !names_an_issue(&remark.text)) {
            faults.add(remark.line, format!("`{word}` without an issue; write `{word}(#12)`"));
        }
    }
    faults.found
}

/// The groups of files that import each other and are not in [`CIRCLES`].
fn circle_faults(circles: &[Vec<String>]) -> Vec<Fault> {
    let known = |group: &&Vec<String>| {
        CIRCLES.iter().any(|known| group.iter().all(|file| known.contains(&file.as_str())))
    };
    let found: BTreeSet<&str> = circles.iter().flatten().map(String::as_str).collect();
    let stale = CIRCLES.iter().copied().flatten().filter(|file| !found.contains(*file)).map(|file| Fault {
        file: (*file).to_owned(),
        line: 0,
        rule: "it is in no circle of imports any more; take it out of `CIRCLES`".to_owned(),
    });
    let fault = |group: &Vec<String>| Fault {
        file: group[0].clone(),
        line: 0,
        rule: format!("these files import each other: {}", group.join(", ")),
    };
    circles.iter().filter(|group| !known(group)).map(fault).chain(stale).collect()
}

/// Texts of mail servers, not our own.
const REPLIES: &str = "src/domain/delivery/concern.rs";

/// What messages to users do not say. Only literals with a blank are sentences.
fn message_faults(file: &str, source: &Source) -> Vec<Fault> {
    let mut faults = Faults::of(file);
    let is_sentence = |text: &str| text.contains(' ') && file != REPLIES && !text.starts_with("SELECT ");
    for string in source.strings.iter().filter(|string| is_sentence(&string.text)) {
        for word in terms_in(NOT_IN_MESSAGES, &string.text) {
            faults.add(string.line, format!("messages do not say `{word}` (docs/style.md): {}", string.text));
        }
    }
    faults.found
}

/// The terms of [`DIALECT`] in documentation comments.
fn dialect_faults(file: &str, text: &str) -> Vec<Fault> {
    let mut faults = Faults::of(file);
    let help = file.starts_with(HELP_TEXTS);
    for (number, line) in (1..).zip(text.lines().map(str::trim_start)) {
        if line.starts_with("//!") || line.starts_with("///") && !help {
            for word in terms_in(DIALECT, line) {
                faults.add(
                    number,
                    format!("`{word}` is a word of the private style; use the term of the field"),
                );
            }
        }
    }
    faults.found
}

/// Comments and names of functions with a number of a document that is not in
/// the repository.
fn citation_faults(file: &str, source: &Source) -> Vec<Fault> {
    let mut faults = Faults::of(file);
    for remark in &source.comments {
        let mut words = remark.text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '`');
        if let Some(word) = words.find(|word| is_citation(word)) {
            faults.add(
                remark.line,
                format!("`{word}` is in no document of the repository; write what it says"),
            );
        }
    }
    let numbered =
        |name: &str| name.split_once('_').is_some_and(|(first, _)| is_citation(&first.to_uppercase()));
    for (line, name) in source.names_of_functions().into_iter().filter(|(_, name)| numbered(name)) {
        faults.add(line, format!("`{name}`: a name says what is shown, without a number"));
    }
    faults.found
}

/// All faults of a kind, if there are more than are left by now.
fn at_most(left: usize, constant: &str, faults: Vec<Fault>) -> Vec<Fault> {
    if faults.len() < left {
        let rule = format!("lower `{constant}` from {left} to {}", faults.len());
        return vec![Fault { file: "tests/it/tidy.rs".to_owned(), line: 0, rule }];
    }
    if faults.len() > left { faults } else { Vec::new() }
}

fn terms_in(terms: &[&'static str], line: &str) -> Vec<&'static str> {
    let line: String =
        line.to_lowercase().split(|c: char| !c.is_alphanumeric()).collect::<Vec<_>>().join(" ");
    let line = format!(" {line} ");
    let often = |word: &&'static str| vec![*word; line.matches(&format!(" {word} ")).count()];
    terms.iter().flat_map(often).collect()
}

/// Does a word cite a document that is not in the repository?
fn is_citation(word: &str) -> bool {
    let mut chars = word.chars();
    let kind = chars.next().is_some_and(|first| CITATIONS.contains(&first));
    let number = chars.as_str();
    kind && (1..=3).contains(&number.len()) && number.chars().all(|c| c.is_ascii_digit())
}

/// Does it contain `#` and a number?
fn names_an_issue(text: &str) -> bool {
    text.split('#').skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Does a comment look like a line of code?
fn is_code(text: &str) -> bool {
    let text = text.trim();
    let statement = text.ends_with(';') && text.contains(['(', '=', ':']) && !text.contains(". ");
    let opens = text.ends_with('{') && text.len() > 1;
    let begins =
        ["let ", "use ", "pub ", "fn ", "return ", "match ", "if ", "for ", "while ", "impl ", "} else"];
    let block = opens && begins.iter().any(|word| text.starts_with(word));
    let declared = text.starts_with("let ") && text.contains(" = ");
    let attribute = text.starts_with("#[") && text.ends_with(']');
    statement || block || declared || attribute || matches!(text, "}" | "};" | "})" | "});")
}

/// Rules for every text file.
fn text_faults(file: &str, text: &str) -> Vec<Fault> {
    let mut faults = Faults::of(file);
    for (number, line) in (1..).zip(text.lines()) {
        for path in MACHINES.iter().filter(|path| line.contains(**path)) {
            faults.add(number, format!("`{path}` exists on one machine only"));
        }
    }
    if SAMPLES.iter().any(|folder| file.starts_with(folder)) {
        return faults.found;
    }
    if !text.is_empty() && !text.ends_with('\n') {
        faults.add(text.lines().count(), "the last line has no end");
    }
    if file.ends_with(".rs") || file.ends_with(".toml") {
        let blank = |line: &str| line.ends_with([' ', '\t']);
        let lines = (1..).zip(text.lines()).filter(|(_, line)| blank(line));
        lines.for_each(|(number, _)| faults.add(number, "blanks at the end of the line"));
    }
    if file == "Cargo.toml" {
        faults.found.extend(manifest_faults(text));
    }
    faults.found
}

/// Paths of one machine; put together here, so that this file has none.
const MACHINES: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/")];

/// Every dependency says on its line why it is there.
fn manifest_faults(text: &str) -> Vec<Fault> {
    let mut faults = Faults::of("Cargo.toml");
    let mut listing = false;
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.starts_with('[') {
            listing = line.ends_with("dependencies]");
            if line.contains("dependencies.") {
                faults.add(number, "a dependency is one line in `[dependencies]`, with its reason behind it");
            }
        } else if listing && !line.is_empty() && !line.starts_with('#') && !line.contains(" # ") {
            let name = line.split(['=', ' ']).next().unwrap_or(line);
            faults.add(number, format!("why `{name}`? say it behind a `#`"));
        }
    }
    faults.found
}

/// The violations of one file.
struct Faults<'f> {
    file: &'f str,
    found: Vec<Fault>,
}

impl<'f> Faults<'f> {
    fn of(file: &'f str) -> Faults<'f> {
        Faults { file, found: Vec::new() }
    }

    fn add(&mut self, line: usize, rule: impl fmt::Display) {
        self.found.push(Fault { file: self.file.to_owned(), line, rule: rule.to_string() });
    }

    fn extend(&mut self, line: usize, rule: Option<String>) {
        self.found.extend(rule.map(|rule| Fault { file: self.file.to_owned(), line, rule }));
    }
}

/// Tests of the rules with bad snippets.
#[cfg(test)]
mod rules {
    use super::*;
    use expect_test::{Expect, expect};

    /// The report about a file of that name and text.
    fn told(file: &str, text: &str) -> String {
        let source = Source::read(text);
        let mut faults = text_faults(file, text);
        if file.ends_with(".rs") {
            faults.extend(rust_faults(file, &source));
        }
        if let Some(module) = Module::of(file) {
            faults.extend(module_faults(file, &module, text, &source, false));
        }
        faults.sort_unstable();
        faults.iter().map(|fault| format!("{fault}\n")).collect()
    }

    #[expect(clippy::needless_pass_by_value, reason = "reads better at each call")]
    fn check(file: &str, text: &str, expected: Expect) {
        expected.assert_eq(&told(file, text));
    }

    #[test]
    fn modules_only_use_those_below_them() {
        check(
            "src/content/tree.rs",
            "//! A.\nuse crate::domain::ids::Slug;\nuse crate::{domain, roster::Roster};\nfn f() { crate::clock::now(); }\n",
            expect![[r#"
                src/content/tree.rs:3: `content` uses `roster`; it may use `domain`, `render`, `text`
                src/content/tree.rs:4: `content` uses `clock`; it may use `domain`, `render`, `text`
            "#]],
        );
        check(
            "src/domain/planner/slot.rs",
            "//! A.\nuse super::super::super::render::x;\n",
            expect![[r#"
            src/domain/planner/slot.rs:2: `domain` uses `render`; it uses no other module
        "#]],
        );
        check(
            "src/render/mod.rs",
            "//! A.\nmod m { use super::super::mail; }\nuse super::domain;\n",
            expect![[r#"
            src/render/mod.rs:2: `render` uses `mail`; it may use `domain`
        "#]],
        );
        check(
            "src/web/mod.rs",
            "//! A.\nuse crate::{config::Config, engine, daemon as d};\n",
            expect![[r#"
                src/web/mod.rs:2: `web` uses `daemon`; it may use `domain`, `render`, `store`, `clock`, `config`, `engine`, `view`
            "#]],
        );
        check(
            "src/main.rs",
            "//! A.\nfn main() { journey::cli::run(); journey::engine::go(); }\n",
            expect![[r#"
            src/main.rs:2: `main` uses `engine`; it may use `cli`
        "#]],
        );
        check(
            "src/extra.rs",
            "//! A.\n",
            expect![[r#"
                src/extra.rs: `extra` has no place in the table of who may use whom
            "#]],
        );
    }

    #[test]
    fn tests_may_use_what_they_need() {
        check(
            "src/domain/zone.rs",
            "//! A.\n#[cfg(test)]\nmod tests { use crate::content; use serde::Serialize; fn f() { Instant::now(); } }\n",
            expect![""],
        );
    }

    #[test]
    fn packages_are_used_only_in_their_modules() {
        check("src/domain/time/cadence.rs", "//! A.\nuse cron::Schedule;\n", expect![""]);
        check(
            "src/domain/calendar.rs",
            "//! A.\nuse cron::Schedule;\nuse serde::Serialize;\n",
            expect![[r#"
            src/domain/calendar.rs:2: package `cron` lives in `domain/time/cadence` alone
            src/domain/calendar.rs:3: package `serde` does not exist in `domain`
        "#]],
        );
        check("src/text/toml_reader.rs", "//! A.\nuse toml::de;\n", expect![""]);
        check(
            "src/engine/mod.rs",
            "//! A.\nfn f() -> lettre::Message { async { clap::x() } }\n",
            expect![[r#"
            src/engine/mod.rs:2: `async` lives in `web` and `daemon` alone
            src/engine/mod.rs:2: package `clap` lives in `cli` alone
            src/engine/mod.rs:2: package `lettre` lives in `mail` alone
        "#]],
        );
    }

    #[test]
    fn banned_calls_are_used_only_in_their_modules() {
        check("src/clock.rs", "//! A.\nfn f() { chrono::Utc::now() }\n", expect![""]);
        check(
            "src/engine/mod.rs",
            "//! A.\nfn f() { chrono::Utc::now(); std::time::Instant::now(); std::env::var(\"A\"); }\n",
            expect![[r#"
                src/engine/mod.rs:2: `Instant::now` is called in `clock` alone; take the time as an argument
                src/engine/mod.rs:2: `Utc::now` is called in `clock` alone; take the time as an argument
                src/engine/mod.rs:2: `env::var` is called in `config` alone; take the value as an argument
            "#]],
        );
    }

    #[test]
    fn leftovers_are_reported() {
        check(
            "tests/it/x.rs",
            "#[ignore = \"slow\"]\nfn f() { dbg!(1); }\n// let x = 1;\n// A sentence; with more (here).\n//! TODO later\n// FIXME(#12) later\n",
            expect![[r#"
                tests/it/x.rs:1: an ignored test rots; repair it or delete it
                tests/it/x.rs:2: `dbg!` is left over
                tests/it/x.rs:3: code in a comment; git remembers it
                tests/it/x.rs:5: `TODO` without an issue; write `TODO(#12)`
            "#]],
        );
        check(
            "src/mail/utils.rs",
            "use std::fmt;\n#[allow(dead_code)]\nconst A: &str = \"TODO\"; \n",
            expect![[r#"
                src/mail/utils.rs: `utils` says nothing; name it for what it is about
                src/mail/utils.rs:1: a file begins with `//!`: what it is, what it is not, who calls it
                src/mail/utils.rs:2: `allow` without a `reason`
                src/mail/utils.rs:3: blanks at the end of the line
            "#]],
        );
        check(
            "src/cli/x.rs",
            "//! A.\n#[expect(dead_code, reason = \"soon\")]\nfn f() {}",
            expect![[r#"
            src/cli/x.rs:3: the last line has no end
        "#]],
        );
    }

    #[test]
    fn words_of_the_private_style_are_found_in_documentation_alone() {
        let text =
            "//! Somebody is told.\n/// So\n/// many words, so many.\n// Nobody.\nlet a = \"nobody\";\n";
        let found = |file: &str| dialect_faults(file, text).len();
        assert_eq!((found("src/a.rs"), found("src/cli/a.rs")), (4, 2));
        assert_eq!(at_most(3, "X", dialect_faults("src/a.rs", text)).len(), 4);
        assert_eq!(at_most(4, "X", dialect_faults("src/a.rs", text)).len(), 0);
    }

    #[test]
    fn citations_of_missing_documents_are_found_in_comments_and_names() {
        let text = "/// See F27 (I8); not E23, `D1` or MAX_F27.\n// As P3 says.\nfn f45_in_the_gap() {}\nfn e23_x() {}\n";
        let lines = citation_faults("src/a.rs", &Source::read(text)).into_iter().map(|fault| fault.line);
        assert_eq!(lines.collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn files_that_import_each_other_are_found() {
        let file = |name: &str, text: &str| File { name: name.to_owned(), text: text.to_owned() };
        let files = [
            file("src/lib.rs", "mod a; mod b;"),
            file("src/a/mod.rs", "mod c; mod d; pub use c::C; use d::D;"),
            file("src/a/c.rs", "use super::d::D; pub struct C;"),
            file("src/a/d.rs", "use crate::b; use super::E; #[cfg(test)] mod tests { use crate::a::c; }"),
            file("src/b.rs", "fn f() { crate::a::C; }"),
        ];
        let group = ["src/a/c.rs", "src/a/d.rs", "src/b.rs"].map(str::to_owned).to_vec();
        let found = circles::circles(&files, &BTreeSet::new());
        assert_eq!(found, [group]);
        let reported =
            circle_faults(&found).iter().filter(|fault| fault.rule.starts_with("these files")).count();
        assert_eq!(reported, 1);
    }

    #[test]
    fn long_files_are_reported() {
        let long = format!("//! A.\n{}", "\n".repeat(LONGEST));
        check(
            "src/mail/mod.rs",
            &long,
            expect![[r#"
                src/mail/mod.rs: 1001 lines, under 1000 are allowed: which two subjects are in it?
            "#]],
        );
    }

    #[test]
    fn machine_paths_are_reported() {
        let text = format!("see {}shared\n", MACHINES[0]);
        assert_eq!(text_faults("docs/x.md", &text).len(), 1);
    }

    #[test]
    fn dependencies_need_a_reason() {
        let text =
            "[package]\nname = \"x\"\n[dependencies]\na = \"1\" # because\nb = \"2\"\n[dev-dependencies.c]\n";
        check(
            "Cargo.toml",
            text,
            expect![[r#"
            Cargo.toml:5: why `b`? say it behind a `#`
            Cargo.toml:6: a dependency is one line in `[dependencies]`, with its reason behind it
        "#]],
        );
    }
}
