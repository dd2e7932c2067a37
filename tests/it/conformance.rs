//! The 51 requirements on mails as a table, and a test that every mail of the
//! sample meets them. The checks read the finished bytes with parsers that are
//! not used to produce them.
//!
//! A requirement that cannot be checked from one mail is in the table too, with
//! the reason. `cargo test --test it conformance -- --nocapture` prints how
//! hard the mails are to read.

mod broken;
mod checks;
mod mail;
mod page;
mod sample;
mod style;

use std::collections::{BTreeMap, BTreeSet};

use checks::{Check, headers, html, parts, text};
use mail::Mail;

/// Requirements that mails do not meet yet. The test fails when one of them is
/// met, so the list only gets shorter.
const NOT_YET: &[&str] = &[];

/// One of the 51 requirements.
struct Point {
    number: &'static str,
    requires: &'static str,
    decided: Decided,
}

/// Where a requirement is checked.
enum Decided {
    /// From the produced mail, by this check.
    Here(Check),
    /// Not from one mail, and why.
    Elsewhere(&'static str),
}

use Decided::{Elsewhere, Here};

const fn point(number: &'static str, requires: &'static str, decided: Decided) -> Point {
    Point { number, requires, decided }
}

/// The requirements in order.
#[rustfmt::skip]
const POINTS: &[Point] = &[
    // Envelope and headers
    point("E1", "`To` is exactly the person's address; no Cc, no Bcc", Here(headers::recipient)),
    point("E2", "the envelope's sender is the bounce address with a token", Elsewhere("the envelope is no part of the mail; the tests of the relay look at it")),
    point("E3", "one `From`: a readable name and the employer's own address", Here(headers::sender)),
    point("E4", "`Reply-To` where answers go elsewhere than to `From`", Here(headers::replies)),
    point("E5", "the subject is what the author wrote, on one line of at most 150 characters", Here(headers::subject)),
    point("E6", "`Date` is the instant of the pass, with the programme's offset, the same in every copy", Here(headers::date)),
    point("E7", "one valid `Message-ID` of the sender's domain, the same in every copy", Here(headers::message_id)),
    point("E8", "`MIME-Version: 1.0`, and each header once that must be single", Here(headers::single)),
    point("E9", "`Auto-Submitted: auto-generated`", Here(headers::auto_submitted)),
    point("E10", "out-of-office replies and receipts are suppressed, bounces are not", Here(headers::no_auto_replies)),
    point("E11", "no `Precedence` unless it is switched on", Here(headers::precedence)),
    point("E12", "`List-Id` names the journey, below the sender's domain", Here(headers::list_id)),
    point("E13", "`List-Unsubscribe` leads to the pause over https, with one click; the POST itself is tried by the tests of the pages", Here(headers::unsubscribe)),
    point("E14", "a visible link to the pause page in both parts", Here(headers::pause_link)),
    point("E15", "no header but `To` and `Subject` tells who reads", Here(headers::no_personal_data)),
    point("E16", "no receipt is asked for, and nothing is important", Here(headers::no_receipts)),
    point("E17", "a reminder answers the mail it reminds of", Here(headers::threading)),
    point("E18", "header lines are ASCII, at most 998 octets, folded at 78", Here(headers::header_lines)),
    // MIME and body
    point("E19", "plain text first, HTML last, both UTF-8, nothing attached", Here(parts::structure)),
    point("E20", "quoted-printable or base64; lines of at most 78 octets", Here(parts::encoding)),
    point("E21", "CRLF and no other control character", Here(parts::line_ends)),
    point("E22", "the plain part has the same words, headings and links, wrapped at 78", Here(parts::plain_part)),
    point("E23", "at most 100 kB, of which the page 80 kB", Here(parts::sizes)),
    point("E24", "our own addresses are short, plain, https, ours, and tell nobody who reads", Here(parts::own_addresses)),
    point("E25", "nothing is fetched or run; pictures are in the mail, with their size", Here(parts::nothing_is_fetched)),
    point("E26", "links lead where authors wanted to or to us, and nowhere by a detour; no pixel", Here(parts::known_hosts)),
    point("E27", "no link shows one host and leads to another", Here(parts::honest_links)),
    point("E28", "no shortened address and no bare number", Here(parts::plain_hosts)),
    // Authentication
    point("E29", "the sender's domain has SPF, DKIM and DMARC in order", Elsewhere("it is in the domain name system, not in the mail; `journey doctor --dns` looks there, and its tests hold it")),
    point("E30", "a signature covers all that matters and breaks when an octet changes", Elsewhere("these mails are not signed: `[mail.dkim]` is off in the sample, and the tests of signing hold it")),
    point("E31", "keys can be changed without a gap", Elsewhere("it is in the domain name system; `journey doctor --dns` holds the key that is published to the one that signs")),
    point("E32", "TLS 1.2 or later to every relay that is not this machine", Elsewhere("it is seen at the relay, not in the mail")),
    // HTML for Outlook's Word engine and the others
    point("E33", "doctype, `lang` of the mail, UTF-8, and the subject as its title", Here(html::document)),
    point("E34", "tables for layout that say so, a ghost table for Word, and no CSS that few know", Here(html::tables)),
    point("E35", "styles stand on the elements, padding on cells; `<style>` is for media queries", Here(html::inline_styles)),
    point("E36", "a button is a coloured cell, one link, 44 px high", Here(html::button)),
    point("E37", "conditional comments are balanced", Here(html::conditional_comments)),
    point("E38", "system fonts, 16 px and lines 1.5 apart", Here(html::fonts)),
    // Accessibility
    point("E39", "one `h1`, the task; no rank left out; lists are lists, paragraphs paragraphs", Here(text::headings)),
    point("E40", "every picture says in words what it shows", Here(text::pictures)),
    point("E41", "contrast of 4.5, of 3 for what is large and for buttons, in light and in dark", Here(html::contrast)),
    point("E42", "each link says where it leads, and no two the same", Here(text::link_texts)),
    point("E43", "nothing is higher or wider than it must be; fits 320 px (that it also looks well is seen on a screen)", Here(html::narrow)),
    point("E44", "the preheader comes first, and nothing hidden is read aloud twice", Here(html::preheader)),
    point("E45", "LIX at most 50, 25 words a sentence, and the minutes are said", Here(text::plain_language)),
    point("E46", "no day that a late mail makes wrong, no date in figures", Here(text::dates)),
    // Rhythm and reputation
    point("E47", "sending is throttled", Elsewhere("it is about many mails; the relay's log shows it")),
    point("E48", "hours and holidays are kept", Elsewhere("the planner decides it, and its tests hold it; `years.rs` lives through three years")),
    point("E49", "a distance between mails, few reminders, none after an answer", Elsewhere("the planner decides it, and its tests hold it; `years.rs` lives through three years")),
    point("E50", "the first mail says who sends, why, what is kept, who sees it, how to pause and whom to ask", Here(text::first_mail)),
    point("E51", "ten mails go first, then the rest", Elsewhere("it is about many mails; the relay's log shows it")),
];

/// What is wrong with a mail, by requirement.
fn faults(mail: &Mail<'_>) -> BTreeMap<&'static str, Vec<String>> {
    let mut found = BTreeMap::new();
    for point in POINTS {
        if let Here(check) = point.decided {
            let faults = check(mail);
            if !faults.is_empty() {
                found.insert(point.number, faults);
            }
        }
    }
    found
}

#[test]
fn all_51_requirements_are_in_the_table() {
    let numbers: Vec<&str> = POINTS.iter().map(|point| point.number).collect();
    let should: Vec<String> = (1..=51).map(|number| format!("E{number}")).collect();
    assert_eq!(numbers, should);
    for Point { number, requires, decided } in POINTS {
        assert!(!requires.is_empty(), "{number} requires nothing");
        if let Elsewhere(why) = decided {
            assert!(why.split(' ').count() > 5, "{number} is decided elsewhere, and it is not said why");
        }
    }
    let here = |number: &&str| POINTS.iter().any(|p| p.number == *number && matches!(p.decided, Here(_)));
    assert!(NOT_YET.iter().all(here), "only what is decided here can be missing");
}

/// Findings over all mails.
#[derive(Default)]
struct Survey {
    made: usize,
    /// The number of mails held, by the reason.
    held: BTreeMap<String, usize>,
    /// Every Message-ID.
    ids: BTreeSet<String>,
    /// Each fault of each requirement: in how many mails, and the first of
    /// them.
    faults: BTreeMap<(&'static str, String), (usize, String)>,
    /// The highest LIX and its mail.
    hardest: (f64, String),
}

impl Survey {
    /// Checks one mail.
    fn look_at(&mut self, mail: &Mail<'_>, id: &str) {
        self.made += 1;
        assert!(self.ids.insert(id.to_owned()), "{id} is of two mails");
        for (point, faults) in faults(mail) {
            for fault in faults {
                let told = self.faults.entry((point, fault)).or_insert_with(|| (0, mail.source.told()));
                told.0 += 1;
            }
        }
        let text::Reading { sentence, lix } = text::reading(mail);
        if lix > self.hardest.0 {
            self.hardest =
                (lix, format!("LIX {lix:.0}, {sentence:.0} words a sentence: {}", mail.source.told()));
        }
    }

    /// The requirements that failed.
    fn failed(&self) -> BTreeSet<&'static str> {
        self.faults.keys().map(|(point, _)| *point).collect()
    }

    /// One line for each fault of the requirements asked for.
    fn lines(&self, of: impl Fn(&str) -> bool) -> String {
        let line = |((point, fault), (mails, first)): (&(&str, String), &(usize, String))| {
            format!("{point} {fault} ({mails} mails, first {first})\n")
        };
        self.faults.iter().filter(|((point, _), _)| of(point)).map(line).collect()
    }
}

#[test]
fn every_mail_of_the_sample_meets_every_requirement() {
    let world = sample::world();
    let mut survey = Survey::default();
    let mut first = None;
    for (place, mut source) in sample::letters(&world).into_iter().enumerate() {
        if source.due.round == 0 {
            first = None;
        }
        source.first.clone_from(&first);
        let bytes = match sample::make(&source, place) {
            Ok(bytes) => bytes,
            Err(why) => {
                assert!(sample::is_hostile(source.due.person), "{} is held: {why}", source.told());
                *survey.held.entry(why).or_default() += 1;
                continue;
            }
        };
        let twin = sample::make(&source, place).expect("what was made can be made again");
        let mail =
            Mail::read(&source, &bytes, &twin).unwrap_or_else(|why| panic!("{}: {why}", source.told()));
        let id = mail.header("Message-ID").unwrap_or_default().to_owned();
        survey.look_at(&mail, &id);
        first = first.or(Some(id));
    }
    println!("{} mails; held: {:#?}", survey.made, survey.held);
    println!("the hardest to read: {}", survey.hardest.1);
    println!("not yet:\n{}", survey.lines(|point| NOT_YET.contains(&point)));
    let wrong = survey.lines(|point| !NOT_YET.contains(&point));
    assert!(wrong.is_empty(), "{} faults:\n{wrong}", wrong.lines().count());
    let failed = survey.failed();
    let met: Vec<&&str> = NOT_YET.iter().filter(|point| !failed.contains(**point)).collect();
    assert!(met.is_empty(), "{met:?} are met now: take them out of `NOT_YET`");
}

/// Whatever a person's name is: the page has the same elements, the mail the
/// same headers, and the name appears as it is; otherwise the mail is held.
#[test]
fn a_name_is_never_interpreted_as_markup_or_header() {
    let world = sample::world();
    let ours = &world.config.web.base_url;
    let default = world.content.library.programme.default_character().map(|character| &character.id);
    let mut plain: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    for source in sample::letters(&world).iter().filter(|source| source.due.character.as_ref() == default) {
        let Ok(bytes) = sample::make(source, 0) else { continue };
        let mail = Mail::read(source, &bytes, &bytes).expect("a mail");
        let names = mail.headers.iter().map(|header| header.name.clone()).collect();
        let found = (mail.page.shape(ours), names);
        let letter = format!(
            "{}/{} {} {}",
            source.due.journey.slug,
            source.due.step.slug,
            source.language(),
            source.due.round
        );
        // The first reader of each mail has a plain name.
        let wanted = plain.entry(letter).or_insert_with(|| found.clone());
        assert_eq!(*wanted, found, "{}", source.told());
        let greets = |line: &&str| line.contains("{{person.first_name}}") && !line.contains(['*', '[', '`']);
        let shown: Vec<String> = mail.page.blocks().into_iter().map(|(_, text)| text).collect();
        for line in source.variant().body.lines().filter(greets) {
            let line = source.filled(line);
            assert!(
                shown.iter().any(|text| text.contains(&line)),
                "{}: `{line}` is not there",
                source.told()
            );
        }
    }
    assert!(plain.len() > 20, "the sample is gone");
}
