//! Checks of envelope and headers: requirements E1 to E18.

use chrono::{DateTime, FixedOffset};
use mail_parser::Address;

use super::super::mail::{self, Mail};
use super::{Faults, fault_if};

/// Headers that occur once at most (E8).
const ONCE: &[&str] = &[
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Subject",
    "Date",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Precedence",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Feedback-ID",
    "X-Journey-Delivery",
];

/// Headers that every mail has (E8).
const ALWAYS: &[&str] = &["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"];

/// Headers that ask for receipts or shout (E16).
const NEVER: &[&str] = &[
    "Disposition-Notification-To",
    "Return-Receipt-To",
    "X-Confirm-Reading-To",
    "X-Priority",
    "X-MSMail-Priority",
    "Priority",
    "Importance",
];

/// Headers that contain the reader's name and address by their nature.
const OF_THE_READER: &[&str] = &["To", "Subject"];

/// The longest line a relay accepts, and the length at which lines are folded.
const LONGEST_LINE: usize = 998;
const FOLDED_AT: usize = 78;

pub(in super::super) fn recipient(mail: &Mail<'_>) -> Faults {
    let mut faults = Vec::new();
    let addresses = mailboxes(mail.message.to());
    if addresses.len() != 1 || addresses[0].1 != mail.source.address() {
        faults.push(format!("`To` is not the person's address alone: {} addresses", addresses.len()));
    }
    for name in ["Cc", "Bcc", "Resent-To"] {
        faults.extend(fault_if(mail.header(name).is_some(), || format!("there is a `{name}`")));
    }
    faults
}

pub(in super::super) fn sender(mail: &Mail<'_>) -> Faults {
    let boxes = mailboxes(mail.message.from());
    let [(name, address)] = boxes.as_slice() else {
        return vec![format!("`From` holds {} addresses", boxes.len())];
    };
    let configured = &mail.source.world.config.mail.from;
    let local = address.split('@').next().unwrap_or_default().to_lowercase();
    let local: String = local.chars().filter(|c| c.is_alphanumeric()).collect();
    let nobody = ["noreply", "donotreply", "svarainte", "ejsvar"].iter().any(|word| local.contains(word));
    [
        fault_if(name.trim().is_empty() || name.contains('@'), || "`From` has no readable name".to_owned()),
        fault_if(*name != configured.name, || format!("`From` is called `{name}`")),
        fault_if(*address != configured.address, || format!("`From` is `{address}`")),
        fault_if(nobody, || format!("nobody reads `{address}`")),
    ]
    .concat()
}

pub(in super::super) fn replies(mail: &Mail<'_>) -> Faults {
    let config = &mail.source.world.config.mail;
    let elsewhere = config.reply_to.address != config.from.address;
    let boxes = mailboxes(mail.message.reply_to());
    match boxes.as_slice() {
        [] => fault_if(elsewhere, || "no `Reply-To`, and answers go elsewhere".to_owned()),
        [(_, address)] => fault_if(*address != config.reply_to.address, || {
            format!("answers go to `{address}`, not to `{}`", config.reply_to.address)
        }),
        _ => vec![format!("`Reply-To` holds {} addresses", boxes.len())],
    }
}

pub(in super::super) fn subject(mail: &Mail<'_>) -> Faults {
    let subject = mail.message.subject().unwrap_or_default();
    let reminder = match (mail.source.due.round, mail.source.is_swedish()) {
        (0, _) => "",
        (_, true) => "Påminnelse: ",
        (_, false) => "Reminder: ",
    };
    let should = format!("{reminder}{}", mail.source.filled(&mail.source.variant().subject));
    let length = subject.chars().count();
    [
        fault_if(length > 150 || length == 0, || format!("the subject has {length} characters")),
        fault_if(subject.trim() != subject || subject.contains("  "), || {
            "the subject has blanks at its ends or in a row".to_owned()
        }),
        fault_if(subject.chars().any(char::is_control), || {
            "the subject holds a control character".to_owned()
        }),
        fault_if(subject != should, || {
            format!("the subject reads `{subject}`, and the author wrote `{should}`")
        }),
    ]
    .concat()
}

pub(in super::super) fn date(mail: &Mail<'_>) -> Faults {
    let Some(value) = mail.header("Date") else { return vec!["no `Date`".to_owned()] };
    let Ok(date) = DateTime::<FixedOffset>::parse_from_rfc2822(value) else {
        return vec![format!("`Date: {value}` is none")];
    };
    let parsed = mail.message.date().map(mail_parser::DateTime::to_timestamp);
    let at = mail.source.due.slot;
    let offset = mail.source.world.content.library.programme.zone.offset_seconds(at);
    let twin =
        String::from_utf8_lossy(mail.twin).lines().find(|line| line.starts_with("Date:")).map(str::to_owned);
    [
        fault_if(date != at || parsed != Some(at.timestamp()), || format!("`Date: {value}` is not {at}")),
        fault_if(date.offset().local_minus_utc() != offset, || {
            format!("`Date: {value}` is not {offset} seconds ahead of UTC, as the programme's zone is")
        }),
        fault_if(twin.as_deref() != Some(&format!("Date: {value}")), || {
            "another copy has another date".to_owned()
        }),
    ]
    .concat()
}

pub(in super::super) fn message_id(mail: &Mail<'_>) -> Faults {
    let Some(value) = mail.header("Message-ID") else { return vec!["no `Message-ID`".to_owned()] };
    let inside = value.strip_prefix('<').and_then(|value| value.strip_suffix('>'));
    let Some((left, right)) = inside.and_then(|inside| inside.split_once('@')) else {
        return vec![format!("`{value}` is no Message-ID")];
    };
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let dot_atom = |text: &str| text.split('.').all(|part| !part.is_empty() && part.chars().all(atom));
    let twin = String::from_utf8_lossy(mail.twin);
    let domain = mail.source.domain();
    [
        fault_if(!dot_atom(left) || !dot_atom(right), || format!("`{value}` is no Message-ID")),
        fault_if(right != domain && !right.ends_with(&format!(".{domain}")), || {
            format!("`{value}` is not of the sender's domain")
        }),
        fault_if(!twin.contains(&format!("\r\nMessage-ID: {value}\r\n")), || {
            "another copy has another Message-ID".to_owned()
        }),
    ]
    .concat()
}

pub(in super::super) fn single(mail: &Mail<'_>) -> Faults {
    let mut faults = fault_if(mail.header("MIME-Version") != Some("1.0"), || {
        format!("`MIME-Version` is {:?}", mail.header("MIME-Version"))
    });
    for name in ONCE {
        let times = mail.all(name).len();
        faults.extend(fault_if(times > 1, || format!("`{name}` occurs {times} times")));
    }
    for name in ALWAYS {
        faults.extend(fault_if(mail.header(name).is_none(), || format!("no `{name}`")));
    }
    faults
}

pub(in super::super) fn auto_submitted(mail: &Mail<'_>) -> Faults {
    let value = mail.header("Auto-Submitted");
    fault_if(value != Some("auto-generated"), || format!("`Auto-Submitted` is {value:?}"))
}

pub(in super::super) fn no_auto_replies(mail: &Mail<'_>) -> Faults {
    let value = mail.header("X-Auto-Response-Suppress").unwrap_or_default();
    let words: Vec<&str> = value.split(',').map(str::trim).collect();
    let mut faults = Vec::new();
    for word in ["OOF", "AutoReply", "DR", "RN", "NRN"] {
        faults.extend(fault_if(!words.contains(&word), || format!("`{word}` is not suppressed")));
    }
    for word in ["NDR", "All"] {
        let too_much = words.iter().any(|found| found.eq_ignore_ascii_case(word));
        faults.extend(fault_if(too_much, || format!("`{word}` suppresses bounces, which are wanted")));
    }
    faults
}

pub(in super::super) fn precedence(mail: &Mail<'_>) -> Faults {
    let value = mail.header("Precedence");
    fault_if(value.is_some(), || format!("`Precedence` is {value:?}, and nobody switched it on"))
}

pub(in super::super) fn list_id(mail: &Mail<'_>) -> Faults {
    let Some(value) = mail.header("List-Id") else { return vec!["no `List-Id`".to_owned()] };
    let Some((phrase, id)) = value.strip_suffix('>').and_then(|value| value.rsplit_once('<')) else {
        return vec![format!("`List-Id: {value}` has no `<…>` at its end")];
    };
    let label = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let domain = mail.source.domain();
    [
        fault_if(phrase.trim().is_empty(), || "`List-Id` has no name before its `<…>`".to_owned()),
        fault_if(!id.split('.').all(label) || !id.ends_with(&format!(".{domain}")), || {
            format!("`<{id}>` is no name below the sender's domain")
        }),
        fault_if(!id.starts_with(&format!("{}.", mail.source.due.journey.slug)), || {
            format!("`<{id}>` does not name the journey")
        }),
    ]
    .concat()
}

pub(in super::super) fn unsubscribe(mail: &Mail<'_>) -> Faults {
    let Some(value) = mail.header("List-Unsubscribe") else {
        return vec!["no `List-Unsubscribe`".to_owned()];
    };
    let post = mail.header("List-Unsubscribe-Post");
    let address = value.strip_prefix('<').and_then(|value| value.strip_suffix('>')).unwrap_or_default();
    let base = &mail.source.world.config.web.base_url;
    let secure = address.starts_with("https://");
    [
        fault_if(!secure || address.contains([',', ' ', '<']), || {
            format!("`List-Unsubscribe: {value}` is not one `<https://…>`")
        }),
        fault_if(!address.starts_with(&format!("{base}/")), || {
            format!("`{address}` is not one of our pages")
        }),
        fault_if(post != Some("List-Unsubscribe=One-Click"), || {
            format!("`List-Unsubscribe-Post` is {post:?}")
        }),
    ]
    .concat()
}

pub(in super::super) fn pause_link(mail: &Mail<'_>) -> Faults {
    let pause = &mail.source.links.pause;
    let links = mail.page.links();
    let shown = |link: &&super::super::page::Link| mail.page.is_shown(link.id) && !link.text.is_empty();
    let in_page = links.iter().filter(shown).any(|link| link.target == *pause);
    let in_text = mail::addresses(&mail.text).contains(pause);
    [
        fault_if(!in_page, || "the page shows no link to the pause page".to_owned()),
        fault_if(!in_text, || "the plain part shows no link to the pause page".to_owned()),
    ]
    .concat()
}

pub(in super::super) fn no_personal_data(mail: &Mail<'_>) -> Faults {
    let mut faults = Vec::new();
    for header in mail.headers.iter().filter(|header| !OF_THE_READER.contains(&header.name.as_str())) {
        let value = mail::decoded(&header.value);
        faults.extend(fault_if(tells_who(mail, &value), || format!("`{}` tells who reads", header.name)));
    }
    if let Some(number) = mail.header("X-Journey-Delivery") {
        let plain = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
        faults.extend(fault_if(!plain, || format!("`X-Journey-Delivery: {number}` is no number")));
    }
    faults
}

/// Does a text identify the reader: by address, by id, or by a part of the
/// name?
pub(super) fn tells_who(mail: &Mail<'_>, text: &str) -> bool {
    let text = text.to_lowercase();
    let address = mail.source.address().to_lowercase();
    let local = address.split('@').next().unwrap_or_default();
    let person = mail.source.due.person;
    let id = person.id.as_str().to_lowercase();
    let words = |text: &str| -> Vec<String> {
        text.to_lowercase().split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect()
    };
    let found = words(&text);
    let names = [words(&person.first_name), words(&person.last_name)].concat();
    // A name of one letter, or one that is a word of the mail itself,
    // identifies nobody.
    let telling =
        names.iter().filter(|name| name.chars().count() > 1 && !PLAIN_WORDS.contains(&name.as_str()));
    [&address, local, &id].iter().any(|whole| text.contains(*whole))
        || telling.into_iter().any(|name| found.contains(name))
}

/// Words in hostile names that occur in addresses anyway.
const PLAIN_WORDS: &[&str] =
    &["https", "http", "ekdala", "example", "person", "email", "script", "link", "pause"];

pub(in super::super) fn no_receipts(mail: &Mail<'_>) -> Faults {
    let found = NEVER.iter().filter(|name| mail.header(name).is_some());
    found.map(|name| format!("there is a `{name}`")).collect()
}

pub(in super::super) fn threading(mail: &Mail<'_>) -> Faults {
    let ids = |name| mail.all(name).into_iter().flat_map(str::split_whitespace).collect::<Vec<_>>();
    let (replied, references) = (ids("In-Reply-To"), ids("References"));
    match mail.source.first.as_deref() {
        None => fault_if(!replied.is_empty() || !references.is_empty(), || {
            "the first mail of a step answers another".to_owned()
        }),
        Some(first) => [
            fault_if(replied != [first], || "`In-Reply-To` is not the mail it reminds of".to_owned()),
            fault_if(!references.contains(&first), || "`References` lacks the mail it reminds of".to_owned()),
        ]
        .concat(),
    }
}

pub(in super::super) fn header_lines(mail: &Mail<'_>) -> Faults {
    let mut faults = Vec::new();
    for line in mail.head().split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let shown: String = String::from_utf8_lossy(line).chars().take(40).collect();
        faults.extend(fault_if(!line.is_ascii(), || format!("`{shown}…` is not ASCII")));
        faults
            .extend(fault_if(line.len() > LONGEST_LINE, || format!("`{shown}…` has {} octets", line.len())));
        // A line can be folded at a blank that is neither at its beginning nor
        // right after the header's name.
        let begin = line.iter().position(|byte| *byte == b':').filter(|_| !line.starts_with(b" "));
        let words = line[begin.map_or(0, |colon| colon + 1)..].trim_ascii();
        let could_fold = words.contains(&b' ');
        faults.extend(fault_if(line.len() > FOLDED_AT && could_fold, || {
            format!("`{shown}…` has {} octets and is not folded", line.len())
        }));
    }
    faults
}

/// The mailboxes of a header: name and address.
fn mailboxes(address: Option<&Address<'_>>) -> Vec<(String, String)> {
    let of = |addr: &mail_parser::Addr<'_>| {
        let text = |part: &Option<std::borrow::Cow<'_, str>>| part.as_deref().unwrap_or_default().to_owned();
        (text(&addr.name), text(&addr.address))
    };
    match address {
        None => Vec::new(),
        Some(address) => address.iter().map(of).collect(),
    }
}
