//! Links that are not valid, and how they end and are replaced.

use std::collections::BTreeSet;

use journey::clock;
use journey::domain::time::timezone::Timestamp;

use super::{BASE_URL, Site, move_clock};
use crate::crash::home::until;

/// The page with the token as it came taken out of it.
fn without_token(site: &Site, link: &str) -> (u16, String) {
    let page = site.get(link);
    let token = link.rsplit('/').next().expect("a token").split('?').next().expect("a token");
    (page.status, page.body.replace(token, "TOKEN"))
}

#[test]
fn all_links_that_are_not_valid_get_the_same_page() {
    let site = Site::new();
    let link = site.answer_link();
    let token = link.trim_start_matches("/answer/");
    let other = if token.ends_with('a') { "b" } else { "a" };
    let mut links = vec![
        "/answer/unknown".to_owned(),
        format!("/answer/{}{other}", &token[..token.len() - 1]),
        format!("/answer/{}", &token[1..]),
        format!("/answer/{token}a"),
        format!("/pause/{token}"),
        format!("/web/{token}"),
        format!("/journey/{token}"),
    ];
    assert_eq!(site.get(&format!("/answer/{}", token.to_uppercase())).status, 200, "upper case is the same");
    site.home.done(&["link", "revoke", "1042", "--reason", "test"]);
    links.push(link.clone());
    let pages: BTreeSet<(u16, String)> = links.iter().map(|link| without_token(&site, link)).collect();
    assert_eq!(pages.len(), 1, "{pages:#?}");
    let (status, page) = pages.first().expect("a page");
    assert_eq!(*status, 404);
    assert!(page.contains("Länken fungerar inte längre"), "{page}");
    assert_eq!(site.get(&site.answer_link()).status, 200, "a link from now on");
}

#[test]
fn a_person_who_left_has_no_links() {
    let site = Site::new();
    let link = site.answer_link();
    let people = std::fs::read_to_string(site.home.path("people.csv")).expect("people");
    let others: Vec<&str> = people.lines().filter(|line| !line.starts_with("1042")).collect();
    std::fs::write(site.home.path("people.csv"), others.join("\n") + "\n").expect("people");
    site.home.done(&["people", "import", "-q", "--allow-leavers", "1"]);
    assert_eq!(site.get(&link).status, 404);
}

#[test]
fn an_expired_link_is_replaced_by_one_that_is_mailed() {
    let site = Site::new();
    let link = site.answer_link();
    let token = link.trim_start_matches("/answer/").to_owned();
    // A mail that the person asks for leaves, although no others do.
    site.home.done(&["people", "stop", "1042"]);
    let later: Timestamp = "2028-03-01T09:00:00Z".parse().expect("a time");
    move_clock(&site.home, later - clock::now());
    assert_eq!(site.get(&link).status, 404, "after 400 days");
    let asked = site.client.post("/link", &[("link", &token)]);
    let unknown = site.client.post("/link", &[("link", "aaaa")]);
    assert_eq!((asked.status, &asked.body), (200, &unknown.body), "the answer tells nothing");
    let access = "SELECT count(*) FROM delivery WHERE purpose = 'access'";
    assert_eq!(site.column(access), ["1"]);
    site.client.post("/link", &[("link", &token)]);
    assert_eq!(site.column(access), ["1"], "one in an hour");
    // The daemon holds everything after such a jump until an operator has confirmed the clock.
    site.daemon.says("the system clock moved");
    site.home.done(&["hold", "release"]);
    let mail = || site.home.outbox().into_iter().find(|(name, _)| name.ends_with("-link.eml"));
    until("the mail is written", || mail().is_some());
    let (_, mail) = mail().expect("a mail");
    let mail = mail_parser::MessageParser::default()
        .parse(&mail)
        .expect("a mail")
        .body_text(0)
        .expect("a text")
        .into_owned();
    let (_, rest) = mail.split_once(&format!("{BASE_URL}/answer/")).expect("a link");
    let fresh = format!("/answer/{}", rest.split_whitespace().next().expect("a token"));
    assert_eq!(site.get(&fresh).status, 200, "{mail}");
}

#[test]
fn renewed_links_end_all_old_ones_at_once_also_under_an_open_form() {
    let site = Site::new();
    let link = site.answer_link();
    let token = site.get(&link).form_token();
    site.home.done(&["links", "renew", "--reason", "test", "--at", "2026-11-09T10:01"]);
    let fields = [("f", token.as_str()), ("do", "save"), ("q.done", "1")];
    assert_eq!(site.client.post(&link, &fields).status, 404);
    assert_eq!(site.get(&link).status, 404);
    let fresh = site.answer_link();
    until("the new key is used", || site.get(&fresh).status == 200);
    // Whose mailbox it was is still known.
    site.client.post("/link", &[("link", link.trim_start_matches("/answer/"))]);
    assert_eq!(site.column("SELECT count(*) FROM delivery WHERE purpose = 'access'"), ["1"]);
}
