//! The web pages in a real browser: axe-core finds nothing, everything fits a narrow screen, and
//! the keyboard alone is enough. The work is done by `tests/browser/look.mjs`.
//!
//! Needs `node`, `chromium` and `npm ci --prefix tests/browser`; without them the test is
//! skipped, or fails with `JOURNEY_TEST_ALL`.

use std::path::PathBuf;
use std::process::Command;

use crate::docs::file;
use crate::pages;

#[test]
fn pages_are_accessible_in_a_browser() {
    let Some(script) = script("look.mjs") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    pages::write(folder.path());
    let browser = script.browser.display().to_string();
    script.run(&[folder.path().display().to_string(), browser]);
}

/// A script of `tests/browser`.
pub(crate) struct Script {
    node: PathBuf,
    browser: PathBuf,
    file: PathBuf,
}

/// The script, or `None` if what it needs is missing and the test is skipped.
pub(crate) fn script(name: &str) -> Option<Script> {
    let (Some(node), Some(browser)) = (program("node"), program("chromium")) else {
        skip("there is no node or no chromium");
        return None;
    };
    if !file("tests/browser/node_modules/playwright-core").is_dir() {
        skip("the packages are missing: run `npm ci --prefix tests/browser`");
        return None;
    }
    Some(Script { node, browser, file: file("tests/browser").join(name) })
}

impl Script {
    /// Runs it with the browser as its first argument.
    pub(crate) fn done(&self, arguments: &[String]) {
        let browser = self.browser.display().to_string();
        let all: Vec<String> = [browser].into_iter().chain(arguments.iter().cloned()).collect();
        self.run(&all);
    }

    fn run(&self, arguments: &[String]) {
        let output = Command::new(&self.node).arg(&self.file).args(arguments).output().expect("node starts");
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}{}", shown(&output.stdout), shown(&output.stderr));
    }
}

/// A program of this machine.
fn program(name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "looks where programs are")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

fn skip(why: &str) {
    #[expect(clippy::disallowed_methods, reason = "the same variable as for other tests")]
    let all = std::env::var_os("JOURNEY_TEST_ALL");
    assert!(all.is_none(), "{why}, and JOURNEY_TEST_ALL wants everything looked at");
    #[expect(clippy::print_stdout, reason = "a test that is skipped in silence looks like a success")]
    let () = println!("skipped: {why}");
}
