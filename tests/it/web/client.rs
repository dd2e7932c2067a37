//! A small HTTP client that sends exactly what a test says.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::BASE_URL;

/// A client of one server.
#[derive(Clone, Copy)]
pub(super) struct Client {
    pub(super) address: SocketAddr,
}

/// A response.
#[derive(Clone, Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Response {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The hidden field of its form; empty if there is none.
    pub(super) fn form_token(&self) -> String {
        let (_, rest) = self.body.split_once("name=\"f\" value=\"").unwrap_or_default();
        rest.split('"').next().unwrap_or_default().to_owned()
    }

    pub(super) fn heading(&self) -> &str {
        let (_, rest) = self.body.split_once("<h1>").unwrap_or_default();
        rest.split("</h1>").next().unwrap_or_default()
    }
}

impl Client {
    /// Sends bytes and reads the response. The connection must be closed by the server.
    pub(super) fn send(&self, request: &[u8]) -> Response {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
        // A server that refuses a request may close before it has read all of it.
        let _ = stream.write_all(request);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).expect("UTF-8");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
        let pair = |line: &str| line.split_once(": ").map(|(k, v)| (k.to_ascii_lowercase(), v.to_owned()));
        Response {
            status: status.parse().expect("a number"),
            headers: lines.filter_map(pair).collect(),
            body: body.to_owned(),
        }
    }

    /// A request with these headers and this body.
    pub(super) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head += &format!("Host: {}\r\n", BASE_URL.trim_start_matches("http://"));
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() || method == "POST" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        self.send(&[head.as_bytes(), b"\r\n", body].concat())
    }

    pub(super) fn get(&self, path: &str) -> Response {
        self.request("GET", path, &[], b"")
    }

    /// A form as a browser sends it from a page of ours.
    pub(super) fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        self.post_with(path, &[("Origin", BASE_URL)], fields)
    }

    /// A form with these headers.
    pub(super) fn post_with(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        fields: &[(&str, &str)],
    ) -> Response {
        let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut all = vec![("Content-Type", "application/x-www-form-urlencoded")];
        all.extend(headers);
        self.request("POST", path, &all, body.as_bytes())
    }
}
