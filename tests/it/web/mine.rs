//! Everything about one person: asked for on a page, mailed as a link, read, and removed.

use chrono::TimeDelta;
use journey::clock;

use super::{BASE_URL, NOW, Response, Site, Timestamp, move_clock};
use crate::crash::home::until;

const OWN_DATA: &str = "SELECT count(*) FROM delivery WHERE own_data = 1";

/// The path of the link in the mail, once the daemon has written it.
fn mailed_link(site: &Site) -> String {
    let mail = || site.home.outbox().into_iter().rfind(|(name, _)| name.ends_with("-data.eml"));
    until("the mail is written", || mail().is_some());
    let (_, mail) = mail().expect("a mail");
    let mail = mail_parser::MessageParser::default().parse(&mail).expect("a mail");
    let to = mail.to().and_then(|to| to.first()).and_then(|to| to.address()).expect("a recipient");
    assert_eq!(site.column("SELECT email FROM person WHERE employee_id = '1042'"), [to]);
    let text = mail.body_text(0).expect("a text").into_owned();
    let (_, rest) = text.split_once(&format!("{BASE_URL}/mine/")).expect("a link");
    let link = format!("/mine/{}", rest.split_whitespace().next().expect("a token"));
    // The link works when the outcome is saved.
    until("the link works", || site.get(&link).status == 200);
    link
}

/// A site where the person has answered, and has asked to read it.
fn asked() -> Site {
    let site = Site::new();
    let link = site.answer_link();
    site.submit(&link, &[("do", "save"), ("q.done", "1"), ("q.note", "Cykeln & tåget")]);
    let asked = site.submit(&link, &[("do", "read"), ("confirmed", "1")]);
    assert!(asked.status == 200 && asked.body.contains("Vi har mejlat en länk"), "{}", asked.body);
    site
}

fn clock_is(site: &Site, minutes: i64) {
    let now: Timestamp = NOW.parse().expect("an instant");
    move_clock(&site.home, now + TimeDelta::minutes(minutes) - clock::now());
}

#[test]
fn a_person_reads_and_removes_their_answers() {
    let site = asked();
    assert_eq!(site.column(OWN_DATA), ["1"]);
    let again = site.submit(&site.link("miljo/valkommen", "journey"), &[("do", "read"), ("confirmed", "1")]);
    assert!(again.body.contains("redan mejlat dig en länk"), "{}", again.body);
    assert_eq!(site.column(OWN_DATA), ["1"], "one in an hour");

    let link = mailed_link(&site);
    let before = site.saved();
    let page = site.get(&link);
    assert_eq!(page.heading(), "Dina svar och uppgifter");
    for shown in ["Cykeln &amp; tåget", "Jag har gjort det", "Välkommen på resan"] {
        assert!(page.body.contains(shown), "{shown}: {}", page.body);
    }
    let file = site.get(&format!("{link}?download=json"));
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"journey-data.json\""));
    let document: serde_json::Value = serde_json::from_str(&file.body).expect("JSON");
    assert!(document.to_string().contains("Cykeln & tåget"), "{document:#}");
    let token = link.trim_start_matches("/mine/");
    assert!(!file.body.contains(token), "a token");
    let confirm = site.submit(&link, &[("do", "remove")]);
    assert_eq!(confirm.heading(), "Vill du ta bort alla dina svar?");
    assert!(confirm.body.contains("2 svar försvinner"), "{}", confirm.body);
    assert_eq!(site.submit(&link, &[("do", "keep"), ("confirmed", "1")]).status, 303);
    assert_eq!(site.saved(), before, "nothing before it is confirmed");
    let removed = site.submit(&link, &[("do", "remove"), ("confirmed", "1")]);
    assert_eq!(removed.heading(), "Dina svar är borttagna");
    for table in ["answer_slip", "counted_answer", "written_answer"] {
        assert_eq!(site.column(&format!("SELECT count(*) FROM {table}")), ["0"], "{table}");
    }
    assert_eq!(site.column("SELECT what FROM event WHERE what <> 'mailed'"), ["answered", "withdrawn"]);
    assert!(site.get(&link).body.contains("Du har inte svarat på något än"));
}

#[test]
fn the_page_of_one_person_has_nothing_of_another() {
    let site = asked();
    let link = mailed_link(&site);
    // Everything that identifies the others.
    let others = site.column(
        "SELECT email FROM person WHERE employee_id <> '1042' AND email IS NOT NULL
         UNION SELECT first_name || ' ' || last_name FROM person WHERE employee_id <> '1042'",
    );
    assert!(others.len() > 50, "{}", others.len());
    for page in [site.get(&link), site.get(&format!("{link}?download=json"))] {
        for other in &others {
            assert!(!page.body.contains(other.as_str()), "{other}");
        }
        assert!(page.body.contains("Lindqvist"), "their own name: {}", page.body);
    }
    let said = site.daemon.said();
    let token = link.trim_start_matches("/mine/");
    for canary in ["Cykeln", "Lindqvist", token] {
        assert!(!said.contains(canary), "{canary} in the log: {said}");
    }
}

/// It says how many stay, and why.
#[test]
fn a_sealed_answer_is_neither_shown_nor_removed() {
    let site = asked();
    let link = mailed_link(&site);
    site.sql()
        .execute("UPDATE answer_slip SET answer_id = NULL WHERE question = 'done'", [])
        .expect("sealed");
    let page = site.get(&link);
    assert!(page.body.contains("Det går inte längre att koppla till dig"), "{}", page.body);
    assert!(!page.body.contains("Jag har gjort det"), "{}", page.body);
    let removed = site.submit(&link, &[("do", "remove"), ("confirmed", "1")]);
    assert!(removed.body.contains("1 svar finns kvar."), "{}", removed.body);
    assert_eq!(site.column("SELECT question FROM answer_slip"), ["done"]);
    assert_eq!(site.column("SELECT count(*) FROM counted_answer"), ["1"]);
}

#[test]
fn the_link_works_for_half_an_hour_and_is_replaced_like_any_other() {
    let site = asked();
    let link = mailed_link(&site);
    clock_is(&site, 31);
    let (late, unknown) = (site.get(&link), site.get("/mine/unknown"));
    let without = |page: &Response, link: &str| page.body.replace(link.trim_start_matches("/mine/"), "TOKEN");
    assert_eq!((late.status, without(&late, &link)), (404, without(&unknown, "unknown")));
    let token = link.trim_start_matches("/mine/");
    site.client.post("/link", &[("link", token)]);
    assert_eq!(site.column(OWN_DATA), ["1"], "one in an hour");
    clock_is(&site, 61);
    site.client.post("/link", &[("link", token)]);
    assert_eq!(site.column(OWN_DATA), ["2"]);
    site.home.done(&["link", "revoke", "1042", "--reason", "test"]);
    assert_eq!(site.get(&link).status, 404);
}

/// A token of this purpose opens the page only with the number of a mail that was sent for it.
#[test]
fn no_other_link_shows_own_data() {
    let site = asked();
    let link = mailed_link(&site);
    let token = link.trim_start_matches("/mine/");
    for page in ["answer", "pause", "character", "journey", "web"] {
        let other = site.link("miljo/valkommen", page);
        let (_, other) = other.trim_start_matches('/').split_once('/').expect("a token");
        assert_eq!(site.get(&format!("/mine/{other}")).status, 404, "{page}");
        assert_eq!(site.get(&format!("/{page}/{token}")).status, 404, "{page}");
    }
    site.sql().execute("UPDATE delivery SET own_data = 0", []).expect("changed");
    assert_eq!(site.get(&link).status, 404, "a mail with new links");
}

/// A hold keeps the mail; half an hour later it is not sent any more.
#[test]
fn a_mail_that_cannot_leave_in_half_an_hour_expires() {
    let site = Site::new();
    site.home.done(&["hold", "--reason", "test"]);
    site.submit(&site.answer_link(), &[("do", "save"), ("q.done", "1")]);
    site.submit(&site.answer_link(), &[("do", "read"), ("confirmed", "1")]);
    let state = || site.column("SELECT state FROM delivery WHERE own_data = 1");
    assert_eq!(state(), ["due"]);
    clock_is(&site, 31);
    // The daemon holds everything after such a jump until an operator has confirmed the clock.
    site.daemon.says("the system clock moved");
    site.home.done(&["hold", "release"]);
    until("it expires", || state() == ["expired"]);
}
