//! Rust source as the rules need it: tokens with their lines, comments, and
//! which of it is test code. Not a parser: it knows comments, literals,
//! brackets and paths.

/// A tokenised Rust file.
pub(super) struct Source {
    words: Vec<Word>,
    /// Comments that are not documentation, one entry a line.
    pub(super) remarks: Vec<Remark>,
    /// All comments, documentation too, one entry a line.
    pub(super) comments: Vec<Remark>,
    /// String literals outside test code, one entry for each.
    pub(super) strings: Vec<Remark>,
    /// Modules declared for tests only: `#[cfg(test)] mod tests;`.
    pub(super) test_modules: Vec<String>,
}

/// A name, a mark, `::` or a literal (as `"`).
struct Word {
    text: String,
    line: usize,
    /// Inside `#[cfg(test)]` or `#[test]`.
    test: bool,
    /// How many inline modules (`mod x { … }`) it is in.
    nested: usize,
}

/// One line of a comment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Remark {
    pub(super) line: usize,
    pub(super) text: String,
}

/// A path as it is used: `crate::domain::zone` or `cron`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) line: usize,
    pub(super) parts: Vec<String>,
    /// How many inline modules it is in: that many `super` stay in the file.
    pub(super) nested: usize,
    /// Is it a re-export: `pub use`?
    pub(super) exported: bool,
}

/// A function and its length.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Function {
    pub(super) lines: usize,
    pub(super) line: usize,
    pub(super) name: String,
}

impl Source {
    /// Tokenises a file.
    pub(super) fn read(text: &str) -> Source {
        let chars = text.chars().collect();
        let mut reader = Reader { chars, at: 0, line: 1, words: Vec::new(), strings: Vec::new() };
        let (comments, remarks) = reader.read();
        let (words, all_strings) = (reader.words, reader.strings);
        let mut source = Source { words, remarks, comments, strings: Vec::new(), test_modules: Vec::new() };
        source.mark_tests();
        source.mark_nested();
        let in_program = |at: &usize| source.words.get(*at).is_some_and(|word| !word.test);
        source.strings =
            all_strings.into_iter().filter(|(at, _)| in_program(at)).map(|(_, text)| text).collect();
        source
    }

    /// The paths outside test code.
    pub(super) fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        let mut at = 0;
        while at < self.words.len() {
            let word = &self.words[at];
            let (before_last, last) = (self.text(at.wrapping_sub(2)), self.text(at.wrapping_sub(1)));
            let goes_on = last == "." || last == "::" && (before_last == ">" || is_name(before_last));
            let absolute = last == "::" && before_last == "use";
            if word.test || goes_on && !absolute || !is_name(&word.text) {
                at += 1;
                continue;
            }
            let imported = last == "use" || absolute;
            let behind = self.text(at.wrapping_sub(if absolute { 3 } else { 2 }));
            let exported = imported && matches!(behind, "pub" | ")");
            let before = paths.len();
            at = self.path(at, &[], &mut paths);
            paths[before..].iter_mut().for_each(|path| path.exported = exported);
            if !imported && paths.len() == before + 1 && paths[before].parts.len() == 1 {
                paths.pop();
            }
        }
        paths
    }

    /// What is re-exported, and the name it has then.
    pub(super) fn exports(&self) -> Vec<(Path, String)> {
        let exported = self.paths().into_iter().filter(|path| path.exported);
        exported.filter_map(|path| path.parts.last().cloned().map(|name| (path, name))).collect()
    }

    /// The lines where these tokens follow each other: `["dbg", "!"]`.
    pub(super) fn places(&self, wanted: &[&str], of_tests_too: bool) -> Vec<usize> {
        self.words
            .windows(wanted.len())
            .filter(|words| of_tests_too || !words[0].test)
            .filter(|words| words.iter().zip(wanted).all(|(word, wanted)| word.text == *wanted))
            .map(|words| words[0].line)
            .collect()
    }

    /// The attributes of that name, with all their tokens joined.
    pub(super) fn attributes(&self, name: &str) -> Vec<Remark> {
        let starts = (0..self.words.len()).filter(|at| self.text(*at) == "[" && self.text(*at + 1) == name);
        let whole = starts.filter(|at| matches!(self.text(at.wrapping_sub(1)), "#" | "!"));
        let joined =
            |at: usize| (at..self.end_of_group(at)).map(|i| self.text(i)).collect::<Vec<_>>().join(" ");
        whole.map(|at| Remark { line: self.words[at].line, text: joined(at) }).collect()
    }

    /// The functions outside test code.
    pub(super) fn functions(&self) -> Vec<Function> {
        let is_function = |at: &usize| self.text(*at) == "fn" && !self.words[*at].test;
        let named = (0..self.words.len()).filter(is_function).filter(|at| is_name(self.text(at + 1)));
        let measured = named.map(|at| {
            let first = self.words[at].line;
            let last = self.words.get(self.end_of_item(at) - 1).map_or(first, |word| word.line);
            Function { lines: last - first + 1, line: first, name: self.text(at + 1).to_owned() }
        });
        measured.collect()
    }

    /// The names of all functions, tests too, with their lines.
    pub(super) fn names_of_functions(&self) -> Vec<(usize, &str)> {
        let named = |at: &usize| self.text(*at) == "fn" && is_name(self.text(at + 1));
        (0..self.words.len()).filter(named).map(|at| (self.words[at].line, self.text(at + 1))).collect()
    }

    /// Reads a path and a group after it; returns where it ends.
    fn path(&self, mut at: usize, before: &[String], paths: &mut Vec<Path>) -> usize {
        let (line, nested) = (self.words[at].line, self.words[at].nested);
        let mut parts = before.to_vec();
        loop {
            if self.text(at) == "{" && !parts.is_empty() {
                let end = self.end_of_group(at);
                at += 1;
                while at + 1 < end {
                    at = if is_name(self.text(at)) { self.path(at, &parts, paths) } else { at + 1 };
                }
                return end;
            }
            if !is_name(self.text(at)) {
                break;
            }
            parts.push(self.text(at).to_owned());
            at += 1;
            if self.text(at) != "::" {
                break;
            }
            at += 1;
        }
        paths.push(Path { line, parts, nested, exported: false });
        if self.text(at) == "as" { at + 2 } else { at }
    }

    fn text(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |word| &word.text)
    }

    /// Marks what `#[cfg(test)]` and `#[test]` cover.
    fn mark_tests(&mut self) {
        for at in 0..self.words.len() {
            if self.text(at) != "#" {
                continue;
            }
            let inner = self.text(at + 1) == "!";
            let open = at + 1 + usize::from(inner);
            let words: Vec<&str> = (open..open + 6).map(|i| self.text(i)).collect();
            let covers = matches!(
                words[..],
                ["[", "test", "]", ..]
                    | ["[", "cfg", "(", "test", ..]
                    | ["[", "cfg", "(", "all", "(", "test"]
            );
            if !covers {
                continue;
            }
            let end = if inner { self.words.len() } else { self.end_of_item(self.end_of_group(open)) };
            if end >= 3 && self.text(end - 1) == ";" && self.text(end - 3) == "mod" {
                self.test_modules.push(self.text(end - 2).to_owned());
            }
            self.words[at..end].iter_mut().for_each(|word| word.test = true);
        }
    }

    fn mark_nested(&mut self) {
        let mut ends: Vec<usize> = Vec::new();
        for at in 0..self.words.len() {
            ends.retain(|end| at < *end);
            self.words[at].nested = ends.len();
            if self.text(at) == "{" && self.text(at.wrapping_sub(2)) == "mod" {
                ends.push(self.end_of_group(at));
            }
        }
    }

    /// Where the item that begins here ends: after its `;` or its body.
    fn end_of_item(&self, mut at: usize) -> usize {
        while self.text(at) == "#" {
            at = self.end_of_group(at + 1);
        }
        while at < self.words.len() {
            match self.text(at) {
                "{" => return self.end_of_group(at),
                ";" => return at + 1,
                "(" | "[" => at = self.end_of_group(at),
                ")" | "]" | "}" => return at,
                _ => at += 1,
            }
        }
        at
    }

    /// Where the bracket that opens here is closed: after it.
    fn end_of_group(&self, mut at: usize) -> usize {
        let mut depth = 0;
        while at < self.words.len() {
            match self.text(at) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth <= 0 {
                break;
            }
        }
        at
    }
}

/// Is it a name, and not a mark, number or literal?
fn is_name(text: &str) -> bool {
    text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
}

/// Goes through the characters once.
struct Reader {
    chars: Vec<char>,
    at: usize,
    line: usize,
    words: Vec<Word>,
    /// String literals, each with its place among the tokens.
    strings: Vec<(usize, Remark)>,
}

impl Reader {
    /// Reads everything; returns all comments, and those that are no
    /// documentation.
    fn read(&mut self) -> (Vec<Remark>, Vec<Remark>) {
        let (mut comments, mut remarks) = (Vec::new(), Vec::new());
        while let Some(c) = self.peek(0) {
            match (c, self.peek(1)) {
                ('/', Some('/')) => {
                    let line = self.line;
                    let text = self.take(|c| c != '\n');
                    let documents = text.starts_with("///") || text.starts_with("//!");
                    let text = text.trim_start_matches(['/', '!']).to_owned();
                    if !documents {
                        remarks.push(Remark { line, text: text.clone() });
                    }
                    comments.push(Remark { line, text });
                }
                ('/', Some('*')) => {
                    let line = self.line;
                    let text = self.block_comment();
                    let lines = text.lines().enumerate();
                    comments.extend(lines.map(|(i, text)| Remark { line: line + i, text: text.to_owned() }));
                }
                ('"', _) => self.string(0, true),
                ('\'', _) => self.quote(),
                (':', Some(':')) => {
                    self.push("::");
                    self.skip(2);
                }
                (c, _) if c.is_alphanumeric() || c == '_' => self.name(),
                (c, _) => {
                    if !c.is_whitespace() {
                        self.push(&c.to_string());
                    }
                    self.skip(1);
                }
            }
        }
        (comments, remarks)
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.line += usize::from(self.peek(0) == Some('\n'));
            self.at += 1;
        }
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let from = self.at;
        while self.peek(0).is_some_and(&wanted) {
            self.skip(1);
        }
        self.chars[from..self.at].iter().collect()
    }

    fn push(&mut self, text: &str) {
        self.words.push(Word { text: text.to_owned(), line: self.line, test: false, nested: 0 });
    }

    fn block_comment(&mut self) -> String {
        let from = self.at;
        let mut depth = 0;
        while let Some(c) = self.peek(0) {
            match (c, self.peek(1)) {
                ('/', Some('*')) => depth += 1,
                ('*', Some('/')) => depth -= 1,
                _ => {
                    self.skip(1);
                    continue;
                }
            }
            self.skip(2);
            if depth == 0 {
                break;
            }
        }
        self.chars[from..self.at].iter().collect()
    }

    /// A name, a number, or the prefix of a literal.
    fn name(&mut self) {
        let line = self.line;
        let name = self.take(|c| c.is_alphanumeric() || c == '_');
        let hashes = (0..).take_while(|i| self.peek(*i) == Some('#')).count();
        let quoted = self.peek(hashes) == Some('"');
        match name.as_str() {
            "r" | "br" | "cr" if quoted => self.string(hashes, false),
            "b" | "c" if quoted && hashes == 0 => self.string(0, true),
            "r" if hashes == 1 => self.skip(1), // `r#type`: the name follows
            _ => self.words.push(Word { text: name, line, test: false, nested: 0 }),
        }
    }

    fn string(&mut self, hashes: usize, escapes: bool) {
        let (place, line) = (self.words.len(), self.line);
        self.push("\"");
        self.skip(hashes + 1);
        let start = self.at;
        while let Some(c) = self.peek(0) {
            let closes = c == '"' && (1..=hashes).all(|i| self.peek(i) == Some('#'));
            if closes {
                let text: String = self.chars[start..self.at].iter().collect();
                // a line that ends with a backslash goes on in the next one
                let text = text.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ");
                self.strings.push((place, Remark { line, text }));
                self.skip(hashes + 1);
                return;
            }
            self.skip(if escapes && c == '\\' { 2 } else { 1 });
        }
    }

    /// A character or a lifetime.
    fn quote(&mut self) {
        let is_character = self.peek(1) == Some('\\') || self.peek(2) == Some('\'');
        self.skip(1);
        if is_character {
            self.push("\"");
            self.skip(if self.peek(0) == Some('\\') { 2 } else { 1 });
            self.take(|c| c != '\'');
            self.skip(1);
        } else {
            self.take(|c| c.is_alphanumeric() || c == '_');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        Source::read(text).paths().iter().map(|path| path.parts.join("::")).collect()
    }

    #[test]
    fn paths_of_imports_and_of_uses() {
        assert_eq!(
            paths("use crate::{domain::{ids::Slug, zone}, render};\nfn f() { crate::clock::now() }"),
            ["crate::domain::ids::Slug", "crate::domain::zone", "crate::render", "crate::clock::now"]
        );
        assert_eq!(paths("use ::cron;\nuse cron::{Schedule as S, T};\nlet x = y.z();").len(), 3);
        assert_eq!(paths("#[derive(clap::Parser)] struct A; b::<C>::d();"), ["clap::Parser"]);
    }

    #[test]
    fn paths_in_comments_strings_and_tests_are_ignored() {
        let text = r###"
            //! crate::a::b
            /* crate::c::d /* crate::e::f */ crate::g::h */
            const A: &str = "crate::i::j"; const B: &str = r#"" crate::k::l"#; const C: char = '"';
            fn f<'a>(x: &'a str) { crate::seen::it() }
            #[cfg(test)]
            use crate::m::n;
            #[cfg(test)]
            #[rustfmt::skip]
            mod tests { fn g() { crate::o::p(); } }
            #[cfg(test)]
            mod timelines;
        "###;
        let source = Source::read(text);
        assert_eq!(paths(text), ["crate::seen::it"]);
        assert_eq!(source.test_modules, ["timelines"]);
        assert_eq!(source.paths()[0].line, 5);
    }

    #[test]
    fn functions_are_measured_without_tests() {
        let text = "fn a(x: [u8; 2])\n{\n}\n#[test]\nfn b() {}\ntrait T {\n fn c();\n}\nlet f: fn(u8);";
        let found: Vec<_> = Source::read(text).functions().into_iter().map(|f| (f.name, f.lines)).collect();
        assert_eq!(found, [("a".to_owned(), 3), ("c".to_owned(), 1)]);
    }

    #[test]
    fn super_stays_inside_an_inline_module() {
        let source = Source::read("mod m { use super::x::y; }\nuse super::x::z;");
        let nested: Vec<_> = source.paths().iter().map(|path| path.nested).collect();
        assert_eq!(nested, [1, 0]);
    }
}
