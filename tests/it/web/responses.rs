//! What every response has in common, whatever the route, the method and the status.

use super::{BASE_URL, PERSON, Site};

const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("x-robots-tag", "noindex, nofollow"),
];

#[test]
fn every_route_method_and_status_has_the_headers() {
    let site = Site::new();
    let link = site.answer_link();
    let css = site.get(&link).body.split_once("href=\"/static/").expect("a style sheet").1.to_owned();
    let css = format!("/static/{}", css.split('"').next().expect("its end"));
    let page = |name: &str| site.link("miljo/valkommen", name);
    let paths = [
        link.clone(),
        page("pause"),
        page("character"),
        page("journey"),
        page("web"),
        "/answer/x".to_owned(),
        "/privacy".to_owned(),
        "/accessibility".to_owned(),
        "/link".to_owned(),
        "/test/answer".to_owned(),
        "/test/pause".to_owned(),
        "/test/character".to_owned(),
        "/test/other".to_owned(),
        css.clone(),
        "/static/other.css".to_owned(),
        "/robots.txt".to_owned(),
        "/.well-known/security.txt".to_owned(),
        "/health".to_owned(),
        "/ready".to_owned(),
        "/".to_owned(),
        "/mine/x".to_owned(),
        "/answer".to_owned(),
        "/answer/".to_owned(),
        format!("{link}/"),
        format!("/{link}"),
        "/../etc/passwd".to_owned(),
        "/%2e%2e/privacy".to_owned(),
        "/privacy;a".to_owned(),
        format!("/answer/{}", "a".repeat(3000)),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for path in &paths {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            let response = site.client.request(method, path, &[], b"");
            let at = format!("{method} {path}: {}", response.status);
            for (name, value) in HEADERS {
                assert_eq!(response.header(name), Some(value), "{at}");
            }
            let is_asset = *path == css && response.status == 200;
            let cache = if is_asset { "public, max-age=31536000, immutable" } else { "no-store" };
            assert_eq!(response.header("cache-control"), Some(cache), "{at}");
            assert_eq!(response.header("content-language"), Some("sv"), "{at}");
            assert_eq!(response.header("set-cookie"), None, "{at}");
            assert!(response.status != 500, "{at}");
            if response.status == 405 {
                assert!(response.header("allow").is_some_and(|allow| !allow.is_empty()), "{at}");
            }
            if method == "HEAD" {
                assert_eq!(response.body, "", "{at}");
            }
            seen.insert(response.status);
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [200, 403, 404, 405, 414]);
}

#[test]
fn limits_of_size_type_and_host_are_kept() {
    let site = Site::new();
    let link = site.answer_link();
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let big = vec![b'a'; 64 * 1024 + 1];
    let status =
        |headers: &[(&str, &str)], body: &[u8]| site.client.request("POST", &link, headers, body).status;
    assert_eq!(status(&[form], &big), 413);
    assert_eq!(status(&[("Content-Type", "application/json")], b"{}"), 415);
    assert_eq!(status(&[form, ("Content-Encoding", "gzip")], b"a=b"), 415);
    assert_eq!(status(&[("Content-Type", "multipart/form-data; boundary=b")], b"--c"), 400);
    assert_eq!(site.get(&format!("{link}?{}", "a".repeat(2100))).status, 414);
    for (host, status) in [("127.0.0.1:8080", 200), ("evil.example", 421), ("127.0.0.1", 421), ("", 421)] {
        assert_eq!(site.client.request("GET", &link, &[("Host", host)], b"").status, status, "{host}");
    }
    assert_eq!(site.client.request("GET", "/health", &[("Host", "monitor")], b"").status, 200);
    let long = format!("GET {link} HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(20_000));
    assert_eq!(site.client.send(long.as_bytes()).status, 431);
    assert_eq!(site.get(&link).status, 200, "it still answers");
}

/// Nothing that identifies a person, and no link, is in the log.
#[test]
fn the_log_has_no_names_links_or_texts() {
    let site = Site::new();
    let link = site.answer_link();
    site.submit(&link, &[("do", "save"), ("q.done", "1"), ("q.note", "kanariefågel")]);
    site.get(&format!("{link}?a=done:1&kanariefågel"));
    site.client.request("GET", &link, &[("User-Agent", "kanariefågel")], b"");
    site.get("/answer/kanariefagel");
    let said = site.daemon.stop();
    assert!(said.contains("web: answer 303 "), "{said}");
    let token = link.trim_start_matches("/answer/");
    for secret in
        [token, PERSON, "Åsa", "Lindqvist", "Hemtjänsten", "kanarie", "127.0.0.1:8080", "Origin", BASE_URL]
    {
        assert!(!said.contains(secret), "{secret}: {said}");
    }
}

#[test]
fn fixed_pages_are_for_everyone() {
    let site = Site::new();
    let privacy = site.get("/privacy");
    assert_eq!(privacy.status, 200);
    assert!(privacy.body.contains("Kompetensutveckling i hållbarhet"), "{}", privacy.body);
    assert!(site.get("/privacy?lang=en").body.contains("Skills in sustainability"));
    assert_eq!(site.get("/accessibility").status, 200);
    assert_eq!(site.get("/robots.txt").body, "User-agent: *\nDisallow: /\n");
    assert!(site.get("/.well-known/security.txt").body.starts_with("Contact: mailto:"));
    let web = site.get(&site.link("miljo/valkommen", "web"));
    assert!(web.status == 200 && web.body.contains("Välkommen"), "{}", web.body);
}

/// The pages may be below a path of a site.
#[test]
fn the_base_url_may_have_a_path() {
    let site = Site::new();
    let link = site.answer_link();
    let site = site.restarted(|home| {
        let file = home.path("config.toml");
        let text = std::fs::read_to_string(&file).expect("a configuration");
        std::fs::write(&file, text.replace(BASE_URL, &format!("{BASE_URL}/larresa"))).expect("written");
    });
    assert_eq!(site.get(&link).status, 404);
    let link = format!("/larresa{link}");
    let saved = site.submit(&link, &[("do", "save"), ("q.done", "1")]);
    assert_eq!((saved.status, saved.header("location")), (303, Some(link.as_str())));
    let page = site.get(&link);
    assert_eq!(page.heading(), "Sparat. Tack, Åsa.");
    for address in page.body.split("href=\"").skip(1).map(|rest| rest.split('"').next().expect("its end")) {
        assert!(address.starts_with("/larresa/"), "{address}");
        assert_eq!(site.get(address).status, 200, "{address}");
    }
}
