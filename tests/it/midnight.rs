//! Half an hour past midnight, when UTC still has the day before: "today" is
//! the programme's day in everything that is decided, printed and named.

use std::fs;

use expect_test::expect;

use super::crash::home::Home;

const AT: &str = "2026-12-01T00:30";

/// Two people in Stockholm with a mail due at that time.
fn home() -> Home {
    let home = Home::new(2, 1);
    home.edit("config.toml", "transport = \"smtp\"", "transport = \"files\"\nfolder = \"mails\"");
    let programme = fs::read_to_string(home.path("content/programme.toml")).expect("a programme");
    let zone = programme.lines().find(|line| line.starts_with("time_zone")).expect("a zone");
    home.edit("content/programme.toml", zone, "time_zone = \"Europe/Stockholm\"");
    home.write(
        "content/journeys/host/journey.toml",
        "title = \"Höst\"\ncadence = \"30 0 * * Tue\"\nstart = 2026-12-01\n
         [[step]]\nid = \"ett\"\nexpires_after = \"3 days\"\n[[step]]\nid = \"tva\"\n",
    );
    let step = fs::read_to_string(home.path("content/journeys/host/ett.md")).expect("a step");
    home.write("content/journeys/host/tva.md", &step);
    home.done(&["people", "import", "-q", "--at", "2026-11-20"]);
    home
}

/// Standard output and standard error of a command.
fn told(home: &Home, arguments: &[&str]) -> String {
    let output = home.run(arguments);
    let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

#[test]
fn commands_print_dates_in_the_time_zone_of_the_programme() {
    let home = home();
    let at = |command: &[&'static str]| told(&home, &[command, &["--at", AT]].concat());
    expect![[r#"
        Tillsammans  Ekdala kommun  Tue 1 Dec 2026 00:30 Europe/Stockholm
        Dry run: nothing is sent or saved

        Now  2 mails
          1000 Annaaaa Berg  host/ett  tip  Ett tips till Annaaaa
          1001 Annaaab Berg  host/ett  tip  Ett tips till Annaaab

        Next
          Tue 8 Dec 2026, week 50, 00:30  2  host/tva  tip

        Waiting  2 people (2 enrolments)
          2  waiting for the next sending time

          see a mail          journey send --dry-run --at 2026-12-01T00:30 --only 1000 --out mails
          why a person waits  journey why 1000 --at 2026-12-01T00:30
          the coming weeks    journey plan --at 2026-12-01T00:30
    "#]]
    .assert_eq(&at(&["send", "--dry-run"]));
    expect![[r#"
        Tillsammans  Tue 1 Dec 2026, week 49 to Tue 23 Feb 2027, week 8

        December 2026
          Tue  1 Dec, week 49  00:30  2  host/ett  tip
          Tue  8 Dec, week 50  00:30  2  host/tva  tip

        Minutes asked of each person
                    people  usual  most
          Dec 2026       2      4     4
    "#]]
    .assert_eq(&at(&["plan"]));
    expect![[r#"
        ﻿person;name;unit;journey;journey_title;step;step_title;round;at;minutes;assumes
        1000;Annaaaa Berg;Enhet 0;host;Höst;ett;Ett;0;2026-12-01 00:30;2;
        1001;Annaaab Berg;Enhet 0;host;Höst;ett;Ett;0;2026-12-01 00:30;2;
        1000;Annaaaa Berg;Enhet 0;host;Höst;tva;Tva;0;2026-12-08 00:30;2;
        1001;Annaaab Berg;Enhet 0;host;Höst;tva;Tva;0;2026-12-08 00:30;2;
    "#]]
    .assert_eq(&at(&["plan", "--format", "csv"]));
    expect![[r#"
        1000 Annaaaa Berg  Enhet 0  Tue 1 Dec 2026 00:30

        host  waiting
          now      ett  (slot Tue 1 Dec 2026 00:30)
          later    tva
    "#]]
    .assert_eq(&at(&["why", "1000"]));
    let calendar = at(&["plan", "--format", "ics"]);
    let begins: Vec<&str> = calendar.lines().filter(|line| line.starts_with("DTSTART")).collect();
    let ids: Vec<&str> = calendar.lines().filter(|line| line.starts_with("UID")).collect();
    assert_eq!(ids, ["UID:tillsammans-host-ett-0@journey", "UID:tillsammans-host-tva-0@journey"]);
    expect![[r#"
        DTSTART:20261130T233000Z
        DTSTART:20261207T233000Z"#]]
    .assert_eq(&begins.join("\n"));
    // A mail that was not sent is given up three days later at the same time:
    // announced before, and gone a minute after.
    let why = |civil: &str| told(&home, &["why", "1000", "--at", civil]);
    expect![[r#"
        1000 Annaaaa Berg  Enhet 0  Thu 3 Dec 2026 00:30

        host  waiting
          next     ett
          when     not before Fri 4 Dec 2026, week 49, 00:30
          because  it will be too late then and is skipped
          later    tva
    "#]]
    .assert_eq(&why("2026-12-03T00:30"));
    expect![[r#"
        1000 Annaaaa Berg  Enhet 0  Fri 4 Dec 2026 00:31

        host  waiting
          skipped  ett  tip
          next     tva
          when     Tue 8 Dec 2026, week 50, 00:30
          because  waiting for the next sending time
    "#]]
    .assert_eq(&why("2026-12-04T00:31"));
    at(&["send", "-q"]);
    expect![[r#"
        Tillsammans  Tue 1 Dec 2026 00:30 Europe/Stockholm

        All is well

        Journeys  enrolments by stage
                waiting  active  paused  completed  withdrawn
          host        0       2       0          0          0

        Deliveries
          2  sent
          last mail sent Tue 1 Dec 2026 00:30; 2 in the last hour
          people were imported Fri 20 Nov 2026 00:00
          there is no backup: journey backup FILE

        Next
          Tue 8 Dec 2026, week 50, 00:30  2  host/tva  tip
    "#]]
    .assert_eq(&at(&["status"]));
    let mut names: Vec<String> = fs::read_dir(home.path("mails"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    expect!["2026-12-01"].assert_eq(&names.join("\n"));
    let mut mails = fs::read_dir(home.path("mails").join(&names[0])).expect("a folder");
    let mail = mails.next().expect("a mail").expect("an entry").path();
    let mail = fs::read_to_string(mail).expect("a mail");
    let date = mail.lines().find(|line| line.starts_with("Date:")).expect("a date");
    expect!["Date: Tue, 01 Dec 2026 00:30:00 +0100"].assert_eq(date);
}
