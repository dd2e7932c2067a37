//! Pauses from the page, and from the button of a mail program (RFC 8058).

use super::{BASE_URL, Site};

const ONE_CLICK: &[u8] = b"List-Unsubscribe=One-Click";
const URLENCODED: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

#[test]
fn a_mail_program_pauses_once_without_a_token_or_an_origin() {
    let site = Site::new();
    let link = site.link("miljo/valkommen", "pause");
    let first = site.client.request("POST", &link, &[URLENCODED], ONE_CLICK);
    assert_eq!((first.status, first.body.as_str()), (200, ""));
    let paused = site.column("SELECT until_date || ' ' || reason FROM pause");
    assert_eq!(paused, ["2026-12-07 asked for by the mail program"]);
    let multipart =
        "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    let kind = [("Content-Type", "multipart/form-data; boundary=b")];
    let second = site.client.request("POST", &link, &kind, multipart.as_bytes());
    assert_eq!((second.status, second.body.as_str()), (200, ""));
    assert_eq!(site.column("SELECT count(*) FROM pause"), ["1"]);
    let page = site.get(&link);
    assert!(page.body.contains("Det var ditt mejlprogram som pausade dem"), "{}", page.body);

    let resumed = site.submit(&link, &[("do", "resume")]);
    assert_eq!((resumed.status, resumed.heading()), (200, "Mejlen är på igen"));
    assert_eq!(site.column("SELECT count(*) FROM pause WHERE resumed_at IS NULL"), ["0"]);
}

#[test]
fn only_the_exact_pair_is_a_one_click_pause_and_a_bad_link_is_not_told_apart() {
    let site = Site::new();
    let link = site.link("miljo/valkommen", "pause");
    for body in
        [&b""[..], b"List-Unsubscribe=one-click", b"List-Unsubscribe=One-Click&x=1", b"x=List-Unsubscribe"]
    {
        let response = site.client.request("POST", &link, &[URLENCODED], body);
        assert_eq!(response.status, 403, "{}", String::from_utf8_lossy(body));
        assert_eq!(response.heading(), "Pausa mejlen");
    }
    assert_eq!(site.column("SELECT count(*) FROM pause"), ["0"]);
    let bad = site.client.request("POST", "/pause/aaaa", &[URLENCODED], ONE_CLICK);
    assert_eq!((bad.status, bad.body.as_str()), (200, ""));
    // Elsewhere the same body is a form without a token.
    let answer =
        site.client.request("POST", &site.answer_link(), &[URLENCODED, ("Origin", BASE_URL)], ONE_CLICK);
    assert_eq!(answer.status, 403);
    assert_eq!(site.column("SELECT count(*) FROM pause"), ["0"]);
}

#[test]
fn a_person_chooses_how_long() {
    let site = Site::new();
    let link = site.link("miljo/valkommen", "pause");
    for (fields, until) in [
        (&[("do", "save"), ("for", "2")][..], "2026-11-23"),
        (&[("do", "save"), ("for", "4")], "2026-12-07"),
        (&[("do", "save"), ("for", "date"), ("until", "2026-11-30")], "2026-12-01"),
        (&[("do", "save"), ("for", "open"), ("confirmed", "1")], "-"),
    ] {
        let response = site.submit(&link, fields);
        assert_eq!(response.status, 303, "{fields:?}");
        let open = "SELECT coalesce(until_date, '-') FROM pause WHERE resumed_at IS NULL";
        assert_eq!(site.column(open), [until], "{fields:?}: one pause at a time");
        assert_eq!(site.get(&link).heading(), "Mejlen är pausade");
    }
    let before = site.saved();
    for (fields, status) in [
        (&[("do", "save"), ("for", "open")][..], 200),
        (&[("do", "save"), ("for", "date"), ("until", "2026-11-08")], 422),
        (&[("do", "save"), ("for", "date"), ("until", "2028-01-01")], 422),
        (&[("do", "save"), ("for", "date"), ("until", "i morgon")], 422),
        (&[("do", "save"), ("for", "date")], 422),
        (&[("do", "save")], 422),
        (&[("for", "2")], 200),
    ] {
        assert_eq!(site.submit(&link, fields).status, status, "{fields:?}");
        assert_eq!(site.saved(), before, "{fields:?}");
    }
}

#[test]
fn a_character_and_a_language_are_chosen_for_the_mails_to_come() {
    let site = Site::new();
    let character = site.link("miljo/valkommen", "character");
    let before = site.saved();
    let asked = site.submit(&character, &[("do", "save"), ("character", "halsa")]);
    assert_eq!(asked.status, 200);
    assert_eq!(site.saved(), before, "it is asked once more");
    let chosen = site.submit(&character, &[("do", "save"), ("character", "halsa"), ("confirmed", "1")]);
    assert!(chosen.status == 200 && chosen.body.contains("Hälsohjälten"), "{}", chosen.body);
    assert_eq!(site.column("SELECT character FROM person WHERE employee_id = '1042'"), ["halsa"]);
    for odd in ["", "ingen", "halsa "] {
        assert_eq!(
            site.submit(&character, &[("do", "save"), ("character", odd), ("confirmed", "1")]).status,
            422
        );
    }

    let journey = site.link("miljo/valkommen", "journey");
    assert_eq!(site.get(&journey).heading(), "Min resa");
    assert_eq!(site.submit(&journey, &[("do", "language"), ("language", "en")]).status, 303);
    assert_eq!(site.get(&journey).heading(), "My journey");
    assert_eq!(site.get(&format!("{journey}?lang=sv")).heading(), "Min resa");
    // The people file says Swedish; what the person chose counts.
    site.home.done(&["people", "import", "-q"]);
    assert_eq!(site.get(&journey).heading(), "My journey");
}
