//! `journey doctor --web` against the daemon behind a proxy that behaves, and behind others.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use super::{BASE_URL, NOW, PEOPLE, SENT, Site};
use crate::store::Home;

/// What the proxy does to a response.
type Change = fn(&str) -> String;

/// A proxy on loopback, and where it forwards to.
struct Proxy {
    address: SocketAddr,
    forward: Arc<Mutex<Option<(SocketAddr, Change)>>>,
}

fn proxy() -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let forward = Arc::new(Mutex::new(None));
    let target = forward.clone();
    thread::spawn(move || {
        for client in listener.incoming() {
            let Some((server, change)) = *target.lock().expect("a target") else { continue };
            pass_on(client.expect("a connection"), server, change);
        }
    });
    Proxy { address, forward }
}

/// One request and its response.
fn pass_on(mut client: TcpStream, server: SocketAddr, change: Change) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if client.read(&mut byte).expect("a request") == 0 {
            return;
        }
        head.extend(byte);
    }
    let head = String::from_utf8(head).expect("text").replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let mut server = TcpStream::connect(server).expect("the daemon");
    server.write_all(head.as_bytes()).expect("sent");
    let mut response = String::new();
    server.read_to_string(&mut response).expect("a response");
    client.write_all(change(&response).as_bytes()).expect("sent back");
}

#[test]
fn doctor_opens_the_pages_through_the_proxy() {
    let proxy = proxy();
    let home = Home::with(PEOPLE);
    let config = fs::read_to_string(home.path("config.toml")).expect("a configuration");
    let base_url = format!("http://{}", proxy.address);
    assert!(config.contains(BASE_URL), "{config}");
    fs::write(home.path("config.toml"), config.replace(BASE_URL, &base_url)).expect("written");
    home.done(&["send", "-q", "--at", SENT]);
    let site = Site::of(home, NOW);
    let pages = |server: SocketAddr, change: Change| {
        *proxy.forward.lock().expect("a target") = Some((server, change));
        let output = site.home.run(&["doctor", "--web", "--at", "2026-11-09T10:00"]);
        let said = String::from_utf8(output.stdout).expect("text").replace(&base_url, "BASE_URL");
        let of_pages =
            said.lines().skip_while(|line| !line.contains(" pages ")).take_while(|line| !line.is_empty());
        of_pages.map(|line| format!("{line}\n")).collect::<String>().replace(&server.to_string(), "LISTEN")
    };
    let daemon = site.client.address;
    let good = pages(daemon, str::to_owned);
    let dropped = pages(daemon, |response| {
        let lines = response.split("\r\n").filter(|line| !line.starts_with("x-robots-tag"));
        lines.collect::<Vec<_>>().join("\r\n")
    });
    let changed = pages(daemon, |response| {
        response.replace("referrer-policy: same-origin", "referrer-policy: no-referrer")
    });
    let twice = pages(daemon, |response| {
        response.replace(
            "referrer-policy: same-origin",
            "referrer-policy: same-origin\r\nReferrer-Policy: no-referrer",
        )
    });
    let other = pages(daemon, |_| "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnot".to_owned());
    let redirect = pages(daemon, |_| {
        "HTTP/1.1 301 Moved\r\nLocation: https://larresa.ekdala.example/\r\nContent-Length: 0\r\n\r\n"
            .to_owned()
    });
    let closed = pages(daemon, |_| String::new());
    expect_test::expect![[r#"
        ok   pages         BASE_URL reaches this program, and its headers arrive unchanged

        warn pages         the proxy drops the header `x-robots-tag`
             hint: let the proxy pass it on as it is: `noindex, nofollow`

        warn pages         the proxy changes the header `referrer-policy` to `no-referrer`: browsers hide where a form comes from
             hint: let the proxy pass it on as it is: `same-origin`

        warn pages         the header `referrer-policy` is there 2 times: browsers hide where a form comes from
             hint: let the proxy pass it on as it is: `same-origin`

        warn pages         BASE_URL answers, but not with the pages of this database (status 200)
             hint: the proxy must pass on all paths below it to 127.0.0.1:8080, with the header `Host` as it came; the daemon must use this `config.toml`

        warn pages         BASE_URL answers, but not with the pages of this database (status 301)
             hint: the proxy must pass on all paths below it to 127.0.0.1:8080, with the header `Host` as it came; the daemon must use this `config.toml`

        warn pages         BASE_URL cannot be opened: unexpected end of file
             hint: is the daemon running, and does the proxy pass requests on to 127.0.0.1:8080?
    "#]]
        .assert_eq(&[good, dropped, changed, twice, other, redirect, closed].join("\n"));
}
