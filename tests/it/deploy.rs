//! The files in `deploy`, checked by systemd itself: that it accepts them, and
//! how exposed the service is. Needs `systemd-analyze`; without it the test is
//! skipped, or fails with `JOURNEY_TEST_ALL`. Starting the service under these
//! settings is not tested here, because that needs systemd as process 1.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::docs::file;

const UNITS: [&str; 3] = ["journey.service", "journey-backup.service", "journey-backup.timer"];

/// The highest accepted exposure level, in tenths: 1.1.
const MOST: &str = "11";

/// `None`, with a message, where there is no systemd.
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

/// Standard output and standard error of an analysis.
fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text)).concat()
}

/// What `systemd-analyze verify` prints about the units after a change; the
/// path of the program is that of the build, because systemd checks that it
/// exists.
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
fn systemd_accepts_the_units_without_warnings() {
    let Some(output) = verified(|text| text) else { return };
    assert!(output.status.success() && said(&output).is_empty(), "{}", said(&output));
    let wrong = verified(|text| text.replace("WatchdogSec", "WatchdogSek")).expect("there is systemd");
    assert!(said(&wrong).contains("WatchdogSek"), "the test finds nothing: {}", said(&wrong));
}

#[test]
fn the_service_has_a_low_exposure_level() {
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

/// Settings the program relies on, checked without systemd too.
#[test]
fn the_service_has_the_settings_the_program_needs() {
    let text = text("journey.service");
    let needed = [
        "Type=notify",
        "User=journey",
        "ExecStart=/usr/bin/journey --config /etc/journey/config.toml daemon",
        // These exit codes need an operator: a restart would end in the same
        // way.
        "RestartPreventExitStatus=65 77 78 80",
        "WatchdogSec=60",
        // A reply to the end of a message may take ten minutes.
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
    // Content or people with errors must not keep the service from starting.
    assert!(!text.contains("ExecStartPre"), "a check before the start");
    assert!(!text.contains("DynamicUser"), "two units with one dynamic user break each other");
    let user = fs::read_to_string(file("deploy/journey.sysusers")).expect("a file");
    assert!(user.lines().any(|line| line.starts_with("u journey ")), "{user}");
}
