//! A real program stands in for `sendmail`: a script written by the test.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

const FROM: &str = "bounces+k7m2@ekdala.example";
const TO: &str = "asa.ek@ekdala.example";
const MAIL: &[u8] = b"Subject: x\r\n\r\nhej\r\n.\r\nhej igen\r\n";

fn hand_over(script: &str, mail: &[u8]) -> (tempfile::TempDir, Outcome) {
    let home = tempfile::tempdir().expect("a folder");
    let program = home.path().join("sendmail");
    let text = home.path().join("text");
    fs::write(&text, format!("#!/bin/sh\ncd '{}'\n{script}\n", home.path().display())).expect("written");
    // Copied by another process: an executable this process has open for writing cannot
    // be started while another thread forks (ETXTBSY).
    assert!(Command::new("cp").args([&text, &program]).status().expect("cp").success());
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("a program");
    let mut sendmail = Sendmail::new(program);
    sendmail.timeout = Duration::from_secs(if script.contains("sleep") { 1 } else { 60 });
    let outcome = sendmail.hand_over(FROM, TO, mail);
    (home, outcome)
}

fn outcome(script: &str) -> Outcome {
    hand_over(script, MAIL).1
}

#[test]
fn the_program_gets_the_envelope_and_every_byte() {
    let large = b"Subject: x\r\n\r\n".iter().copied().chain((0..2_000_000).map(|n| b'a' + (n % 26) as u8));
    let large: Vec<u8> = large.collect();
    for mail in [MAIL, &large] {
        let (home, outcome) = hand_over("printf '%s\\n' \"$@\" > args; cat > mail; echo thanks", mail);
        let Outcome::Sent(reply) = outcome else { panic!("{outcome:?}") };
        assert_eq!(reply.to_string(), "250 accepted by sendmail");
        assert!(fs::read(home.path().join("mail")).expect("a mail") == mail);
        let args = fs::read_to_string(home.path().join("args")).expect("arguments");
        assert_eq!(args, format!("-i\n-f\n{FROM}\n--\n{TO}\n"));
    }
}

#[test]
fn exit_codes_give_the_outcome() {
    let ends = |code: u8| outcome(&format!("cat > /dev/null; echo 'no: {TO} <{FROM}>' >&2; exit {code}"));
    for (code, expected) in [(67, "550 5.1.1 no: … …"), (68, "550 5.1.2 no: … …")] {
        let Outcome::Rejected { reply, hard: true } = ends(code) else { panic!("{code}") };
        assert_eq!(reply.to_string(), expected);
    }
    let Outcome::Deferred(reply) = ends(75) else { panic!("75") };
    assert_eq!(reply.to_string(), "450 no: … …");
    for code in [1, 2, 64, 69, 70, 71, 77, 78, 126, 127, 137, 255] {
        let Outcome::RelayFailed(trouble) = ends(code) else { panic!("{code}") };
        assert_eq!(trouble.kind, RelayErrorKind::Transient, "{code}");
        assert!(trouble.why.ends_with(&format!("ended with exit code {code}: no: … …")), "{}", trouble.why);
    }
}

#[test]
fn the_outcome_is_unknown_if_the_program_is_killed_or_too_slow() {
    let Outcome::InDoubt(why) = outcome("cat > /dev/null; echo oh >&2; kill -9 $$") else {
        panic!("in doubt")
    };
    assert!(why.ends_with("was killed by signal 9 after it had the whole mail: oh"), "{why}");
    let Outcome::InDoubt(why) = outcome("cat > /dev/null; exec sleep 20") else { panic!("in doubt") };
    assert!(why.contains("did not end within 1 s") && !why.contains('@'), "{why}");
}

#[test]
fn a_mail_that_was_not_read_completely_is_not_sent() {
    let large = vec![b'a'; 2_000_000];
    for mail in [MAIL, &large] {
        for (script, how) in [
            ("exec sleep 20", "did not end within 1 s"),
            ("kill -9 $$", "was killed by signal 9"),
            ("kill -15 $$", "was killed by signal 15"),
            ("exit 0", "did not read the whole mail"),
            ("exec 0<&-; exit 0", "did not read the whole mail"),
            ("head -c 10 > /dev/null; exit 0", "did not read the whole mail"),
        ] {
            // `head` may read ahead, and a short mail whole.
            if mail.len() < 1_000 && script.starts_with("head") {
                continue;
            }
            let (_home, outcome) = hand_over(script, mail);
            let Outcome::RelayFailed(trouble) = outcome else { panic!("{script}: {outcome:?}") };
            assert_eq!((trouble.kind, trouble.phase), (RelayErrorKind::Transient, Phase::Body), "{script}");
            assert!(trouble.why.ends_with(how), "{script}: {}", trouble.why);
        }
    }
}

#[test]
fn the_first_line_of_its_errors_is_shown_without_control_characters() {
    for (said, shown) in [
        (r"printf 'first\nsecond\n' >&2", ": first"),
        (r"printf '\n\r\n  \033[31mred\007 line\r\nmore' >&2", ": [31mred line"),
        (r"printf 'to asa.ek@ekdala.example: \377\376 no\n' >&2", ": to … \u{fffd}\u{fffd} no"),
        ("true", ""),
    ] {
        let Outcome::RelayFailed(trouble) = outcome(&format!("cat > /dev/null; {said}; exit 70")) else {
            panic!("70")
        };
        assert!(trouble.why.ends_with(&format!("ended with exit code 70{shown}")), "{:?}", trouble.why);
    }
}

#[test]
fn a_program_that_cannot_be_started_is_named() {
    let home = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str, mode: u32| {
        let path = home.path().join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("permissions");
        path
    };
    for program in [
        "/nowhere/sendmail".into(),
        file("plain", "#!/bin/sh\nexit 0\n", 0o644),
        file("no-interpreter", "#!/nowhere/sh\n", 0o755),
        home.path().to_owned(),
    ] {
        let Outcome::RelayFailed(trouble) = Sendmail::new(&program).hand_over(FROM, TO, MAIL) else {
            panic!("{program:?}")
        };
        assert_eq!((trouble.kind, trouble.phase), (RelayErrorKind::Permanent, Phase::Connect));
        let told = format!("{} cannot be started: ", program.display());
        assert!(trouble.why.starts_with(&told), "{}", trouble.why);
    }
}

#[test]
fn endless_output_is_bounded() {
    let endless = "cat > /dev/null; yes nonsense | head -c 300000 >&2; yes | head -c 300000; exit 70";
    let Outcome::RelayFailed(trouble) = outcome(endless) else { panic!("70") };
    assert!(trouble.why.len() < 400, "{}", trouble.why.len());
}
