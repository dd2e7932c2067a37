//! Asks for a page at `base_url`, as a browser does: through the proxy. Checks that it is this program that
//! answers, and that the proxy leaves the headers as they are.

use ureq::http::HeaderMap;

use super::relay::dated;
use super::{DoctorOptions, Finding};
use crate::config::{Config, Listen};
use crate::engine::pages::headers::FIXED;
use crate::engine::tokens::Keys;
use crate::mail::smtp::{Relay, Timeouts, TlsMode};
use crate::store::Store;

/// The longest answer that is read, in bytes.
const MAX_BODY: u64 = 64 * 1024;

/// Checks the pages. Without a database there is nothing to recognise them by; that has a finding of its own.
pub(super) fn examine(config: &Config, asked: &DoctorOptions, tell: &mut dyn FnMut(Finding)) {
    if !config.web.enabled {
        return;
    }
    let secrets = Store::read_only(&config.database, Store::secrets);
    let Ok(Some(secrets)) = secrets else { return };
    let base_url = config.web.base_url.as_str();
    let answer = get(&format!("{base_url}/static/{}", Keys::new(&secrets).instance_name()), asked);
    judge(config, &answer, tell);
    let Some(host) = base_url.strip_prefix("https://").filter(|_| answer.is_ok()) else { return };
    let host = host.split('/').next().unwrap_or_default();
    let (host, port) = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port.parse().unwrap_or(443)),
        _ => (host, 443),
    };
    let host = host.trim_matches(['[', ']']);
    let server =
        Relay { tls: TlsMode::Tls, timeouts: Timeouts::all(asked.patience), ..Relay::at(host, port) };
    // If it cannot be reached with the machine's own authorities, the request above was a success all the same.
    let tls = server.tls_handshake().ok().flatten();
    for certificate in tls.iter().flat_map(|tls| &tls.chain) {
        tell(dated(certificate, asked.at, "browsers refuse the pages"));
    }
}

/// What a browser gets.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

/// Asks once and follows no redirect. `Err` says why there is no answer.
fn get(url: &str, asked: &DoctorOptions) -> Result<Answer, String> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(asked.patience))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build();
    let mut response = ureq::Agent::new_with_config(config).get(url).call().map_err(|error| match error {
        ureq::Error::Timeout(_) => format!("no answer within {} s", asked.patience.as_secs()),
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        ureq::Error::Io(error) => error.kind().to_string(),
        error => error.to_string(),
    })?;
    let body = response.body_mut().with_config().limit(MAX_BODY).read_to_string();
    Ok(Answer {
        status: response.status().as_u16(),
        body: body.unwrap_or_default(),
        headers: response.headers().clone(),
    })
}

fn judge(config: &Config, answer: &Result<Answer, String>, tell: &mut dyn FnMut(Finding)) {
    let base_url = config.web.base_url.as_str();
    let listen = match &config.web.listen {
        Listen::Tcp(address) => address.to_string(),
        Listen::Unix(path) => format!("unix:{}", path.display()),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => {
            let found = format!("{base_url} cannot be opened: {why}");
            let hint = format!("is the daemon running, and does the proxy pass requests on to {listen}?");
            return tell(Finding::warning("pages", found).hint(hint));
        }
    };
    if answer.status != 200 || answer.body != "ok\n" {
        let found =
            format!("{base_url} answers, but not with the pages of this database (status {})", answer.status);
        let hint = format!(
            "the proxy must pass on all paths below it to {listen}, with the header `Host` as it came; the daemon must use this `config.toml`"
        );
        return tell(Finding::warning("pages", found).hint(hint));
    }
    let mut problems = Vec::new();
    for (name, expected) in FIXED {
        let found: Vec<&str> =
            answer.headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?")).collect();
        if found != [expected] {
            problems.push(changed(name, expected, &found));
        }
    }
    if base_url.starts_with("https://") && !answer.headers.contains_key("strict-transport-security") {
        let found = "the header `strict-transport-security` is missing";
        problems.push(
            Finding::warning("pages", found)
                .hint("let the proxy add it; the recipes in docs/operating.md do"),
        );
    }
    if problems.is_empty() {
        let found = format!("{base_url} reaches this program, and its headers arrive unchanged");
        problems.push(Finding::good("pages", found));
    }
    problems.into_iter().for_each(tell);
}

/// A header that the proxy dropped, replaced or added once more.
fn changed(name: &str, expected: &str, found: &[&str]) -> Finding {
    let found = match found {
        [] => format!("the proxy drops the header `{name}`"),
        [found] => format!("the proxy changes the header `{name}` to `{found}`"),
        found => format!("the header `{name}` is there {} times", found.len()),
    };
    let consequence = match name {
        "referrer-policy" => ": browsers hide where a form comes from",
        _ => "",
    };
    Finding::warning("pages", format!("{found}{consequence}"))
        .hint(format!("let the proxy pass it on as it is: `{expected}`"))
}
