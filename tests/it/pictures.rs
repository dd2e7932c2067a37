//! The mails of the sample in a real browser: they fit a narrow phone, also
//! with text of double size; everything can be read on light and on dark;
//! buttons are large enough for a thumb.
//!
//! `UPDATE_PICTURES=1 cargo test --test it pictures` also redraws
//! `docs/pictures`: a sheet for each kind, on a phone and on a desktop, light
//! and dark. Needs `chromium`; without it the test is skipped, or fails with
//! `JOURNEY_TEST_ALL`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::docs::file;
use crate::sample_mails::{self, Sample};

/// Widths in pixels: the narrowest phone, a usual one, and a window on a
/// desktop.
const NARROW: u32 = 320;
const PHONE: u32 = 375;
const DESK: u32 = 800;

/// Between the mails of a sheet.
const GAP: u32 = 16;
/// The scale of a sheet.
const SCALE: f64 = 0.6;

/// Inspects every frame of a page and writes the problems into it.
const LOOK: &str = include_str!("pictures/look.js");

#[test]
fn mails_fit_and_are_readable_on_a_phone_in_light_and_dark() {
    let Some(browser) = Browser::found() else { return };
    let mails = sample_mails::sample();
    let frames: Vec<Frame<'_>> = mails.iter().flat_map(|mail| Frame::both(mail, NARROW)).collect();
    let faults = browser.faults(&frames);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_browser_check_detects_a_bad_mail() {
    let Some(browser) = Browser::found() else { return };
    let html = "<!doctype html><body style=\"margin:0;background:#fff\"><p style=\"color:#999\">Blek</p>\
                <table class=\"button\"><tr><td><a style=\"display:block;height:40px\" href=\"https://x.example\">Liten</a></td></tr></table>\
                <p style=\"white-space:nowrap\">Ett ord som inte får plats på en rad av den bredd som finns</p></body>";
    let frame = Frame { name: "bad", html, width: NARROW, dark: false, picture: None };
    assert_eq!(
        browser.faults(&[frame]),
        [
            "bad, light: wider than 320 pixels",
            "bad, light: wider than 320 pixels with text of twice the size",
            "bad, light: contrast 2.8 of `Blek`",
            "bad, light: a button of 40 pixels",
        ]
    );
}

#[test]
fn a_sheet_for_each_kind_is_drawn_on_demand() {
    #[expect(clippy::disallowed_methods, reason = "asks whether to draw, as UPDATE_EXPECT does for texts")]
    let asked_for = std::env::var_os("UPDATE_PICTURES").is_some();
    let mut kinds = BTreeSet::new();
    let mails = sample_mails::sample();
    let first_of_a_kind =
        |mail: &&Sample| mail.language.as_str() == "sv" && kinds.insert((mail.round > 0, mail.kind));
    let shown: Vec<&Sample> = mails.iter().filter(first_of_a_kind).collect();
    assert_eq!(shown.len(), 9, "eight kinds and a reminder");
    let Some(browser) = asked_for.then(Browser::found).flatten() else { return };
    for mail in shown {
        let reminder = if mail.round > 0 { "reminder-" } else { "" };
        browser.draw(mail, &file(&format!("docs/pictures/{reminder}{}.webp", mail.kind)));
    }
}

/// A mail in a frame with a width, light or dark.
struct Frame<'m> {
    name: &'m str,
    html: &'m str,
    width: u32,
    dark: bool,
    /// The picture inside the page.
    picture: Option<&'m [u8]>,
}

impl<'m> Frame<'m> {
    fn both(mail: &'m Sample, width: u32) -> [Frame<'m>; 2] {
        let picture = mail.email.pictures.first().map(|inline| &*inline.picture.bytes);
        [false, true].map(|dark| Frame { name: &mail.name, html: &mail.email.html, width, dark, picture })
    }
}

/// A browser with a temporary profile and folder.
struct Browser {
    program: PathBuf,
    folder: TempDir,
}

impl Browser {
    /// The browser of this machine.
    fn found() -> Option<Browser> {
        #[expect(clippy::disallowed_methods, reason = "looks where programs are")]
        let (path, all) = (std::env::var_os("PATH"), std::env::var_os("JOURNEY_TEST_ALL"));
        let folders: Vec<PathBuf> = std::env::split_paths(&path.unwrap_or_default()).collect();
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let program = names
            .iter()
            .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
            .find(|p| p.is_file());
        let Some(program) = program else {
            assert!(all.is_none(), "there is no chromium, and JOURNEY_TEST_ALL wants everything looked at");
            #[expect(clippy::print_stdout, reason = "a skip that nobody is told of looks like a success")]
            let () = println!("skipped: there is no chromium to look at mails with");
            return None;
        };
        Some(Browser { program, folder: tempfile::tempdir().expect("a folder") })
    }

    /// The problems of the mails in these frames.
    fn faults(&self, frames: &[Frame<'_>]) -> Vec<String> {
        let dom = self.run(&["--virtual-time-budget=60000", "--dump-dom"], &self.page(frames));
        let (_, told) = dom.split_once("<pre id=\"told\" hidden=\"\">").expect("the page was looked at");
        let (told, _) = told.split_once("</pre>").expect("to the end");
        assert!(told.starts_with(&format!("{} frames", frames.len())), "all was looked at: {told}");
        told.lines().skip(1).filter(|line| !line.starts_with("height ")).map(str::to_owned).collect()
    }

    /// The heights of the mails in these frames.
    fn heights(&self, frames: &[Frame<'_>]) -> Vec<u32> {
        let dom = self.run(&["--virtual-time-budget=60000", "--dump-dom"], &self.page(frames));
        dom.lines().filter_map(|line| line.strip_prefix("height ")?.parse().ok()).collect()
    }

    /// Draws a mail on a phone and on a desktop, light and dark.
    fn draw(&self, mail: &Sample, picture: &Path) {
        let mut frames: Vec<Frame<'_>> = Frame::both(mail, PHONE).into_iter().collect();
        frames.extend(Frame::both(mail, DESK));
        let high = self.heights(&frames).into_iter().max().expect("frames") + 2 * GAP;
        let wide: u32 = frames.iter().map(|frame| frame.width + GAP).sum::<u32>() + GAP;
        fs::create_dir_all(picture.parent().expect("a folder")).expect("a folder");
        let size = format!("--window-size={wide},{high}");
        let shot = format!("--screenshot={}", picture.display());
        let scale = format!("--force-device-scale-factor={SCALE}");
        self.run(&[&scale, &size, &shot], &self.page(&frames));
    }

    /// A page with these frames in it.
    fn page(&self, frames: &[Frame<'_>]) -> PathBuf {
        let mut page = format!(
            "<!doctype html><meta charset=utf-8><body style=\"margin:0;background:#c9c5ba;white-space:nowrap;padding:{GAP}px 0 0 {GAP}px\">"
        );
        for frame in frames {
            let Frame { name, html, width, dark, picture } = frame;
            let mut html = (*html).to_owned();
            if let Some(bytes) = picture {
                let file = self.folder.path().join("picture");
                fs::write(&file, bytes).expect("a file");
                html = html.replace("cid:poster@journey", &format!("file://{}", file.display()));
            }
            let source = html.replace('&', "&amp;").replace('"', "&quot;");
            let scheme = if *dark { "dark" } else { "light" };
            // The content of a frame asks the frame whether it is dark.
            let _ = write!(
                page,
                "<iframe title=\"{name}, {scheme}\" srcdoc=\"{source}\" style=\"border:0;width:{width}px;height:600px;\
                 margin-right:{GAP}px;vertical-align:top;color-scheme:{scheme}\"></iframe>"
            );
        }
        let _ = write!(page, "<pre id=\"told\" hidden></pre><script>{LOOK}</script>");
        let path = self.folder.path().join("page.html");
        fs::write(&path, page).expect("a file");
        path
    }

    fn run(&self, arguments: &[&str], page: &Path) -> String {
        let profile = format!("--user-data-dir={}", self.folder.path().join("profile").display());
        let output = Command::new(&self.program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--no-first-run",
                &profile,
            ])
            .args(arguments)
            .arg(format!("file://{}", page.display()))
            .output()
            .expect("the browser starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }
}
