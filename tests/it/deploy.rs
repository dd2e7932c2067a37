//! The files in `deploy`, looked at by systemd itself: that it understands
//! them, and how much a service that went astray could reach. Needs
//! `systemd-analyze`; without it nothing is looked at, which is a failure only
//! where everything must be (`JOURNEY_TEST_ALL`). What is not looked at here
//! is a start under these settings: that needs systemd as process 1.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::docs::file;

const UNITS: [&str; 3] = ["journey.service", "journey-backup.service", "journey-backup.timer"];

/// The most that a service may be exposed, in tenths: 1.1.
const MOST: &str = "11";

/// `None`, and said so, where there is no systemd.
fn analyze(arguments: &[&str]) -> Option<Output> {
    let output = Command::new("systemd-analyze").args(arguments).env("SYSTEMD_COLORS", "0").output();
    if output.is_err() {
        #[expect(clippy::disallowed_methods, reason = "the variable that asks for everything")]
        let all = std::env::var_os("JOURNEY_TEST_ALL");
        assert!(
            all.is_none(),
            "there is no systemd-analyze, and JOURNEY_TEST_ALL wants everything looked at"
        );
        #[expect(clippy::print_stdout, reason = "a skip that nobody is told of looks like a success")]
        let () = println!("skipped: there is no systemd-analyze to look at units with");
    }
    output.ok()
}

fn text(unit: &str) -> String {
    fs::read_to_string(file(&format!("deploy/{unit}"))).expect("a unit")
}

/// Everything that an analysis says.
fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text)).concat()
}

/// What systemd says of the units, changed first; with the program where it is
/// built, because it looks whether it is there.
fn verified(change: impl Fn(String) -> String) -> Option<Output> {
    let folder = tempfile::tempdir().expect("a folder");
    for unit in UNITS {
        let text = text(unit).replace("/usr/bin/journey", env!("CARGO_BIN_EXE_journey"));
        fs::write(folder.path().join(unit), change(text)).expect("a unit");
    }
    let paths = UNITS.map(|unit| folder.path().join(unit).to_string_lossy().into_owned());
    analyze(&["verify", "--man=no", &paths[0], &paths[1], &paths[2]])
}

fn security(path: &Path) -> Option<Output> {
    let threshold = format!("--threshold={MOST}");
    analyze(&["security", "--offline=yes", &threshold, "--no-pager", &path.to_string_lossy()])
}

#[test]
fn systemd_understands_the_units_and_has_nothing_to_say() {
    let Some(output) = verified(|text| text) else { return };
    assert!(output.status.success() && said(&output).is_empty(), "{}", said(&output));
    let wrong = verified(|text| text.replace("WatchdogSec", "WatchdogSek")).expect("there is systemd");
    assert!(said(&wrong).contains("WatchdogSek"), "the test finds nothing: {}", said(&wrong));
}

#[test]
fn a_service_that_goes_astray_reaches_little() {
    for unit in ["journey.service", "journey-backup.service"] {
        let Some(output) = security(&file(&format!("deploy/{unit}"))) else { return };
        assert!(output.status.success(), "{unit}: {}", said(&output));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let weak = folder.path().join("journey.service");
    let text =
        text("journey.service").replace("ProtectSystem=strict\n", "").replace("PrivateUsers=yes\n", "");
    fs::write(&weak, text).expect("a unit");
    let output = security(&weak).expect("there is systemd");
    assert!(!output.status.success(), "the test finds nothing: {}", said(&output));
}

/// What the program needs of systemd, whether or not it is there to be asked.
#[test]
fn the_service_says_what_the_program_needs() {
    let text = text("journey.service");
    let needed = [
        "Type=notify",
        "User=journey",
        "ExecStart=/usr/bin/journey --config /etc/journey/config.toml daemon",
        // These need somebody: a new start would end in the same way.
        "RestartPreventExitStatus=65 77 78 80",
        "WatchdogSec=60",
        // An answer to the end of a mail may take ten minutes.
        "TimeoutStopSec=630",
        "KillMode=mixed",
        "StateDirectory=journey",
        "StateDirectoryMode=0700",
        "UMask=0077",
        "LimitCORE=0",
    ];
    for line in needed {
        assert!(text.lines().any(|found| found == line), "no line {line}");
    }
    assert!(!text.contains("DynamicUser"), "two units with one dynamic user break each other (F60)");
    let user = fs::read_to_string(file("deploy/journey.sysusers")).expect("a file");
    assert!(user.lines().any(|line| line.starts_with("u journey ")), "{user}");
}
