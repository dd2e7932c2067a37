//! Tests of valid and invalid configurations.

use std::fmt::Write;
use std::num::NonZeroU32;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::config::secret::Secret;

mod limits;

/// The example in the root of the repository.
const EXAMPLE: &str = include_str!("../../config.toml");

/// The smallest valid configuration.
const LEAST: &str = "[mail]\nfrom = \"larresa@ekdala.example\"\nreply_to = \"hallbarhet@ekdala.example\"\n";

fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Config, Vec<Diagnostic>> {
    Config::parse(Path::new("config.toml"), text, &environment(variables))
}

fn good(text: &str) -> Config {
    parse(text, &[]).unwrap_or_else(|faults| panic!("refused: {faults:?}"))
}

/// Checks the diagnostics of an invalid configuration.
#[expect(clippy::needless_pass_by_value, reason = "what is expected is written at the call")]
fn check(text: &str, variables: &[(&str, &str)], expected: Expect) {
    let faults = parse(text, variables).expect_err("it is refused");
    check_faults(&faults, &expected);
}

fn check_faults(faults: &[Diagnostic], expected: &Expect) {
    let mut told = String::new();
    for fault in faults {
        writeln!(told, "{fault}").expect("a string takes all");
    }
    expected.assert_eq(&told);
}

#[test]
fn the_example_has_the_defaults() {
    let mut example = good(EXAMPLE);
    let least = good(LEAST);
    assert_eq!(example.mail.from.name, "Hållbara Ekdala");
    example.mail.from.name.clear();
    assert_eq!(example, least);
}

#[test]
fn the_example_names_every_key() {
    let environment = BTreeMap::new();
    let source = TextFile::new("config.toml", LEAST);
    let (toml, _) = TomlDocument::parse(LEAST, 0);
    let mut report = ConfigReader::new(&source, &environment);
    let _ = Config::values(&mut report, toml.root(), Path::new("config.toml"));
    let mut section = String::new();
    let mut named: Vec<String> = Vec::new();
    for line in EXAMPLE.lines() {
        // optional keys that are commented out count as well
        let line = line.trim_start_matches("# ");
        if let Some((name, _)) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            section = format!("{}__", name.to_uppercase().replace('.', "__"));
        } else if let Some((key, _)) = line.split_once('=') {
            named.push(format!("JOURNEY_{section}{}", key.trim().to_uppercase()));
        }
    }
    for variable in report.variables().iter().filter(|name| !name.ends_with("__PASSWORD")) {
        assert!(named.contains(variable), "{variable} is not in config.toml");
    }
}

#[test]
fn all_errors_are_reported_at_once_with_location() {
    let text = r#"
content = 3
databse = "journey.db"
[people]
keep = ["telefon", 4, ""]
max_leavers = "10"
[mail]
from = "Hållbara Ekdala"
transport = "smpt"
in_doubt_wait = "5 workdays"
testers = "anna@ekdala.example"
[mail.smtp]
port = 0
host = "https://relay"
security = "ssl"
auth = "plain"
conections = 2
rate = "fast"
[mail.dkim]
selector = ""
[smtp]
host = "relay"
[web]
listen = "8080"
base_url = "ftp://x"
[limits]
min_group = 1
grace = "4 hous"
"#;
    check(
        text,
        &[],
        expect![[r#"
            config.toml: error: `mail.reply_to` is missing; it has no default
              hint: add to [mail]: reply_to = "hallbarhet@ekdala.example", with your own
            config.toml: error: `mail.dkim.domain` is missing; it has no default
              hint: add to [mail.dkim]: domain = "ekdala.example", with your own
            config.toml: error: `mail.dkim.key_file` is missing; it has no default
              hint: add to [mail.dkim]: key_file = "dkim.pem", with your own
            config.toml:2:11: error: `content` must be text in quotes; found: integer
            config.toml:3:1: error: no such key: `databse`
              hint: did you mean `database`?
            config.toml:5:20: error: `people.keep` must be a list of texts, like ["one", "two"]
            config.toml:5:23: error: `people.keep` has an empty name; name columns of the people file
            config.toml:6:15: error: `people.max_leavers` has `10`; write a whole number from 0 to 100 and a percent sign, like "10 %"
            config.toml:8:8: error: `mail.from` holds a blank; write an address, or a name and an address like "Hållbara Ekdala <larresa@ekdala.example>"
            config.toml:9:13: error: `mail.transport` has `smpt`; allowed are `files`, `smtp`, `sendmail`; did you mean `smtp`?
            config.toml:10:17: error: `mail.in_doubt_wait` has `5 workdays`; only minutes and hours are a length of time here
            config.toml:11:11: error: `mail.testers` must be a list of texts, like ["one", "two"]
            config.toml:13:8: error: `mail.smtp.port` must be a whole number from 1 to 65535
            config.toml:14:8: error: `mail.smtp.host` must be only the name or address of the mail server
            config.toml:15:12: error: `mail.smtp.security` has `ssl`; allowed are `starttls`, `tls`, `none`
            config.toml:16:8: error: `mail.smtp.auth` needs a `username` to sign in
              hint: add it to [mail.smtp]
            config.toml:16:8: error: `mail.smtp.auth` needs a `password_file` to sign in
              hint: add it to [mail.smtp]
            config.toml:17:1: error: no such key: `mail.smtp.conections`
              hint: did you mean `connections`?
            config.toml:18:8: error: `mail.smtp.rate` has `fast`; write mails per second, minute or hour, like "25/minute", or "unlimited"
            config.toml:20:12: error: `mail.dkim.selector` is empty
            config.toml:21:2: error: no such key: `smtp`
              hint: keys here are `content`, `database`, `people`, `mail`, `web`, `daemon`, `limits`
            config.toml:24:10: error: `web.listen` has `8080`; write an address and a port, like 127.0.0.1:8080, or a Unix socket, like unix:/run/journey/web.sock
            config.toml:25:12: error: `web.base_url` must begin with `https://`, or `http://` for a trial
            config.toml:27:13: error: `limits.min_group` must be a whole number from 5 to 1000
            config.toml:28:9: error: `limits.grace` has a wrong value: `hous` is not a unit of time; write a number and one of minutes, hours, days, workdays, weeks, months
        "#]],
    );
}

#[test]
fn toml_syntax_errors_have_a_location() {
    check(
        "content = \"content\n[mail]\nfrom = = 3\n",
        &[],
        expect![[r#"
            config.toml:1:19: error: invalid basic string, expected `"`
            config.toml:3:8: error: extra `=`, expected nothing
            config.toml:3:10: error: unexpected key or value, expected newline, `#`
        "#]],
    );
    check(
        "content = \"a\"\ncontent = \"b\"\n",
        &[],
        expect![[r#"
        config.toml:2:1: error: duplicate key
    "#]],
    );
}

#[test]
fn variables_override_the_file() {
    let config = parse(
        LEAST,
        &[
            ("JOURNEY_DATABASE", "/var/lib/journey/journey.db"),
            ("JOURNEY_MAIL__SMTP__HOST", "relay.example"),
            ("JOURNEY_MAIL__SMTP__PORT", "0587"),
            ("JOURNEY_MAIL__SMTP__AUTH", "plain"),
            ("JOURNEY_MAIL__SMTP__USERNAME", "journey"),
            ("JOURNEY_MAIL__SMTP__PASSWORD", "0123"),
            ("JOURNEY_PEOPLE__KEEP", "telefon, ort"),
            ("JOURNEY_TEST_ALL", "1"),
        ],
    )
    .expect("a good configuration");
    assert_eq!(config.database, Path::new("/var/lib/journey/journey.db"));
    assert_eq!((config.mail.smtp.host.as_str(), config.mail.smtp.port), ("relay.example", 587));
    assert_eq!(config.people.keep, ["telefon", "ort"]);
    let password = config.mail.smtp.password.clone().expect("given");
    assert_eq!(password.read().expect("given").reveal(), "0123");
    assert!(!format!("{config:?}").contains("0123"));
}

#[test]
fn invalid_variables_are_reported() {
    check(
        "",
        &[
            ("JOURNEY_MAIL__FROM", "nobody"),
            ("JOURNEY_MAIL__REPLY_TO", "hallbarhet@ekdala.example"),
            ("JOURNEY_MAIL__SMTP__PORT", "smtp"),
            ("JOURNEY_MAIL__SMTP__HOTS", "relay.example"),
            ("JOURNEY_CONFIG", "elsewhere.toml"),
            ("JOURNEY_MAIL__DKIM__DOMAIN", "ekdala.example"),
        ],
        expect![[r#"
            JOURNEY_CONFIG: error: no such setting
              hint: did you mean `JOURNEY_CONTENT`?
            JOURNEY_MAIL__FROM: error: `mail.from` has no `@`; write an address, or a name and an address like "Hållbara Ekdala <larresa@ekdala.example>"
            JOURNEY_MAIL__SMTP__HOTS: error: no such setting
              hint: did you mean `JOURNEY_MAIL__SMTP__HOST`?
            JOURNEY_MAIL__SMTP__PORT: error: `mail.smtp.port` must be a whole number from 1 to 65535
            config.toml: error: `mail.dkim.selector` is missing; it has no default
              hint: add to [mail.dkim]: selector = "journey", with your own
            config.toml: error: `mail.dkim.key_file` is missing; it has no default
              hint: add to [mail.dkim]: key_file = "dkim.pem", with your own
        "#]],
    );
}

#[test]
fn secrets_in_the_file_are_rejected() {
    let text = format!(
        "{LEAST}[mail.smtp]\npassword = \"hemligt\"\nsmtp_secret = \"hemligt\"\nauth = \"login\"\nusername = \"journey\"\n"
    );
    check(
        &text,
        &[],
        expect![[r#"
            config.toml:5:1: error: `mail.smtp.password` must not be in this file; put secrets in a file or an environment variable
              hint: write the secret to a file that only the program may read, and name it: password_file = "…"
            config.toml:6:1: error: `mail.smtp.smtp_secret` must not be in this file; put secrets in a file or an environment variable
              hint: write the secret to a file that only the program may read, and name it: password_file = "…"
            config.toml:7:8: error: `mail.smtp.auth` needs a `password_file` to sign in
              hint: add it to [mail.smtp]
        "#]],
    );
    let url = "[web]\nbase_url = \"https://user:hemligt@ekdala.example\"\n";
    check(
        &format!("{LEAST}{url}"),
        &[],
        expect![[r#"
        config.toml:5:12: error: `web.base_url` has a sign-in before `@`; write the host without it
    "#]],
    );
    assert_eq!(format!("{:?}", Secret("hemligt".to_owned())), "…");
}

#[test]
fn a_password_file_is_read_when_it_is_needed() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "{LEAST}[mail.smtp]\nauth = \"plain\"\nusername = \"journey\"\npassword_file = \"smtp-password\"\n"
    );
    let config = Config::parse(&folder.path().join("config.toml"), &text, &BTreeMap::new());
    let password = config.expect("a good configuration").mail.smtp.password.expect("named");
    assert!(password.read().is_err(), "not there yet");
    std::fs::write(folder.path().join("smtp-password"), "hemligt \r\n").expect("written");
    assert_eq!(password.read().expect("there").reveal(), "hemligt ");
}

#[test]
fn relay_host_and_ehlo_name_are_validated() {
    let smtp =
        good(&format!("{LEAST}[mail.smtp]\nca_file = \"ca.pem\"\nhello = \"journey.ekdala.example\"\n"))
            .mail
            .smtp;
    assert_eq!(smtp.ca_file.as_deref(), Some(Path::new("ca.pem")));
    assert_eq!(smtp.hello.as_deref(), Some("journey.ekdala.example"));
    check(
        &format!("{LEAST}[mail.smtp]\nca_file = \"\"\nhello = \"journey larresa\"\n"),
        &[],
        expect![[r#"
            config.toml:5:11: error: `mail.smtp.ca_file` is empty
            config.toml:6:9: error: `mail.smtp.hello` has `journey larresa`; write the name of this machine, like journey.ekdala.example
        "#]],
    );
}

#[test]
fn an_access_token_comes_from_one_place() {
    let least = format!("{LEAST}[mail.smtp]\nauth = \"xoauth2\"\nusername = \"larresa@ekdala.example\"\n");
    let of = |more: &str| good(&format!("{least}{more}")).mail.smtp;
    assert_eq!(of("password_file = \"token\"\n").token, None, "the password is the token");
    let command = of("token_command = [\"/bin/token\", \"--for=mail\"]\n").token;
    assert_eq!(command, Some(TokenConfig::Command(vec!["/bin/token".into(), "--for=mail".into()])));
    assert_eq!(of("token_file = \"t\"\n").token, Some(TokenConfig::File("t".into())));
    let whole = "client_id = \"journey\"\nclient_secret_file = \"s\"\nscope = \"mail\"\n";
    let endpoint = |url: &str| format!("token_endpoint = \"{url}\"\n{whole}");
    for url in ["https://login.ekdala.example/token", "http://127.0.0.1:8099/token", "http://[::1]:8099/"] {
        assert!(matches!(of(&endpoint(url)).token, Some(TokenConfig::Endpoint { .. })), "{url}");
    }
    let refused = |more: &str, expected| check(&format!("{least}{more}"), &[], expected);
    refused(
        "",
        expect![[r#"
            config.toml:5:8: error: `mail.smtp.auth` needs an access token to sign in
              hint: add token_command, token_file, token_endpoint or password_file to [mail.smtp]
        "#]],
    );
    refused(
        "token_file = \"t\"\npassword_file = \"t\"\n",
        expect![[r#"
            config.toml:5:8: error: `mail.smtp.auth` has a token from two places: a password, and another
              hint: name one of them
        "#]],
    );
    refused(
        "token_file = \"t\"\ntoken_command = [\"t\"]\n",
        expect![[r#"
            config.toml:5:8: error: `mail.smtp.auth` has a token from two places: name one of token_command, token_file and token_endpoint
              hint: remove the others
        "#]],
    );
    refused(
        "password_file = \"t\"\ntoken_endpoint = \"https://login.ekdala.example\"\n",
        expect![[r#"
            config.toml:8:18: error: `mail.smtp.token_endpoint` needs client_id, client_secret_file and scope beside it, all of them
              hint: add what is missing to [mail.smtp]
        "#]],
    );
    refused(
        &format!("password_file = \"t\"\n{}", endpoint("http://login.ekdala.example/hemligt@x")),
        expect![[r#"
            config.toml:8:18: error: `mail.smtp.token_endpoint` must begin with `https://`, without a sign-in in it
            config.toml:8:18: error: `mail.smtp.token_endpoint` needs client_id, client_secret_file and scope beside it, all of them
              hint: add what is missing to [mail.smtp]
        "#]],
    );
}

#[test]
fn the_return_path_is_aligned_with_the_sender() {
    for bounce in ["bounces@ekdala.example", "studs@larresa.ekdala.example"] {
        let config = good(&format!("{LEAST}bounce = \"{bounce}\"\n"));
        assert_eq!(config.mail.bounce.as_deref(), Some(bounce));
    }
    for bounce in ["bounces@else.example", "notekdala.example", "a+b@ekdala.example", "b@notekdala.example"] {
        assert!(parse(&format!("{LEAST}bounce = \"{bounce}\"\n"), &[]).is_err(), "{bounce}");
    }
    let long = format!("{LEAST}bounce = \"{}@ekdala.example\"\n", "b".repeat(24));
    assert!(parse(&long, &[]).is_err(), "a token would not fit");
}

#[test]
fn plaintext_is_allowed_only_to_this_machine() {
    for host in ["localhost", "127.0.0.1", "127.0.1.1", "::1"] {
        good(&format!("{LEAST}[mail.smtp]\nsecurity = \"none\"\nhost = \"{host}\"\n"));
    }
    let text = format!("{LEAST}[mail.smtp]\nsecurity = \"none\"\nhost = \"relay.example\"\n");
    check(
        &text,
        &[],
        expect![[r#"
            config.toml:5:12: error: `mail.smtp.security` has `none`, which sends mails in clear; that is allowed only to this machine
              hint: write starttls or tls
        "#]],
    );
}

#[test]
fn paths_are_relative_to_the_file() {
    let text =
        format!("content = \"../content\"\ndatabase = \"/var/lib/journey.db\"\n{LEAST}folder = \"out\"\n");
    let config = Config::parse(Path::new("/etc/journey/config.toml"), &text, &BTreeMap::new()).expect("good");
    assert_eq!(config.content, Path::new("/etc/journey/../content"));
    assert_eq!(config.database, Path::new("/var/lib/journey.db"));
    assert_eq!(config.mail.folder, Path::new("/etc/journey/out"));
    assert_eq!(config.people.file, Path::new("/etc/journey/people.csv"));
}

#[test]
fn search_order_of_configurations() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, system) = (folder.path().join("here.toml"), folder.path().join("system.toml"));
    let none = Config::search(&[Path::new("config.toml.not"), Path::new("/etc/not")], &BTreeMap::new());
    check_faults(
        &none.expect_err("nothing there"),
        &expect![[r#"
        config.toml: error: no configuration; looked for `config.toml.not` and `/etc/not`
          hint: name it with --config, or change to its folder
    "#]],
    );
    std::fs::write(&system, LEAST).expect("written");
    assert_eq!(Config::search(&[&here, &system], &BTreeMap::new()).expect("good").file, system);
    std::fs::write(&here, LEAST).expect("written");
    assert_eq!(Config::search(&[&here, &system], &BTreeMap::new()).expect("good").file, here);
    let named = Config::load(Some(Path::new("not.toml")), &BTreeMap::new());
    check_faults(
        &named.expect_err("nothing there"),
        &expect![[r#"
        not.toml: error: there is no such file
    "#]],
    );
}

#[test]
fn rates_shares_and_durations() {
    let text = format!(
        "{LEAST}in_doubt_wait = \"1 minute\"\n[people]\nmax_leavers = \"0%\"\n[mail.smtp]\nrate = \"unlimited\"\n[limits]\ngrace = \"90 minutes\"\n"
    );
    let config = good(&text);
    assert_eq!(config.mail.in_doubt_wait, TimeDelta::minutes(1));
    assert_eq!(config.mail.smtp.rate, None);
    assert_eq!(config.limits.grace, TimeDelta::minutes(90));
    assert!(config.people.max_leavers.is_exceeded(1, 1400) && !Percent(10).is_exceeded(60, 600));
    assert!(Percent(10).is_exceeded(61, 600));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn random_text_never_panics(text in ".{0,400}", name in "[A-Z_]{0,30}", value in ".{0,40}") {
        let variable = format!("JOURNEY_{name}");
        let _ = parse(&text, &[(&variable, &value)]);
        let _ = parse(LEAST, &[(&variable, &value)]);
    }

    #[test]
    fn random_edits_never_panic(
        at in any::<prop::sample::Index>(),
        length in 0..40_usize,
        put in prop_oneof![Just(String::new()), ".{1,20}", Just("[".repeat(5_000)), Just("a.".repeat(5_000))],
    ) {
        let chars: Vec<char> = EXAMPLE.chars().collect();
        let at = at.index(chars.len());
        let rest: String = chars.iter().skip(at + length).collect();
        let text = format!("{}{put}{rest}", chars[..at].iter().collect::<String>());
        if let Err(faults) = parse(&text, &[]) {
            prop_assert!(!faults.is_empty());
        }
    }
}

#[test]
fn an_address_of_another_database_is_refused_without_its_password() {
    let expected = expect![[r#"
        config.toml:1:12: error: `database` is an address; there is SQLite, so write the path of a file, like journey.db
    "#]];
    check(&format!("database = \"postgres://anna:hemligt@db/journey\"\n{LEAST}"), &[], expected);
}

/// Stopping all mail must be possible with an invalid configuration.
#[test]
fn the_database_path_is_read_from_an_invalid_configuration() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("config.toml");
    let database_of = |text: &[u8], variables: &[(&str, &str)]| {
        std::fs::write(&file, text).expect("written");
        let found = Config::database_of(Some(&file), &environment(variables));
        found.strip_prefix(home.path()).unwrap_or(&found).display().to_string()
    };
    for faults in ["x = \"\n", "content = 3\n", "no_such_key = 1\n"] {
        let text = format!("{faults}database = \"var/j.db\"\n[mail\n");
        assert_eq!(database_of(text.as_bytes(), &[]), "var/j.db", "{faults}");
    }
    // If the path cannot be read at all the default is used, and `hold` names it.
    assert_eq!(database_of(b"[mail\ndatabase = \"var/j.db\"\n", &[]), "journey.db");
    assert_eq!(database_of(b"# l\xe4rresa\ndatabase = \"var/j.db\"\n", &[]), "var/j.db");
    assert_eq!(database_of(b"x = [", &[("JOURNEY_DATABASE", "/srv/j.db")]), "/srv/j.db");
}

#[test]
fn the_address_of_the_pages_is_read_or_the_one_thing_wrong_with_it_is_named() {
    for (text, expected) in [
        ("https://larresa.ekdala.example", Ok("https://larresa.ekdala.example")),
        ("https://lärresa.havsby.example", Ok("https://xn--lrresa-bua.havsby.example")),
        ("https://LÄRRESA.havsby.example/sidor/", Ok("https://xn--lrresa-bua.havsby.example/sidor")),
        ("HTTPS://Larresa.Ekdala.example/", Ok("https://larresa.ekdala.example")),
        ("Http://127.0.0.1:8080", Ok("http://127.0.0.1:8080")),
        ("http://[::1]:8080/x", Ok("http://[::1]:8080/x")),
        ("http://intra_net:81/a%20b", Ok("http://intra_net:81/a%20b")),
        ("ftp://x", Err("must begin with `https://`, or `http://` for a trial")),
        ("larresa.ekdala.example", Err("must begin with `https://`, or `http://` for a trial")),
        ("https://", Err("has no host after `://`")),
        ("https:///sidor", Err("has no host after `://`")),
        ("https://:8080", Err("has no host after `://`")),
        ("https://a b.example", Err("has a blank; remove it")),
        ("https://a.example ", Err("has a blank; remove it")),
        ("https://a.example/\u{a0}", Err("has `\\u{a0}`; remove it")),
        ("https://user:hemligt@a.example", Err("has a sign-in before `@`; write the host without it")),
        ("https://a.example?x=1", Err("has `?`; write only the host and perhaps a path")),
        ("https://a.example/#x", Err("has `#`; write only the host and perhaps a path")),
        ("https://a.example:x", Err("has a wrong port; write a number from 1 to 65535 after `:`")),
        ("https://a.example:0", Err("has a wrong port; write a number from 1 to 65535 after `:`")),
        ("https://a.example:99999", Err("has a wrong port; write a number from 1 to 65535 after `:`")),
        ("https://[::x]", Err("has `[::x]`, which is no IPv6 address")),
        (
            "https://a,b.example",
            Err("has `,` in the host `a,b.example`; allowed are letters, digits, `-` and `.`"),
        ),
        ("https://a..example", Err("has the host `a..example`, which is no valid name")),
        ("https://a.example/sída", Err("has `í` in the path; write `%C3%AD` instead")),
    ] {
        assert_eq!(base_url(text).as_deref().map_err(String::as_str), expected, "{text}");
    }
}
