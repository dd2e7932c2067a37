//! A mail scanner fetches every link, and some press buttons. It must not answer for a person.

use super::{Site, client::Response};

/// A form of a page: its method, the fields that are filled in, and its buttons.
#[derive(Debug)]
struct Form {
    is_post: bool,
    fields: Vec<(String, String)>,
    buttons: Vec<(String, String)>,
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next().map(str::to_owned)
}

/// The forms of a page, in source order. The pages are ours, so their tags have a simple form.
fn forms(page: &Response) -> Vec<Form> {
    let mut forms = Vec::new();
    for block in page.body.split("<form").skip(1) {
        let block = block.split("</form>").next().expect("an end");
        let head = block.split('>').next().expect("a tag");
        let mut form =
            Form { is_post: head.contains("method=\"post\""), fields: Vec::new(), buttons: Vec::new() };
        for tag in block.split('<').skip(1) {
            let tag = tag.split('>').next().expect("a tag");
            let pair = attribute(tag, "name").zip(attribute(tag, "value"));
            match tag.split([' ', '>']).next() {
                Some("input") if tag.contains("type=\"radio\"") && !tag.contains(" checked") => {}
                Some("input") => form.fields.extend(pair),
                Some("button") => form.buttons.extend(pair),
                _ => {}
            }
        }
        forms.push(form);
    }
    forms
}

/// Links of one mail.
pub(super) fn links(site: &Site) -> Vec<String> {
    ["answer", "pause", "character", "journey", "web"].map(|page| site.link("miljo/valkommen", page)).to_vec()
}

#[test]
fn reading_changes_no_byte() {
    let site = Site::new();
    let links = links(&site);
    let before = site.saved();
    for link in &links {
        for method in ["GET", "HEAD", "OPTIONS"] {
            for _ in 0..3 {
                site.client.request(method, link, &[], b"");
                site.client.request(method, &format!("{link}?a=done:1&do=save"), &[], b"");
            }
        }
        let page = site.get(link);
        for asset in page.body.split("href=\"/").skip(1) {
            site.get(&format!("/{}", asset.split('"').next().expect("its end")));
        }
    }
    assert_eq!(site.saved(), before);
}

/// The first form, each form by its first button, and each form without a button.
#[test]
fn forms_sent_by_default_save_nothing() {
    let site = Site::new();
    let before = site.saved();
    for link in links(&site).iter().flat_map(|link| [link.clone(), format!("{link}?a=done:1")]) {
        let page = site.get(&link);
        let forms = forms(&page);
        if !forms.is_empty() {
            assert!(!forms[0].is_post, "the first form is harmless: {link}");
        }
        for form in forms {
            let first = form.buttons.first().cloned();
            for button in [first, None] {
                let fields: Vec<(String, String)> = form.fields.iter().cloned().chain(button).collect();
                let fields: Vec<(&str, &str)> =
                    fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                match form.is_post {
                    true => drop(site.client.post(&link, &fields)),
                    false => drop(site.get(&link)),
                }
                assert_eq!(site.saved(), before, "{link}: {fields:?}");
            }
        }
    }
}

/// Within two minutes of the delivery, every button of every page is pressed once.
#[test]
fn every_button_pressed_right_after_delivery_saves_nothing() {
    // The mail was sent at 08:30 in Sweden.
    let site = Site::at("2026-11-03T07:31:00Z");
    let before = site.saved();
    for link in links(&site).iter().flat_map(|link| [link.clone(), format!("{link}?a=done:1")]) {
        for form in forms(&site.get(&link)).into_iter().filter(|form| form.is_post) {
            for button in &form.buttons {
                let all: Vec<(&str, &str)> =
                    form.fields.iter().chain([button]).map(|(k, v)| (k.as_str(), v.as_str())).collect();
                site.client.post(&link, &all);
            }
        }
    }
    assert_eq!(site.saved(), before);
    // A person who is that quick confirms it.
    let link = site.answer_link();
    let asked = site.submit(&link, &[("do", "save"), ("q.done", "1")]);
    assert!(asked.status == 200 && asked.body.contains("Bekräfta"), "{}", asked.body);
    assert_eq!(site.submit(&link, &[("do", "save"), ("q.done", "1"), ("confirmed", "1")]).status, 303);
}
