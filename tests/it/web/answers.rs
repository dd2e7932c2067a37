//! Answering a step: saved once, replaced, removed, and never lost.

use std::collections::BTreeSet;
use std::thread;

use rusqlite::TransactionBehavior;

use super::{PERSON, Site};

#[test]
fn a_mission_is_answered_changed_and_taken_back() {
    let site = Site::new();
    let link = site.answer_link();
    let form = site.get(&link);
    assert_eq!((form.status, form.heading()), (200, "Välkommen på resan"));
    assert!(form.body.contains("Till Åsa, Hemtjänsten Norr."), "{}", form.body);
    assert!(
        !form.body.contains("Lindqvist") && !form.body.contains(PERSON),
        "a surname or an id: {}",
        form.body
    );

    let saved = site.submit(&link, &[("do", "save"), ("q.done", "1"), ("q.note", "Mer tid, <tack>")]);
    assert_eq!((saved.status, saved.header("location")), (303, Some(link.as_str())));
    let page = site.get(&link);
    assert_eq!(page.heading(), "Sparat. Tack, Åsa.");
    assert!(page.body.contains("Du har gjort: Välkommen på resan"), "{}", page.body);
    assert!(page.body.contains("Nästa mejl kommer tidigast tisdag 17 november."), "{}", page.body);
    assert!(!page.body.contains("Mer tid"), "a text is never shown again: {}", page.body);
    assert_eq!(site.column("SELECT what FROM event WHERE what <> 'mailed'"), ["answered"]);
    assert_eq!(site.column("SELECT value FROM counted_answer"), ["1"]);
    assert_eq!(site.column("SELECT text FROM written_answer"), ["Mer tid, <tack>"]);

    // The same once more changes nothing.
    let before = site.saved();
    site.submit(&link, &[("do", "save"), ("q.done", "1")]);
    assert_eq!(site.saved(), before);
    // Another answer replaces it.
    site.submit(&link, &[("do", "save"), ("q.done", "3")]);
    assert_eq!(site.column("SELECT value FROM counted_answer"), ["3"]);

    let asked = site.submit(&link, &[("do", "remove")]);
    assert_eq!((asked.status, asked.heading()), (200, "Vill du ta bort ditt svar?"));
    assert_eq!(site.column("SELECT count(*) FROM answer_slip"), ["2"], "not before it is confirmed");
    let removed = site.submit(&link, &[("do", "remove"), ("confirmed", "1")]);
    assert_eq!((removed.status, removed.heading()), (200, "Svaret är borttaget"));
    assert_eq!(site.column("SELECT what FROM event WHERE what <> 'mailed'"), ["answered", "withdrawn"]);
    for table in ["answer_slip", "counted_answer", "written_answer"] {
        assert_eq!(site.column(&format!("SELECT count(*) FROM {table}")), ["0"], "{table}");
    }
}

#[test]
fn what_is_not_allowed_is_said_and_nothing_is_saved() {
    let site = Site::new();
    let link = site.answer_link();
    let before = site.saved();
    let long = "å".repeat(2_001);
    for (fields, status, words) in [
        (&[("do", "save")][..], 422, "Du har inte valt eller skrivit något än"),
        (&[("do", "save"), ("q.note", " \r\n ")], 422, "Du har inte valt eller skrivit något än"),
        (&[("do", "save"), ("q.done", "4")], 422, "Välj ett av svaren i listan"),
        (&[("do", "save"), ("q.done", "ja")], 422, "Välj ett av svaren i listan"),
        (&[("do", "save"), ("q.done", "1"), ("q.note", &long)], 422, "tecken och får ha högst"),
        (&[("q.done", "1")], 200, "Hur gick det?"),
        (&[("do", "change"), ("q.done", "1")], 200, "Hur gick det?"),
        (&[("do", "save"), ("q.annan", "1")], 422, "Du har inte valt eller skrivit något än"),
    ] {
        let response = site.submit(&link, fields);
        assert_eq!(response.status, status, "{fields:?}");
        assert!(response.body.contains(words), "{fields:?}: {}", response.body);
        if status == 422 && fields.len() > 1 && fields[1].0 == "q.done" {
            assert!(response.body.contains("<title>Fel: "), "{}", response.body);
        }
        assert_eq!(site.saved(), before, "{fields:?}");
    }
}

#[test]
fn an_answer_chosen_in_the_mail_is_filled_in_and_not_saved() {
    let site = Site::new();
    let link = format!("{}?a=done:2", site.answer_link());
    let before = site.saved();
    let page = site.get(&link);
    assert!(page.body.contains("name=\"q.done\" value=\"2\" checked"), "{}", page.body);
    let (change, save) = (page.body.find("value=\"change\""), page.body.find("value=\"save\""));
    assert!(change.is_some() && change < save, "the first button saves nothing: {}", page.body);
    for odd in ["?a=done:9", "?a=done", "?a=:::", "?a=%00:1", "?a=note:1", "?b=1", "?lang=xx"] {
        let page = site.get(&format!("{}{odd}", site.answer_link()));
        assert!(page.status == 200 && !page.body.contains("checked"), "{odd}: {}", page.body);
    }
    assert_eq!(site.saved(), before);
}

#[test]
fn twenty_forms_at_once_have_one_outcome() {
    let site = Site::new();
    let link = site.answer_link();
    let token = site.get(&link).form_token();
    let send = |n: usize| {
        let value = (n % 3 + 1).to_string();
        site.client.post(&link, &[("f", &token), ("do", "save"), ("q.done", &value)]).status
    };
    let statuses: BTreeSet<u16> = thread::scope(|scope| {
        let sent: Vec<_> = (0..20).map(|n| scope.spawn(move || send(n))).collect();
        sent.into_iter().map(|one| one.join().expect("sent")).collect()
    });
    assert_eq!(statuses, BTreeSet::from([303]));
    assert_eq!(site.column("SELECT count(*) FROM counted_answer"), ["1"]);
    assert_eq!(site.column("SELECT count(*) FROM answer_slip"), ["1"]);
}

/// The database is locked by another program: the text stays in the form.
#[test]
fn a_text_that_cannot_be_saved_stays_in_the_form() {
    let site = Site::new();
    let link = site.answer_link();
    let token = site.get(&link).form_token();
    let mut connection = site.sql();
    let lock = connection.transaction_with_behavior(TransactionBehavior::Immediate).expect("a lock");
    let fields = [("f", token.as_str()), ("do", "save"), ("q.done", "1"), ("q.note", "Cykeln & tåget")];
    let response = site.client.post(&link, &fields);
    assert_eq!(response.status, 503);
    assert!(response.body.contains("Ditt svar är inte sparat än."), "{}", response.body);
    assert!(response.body.contains("Cykeln &amp; tåget</textarea>"), "{}", response.body);
    drop(lock);
    let again = [("f", response.form_token()), ("do", "save".into()), ("q.note", "Cykeln & tåget".into())];
    let again: Vec<(&str, &str)> = again.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(site.client.post(&link, &again).status, 303);
}

#[test]
fn sixty_forms_an_hour_are_accepted() {
    let site = Site::new();
    let link = site.answer_link();
    let token = site.get(&link).form_token();
    for _ in 0..60 {
        assert_eq!(site.client.post(&link, &[("f", &token), ("do", "change")]).status, 200);
    }
    let refused = site.client.post(&link, &[("f", &token), ("do", "save"), ("q.done", "1")]);
    assert_eq!(refused.status, 429);
    let seconds: u32 = refused.header("retry-after").expect("a time").parse().expect("seconds");
    assert!((1..=3600).contains(&seconds));
    assert_eq!(site.column("SELECT count(*) FROM answer_slip"), ["0"]);
}

/// The answer follows the step to its new name.
#[test]
fn an_answer_to_a_step_that_is_renamed_stays_one_answer() {
    let site = Site::new();
    let link = site.answer_link();
    site.submit(&link, &[("do", "save"), ("q.done", "1"), ("q.note", "mer tid")]);
    let site = site.restarted(|home| {
        let folder = home.path("content/journeys/miljo");
        std::fs::rename(folder.join("valkommen.md"), folder.join("hej.md")).expect("renamed");
        let file = folder.join("journey.toml");
        let text = std::fs::read_to_string(&file).expect("a journey").replace("\"valkommen\"", "\"hej\"");
        let text = text.replacen("title", "renamed = { valkommen = \"hej\" }\ntitle", 1);
        std::fs::write(&file, text).expect("written");
    });
    assert_eq!(site.get(&link).heading(), "Sparat. Tack, Åsa.");
    site.submit(&link, &[("do", "save"), ("q.done", "3")]);
    assert_eq!(site.column("SELECT step || question FROM answer_slip"), ["hejdone", "hejnote"]);
    assert_eq!(site.column("SELECT step || value FROM counted_answer"), ["hej3"]);
    assert_eq!(site.column("SELECT step FROM written_answer"), ["hej"]);
    site.submit(&link, &[("do", "remove"), ("confirmed", "1")]);
    assert_eq!(site.column("SELECT count(*) FROM answer_slip"), ["0"]);
}
