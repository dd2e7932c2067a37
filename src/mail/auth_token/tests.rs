//! Tokens from real programs, files and a local HTTP server.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use super::*;

fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-12-01T07:30:00Z".parse().expect("an instant");
    start + TimeDelta::seconds(seconds)
}

/// A server that gives one response after another and records the forms.
struct Server {
    url: String,
    forms: Arc<Mutex<Vec<String>>>,
}

fn server(answers: Vec<(&'static str, String)>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/token", listener.local_addr().expect("an address"));
    let forms = Arc::new(Mutex::new(Vec::new()));
    let seen = forms.clone();
    thread::spawn(move || {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).expect("a line");
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a length");
                }
                if line == "\r\n" {
                    break;
                }
            }
            let mut form = vec![0; length];
            reader.read_exact(&mut form).expect("a form");
            seen.lock().expect("a list").push(String::from_utf8(form).expect("text"));
            if status == "silence" {
                thread::sleep(Duration::from_secs(3));
            }
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            // The client may have timed out.
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    Server { url, forms }
}

fn gives(token: &str, expires_in: u32) -> (&'static str, String) {
    let more = "\"scope\":\"\\\"access_token\\\":\\\"no\\\"\"";
    (
        "200 OK",
        format!(
            "{{\"token_type\":\"Bearer\",{more},\"expires_in\":{expires_in},\"access_token\":\"{token}\"}}"
        ),
    )
}

/// A folder with a secret, and a token cache for a server.
fn endpoint(url: &str) -> (tempfile::TempDir, TokenCache) {
    let home = tempfile::tempdir().expect("a folder");
    let client_secret_file = home.path().join("secret");
    fs::write(&client_secret_file, "hemlig&t=\n").expect("written");
    let source = TokenSource::Endpoint {
        url: url.to_owned(),
        client_id: "journey".to_owned(),
        client_secret_file,
        scope: "https://outlook.example/.default".to_owned(),
    };
    (home, TokenCache::of(source))
}

fn token(tokens: &mut TokenCache, seconds: i64) -> String {
    tokens.token(at(seconds)).expect("a token").reveal().to_owned()
}

#[test]
fn a_token_is_renewed_before_it_expires() {
    let server = server(vec![gives("first", 3_600), gives("second", 3_600), gives("third", 60)]);
    let (_home, mut tokens) = endpoint(&server.url);
    assert_eq!(token(&mut tokens, 0), "first");
    assert_eq!(token(&mut tokens, 3_299), "first", "five minutes before its end it is still used");
    assert_eq!(token(&mut tokens, 3_300), "second");
    tokens.invalidate();
    assert_eq!(token(&mut tokens, 3_301), "third", "a relay refused the one before");
    let forms = server.forms.lock().expect("a list");
    assert_eq!(
        forms[0],
        "grant_type=client_credentials&client_id=journey&client_secret=hemlig%26t%3D&scope=https%3A%2F%2Foutlook.example%2F.default"
    );
    assert_eq!(forms.len(), 3, "nobody is asked in between");
}

#[test]
fn an_unreachable_endpoint_is_named_and_the_secret_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/token", listener.local_addr().expect("an address"));
    drop(listener);
    let (_home, mut tokens) = endpoint(&url);
    let why = tokens.token(at(0)).expect_err("nobody is there");
    assert!(why.contains(&url) && !why.contains("hemlig"), "{why}");
    assert!(!format!("{tokens:?}").contains("hemlig"));
}

#[test]
fn a_valid_token_is_used_while_the_endpoint_is_down() {
    let server = server(vec![gives("first", 3_600)]);
    let (_home, mut tokens) = endpoint(&server.url);
    assert_eq!(token(&mut tokens, 0), "first");
    assert_eq!(token(&mut tokens, 3_500), "first", "it is not over yet");
    assert!(tokens.token(at(3_600)).is_err(), "now it is");
}

#[test]
fn a_rejection_is_reported_by_its_code_only() {
    let body = "{\"error\":\"invalid_client\",\"error_description\":\"hemlig&t= is wrong\"}";
    let server =
        server(vec![("401 Unauthorized", body.to_owned()), ("200 OK", "<html>hemlig</html>".to_owned())]);
    let (_home, mut tokens) = endpoint(&server.url);
    let why = tokens.token(at(0)).expect_err("refused");
    assert_eq!(why, format!("the token endpoint {} refused: 401 (invalid_client)", server.url));
    let why = tokens.token(at(0)).expect_err("no token in it");
    assert!(why.contains("gave no access token") && !why.contains("hemlig"), "{why}");
}

#[test]
fn a_slow_endpoint_times_out() {
    let server = server(vec![("silence", String::new())]);
    let (_home, mut tokens) = endpoint(&server.url);
    tokens.timeout = Duration::from_millis(300);
    let why = tokens.token(at(0)).expect_err("silence");
    assert_eq!(why, format!("the token endpoint {} did not answer within 0.3 s", server.url));
}

#[test]
fn the_secret_follows_no_redirect() {
    let server = server(vec![("307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/else", String::new())]);
    let (_home, mut tokens) = endpoint(&server.url);
    let why = tokens.token(at(0)).expect_err("refused");
    assert_eq!(why, format!("the token endpoint {} refused: 307", server.url));
}

#[test]
fn a_file_is_read_at_each_request() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("token");
    let mut tokens = TokenCache::of(TokenSource::File(file.clone()));
    let why = tokens.token(at(0)).expect_err("not there yet");
    assert!(why.contains("cannot be read"), "{why}");
    for text in ["ett\n", "två", "tre \r\n", ""] {
        fs::write(&file, text).expect("written");
        let read = tokens.token(at(0)).map(|token| token.reveal().to_owned());
        assert_eq!(read.ok().as_deref(), Some(text.trim()).filter(|_| text == "ett\n" || text == "tre \r\n"));
    }
}

#[test]
fn the_output_of_a_program_is_used_and_its_errors_are_not_repeated() {
    let home = tempfile::tempdir().expect("a folder");
    let program = |name: &str, text: &str| {
        let file = home.path().join(name);
        fs::write(&file, text).expect("written");
        vec!["/bin/sh".to_owned(), file.display().to_string(), "hemligt ord; exit 3".to_owned()]
    };
    let good = program("good", "echo \"token-$#\"; date +%N >> \"$0.asked\"");
    let mut tokens = TokenCache::of(TokenSource::Command(good));
    assert_eq!(token(&mut tokens, 0), "token-1", "no shell reads the words");
    assert_eq!(token(&mut tokens, 299), "token-1");
    let asked = || fs::read_to_string(home.path().join("good.asked")).expect("written").lines().count();
    assert_eq!(asked(), 1);
    token(&mut tokens, 300);
    assert_eq!(asked(), 2);
    assert!(!format!("{tokens:?}").contains("hemligt"));
    for (text, expected) in [
        ("echo hemligt >&2; exit 3", "exit status: 3"),
        ("true", "gave no access token"),
        ("sleep 5", "within 0.3 s"),
    ] {
        let mut tokens = TokenCache::of(TokenSource::Command(program("bad", text)));
        tokens.timeout = Duration::from_millis(if text == "sleep 5" { 300 } else { 20_000 });
        let why = tokens.token(at(0)).expect_err("refused");
        assert!(why.contains(expected) && !why.contains("hemligt"), "{why}");
    }
}
