//! Golden files: every mail of the sample in readable form, so that a review
//! shows what a change of texts, templates or code does to mails.
//! `UPDATE_EXPECT=1 cargo test --test it golden` accepts.

use std::collections::BTreeSet;
use std::fs;

use journey::mail::message::mime;

use crate::docs::{file, hold};
use crate::sample_mails;

const FOLDER: &str = "tests/golden/mails";

#[test]
fn every_mail_of_the_sample_matches_its_golden_file() {
    let mut there = BTreeSet::new();
    for mail in sample_mails::sample() {
        let bytes = mime::bytes(&mail.email).expect("bytes");
        assert!(bytes.len() <= 100_000, "E23: {} has {} bytes", mail.name, bytes.len());
        if let Some(note) = &mail.manager_note {
            let words = format!("{}{}", mail.email.html, mail.email.text);
            assert!(!words.contains(note.as_str()), "{}: the note to the manager is in the mail", mail.name);
        }
        let name = format!("{}.eml", mail.name);
        hold(&format!("{FOLDER}/{name}"), &readable(&bytes));
        there.insert(name);
    }
    let files = fs::read_dir(file(FOLDER)).expect("the folder");
    let left = files.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned());
    let left: Vec<String> = left.filter(|name| !there.contains(name)).collect();
    assert_eq!(left, [""; 0], "mails that the sample no longer has: delete them");
}

/// A mail with its parts decoded and pictures left out; lines end in `
/// `.
fn readable(bytes: &[u8]) -> String {
    let mail = String::from_utf8(bytes.to_vec()).expect("ASCII").replace("\r\n", "\n");
    let mut out = String::new();
    let mut encoding = "";
    let mut part = String::new();
    let mut in_headers = true;
    for line in mail.lines() {
        if line.starts_with("--journey-") {
            out += &decoded(encoding, &part);
            part.clear();
            (encoding, in_headers) = ("", true);
        } else if in_headers && line.is_empty() {
            in_headers = false;
        } else if !in_headers {
            part += line;
            part.push('\n');
            continue;
        }
        if let Some(found) = line.strip_prefix("Content-Transfer-Encoding: ") {
            encoding = found;
        }
        out += line;
        out.push('\n');
    }
    out
}

fn decoded(encoding: &str, part: &str) -> String {
    match encoding {
        "quoted-printable" => quoted_printable(part),
        "base64" => format!("({} characters)\n\n", part.trim_end().len()),
        _ => part.to_owned(),
    }
}

fn quoted_printable(text: &str) -> String {
    let joined = text.replace("=\n", "");
    let mut bytes = Vec::with_capacity(joined.len());
    let mut rest = joined.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        match after.get(..2).filter(|_| first == b'=') {
            Some(hex) => {
                let hex = std::str::from_utf8(hex).expect("two digits");
                bytes.push(u8::from_str_radix(hex, 16).expect("a byte"));
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}
