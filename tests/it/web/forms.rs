//! A form is accepted only from a page of ours.

use super::{BASE_URL, Site};

#[test]
fn the_origin_of_a_form_is_checked() {
    let site = Site::new();
    let link = site.answer_link();
    let token = site.get(&link).form_token();
    for (headers, accepted) in [
        (&[("Origin", BASE_URL)][..], true),
        (&[("Origin", BASE_URL), ("Sec-Fetch-Site", "same-origin")], true),
        // A proxy that adds `Referrer-Policy: no-referrer` makes browsers send this.
        (&[("Origin", "null"), ("Sec-Fetch-Site", "same-origin")], true),
        (&[("Sec-Fetch-Site", "same-origin")], true),
        (&[("Origin", "null")], false),
        (&[("Origin", "null"), ("Sec-Fetch-Site", "none")], false),
        (&[("Origin", "https://evil.example")], false),
        (&[("Origin", "https://127.0.0.1:8080")], false),
        (&[("Origin", "http://127.0.0.1:80800")], false),
        (&[("Origin", BASE_URL), ("Sec-Fetch-Site", "cross-site")], false),
        (&[("Origin", BASE_URL), ("Sec-Fetch-Site", "same-site")], false),
        (&[], false),
    ] {
        let before = site.saved();
        let fields =
            [("f", token.as_str()), ("do", "save"), ("q.done", "1"), ("q.note", "ord som står kvar")];
        let response = site.client.post_with(&link, headers, &fields);
        assert_eq!(response.status, if accepted { 303 } else { 403 }, "{headers:?}");
        if !accepted {
            assert!(response.body.contains("ord som står kvar</textarea>"), "{headers:?}: {}", response.body);
            assert_eq!(site.saved(), before, "{headers:?}");
        }
    }
}

#[test]
fn a_form_token_is_for_one_link_and_one_day() {
    let site = Site::new();
    let (link, pause) = (site.answer_link(), site.link("miljo/valkommen", "pause"));
    let token = site.get(&link).form_token();
    let of_pause = site.get(&pause).form_token();
    let before = site.saved();
    for (token, why) in [("", "none"), ("aaaa", "no token"), (of_pause.as_str(), "of another page")] {
        let response =
            site.client.post(&link, &[("f", token), ("do", "save"), ("q.done", "1"), ("q.note", "kvar")]);
        assert_eq!(response.status, 403, "{why}");
        assert!(response.body.contains("kvar</textarea>"), "{why}");
    }
    super::move_clock(
        &site.home,
        "2026-11-10T09:05:00Z".parse::<super::Timestamp>().expect("a time") - journey::clock::now(),
    );
    let expired =
        site.client.post(&link, &[("f", &token), ("do", "save"), ("q.done", "1"), ("q.note", "kvar")]);
    assert_eq!(expired.status, 200);
    assert!(
        expired.body.contains("Ditt svar är inte sparat än.") && expired.body.contains("kvar</textarea>")
    );
    assert_eq!(site.saved(), before);
    let again = expired.form_token();
    assert_eq!(site.client.post(&link, &[("f", &again), ("do", "save"), ("q.done", "1")]).status, 303);
}
