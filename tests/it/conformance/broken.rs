//! For each requirement a good mail that is broken in exactly that way. The
//! checks must report that requirement and no other; a check that nothing fails
//! is worthless.
//!
//! The good mail is written by hand (`model.html`, `model.txt`) and not
//! produced by the program, so that a change of templates does not change these
//! tests.

use std::collections::BTreeSet;

use journey::engine::load::snapshot::Snapshot;

use super::mail::{Mail, Source};
use super::{Decided, NOT_YET, POINTS, faults, sample};

/// A mail in parts, so that it can be broken and put together again.
struct Draft {
    /// Name and value, as they are in the mail.
    headers: Vec<(String, String)>,
    /// Which part comes first.
    order: Order,
    /// The transfer encoding and the character set of both parts.
    encoding: &'static str,
    charset: &'static str,
    text: String,
    html: String,
    /// The ids of pictures beside the page.
    pictures: Vec<&'static str>,
}

/// Which part comes first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    TextFirst,
    PageFirst,
}

/// The mail a case begins with: that of a step, which is the first of its
/// journey, or its reminder.
#[derive(Clone, Copy)]
enum Base {
    First,
    Reminder,
}

/// How a mail is broken.
#[derive(Clone, Copy)]
enum Break {
    /// By changing the draft.
    In(fn(&mut Draft)),
    /// By changing the finished bytes.
    Bytes(fn(&[u8]) -> Vec<u8>),
    /// By changing the author's text: the first is replaced by the second.
    Words(&'static str, &'static str),
}

use Base::{First, Reminder};
use Break::{Bytes, In, Words};

/// A requirement, a description, the mail, and how it is broken.
struct Case(&'static str, &'static str, Base, Break);

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case("E1", "two recipients", First, In(|d| d.set("To", "asa@ekdala.example, bo@ekdala.example"))),
    Case("E1", "a blind copy", First, In(|d| d.add("Bcc", "alla@ekdala.example"))),
    Case("E3", "an address without a name", First, In(|d| d.set("From", "larresa@ekdala.example"))),
    Case("E3", "nobody reads there", First, In(|d| d.set("From", "=?utf-8?q?H=C3=A5llbara?= Ekdala <no-reply@ekdala.example>"))),
    Case("E4", "answers go astray", First, In(|d| d.remove("Reply-To"))),
    Case("E5", "two blanks", Reminder, In(|d| d.subject("Påminnelse:  Uppdrag: en jobbresa på ett annat sätt"))),
    Case("E5", "another subject", First, In(|d| d.subject("Uppdrag"))),
    Case("E6", "the same instant in UTC", First, In(|d| d.set("Date", "Tue, 01 Dec 2026 07:30:00 +0000"))),
    Case("E6", "an hour late", First, In(|d| d.set("Date", "Tue, 01 Dec 2026 09:30:00 +0100"))),
    Case("E7", "somebody else's domain", First, In(|d| d.set("Message-ID", "<a.b@mail.evil.example>"))),
    Case("E7", "without brackets", First, In(|d| d.set("Message-ID", "a.b@ekdala.example"))),
    Case("E8", "two dates", First, In(|d| d.add("Date", "Tue, 01 Dec 2026 08:30:00 +0100"))),
    Case("E8", "no version", First, In(|d| d.remove("MIME-Version"))),
    Case("E9", "as if by hand", First, In(|d| d.set("Auto-Submitted", "no"))),
    Case("E10", "bounces are suppressed", First, In(|d| d.set("X-Auto-Response-Suppress", "OOF, AutoReply, DR, NDR, RN, NRN"))),
    Case("E10", "out-of-office replies come", First, In(|d| d.set("X-Auto-Response-Suppress", "DR, RN, NRN"))),
    Case("E11", "bulk", First, In(|d| d.add("Precedence", "bulk"))),
    Case("E12", "no list", First, In(|d| d.remove("List-Id"))),
    Case("E12", "a list of somebody else", First, In(|d| d.set("List-Id", "miljo <miljo.evil.example>"))),
    Case("E13", "by mail", First, In(|d| d.set("List-Unsubscribe", "<mailto:pausa@ekdala.example>"))),
    Case("E13", "at somebody else's", First, In(|d| d.set("List-Unsubscribe", "<https://evil.example/pause>"))),
    Case("E13", "not with one click", First, In(|d| d.remove("List-Unsubscribe-Post"))),
    Case("E14", "no way to pause", Reminder, In(|d| d.replace("/dry-run/pause", "/dry-run/stop"))),
    Case("E15", "a number of somebody", First, In(|d| d.add("Feedback-ID", "702sv-natur:miljo:journey"))),
    Case("E15", "a delivery that is a name", First, In(|d| d.set("X-Journey-Delivery", "tolv"))),
    Case("E16", "a receipt", First, In(|d| d.add("Disposition-Notification-To", "larresa@ekdala.example"))),
    Case("E16", "important", First, In(|d| d.add("X-Priority", "1"))),
    Case("E17", "a reminder of nothing", Reminder, In(|d| d.remove("In-Reply-To"))),
    Case("E17", "a mail that answers", First, In(|d| d.add("References", "<a.b@ekdala.example>"))),
    Case("E18", "letters as they are", First, In(|d| d.add("X-Title", "Miljö"))),
    Case("E18", "not folded", First, In(|d| d.add("X-Title", &"en lång rad ".replace('å', "a").repeat(9)))),
    Case("E19", "HTML first", First, In(|d| d.order = Order::PageFirst)),
    Case("E19", "letters nobody knows", First, In(|d| d.charset = "x-unknown")),
    Case("E19", "something attached", First, Bytes(|bytes| replaced(bytes, "Disposition: inline", "Disposition: attachment"))),
    Case("E20", "8bit", First, In(|d| d.encoding = "8bit")),
    Case("E20", "a long line", First, Bytes(one_line_too_long)),
    Case("E21", "a bare LF", First, Bytes(|bytes| replaced(bytes, "</html>\r\n", "</html>\n"))),
    Case("E21", "NUL", First, In(|d| d.text.push_str("\0\n"))),
    Case("E22", "a sentence less", First, In(|d| d.text = d.text.replace("Det gick bättre än vi trodde.", ""))),
    Case("E22", "a link less", First, In(|d| d.text = d.text.replace("<https://ekdala.example/hallbarhet?del=1&sida=2>", ""))),
    Case("E22", "a heading in a sentence", First, In(|d| d.text = d.text.replace("Så gör du\n\n", "Så gör du\n"))),
    Case("E22", "entities", First, In(|d| d.text = d.text.replace(" & Åsen", " &amp; Åsen"))),
    Case("E22", "a long line", First, In(|d| d.text = d.text.replace("alla\nanställda", "alla anställda"))),
    Case("E23", "a page of a hundred kilobytes", First, In(|d| d.html = d.html.replace("</body>", &format!("<!-- {} --></body>", "x ".repeat(50_000))))),
    Case("E24", "in clear", First, In(|d| d.replace("https://larresa.ekdala.example/dry-run/web", "http://larresa.ekdala.example/dry-run/web"))),
    Case("E24", "a dot at the end", First, In(|d| d.replace("/dry-run/web", "/dry-run/web."))),
    Case("E24", "an id in an address", First, In(|d| d.replace("/dry-run/web", "/dry-run/702sv-natur/web"))),
    Case("E24", "very long", First, In(|d| d.replace("/dry-run/web", &format!("/dry-run/{}", "w".repeat(200))))),
    Case("E25", "a picture from elsewhere", First, In(|d| d.html = d.html.replace("cid:still", "https://ekdala.example/still.png"))),
    Case("E25", "a script", First, In(|d| d.html = d.html.replace("</head>", "<script>1</script></head>"))),
    Case("E25", "a picture without its size", First, In(|d| d.html = d.html.replace(" height=\"180\"", ""))),
    Case("E25", "a font from elsewhere", First, In(|d| d.html = d.html.replace("style=\"padding:28px;", "style=\"mso-font-alt:url(//x.example/f);padding:28px;"))),
    Case("E26", "a host nobody knows", First, In(|d| d.replace("https://ekdala.example/hallbarhet", "https://evil.example/hallbarhet"))),
    Case("E26", "a detour", First, In(|d| d.replace("hallbarhet?del=1", "hallbarhet?to=https%3A%2F%2Fekdala.example"))),
    Case("E26", "a pixel", First, In(|d| d.html = d.html.replace("width=\"320\" height=\"180\"", "width=\"1\" height=\"1\""))),
    Case("E27", "another host in the text", First, In(|d| d.replace("så gjorde Ekdala", "www.annan.example"))),
    Case("E28", "a shortened address", First, Words("https://ekdala.example/", "https://bit.ly/")),
    Case("E28", "a number", First, Words("https://ekdala.example/", "https://192.0.2.7/")),
    Case("E33", "another language", First, In(|d| d.html = d.html.replace("lang=\"sv\"", "lang=\"en\""))),
    Case("E33", "another title", First, In(|d| d.html = d.html.replace("<title>", "<title>Ekdala: "))),
    Case("E33", "no doctype", First, In(|d| d.html = d.html.replace("<!doctype html>", ""))),
    Case("E34", "a table of data", First, In(|d| d.html = d.html.replacen("role=\"presentation\" ", "", 1))),
    Case("E34", "flex", First, In(|d| d.html = d.html.replacen("style=\"margin:0 0 12px;", "style=\"display:flex;margin:0 0 12px;", 1))),
    Case("E34", "a picture behind", First, In(|d| d.html = d.html.replacen("style=\"margin:0 0 12px;", "style=\"background-image:none;margin:0 0 12px;", 1))),
    Case("E34", "no ghost table", First, In(|d| d.html = d.html.replace("[if mso]><table role=\"presentation\" width=\"600\" border=\"0\" cellpadding=\"0\" cellspacing=\"0\"><tr><td><", "[if mso]><").replace("[if mso]></td></tr></table><", "[if mso]><"))),
    Case("E35", "padding on a paragraph", First, In(|d| d.html = d.html.replacen("<p style=\"", "<p style=\"padding:4px;", 1))),
    Case("E35", "a rule for all", First, In(|d| d.html = d.html.replace("@media", "em { font-style: italic; }\n@media"))),
    Case("E35", "two sheets", First, In(|d| d.html = d.html.replace("</head>", "<style>@media print { em { color: #000000; } }</style></head>"))),
    Case("E36", "too low", First, In(|d| d.html = d.html.replace("padding:12px 24px", "padding:4px 24px"))),
    Case("E36", "something beside the link", First, In(|d| d.html = d.html.replace("<a href=\"https://larresa.ekdala.example/dry-run/answer", "<span></span><a href=\"https://larresa.ekdala.example/dry-run/answer"))),
    Case("E37", "never closed", First, In(|d| d.html = d.html.replace("<!--[if mso]></td></tr></table><![endif]-->", ""))),
    Case("E38", "small", First, In(|d| d.html = d.html.replace("<li>", "<li style=\"font-size:14px\">"))),
    Case("E38", "close", First, In(|d| d.html = d.html.replace("<li>", "<li style=\"line-height:1.2\">"))),
    Case("E38", "a font of one's own", First, In(|d| d.html = d.html.replace("<li>", "<li style=\"font-family:Ekdala\">"))),
    Case("E39", "a rank left out", First, In(|d| d.html = d.html.replace("<h2", "<h3").replace("</h2>", "</h3>"))),
    Case("E39", "two tasks", First, In(|d| d.html = d.html.replace("<h2", "<h1").replace("</h2>", "</h1>").replace("<h3", "<h2").replace("</h3>", "</h2>"))),
    Case("E39", "a list of paragraphs", First, In(|d| d.html = d.html.replace("<p style=\"margin:0 0 16px\">Det gick", "<p style=\"margin:0 0 16px\">- Det gick"))),
    Case("E39", "text in a cell", First, In(|d| d.html = d.html.replace("<p style=\"margin:0 0 16px\">Hej", "<div>Hej").replace("</strong>.</p>", "</strong>.</div>"))),
    Case("E40", "a picture without words", First, In(|d| d.html = d.html.replace(" alt=\"En cykel vid en vägkant\"", ""))),
    Case("E41", "grey on white", First, In(|d| d.html = d.html.replace("#55615b", "#8a928e"))),
    Case("E41", "dark on dark", First, In(|d| d.html = d.html.replace("color: #e9eeeb !important", "color: #5a6661 !important"))),
    Case("E41", "a link by its colour alone", First, In(|d| d.html = d.html.replacen("style=\"color:#0b5f4a\"", "style=\"color:#0b5f4a;text-decoration:none\"", 1))),
    Case("E41", "one scheme", First, In(|d| d.html = d.html.replace("content=\"light dark\"", "content=\"light\""))),
    Case("E42", "here", First, In(|d| d.replace("så gjorde Ekdala", "här"))),
    Case("E42", "the same twice", First, In(|d| { d.replace("så gjorde Ekdala", "Ta en paus från mejlen"); })),
    Case("E43", "wider than a telephone", First, In(|d| d.html = d.html.replace("width=\"100%\" border", "width=\"600\" border"))),
    Case("E43", "a fixed height", First, In(|d| d.html = d.html.replace("<td align", "<td height=\"40\" align"))),
    Case("E43", "not to be enlarged", First, In(|d| d.html = d.html.replace("initial-scale=1", "initial-scale=1,user-scalable=no"))),
    Case("E44", "another line first", First, In(|d| d.html = d.html.replace(PREHEADER, ""))),
    Case("E44", "read twice", First, In(|d| d.html = d.html.replace("<div style=\"display:none\">", "<div style=\"font-size:0;opacity:0\">"))),
    Case("E45", "how long it takes is not said", First, In(|d| d.replace("5 minuter", "några minuter"))),
    Case("E45", "hard to read", First, In(|d| d.replace("kollega", &"kommunikationsverksamhetsutvecklingsperspektiv ".repeat(130)))),
    Case("E46", "tomorrow", First, In(|d| d.replace("Om du hinner", "Om du hinner i morgon"))),
    Case("E46", "a date in figures", First, In(|d| d.replace("en sak till", "en sak före 2026-12-11"))),
    Case("E50", "nobody sends", First, In(|d| d.replace("Hållbara Ekdala", "Ekdala"))),
    Case("E50", "nobody to ask", First, In(|d| d.replace("Svara på mejlet", "Hör av dig"))),
];

/// Where the page has its preheader.
const PREHEADER: &str =
    "<div style=\"display:none\">Fem minuter att planera. Sedan får resan göra resten.</div>\n";

/// The Message-ID of the mail a reminder refers to.
const FIRST_ID: &str = "<first.mail@ekdala.example>";

/// The headers of a good mail. What differs for a reminder is in
/// [`Draft::good`].
const HEADERS: &[(&str, &str)] = &[
    ("From", "=?utf-8?q?H=C3=A5llbara?= Ekdala <larresa@ekdala.example>"),
    ("To", "=?utf-8?b?w4VzYSDDlmJlcmctw4nFgmFu?= <anstalld.702sv-natur@ekdala.example>"),
    ("Reply-To", "hallbarhet@ekdala.example"),
    ("Auto-Submitted", "auto-generated"),
    ("X-Auto-Response-Suppress", "OOF, AutoReply, DR, RN, NRN"),
    ("List-Id", "=?utf-8?q?Milj=C3=B6?= och klimat <alla-former.ekdala.example>"),
    ("List-Unsubscribe", "<https://larresa.ekdala.example/dry-run/pause>"),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ("X-Journey-Delivery", "1042"),
    ("MIME-Version", "1.0"),
];

impl Draft {
    /// A mail that meets every requirement.
    fn good(base: Base) -> Draft {
        let headers = HEADERS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut draft = Draft {
            headers: headers.collect(),
            order: Order::TextFirst,
            encoding: "quoted-printable",
            charset: "utf-8",
            text: include_str!("model.txt").to_owned(),
            html: include_str!("model.html").to_owned(),
            pictures: vec!["still"],
        };
        match base {
            Base::First => {
                draft.add("Date", "Tue, 01 Dec 2026 08:30:00 +0100");
                draft.add("Message-ID", FIRST_ID);
                draft.subject("Uppdrag: en jobbresa på ett annat sätt");
            }
            Base::Reminder => {
                draft.add("Date", "Tue, 08 Jun 2027 08:30:00 +0200");
                draft.add("Message-ID", "<second.mail@ekdala.example>");
                draft.add("In-Reply-To", FIRST_ID);
                draft.add("References", FIRST_ID);
                draft.subject("Påminnelse: Uppdrag: en jobbresa på ett annat sätt");
            }
        }
        draft
    }

    fn add(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    fn remove(&mut self, name: &str) {
        self.headers.retain(|(found, _)| found != name);
    }

    fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.add(name, value);
    }

    /// Sets the subject, which is the title of the page too.
    fn subject(&mut self, subject: &str) {
        let encoded: String = subject.bytes().map(|byte| format!("={byte:02X}")).collect();
        let words = encoded.as_bytes().chunks(57).map(|chunk| String::from_utf8_lossy(chunk).into_owned());
        let words: Vec<String> = words.map(|word| format!("=?utf-8?q?{word}?=")).collect();
        self.set("Subject", &words.join(" "));
        let (before, after) = self.html.split_once("<title>").expect("a title");
        let (_, after) = after.split_once("</title>").expect("its end");
        self.html = format!("{before}<title>{subject}</title>{after}");
    }

    /// Replaces text in both parts.
    fn replace(&mut self, from: &str, to: &str) {
        let escaped = |text: &str| text.replace('&', "&amp;");
        self.html = self.html.replace(&escaped(from), &escaped(to));
        let both = self.text.replace(from, to);
        // Wrapped again, because the length has changed.
        self.text = both.lines().map(|line| wrapped(line) + "\n").collect();
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = String::new();
        for (name, value) in &self.headers {
            out.push_str(&folded(name, value));
        }
        out.push_str("Content-Type: multipart/alternative; boundary=\"one-boundary\"\n\n");
        if self.order == Order::PageFirst {
            out.push_str(&self.page());
        }
        out.push_str(&self.part("one-boundary", "text/plain", &self.text));
        if self.order == Order::TextFirst {
            out.push_str(&self.page());
        }
        out.push_str("--one-boundary--\n");
        out.replace('\n', "\r\n").into_bytes()
    }

    /// The page with its pictures.
    fn page(&self) -> String {
        let mut out = String::new();
        if self.pictures.is_empty() {
            out.push_str(&self.part("one-boundary", "text/html", &self.html));
        } else {
            out.push_str("--one-boundary\nContent-Type: multipart/related; boundary=\"two-boundary\"\n\n");
            out.push_str(&self.part("two-boundary", "text/html", &self.html));
            for id in &self.pictures {
                out.push_str("--two-boundary\nContent-Type: image/png\nContent-Disposition: inline\n");
                out.push_str(&format!(
                    "Content-ID: <{id}>\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n\n"
                ));
            }
            out.push_str("--two-boundary--\n\n");
        }
        out
    }

    fn part(&self, boundary: &str, kind: &str, text: &str) -> String {
        let Draft { encoding, charset, .. } = self;
        let body = if *encoding == "quoted-printable" { quoted_printable(text) } else { text.to_owned() };
        let head =
            format!("Content-Type: {kind}; charset={charset}\nContent-Transfer-Encoding: {encoding}\n");
        format!("--{boundary}\n{head}\n{body}\n")
    }
}

/// A header folded at its blanks.
fn folded(name: &str, value: &str) -> String {
    let mut out = format!("{name}:");
    let mut column = out.len();
    let long = value.ends_with(' ');
    for word in value.split(' ') {
        if column + 1 + word.len() > 76 && column > name.len() + 1 && !long {
            out.push('\n');
            column = 0;
        }
        out.push(' ');
        out.push_str(word);
        column += 1 + word.len();
    }
    out + "\n"
}

fn wrapped(line: &str) -> String {
    if line.chars().count() <= 78 {
        return line.to_owned();
    }
    let mut out = String::new();
    let mut column = 0;
    for word in line.split(' ') {
        let width = word.chars().count();
        if column > 0 {
            let breaks = column + 1 + width > 78;
            out.push(if breaks { '\n' } else { ' ' });
            column = if breaks { 0 } else { column + 1 };
        }
        out.push_str(word);
        column += width;
    }
    out
}

fn quoted_printable(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for byte in text.bytes() {
        let plain = matches!(byte, b' '..=b'~') && byte != b'=';
        let coded = match byte {
            b'\n' => "\n".to_owned(),
            byte if plain => char::from(byte).to_string(),
            byte => format!("={byte:02X}"),
        };
        if byte != b'\n' && column + coded.len() > 75 {
            out.push_str("=\n");
            column = 0;
        }
        column = if byte == b'\n' { 0 } else { column + coded.len() };
        out.push_str(&coded);
    }
    out.replace(" \n", "=20\n")
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    String::from_utf8_lossy(bytes).replacen(from, to, 1).into_bytes()
}

/// Joins two lines of the body.
fn one_line_too_long(bytes: &[u8]) -> Vec<u8> {
    let mail = String::from_utf8_lossy(bytes);
    let (head, body) = mail.split_once("\r\n\r\n").expect("a body");
    format!("{head}\r\n\r\n{}", body.replacen("=\r\n", "", 1)).into_bytes()
}

/// The mail a case begins with, to a person with Swedish letters.
fn letter(world: &Snapshot, base: Base) -> Source<'_> {
    let (round, first) = match base {
        Base::First => (0, None),
        Base::Reminder => (1, Some(FIRST_ID.to_owned())),
    };
    let mut journeys = world.content.library.journeys.iter();
    let journey = journeys.find(|journey| journey.slug.as_str() == sample::SHAPES).expect("the journey");
    let person = world.roster.find("702sv-natur").expect("the reader");
    let letter = sample::letter(world, journey, &journey.steps[0], person, round);
    Source { first, ..letter }
}

/// The requirements a mail fails, with the messages.
fn told(source: &Source<'_>, bytes: &[u8], twin: &[u8]) -> (BTreeSet<&'static str>, String) {
    let mail = Mail::read(source, bytes, twin).expect("a mail");
    let found = faults(&mail);
    (found.keys().copied().collect(), format!("{found:#?}"))
}

#[test]
fn a_good_mail_meets_every_requirement() {
    let world = sample::world();
    for base in [First, Reminder] {
        let source = letter(&world, base);
        let bytes = Draft::good(base).bytes();
        let (points, told) = told(&source, &bytes, &bytes);
        assert!(points.is_empty(), "{told}");
    }
}

#[test]
fn a_mail_that_breaks_one_requirement_fails_only_that_one() {
    let mut world = sample::world();
    let mut wrong = Vec::new();
    for Case(point, how, base, broken) in CASES {
        if let Words(from, to) = broken {
            sample::write(&mut world, from, to);
        }
        let mut draft = Draft::good(*base);
        let good = draft.bytes();
        let bytes = match broken {
            Bytes(change) => change(&good),
            In(change) => {
                change(&mut draft);
                draft.bytes()
            }
            Words(from, to) => {
                draft.replace(from, to);
                draft.bytes()
            }
        };
        assert!(bytes != good, "{point}, {how}: what it breaks is not there any more");
        // A broken header is broken in each copy.
        let twin = if matches!(*point, "E6" | "E7") { &bytes } else { &good };
        let (points, told) = told(&letter(&world, *base), &bytes, twin);
        if points != BTreeSet::from([*point]) {
            wrong.push(format!("{point}, {how}: fails {told}"));
        }
        if let Words(from, to) = broken {
            sample::write(&mut world, to, from);
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_check_can_fail() {
    let broken: BTreeSet<&str> = CASES.iter().map(|Case(point, ..)| *point).collect();
    let here = POINTS.iter().filter(|point| matches!(point.decided, Decided::Here(_)));
    let here: BTreeSet<&str> = here.map(|point| point.number).collect();
    assert_eq!(broken, here);
    assert!(NOT_YET.iter().all(|point| here.contains(point)));
}
