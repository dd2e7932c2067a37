//! Imports of people files, as commands: rows with errors, units that disappear, a file that has
//! changed, and names that look like something else on every surface.

use std::fs;
use std::path::Path;
use std::process::Command;

use expect_test::{Expect, expect};

const PROGRAMME: &str = r#"title = "Havsby"
organisation = "Havsby kommun"
languages = ["sv"]
time_zone = "Europe/Stockholm"
[privacy]
purpose = "Utbildning"
legal_basis = "Allmänt intresse"
visible_to = "Bara du."
retention = "12 months"
[calendar]
workdays = "Mon-Sun"
hours = "00:00-23:59"
holidays = "none"
closed = []
[[character]]
id = "alla"
name = "Alla"
about = "För alla."
default = true
"#;

const CONFIG: &str = r#"content = "content"
database = "journey.db"
[people]
file = "people.csv"
[mail]
from = "Havsby <larresa@havsby.example>"
reply_to = "hr@havsby.example"
transport = "files"
folder = "outbox"
[web]
base_url = "https://larresa.havsby.example"
"#;

const STEP: &str = r#"+++
kind = "lesson"
subject = "Hej {{person.first_name}}"
minutes = 5
+++
Hej {{person.first_name}} {{person.last_name}} i {{person.unit}}!
"#;

/// A small programme with one journey of one step, in a folder of its own.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        let home = Home(tempfile::tempdir().expect("a folder"));
        fs::create_dir_all(home.path("content/journeys/ett")).expect("a folder");
        home.write("content/programme.toml", PROGRAMME);
        let journey =
            "title = \"Ett\"\ncadence = \"30 8 * * *\"\nstart = 2026-01-01\n\n[[step]]\nid = \"a\"\n";
        home.write("content/journeys/ett/journey.toml", journey);
        home.write("content/journeys/ett/a.md", STEP);
        home.write("config.toml", CONFIG);
        home
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    /// Writes the people file: rows below the usual header.
    fn people(&self, rows: &[&str]) {
        let header = "anställningsnummer;förnamn;efternamn;e-post;enhet;anställd till";
        self.write("people.csv", &format!("{header}\n{}\n", rows.join("\n")));
    }

    /// Output, standard error and exit code of a command.
    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_journey"));
        command.args(arguments).current_dir(self.0.path());
        command.env_clear().env("NO_COLOR", "1").env("USER", "karin").env("COLUMNS", "100");
        let output = command.output().expect("the program starts");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let code = output.status.code().expect("it exits");
        format!("{}{}exit {code}\n", text(&output.stdout), text(&output.stderr))
    }

    #[expect(clippy::needless_pass_by_value, reason = "what is expected is written at the call")]
    fn check(&self, command: &str, expected: Expect) {
        let arguments = split(command);
        expected.assert_eq(&self.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));
    }
}

/// The arguments of a command; `'` surrounds one with blanks.
fn split(command: &str) -> Vec<String> {
    let quoted = command.split('\'').enumerate();
    quoted
        .flat_map(|(i, part)| match i % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// Fields of the JSON of `people import` with rows that are not imported and a unit that keeps its
/// people, and of `status` afterwards.
pub(crate) fn documents_with_problems() -> [String; 2] {
    let home = Home::new();
    home.people(&[&row(1, "Bo", "Norr"), &row(2, "Åsa", "Syd")]);
    home.run(&["people", "import", "--at", "2026-11-01T08:00"]);
    home.run(&["pause", "--unit", "Norr", "--reason", "schema", "--at", "2026-11-01T09:00"]);
    home.people(&[&row(1, "Bo", "Nord"), "2;Åsa;Ek;p2 at havsby.example;Syd;"]);
    let json =
        |arguments: &[&str]| home.run(arguments).split("\nerror").next().unwrap_or_default().to_owned();
    let import = json(&["people", "import", "--at", "2026-11-02T08:00", "--format", "json"]);
    let status = home.run(&["status", "--at", "2026-11-02T09:00", "--format", "json"]);
    [import, status.trim_end_matches("exit 0\n").to_owned()]
}

/// Rows of the usual people: id, first name, unit.
fn row(id: u32, name: &str, unit: &str) -> String {
    format!("{id};{name};Ek;p{id}@havsby.example;{unit};")
}

#[test]
fn a_row_with_an_error_stops_nobody_else() {
    let home = Home::new();
    home.people(&[
        "1;Bo;Ek;p1@havsby.example;Norr;",
        "2;Åsa;Ek;p2@havsby.example;Syd;",
        "3;Kim;Ek;p3@havsby.example;Syd;",
    ]);
    home.check(
        "people import --at 2026-11-01T08:00",
        expect![[r#"
        people.csv  3 rows, UTF-8, separated by semicolon

               3  joined
               0  came back
               0  left
               0  moved to another unit
               0  have a new mail address
               0  changed in another way
               0  unchanged

          2 units in 0 departments; 0 with leave, 0 with an end date, 0 protected
          languages: sv 3
        exit 0
    "#]],
    );
    // 2 has an error and stays; 3 left; 4 is new
    home.people(&[
        "1;Bo;Ek;p1@havsby.example;Norr;",
        "2;Åsa;Ek;p2@havsby.example;Öst;31/12/2026",
        "4;Eva;Ek;p4@havsby.example;Syd;",
    ]);
    home.check(
        "people import --allow-leavers 1 --at 2026-11-02T08:00",
        expect![[r#"
            people.csv  3 rows, UTF-8, separated by semicolon

                   1  joined
                   0  came back
                   1  left
                   0  moved to another unit
                   0  have a new mail address
                   0  changed in another way
                   1  unchanged
                   1  stay as they were: their row is not imported

              2 units in 0 departments; 0 with leave, 0 with an end date, 0 protected
              languages: sv 2

            Joined
              4  Eva Ek  Syd

            Left
              3  Kim Ek  Syd

            people.csv:3:32: error: `anställd till` has `31/12/2026`, which is not a date in a form that is read
              hint: write year-month-day, like 2027-01-31
            error: people.csv, 3 rows: 1 row is not imported because of errors
              hint: correct these rows in the HR system and import the new file; all other rows are done
            exit 1
        "#]],
    );
    home.check(
        "people list",
        expect![[r#"
              1  Bo Ek   Norr  sv
              2  Åsa Ek  Syd   sv
              4  Eva Ek  Syd   sv

            3 people
            exit 0
        "#]],
    );
    home.check(
        "status --at 2026-11-02T09:00",
        expect![[r#"
            Havsby  Mon 2 Nov 2026 09:00 Europe/Stockholm

            To do: 2
              3 people  Mails are due since Mon 2 Nov 2026 08:30, and nothing sends them  journey send
                        A row of the people file was not imported                         journey people import --dry-run

            Not everything in the people file was imported
              line 3: `anställd till` has `31/12/2026`, which is not a date in a form that is read
                write year-month-day, like 2027-01-31

            Journeys  enrolments by stage
                   waiting  active  paused  completed  withdrawn
              ett        3       0       0          0          0

            Deliveries
              none yet
              people were imported Mon 2 Nov 2026 08:00
              there is no backup: journey backup FILE

            Next  now: 3 mails are due; send with `journey send`
            exit 0
        "#]],
    );
    home.check(
        "people import --strict --at 2026-11-02T10:00",
        expect![[r#"
        people.csv:3:32: error: `anställd till` has `31/12/2026`, which is not a date in a form that is read
          hint: write year-month-day, like 2027-01-31
        people.csv: error: 1 row of 3 has an error; with --strict no row may have one
        error: 2 errors in people.csv; nothing is imported
          hint: correct them in the HR system, export again and import the new file
        exit 65
    "#]],
    );
    home.people(&[
        "1;Bo;Ek;p1@havsby.example;Norr;",
        "2;Åsa;Ek;p2@havsby.example;Öst;2026-12-31",
        "4;Eva;Ek;p4@havsby.example;Syd;",
    ]);
    home.check(
        "send --dry-run --at 2026-11-03T08:00",
        expect![[r#"
            Havsby  Havsby kommun  Tue 3 Nov 2026 08:00 Europe/Stockholm
            Dry run: nothing is sent or saved

            Now  nothing

            Next
              Tue 3 Nov 2026, week 45, 08:30  3  ett/a  lesson

            Waiting  3 people (3 enrolments)
              3  waiting for the next sending time

              what that slot sends  journey send --dry-run --at 2026-11-03T08:30
              see one of its mails  journey send --dry-run --at 2026-11-03T08:30 --only 1 --out mails
              why a person waits    journey why 1 --at 2026-11-03T08:00
              the coming weeks      journey plan --at 2026-11-03T08:00
            people.csv has changed since the last import: run `journey people import`
            exit 0
        "#]],
    );
    home.check(
        "people import --at 2026-11-03T08:00",
        expect![[r#"
            people.csv  3 rows, UTF-8, separated by semicolon

                   0  joined
                   0  came back
                   0  left
                   1  moved to another unit
                   0  have a new mail address
                   0  changed in another way
                   2  unchanged

              3 units in 0 departments; 0 with leave, 1 with an end date, 0 protected
              languages: sv 3

            Moved
              2  Åsa Ek  Syd → Öst
            exit 0
        "#]],
    );
    assert!(!home.run(&["status", "--at", "2026-11-03T09:00"]).contains("people file"));
}

#[test]
fn the_first_import_of_send_leaves_rows_with_errors_out() {
    let home = Home::new();
    home.people(&["1;Bo;Ek;p1@havsby.example;Norr;", "2;Åsa;Ek;p2 at havsby.example;Syd;"]);
    home.check(
        "send --dry-run --at 2026-12-01T08:30",
        expect![[r#"
            Havsby  Havsby kommun  Tue 1 Dec 2026 08:30 Europe/Stockholm
            Dry run: nothing is sent or saved

            Now  1 mail
              1 Bo Ek  ett/a  lesson  Hej Bo

            Over  1 enrolment

              see a mail  journey send --dry-run --at 2026-12-01T08:30 --only 1 --out mails
            1 error in people.csv: these rows are left out; `journey check` lists them
            exit 0
        "#]],
    );
    home.check(
        "send --at 2026-12-01T08:30",
        expect![[r#"
            Havsby  Havsby kommun  Tue 1 Dec 2026 08:30 Europe/Stockholm

            Sent  1 mail  written to outbox
              1 Bo Ek  ett/a  lesson  Hej Bo

            Over  1 enrolment

            Imported 1 person from people.csv
            1 error in people.csv: these rows are left out; `journey status` lists them
            exit 0
        "#]],
    );
    home.people(&["2;Åsa;Ek;p2 at havsby.example;Syd;"]);
    home.check(
        "people import --dry-run",
        expect![[r#"
        people.csv:2:10: error: `e-post` holds a blank
        people.csv: error: no row is without errors
        error: 2 errors in people.csv; nothing is imported
          hint: correct them in the HR system, export again and import the new file
        exit 65
    "#]],
    );
}

#[test]
fn nobody_is_removed_while_a_row_may_be_theirs() {
    let home = Home::new();
    let people: Vec<String> = (1..=12).map(|id| row(id, "Bo", "Norr")).collect();
    let mut rows: Vec<&str> = people.iter().map(String::as_str).collect();
    home.people(&rows);
    home.run(&["people", "import", "--at", "2026-11-01T08:00"]);
    // an id that a spreadsheet damaged; the address says who it is
    rows[4] = "1,2E+03;Bo;Ek;p5@havsby.example;Norr;";
    home.people(&rows);
    home.check(
        "people import --at 2026-11-02T08:00 --dry-run",
        expect![[r#"
        people.csv  12 rows, UTF-8, separated by semicolon
        Dry run: nothing is imported or saved

               0  joined
               0  came back
               0  left
               0  moved to another unit
               0  have a new mail address
               0  changed in another way
              11  unchanged
               1  stay as they were: their row is not imported

          1 unit in 0 departments; 0 with leave, 0 with an end date, 0 protected
          languages: sv 11

        people.csv:6:1: error: `anställningsnummer` has a number that a spreadsheet made of an id
          hint: format the column as text before pasting or opening the file; digits are lost for good
        error: people.csv, 12 rows: 1 row is not imported because of errors
          hint: correct these rows in the HR system and import the new file; all other rows are done
        exit 1
    "#]],
    );
    rows[4] = ";Bo;Ek;;Norr;";
    home.people(&rows);
    home.check(
        "people import --at 2026-11-02T08:00",
        expect![[r#"
        people.csv  12 rows, UTF-8, separated by semicolon

               0  joined
               0  came back
               0  left
               0  moved to another unit
               0  have a new mail address
               0  changed in another way
              11  unchanged

          1 unit in 0 departments; 0 with leave, 0 with an end date, 0 protected
          languages: sv 11

        Not in the file
          5  Bo Ek  Norr
          They are not removed: line 6 of the file cannot be read and may be about any of them

        people.csv:6:1: error: `anställningsnummer` is empty; every row needs it
        error: people.csv, 12 rows: 1 row is not imported because of errors
          hint: correct these rows in the HR system and import the new file; all other rows are done
        exit 1
    "#]],
    );
    // cut in the middle, but the id is there
    rows[4] = "5;Bo";
    home.people(&rows);
    home.check(
        "people import --at 2026-11-03T08:00 --format json",
        expect![[r#"
            {
              "dry_run": false,
              "joined": 0,
              "returned": 0,
              "left": 0,
              "moved": 0,
              "changed": 0,
              "set_aside": [
                {
                  "line": 6,
                  "person": "5"
                }
              ],
              "kept": 1,
              "not_removed": 0,
              "units_kept": [],
              "people": 11,
              "units": 1,
              "without_address": 0,
              "shared_address": 0,
              "encoding": "UTF-8",
              "separator": "semicolon",
              "second_employment": 0,
              "columns": {
                "employee_id": "anställningsnummer",
                "email": "e-post",
                "first_name": "förnamn",
                "last_name": "efternamn",
                "unit": "enhet",
                "end_date": "anställd till"
              },
              "dropped": [],
              "faults": [
                {
                  "severity": "error",
                  "code": "ragged-line",
                  "file": "people.csv",
                  "line": 6,
                  "column": 1,
                  "message": "the row has 2 fields, the header has 6",
                  "hint": null
                }
              ]
            }
            error: people.csv, 12 rows: 1 row is not imported because of errors
              hint: correct these rows in the HR system and import the new file; all other rows are done
            exit 1
        "#]],
    );
}

#[test]
fn a_unit_that_disappears_keeps_its_people_while_decisions_are_in_force() {
    let home = Home::new();
    let norr = [row(1, "Bo", "Hemtjänsten Norr"), row(2, "Åsa", "Hemtjänsten Norr"), row(3, "Kim", "Syd")];
    home.people(&norr.iter().map(String::as_str).collect::<Vec<_>>());
    home.run(&["people", "import", "--at", "2026-11-01T08:00"]);
    home.run(
        &split("pause --unit 'Hemtjänsten Norr' --reason 'ny ledning' --at 2026-11-01T09:00")
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    home.run(
        &split("unit shift 'Hemtjänsten Norr' --weeks 2 --reason semester --at 2026-11-01T09:30")
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    let renamed = [
        row(1, "Bo", "Hemtjänst Norr"),
        row(2, "Åsa", "Hemtjänst Norr"),
        row(3, "Kim", "Öst"),
        row(4, "Eva", "Öst"),
    ];
    home.people(&renamed.iter().map(String::as_str).collect::<Vec<_>>());
    home.check("people import --at 2026-11-02T08:00", expect![[r#"
        people.csv  4 rows, UTF-8, separated by semicolon

               1  joined
               0  came back
               0  left
               1  moved to another unit
               0  have a new mail address
               0  changed in another way
               0  unchanged
               2  stay as they were: their row is not imported

          2 units in 0 departments; 0 with leave, 0 with an end date, 0 protected
          languages: sv 4

        Joined
          4  Eva Ek  Öst

        Moved
          3  Kim Ek  Syd → Öst

        people.csv: error: 2 people stay in the unit `Hemtjänsten Norr`; the file has `Hemtjänst Norr` instead. Decisions are in force for the old unit: pause with no end date (by karin: ny ledning); shift 2 weeks later (by karin: semester)
          hint: if the unit was renamed: journey people import --move-decisions "Hemtjänsten Norr=Hemtjänst Norr"
        if the decisions are no longer needed: journey people import --drop-decisions "Hemtjänsten Norr"
        error: people.csv, 4 rows: 2 people are not moved to another unit
          hint: settle the decisions about the unit as shown above, and import again
        exit 1
    "#]]);
    home.check(
        "people list",
        expect![[r#"
          1  Bo Ek   Hemtjänsten Norr  sv
          2  Åsa Ek  Hemtjänsten Norr  sv
          3  Kim Ek  Öst               sv
          4  Eva Ek  Öst               sv

        4 people
        exit 0
    "#]],
    );
    home.check("status --at 2026-11-02T09:00", expect![[r#"
        Havsby  Mon 2 Nov 2026 09:00 Europe/Stockholm

        To do: 3
          2 people  Mails are due since Mon 2 Nov 2026 08:30, and nothing sends them  journey send
          2 people  Hemtjänsten Norr is paused with no end date                       journey resume --unit "Hemtjänsten Norr"
                    A row of the people file was not imported                         journey people import --dry-run

        Not everything in the people file was imported
          2 people stay in the unit `Hemtjänsten Norr`; the file has `Hemtjänst Norr` instead. Decisions are in force for the old unit: pause with no end date (by karin: ny ledning); shift 2 weeks later (by karin: semester)
            if the unit was renamed: journey people import --move-decisions "Hemtjänsten Norr=Hemtjänst Norr"
            if the decisions are no longer needed: journey people import --drop-decisions "Hemtjänsten Norr"

        Journeys  enrolments by stage
               waiting  active  paused  completed  withdrawn
          ett        2       0       2          0          0

        Deliveries
          none yet
          people were imported Mon 2 Nov 2026 08:00
          there is no backup: journey backup FILE

        Next  now: 2 mails are due; send with `journey send`
        exit 0
    "#]]);
    home.check(
        "people import --move-decisions 'Hemtjänsten Norr=Nord' --at 2026-11-03T08:00",
        expect![[r#"
            error: no unit in the people file is called `Nord`
              hint: write the unit as the file has it: --move-decisions OLD=NEW
            exit 2
        "#]],
    );
    home.check(
        "people import --drop-decisions Syd --at 2026-11-03T08:00",
        expect![[r#"
        error: no decision is in force for the unit `Syd`
          hint: `journey decisions` lists the decisions in force
        exit 2
    "#]],
    );
    home.check(
        "people import --move-decisions 'Hemtjänsten Norr=Hemtjänst Norr' --at 2026-11-03T08:00",
        expect![[r#"
            people.csv  4 rows, UTF-8, separated by semicolon

                   0  joined
                   0  came back
                   0  left
                   2  moved to another unit
                   0  have a new mail address
                   0  changed in another way
                   2  unchanged

              2 units in 0 departments; 0 with leave, 0 with an end date, 0 protected
              languages: sv 4

            Decisions moved from the unit `Hemtjänsten Norr` to `Hemtjänst Norr`: pause with no end date (by karin: ny ledning); shift 2 weeks later (by karin: semester)

            Moved
              1  Bo Ek   Hemtjänsten Norr → Hemtjänst Norr
              2  Åsa Ek  Hemtjänsten Norr → Hemtjänst Norr
            exit 0
        "#]],
    );
    home.check(
        "decisions --at 2026-11-03T09:00",
        expect![[r#"
        Paused
          Hemtjänst Norr, with no end date, since Sun 1 Nov 2026 09:00 by karin: ny ledning
            to end it: journey resume --unit "Hemtjänst Norr"

        Shifted units
          Hemtjänst Norr, 2 weeks later, since Sun 1 Nov 2026 09:30 by karin: semester
            to end it: journey unit shift "Hemtjänst Norr" --weeks -2 --reason TEXT
        exit 0
    "#]],
    );
    home.check(
        "send --dry-run --at 2026-12-01T08:30",
        expect![[r#"
            Havsby  Havsby kommun  Tue 1 Dec 2026 08:30 Europe/Stockholm
            Dry run: nothing is sent or saved

            Now  2 mails
              3 Kim Ek  ett/a  lesson  Hej Kim
              4 Eva Ek  ett/a  lesson  Hej Eva

            Next  nothing, until you do something

            Held  2 people (2 enrolments)
              2  ett/a  paused: ny ledning

            Over  2 enrolments

              see a mail          journey send --dry-run --at 2026-12-01T08:30 --only 3 --out mails
              why a person waits  journey why 1 --at 2026-12-01T08:30
              the coming weeks    journey plan --at 2026-12-01T08:30
            exit 0
        "#]],
    );
    // and back, without the decisions
    home.people(&norr.iter().map(String::as_str).collect::<Vec<_>>());
    home.check(
        "people import --allow-leavers 1 --drop-decisions 'Hemtjänst Norr' --at 2026-11-04T08:00",
        expect![[r#"
            people.csv  3 rows, UTF-8, separated by semicolon

                   0  joined
                   0  came back
                   1  left
                   3  moved to another unit
                   0  have a new mail address
                   0  changed in another way
                   0  unchanged

              2 units in 0 departments; 0 with leave, 0 with an end date, 0 protected
              languages: sv 3

            Decisions of the unit `Hemtjänst Norr` ended: pause with no end date (by karin: ny ledning); shift 2 weeks later (by karin: semester)

            Left
              4  Eva Ek  Öst

            Moved
              1  Bo Ek   Hemtjänst Norr → Hemtjänsten Norr
              2  Åsa Ek  Hemtjänst Norr → Hemtjänsten Norr
              3  Kim Ek  Öst → Syd
            exit 0
        "#]],
    );
    home.check(
        "decisions --at 2026-11-04T09:00",
        expect![[r#"
        no decisions in force
        exit 0
    "#]],
    );
}

#[test]
fn every_kind_of_decision_about_a_unit_counts() {
    for decision in [
        "unit close Norr 2027-01-04 2027-01-08 --why möte",
        "unit cadence Norr '0 9 * * Wed'",
        "unit shift Norr --weeks -1 --reason tidigt",
        "pause --unit Norr --until 2027-02-01 --reason schema",
    ] {
        let home = Home::new();
        home.people(&[&row(1, "Bo", "Norr"), &row(2, "Åsa", "Syd")]);
        home.run(&["people", "import", "--at", "2026-11-01T08:00"]);
        let done = home.run(
            &split(&format!("{decision} --at 2026-11-01T09:00"))
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        );
        assert!(done.ends_with("exit 0\n"), "{done}");
        home.people(&[&row(1, "Bo", "Nord"), &row(2, "Åsa", "Väst")]);
        let imported = home.run(&["people", "import", "--at", "2026-11-02T08:00"]);
        assert!(
            imported.contains("1 person stays in the unit `Norr`") && imported.ends_with("exit 1\n"),
            "{imported}"
        );
        // over: nothing is in force any more
        let late = home.run(&["people", "import", "--at", "2027-03-01T08:00", "--dry-run"]);
        let is_over = decision.starts_with("pause") || decision.starts_with("unit close");
        assert_eq!(late.ends_with("exit 0\n"), is_over, "{decision}: {late}");
        // with a code, a new name is the same unit
    }
    let home = Home::new();
    let with_code = |name: &str| {
        format!("id;förnamn;efternamn;e-post;enhet;enhetskod\n1;Bo;Ek;p1@havsby.example;{name};N1\n")
    };
    home.write("people.csv", &with_code("Norr"));
    home.run(&["people", "import", "--at", "2026-11-01T08:00"]);
    home.run(&["pause", "--unit", "Norr", "--reason", "schema", "--at", "2026-11-01T09:00"]);
    home.write("people.csv", &with_code("Nord"));
    let imported = home.run(&["people", "import", "--at", "2026-11-02T08:00"]);
    assert!(
        imported.contains("The unit `Norr` is now called `Nord`") && imported.ends_with("exit 0\n"),
        "{imported}"
    );
    assert!(home.run(&["send", "--dry-run", "--at", "2026-12-01T08:30"]).contains("paused: schema"));
}

#[test]
fn who_joined_left_moved_or_changed_is_named() {
    let home = Home::new();
    let before: Vec<String> = (1..=60).map(|id| row(id, "Bo", "Norr")).collect();
    home.people(&before.iter().map(String::as_str).collect::<Vec<_>>());
    home.run(&["people", "import", "--at", "2026-11-01T08:00"]);
    let mut now = before.clone();
    now.drain(55..);
    now[0] = row(1, "Bo", "Syd");
    now[1] = "2;Bo;Ek;ny@havsby.example;Norr;".to_owned();
    now[2] = "3;Bosse;Ek;p3@havsby.example;Norr;".to_owned();
    now.extend((70..95).map(|id| row(id, "Eva", "Syd")));
    home.people(&now.iter().map(String::as_str).collect::<Vec<_>>());
    home.check(
        "people import --at 2026-11-02T08:00",
        expect![[r#"
        people.csv  80 rows, UTF-8, separated by semicolon

              25  joined
               0  came back
               5  left
               1  moved to another unit
               1  have a new mail address
               1  changed in another way
              52  unchanged

          2 units in 0 departments; 0 with leave, 0 with an end date, 0 protected
          languages: sv 80

        Joined
          70  Eva Ek  Syd
          71  Eva Ek  Syd
          72  Eva Ek  Syd
          73  Eva Ek  Syd
          74  Eva Ek  Syd
          75  Eva Ek  Syd
          76  Eva Ek  Syd
          77  Eva Ek  Syd
          78  Eva Ek  Syd
          79  Eva Ek  Syd
          80  Eva Ek  Syd
          81  Eva Ek  Syd
          82  Eva Ek  Syd
          83  Eva Ek  Syd
          84  Eva Ek  Syd
          85  Eva Ek  Syd
          86  Eva Ek  Syd
          87  Eva Ek  Syd
          88  Eva Ek  Syd
          89  Eva Ek  Syd
          and 5 more; -v shows all

        Left
          56  Bo Ek  Norr
          57  Bo Ek  Norr
          58  Bo Ek  Norr
          59  Bo Ek  Norr
          60  Bo Ek  Norr

        Moved
          1  Bo Ek  Norr → Syd

        New mail address
          2  Bo Ek  ny@havsby.example

        Changed
          3  Bosse Ek  first name
        exit 0
    "#]],
    );
}

#[test]
fn names_that_look_like_something_else_are_shown_as_they_are() {
    let names = [
        "O´Connor",
        "<b>Anna</b>",
        "=HYPERLINK(\"http://x\")",
        "[x](http://x.example)",
        "{{person.email}}",
        "=?utf-8?q?x?=",
        "🙂 Bo",
        "A, B",
        "\"Kalle\"",
    ];
    let home = Home::new();
    let long = "Å".repeat(200);
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let rows: Vec<String> = names
        .iter()
        .chain([&long.as_str()])
        .zip(1..)
        .map(|(name, id)| {
            format!("{id};{};{};p{id}@havsby.example;{};", quoted(name), quoted(name), quoted(name))
        })
        .collect();
    home.people(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let sent = home.run(&["send", "--at", "2026-12-01T08:30"]);
    assert!(sent.ends_with("exit 0\n"), "{sent}");
    let folder = home.path("outbox/2026-12-01");
    let mut files: Vec<_> =
        fs::read_dir(&folder).expect("mails").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    assert_eq!(files.len(), names.len() + 1, "every one of them gets the mail");
    for (name, id) in names.iter().zip(1..) {
        let bytes = fs::read(mail_of(&files, id)).expect("a mail");
        let mail = mail_parser::MessageParser::default().parse(&bytes).expect("a mail");
        assert_eq!(mail.subject(), Some(&*format!("Hej {name}")), "subject");
        let to = mail.to().and_then(|to| to.first()).expect("a recipient");
        assert_eq!(to.address(), Some(&*format!("p{id}@havsby.example")));
        let text = mail.body_text(0).expect("a text");
        let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&format!("Hej {name} {name} i {name}!")), "{text}");
        let html = mail.body_html(0).expect("a page");
        assert!(!html.contains("<b>Anna") && !html.contains("href=\"http://x"), "{html}");
    }
    // a subject of at most 150 characters, and the name whole in the text
    let bytes = fs::read(mail_of(&files, names.len() + 1)).expect("a mail");
    let mail = mail_parser::MessageParser::default().parse(&bytes).expect("a mail");
    assert_eq!(
        mail.subject().map(|subject| subject.chars().count() <= 150 && subject.ends_with('…')),
        Some(true)
    );
    assert!(mail.body_text(0).is_some_and(|text| text.contains(&long)));
    // the table of a plan reads back as it was, and no cell is a formula
    let plan = home.run(&["plan", "--at", "2026-11-01T08:30", "--format", "csv"]);
    let plan = plan.trim_start_matches('\u{feff}').rsplit_once("exit 0\n").expect("it works").0.to_owned();
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(plan.as_bytes());
    for record in reader.records() {
        for cell in &record.expect("a row") {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
        }
    }
    let listed: serde_json::Value = serde_json::from_str(
        home.run(&["people", "list", "--format", "json"]).rsplit_once("exit").expect("a code").0,
    )
    .expect("JSON");
    assert_eq!(listed["people"][1]["first_name"], "<b>Anna</b>");
}

fn mail_of(files: &[std::path::PathBuf], id: usize) -> &Path {
    let found = files.iter().find(|file| {
        file.file_name().is_some_and(|name| name.to_string_lossy().contains(&format!("-{id}-ett-")))
    });
    found.expect("a mail")
}

/// The people to whom a mail was written, by address.
fn recipients(home: &Home) -> Vec<String> {
    let mut found = Vec::new();
    for day in fs::read_dir(home.path("outbox")).into_iter().flatten() {
        for file in fs::read_dir(day.expect("a day").path()).expect("mails") {
            let bytes = fs::read(file.expect("a file").path()).expect("a mail");
            let mail = mail_parser::MessageParser::default().parse(&bytes).expect("a mail");
            let to = mail.to().and_then(|to| to.first()).and_then(|to| to.address()).expect("a recipient");
            found.push(to.to_owned());
        }
    }
    found.sort();
    found
}

#[test]
fn another_employment_never_brings_the_same_mail_again() {
    let asa = |id: u32, unit: &str, main: &str| format!("{id};Åsa;Ek;asa@havsby.example;{unit};{main}");
    let bo = "1002;Bo;Ek;bo@havsby.example;Syd;".to_owned();
    let header = "id;förnamn;efternamn;e-post;enhet;huvudanställning";
    // each file in turn: another order, a mark, an employment that ends, a new one, both back
    let files = [
        vec![asa(1001, "Norr", ""), bo.clone()],
        vec![asa(2001, "Syd", ""), asa(1001, "Norr", ""), bo.clone()],
        vec![asa(1001, "Norr", ""), asa(2001, "Syd", ""), bo.clone()],
        vec![asa(1001, "Norr", ""), asa(2001, "Syd", "ja"), bo.clone()],
        vec![asa(1001, "Norr", ""), bo.clone()],
        vec![asa(3001, "Öst", ""), asa(1001, "Norr", ""), bo.clone()],
        vec![asa(3001, "Öst", ""), bo.clone()],
        vec![asa(1001, "Norr", ""), asa(2001, "Syd", ""), asa(3001, "Öst", ""), bo.clone()],
    ];
    let home = Home::new();
    for (day, rows) in (1..).zip(files) {
        home.write("people.csv", &format!("{header}\n{}\n", rows.join("\n")));
        let at = format!("2026-12-{day:02}T08:30");
        let imported = home.run(&["people", "import", "--allow-leavers", "2", "--at", &at]);
        assert!(imported.ends_with("exit 0\n"), "{imported}");
        let sent = home.run(&["send", "--at", &at]);
        assert!(sent.ends_with("exit 0\n"), "{sent}");
        assert_eq!(recipients(&home), ["asa@havsby.example", "bo@havsby.example"], "{rows:?}: {sent}");
        let listed = home.run(&["people", "list"]);
        let held = listed.matches("gets mail for another employment").count();
        assert_eq!(held, rows.len() - 2, "{rows:?}: {listed}");
    }
}

#[test]
fn the_template_is_a_good_people_file() {
    let home = Home::new();
    let template = home.run(&["people", "template"]);
    home.write("people.csv", template.trim_end_matches("exit 0\n"));
    home.check(
        "people import --dry-run",
        expect![[r#"
        people.csv  2 rows, UTF-8 with a byte order mark, separated by semicolon
        Dry run: nothing is imported or saved

               2  joined
               0  came back
               0  left
               0  moved to another unit
               0  have a new mail address
               0  changed in another way
               0  unchanged

          1 unit in 1 department; 1 with leave, 1 with an end date, 0 protected
          languages: sv 2
        exit 0
    "#]],
    );
}
