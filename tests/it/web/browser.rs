//! The served pages in a real browser: a person with a keyboard alone, and mail scanners that run
//! scripts. The work is done by `tests/browser/flow.mjs`.

use super::Site;
use super::scanners::links;
use crate::browser;

#[test]
fn a_person_answers_pauses_and_chooses_by_the_keyboard_alone() {
    let Some(run) = browser::script("flow.mjs") else { return };
    let site = Site::new();
    let link = |page| site.link("miljo/valkommen", page);
    let paths = [link("answer"), link("pause"), link("character"), "/answer/unknown".to_owned()];
    run.done(&arguments(&site, "keyboard", &paths));
    assert_eq!(site.column("SELECT what FROM event WHERE what <> 'mailed'"), ["answered", "withdrawn"]);
    assert_eq!(site.column("SELECT count(*) FROM pause WHERE resumed_at IS NOT NULL"), ["1"]);
    assert_eq!(site.column("SELECT count(*) FROM person WHERE character IS NOT NULL"), ["1"]);
}

#[test]
fn a_mail_scanner_with_a_browser_changes_nothing() {
    let Some(run) = browser::script("flow.mjs") else { return };
    let site = Site::new();
    let mut paths = links(&site);
    paths.push(format!("{}?a=done:1", paths[0]));
    let before = site.saved();
    run.done(&arguments(&site, "scanner", &paths));
    assert_eq!(site.saved(), before);
}

fn arguments(site: &Site, what: &str, paths: &[String]) -> Vec<String> {
    let first = [site.client.address.port().to_string(), what.to_owned()];
    first.into_iter().chain(paths.iter().cloned()).collect()
}
