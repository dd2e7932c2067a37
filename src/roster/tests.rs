//! Tests of encodings, headers and whole people files.

mod values;

use std::fmt::Write;

use encoding_rs::WINDOWS_1252;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::domain::model::ids::PersonId;
use crate::domain::model::person::Person;

use super::*;

fn options(keep: &[&str]) -> Options {
    Options {
        name: "people.csv".to_owned(),
        columns: Vec::new(),
        keep: keep.iter().copied().map(str::to_owned).collect(),
        max_bad_rows: MaxBadRows::Percent(100),
        default_language: Language::parse("sv").expect("a language"),
    }
}

/// A file that was read, and its people.
struct Reading {
    roster: Option<Roster>,
    faults: Vec<Diagnostic>,
    set_aside: SetAsideRows,
    notes: ImportNotes,
}

thread_local! {
    static STORE: Store = Store::temporary().expect("a database");
}

fn read_from(bytes: &[u8], options: &Options) -> io::Result<Reading> {
    STORE.with(|store| stage_from(bytes, options, store).and_then(|reading| with_people(reading, store)))
}

fn with_people(reading: FileReading, store: &Store) -> io::Result<Reading> {
    let FileReading { is_usable, faults, set_aside, notes } = reading;
    let roster = is_usable.then(|| store.staged_roster()).transpose()?;
    Ok(Reading { roster, faults, set_aside, notes })
}

fn reading(bytes: &[u8]) -> Reading {
    read_from(bytes, &options(&[])).expect("bytes can be read")
}

fn roster(text: &str) -> Roster {
    let reading = reading(text.as_bytes());
    reading.roster.unwrap_or_else(|| panic!("refused: {:?}", reading.faults))
}

/// The complete content of a roster, for comparison.
fn everything(roster: &Roster) -> String {
    format!("{:#?}\n{:#?}", roster.people, roster.units)
}

/// Checks the diagnostics of a file, and that any error prevents the import.
fn check(bytes: impl AsRef<[u8]>, expected: Expect) {
    check_keeping(&[], bytes, expected);
}

#[expect(clippy::needless_pass_by_value, reason = "what is expected is written at the call")]
fn check_keeping(keep: &[&str], bytes: impl AsRef<[u8]>, expected: Expect) {
    let reading = read_from(bytes.as_ref(), &options(keep)).expect("bytes can be read");
    let has_error = reading.faults.iter().any(Diagnostic::is_error);
    assert!(has_error || reading.roster.is_some(), "a file without errors is imported");
    assert!(has_error || reading.set_aside.count() == 0, "a row is not set aside without an error");
    expected.assert_eq(&report_text(&reading));
}

fn report_text(reading: &Reading) -> String {
    let mut report_text = String::new();
    for fault in &reading.faults {
        writeln!(report_text, "{fault}").expect("a string takes all");
        assert!(fault.message.chars().count() <= 1_000, "messages are short");
    }
    if let Some(roster) = &reading.roster {
        writeln!(report_text, "{} people", roster.people.len()).expect("a string takes all");
    }
    report_text
}

/// A header of five columns with these lines below.
fn below_header(lines: &str) -> String {
    format!("employee_id,first_name,last_name,email,unit\n{lines}")
}

/// A file with one additional column that has one value.
fn with(column: &str, value: &str) -> String {
    format!("id;förnamn;efternamn;mejl;enhet;{column}\n1001;Åsa;Öberg;asa@ekdala.example;Köket;{value}\n")
}

const SWEDISH: &str = "anställningsnummer;förnamn;efternamn;e-post;enhet;förvaltning;chef;ledighet;skyddad\n\
    1001;Åsa;Öberg;asa.oberg@ekdala.example;Köket;Kost och service;1002;2027-01-04/2027-02-26;\n\
    1002;Björn;Nyström-Lund;bjorn@ekdala.example;Köket;Kost och service;;;ja\n\
    1003;Zoë;O’Neil;;Förskolan Äpplet;Barn & utbildning;1002;;nej\n";

fn utf16(text: &str, little_endian: bool) -> Vec<u8> {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(|unit| if little_endian { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

/// The same text in every supported encoding.
fn encodings(text: &str) -> Vec<(Encoding, Vec<u8>)> {
    let (windows, _, lost) = WINDOWS_1252.encode(text);
    assert!(!lost, "the text has only letters of Windows-1252");
    vec![
        (Encoding::Utf8, text.as_bytes().to_vec()),
        (Encoding::Utf8Marked, format!("\u{feff}{text}").into_bytes()),
        (Encoding::Windows1252, windows.into_owned()),
        (Encoding::Utf16Le, utf16(text, true)),
        (Encoding::Utf16Be, utf16(text, false)),
    ]
}

/// The same text with every separator and line end, with and without `sep=`.
fn shapes(text: &str) -> Vec<(Separator, String)> {
    let mut shapes = Vec::new();
    for (separator, sign) in [(Separator::Comma, ","), (Separator::Semicolon, ";"), (Separator::Tab, "\t")] {
        for line_end in ["\n", "\r\n"] {
            for announced in ["", &format!("sep={sign}\n")] {
                let shape = format!("{announced}{text}").replace('\n', line_end);
                shapes.push((separator, shape.replace(';', sign)));
            }
        }
    }
    shapes
}

#[test]
fn every_encoding_gives_the_same_people() {
    let same = everything(&roster(SWEDISH));
    for (separator, text) in shapes(SWEDISH) {
        for (encoding, bytes) in encodings(&text) {
            let reading = reading(&bytes);
            let roster = reading.roster.expect("a good file");
            assert_eq!(everything(&roster), same, "{encoding}, {separator}");
            assert_eq!((reading.notes.encoding, reading.notes.separator), (encoding, separator));
        }
    }
}

#[test]
fn decomposed_letters_are_normalised() {
    let decomposed = SWEDISH.replace('å', "a\u{30a}").replace('Å', "A\u{30a}").replace('ö', "o\u{308}");
    assert_eq!(everything(&roster(&decomposed)), everything(&roster(SWEDISH)));
}

#[test]
fn double_encoded_text_is_rejected() {
    let twice: String = SWEDISH.bytes().map(|byte| WINDOWS_1252.decode(&[byte]).0.into_owned()).collect();
    check(
        &twice,
        expect![[r#"
            people.csv:1:1: error: the file was saved as UTF-8 and then read as Windows-1252
              hint: export it again as UTF-8, and open it as UTF-8 where it is edited
        "#]],
    );
    check(
        with("ort", "").replace("Åsa", "Ã…sa"),
        expect![[r#"
            people.csv:2:1: warning: `förnamn` seems to have wrong letters, as if UTF-8 was read as Windows-1252
              hint: it is imported and shown as it is; if it is wrong, correct it in the HR system
            1 people
        "#]],
    );
    check(
        with("ort", "").replace("Åsa", "\u{fffd}sa"),
        expect![[r#"
            people.csv:2:1: warning: `förnamn` seems to have wrong letters, as if UTF-8 was read as Windows-1252
              hint: it is imported and shown as it is; if it is wrong, correct it in the HR system
            1 people
        "#]],
    );
}

#[test]
fn utf_16_needs_a_byte_order_mark() {
    check(
        &utf16(SWEDISH, true)[2..],
        expect![[r#"
            people.csv: error: this is UTF-16 without a byte order mark
              hint: export the file as UTF-8
        "#]],
    );
    check(
        &utf16(SWEDISH, false)[2..],
        expect![[r#"
            people.csv: error: this is UTF-16 without a byte order mark
              hint: export the file as UTF-8
        "#]],
    );
    let mut half = utf16(SWEDISH, true);
    let at = SWEDISH.encode_utf16().position(|unit| unit == u16::from(b'Z')).expect("Zoë") + 1;
    half[2 * at..2 * at + 2].copy_from_slice(&0xD800_u16.to_le_bytes());
    check(
        half,
        expect![[r#"
            people.csv:4:6: error: `förnamn` has half a character of UTF-16
              hint: export the whole file as UTF-8
            2 people
        "#]],
    );
}

#[test]
fn mixed_encodings_are_rejected() {
    let good = "employee_id,first_name,last_name,email,unit\n1,Åsa,Berg,a@ekdala.example,IT\n";
    let bad = b"2,Bo,\xD6berg,b@ekdala.example,IT\n3,Bo,\xD6man,c@ekdala.example,IT\n";
    check(
        [good.as_bytes(), bad].concat(),
        expect![[r#"
            people.csv:3:6: error: `last_name` has a byte that is not valid UTF-8, although the rest of the file is UTF-8
              hint: export the whole file as UTF-8
            people.csv:4:6: error: `last_name` has a byte that is not valid UTF-8, although the rest of the file is UTF-8
              hint: export the whole file as UTF-8
            1 people
        "#]],
    );
    check(
        [b"\xEF\xBB\xBFemployee_id,first_name,last_name,email,unit\n", &bad[..]].concat(),
        expect![[r#"
            people.csv:2:6: error: `last_name` has a byte that is not valid UTF-8, although the rest of the file is UTF-8
              hint: export the whole file as UTF-8
            people.csv:3:6: error: `last_name` has a byte that is not valid UTF-8, although the rest of the file is UTF-8
              hint: export the whole file as UTF-8
            people.csv: error: no row is without errors
        "#]],
    );
}

#[test]
fn missing_duplicate_and_unknown_columns_are_reported() {
    check(
        "employee_id,frist_name,lastname,e-mail,skyddat,phone\n",
        expect![[r#"
            people.csv:1:1: error: the column `first_name` is missing (also accepted: `förnamn`)
              hint: if it is the column `frist_name`, write `first_name = "frist_name"` under `[people.columns]` in config.toml
            people.csv:1:1: error: the column `last_name` is missing (also accepted: `efternamn`)
              hint: if it is the column `lastname`, write `last_name = "lastname"` under `[people.columns]` in config.toml
            people.csv:1:1: error: the column `unit` is missing (also accepted: `enhet`, `unit name`)
              hint: add it, or write `unit = "…"` under `[people.columns]` in config.toml
            people.csv:1:1: warning: the column `skyddat` is not known and is not read
              hint: did you mean `protected` (or `skyddad`, `skyddade uppgifter`)?
        "#]],
    );
    check(
        "id;anställningsnummer;förnamn;efternamn;epost;e_post;enhet\n",
        expect![[r#"
            people.csv:1:1: error: columns 1 (`id`) and 2 (`anställningsnummer`) are both headings of `employee_id`
              hint: keep one of them, or name the right one in config.toml, `[people.columns]`
            people.csv:1:1: error: columns 5 (`epost`) and 6 (`e_post`) are both headings of `email`
              hint: keep one of them, or name the right one in config.toml, `[people.columns]`
        "#]],
    );
    check(
        "",
        expect![[r#"
        people.csv: error: the file is empty; the first line must name the columns
    "#]],
    );
    check(
        "\n\n",
        expect![[r#"
        people.csv: error: the file is empty; the first line must name the columns
    "#]],
    );
    check(
        "employee_id,first_name,last_name,email,unit\n",
        expect![[r#"
            people.csv: error: the file has a header and no people
        "#]],
    );
    check(
        "1001,Anna,Berg,anna@ekdala.example,IT\n",
        expect![[r#"
            people.csv:1:1: error: the first line has no known column; it must be a header
              hint: the header needs at least `employee_id`, `email`, `first_name`, `last_name` and `unit`, separated by comma, semicolon or tab; `journey people template` prints one
        "#]],
    );
    check(
        "sep=|\nemployee_id|first_name\n",
        expect![[r#"
            people.csv:1:1: error: the separator after `sep=` must be a comma, a semicolon or a tab
        "#]],
    );
}

#[test]
fn headings_are_matched_leniently() {
    let headings = "Employee ID,FIRST_NAME,Last-Name,E-Post,Unit  Name,ANSTÄLLD_FRÅN,anställd till,Personal";
    let line = "1,A,B,a@ekdala.example,IT,2020-01-01,2027-06-30,x";
    let reading = reading(format!("{headings}\n{line}\n").as_bytes());
    let named: Vec<String> = reading
        .notes
        .columns
        .iter()
        .map(|(column, heading)| format!("{}={heading}", column.name()))
        .collect();
    expect!["employee_id=Employee ID email=E-Post first_name=FIRST_NAME last_name=Last-Name unit=Unit Name start_date=ANSTÄLLD_FRÅN end_date=anställd till"].assert_eq(&named.join(" "));
    assert_eq!(reading.notes.dropped, ["Personal"]);
    assert!(reading.roster.is_some());
}

#[test]
fn additional_columns_are_kept_if_configured() {
    let file = with("Telefon", "+46 70 123 45 67");
    let kept =
        read_from(file.as_bytes(), &options(&["telefon"])).expect("bytes").roster.expect("a good file");
    assert_eq!(kept.people[0].extra[..], [("telefon".into(), "+46 70 123 45 67".into())]);
    check_keeping(
        &["telefon", "ort", "telfon", "enhet"],
        &file,
        expect![[r#"
            people.csv:1:1: error: `keep` names `ort`, but the file has no such column
            people.csv:1:1: error: `keep` names `telfon`, but the file has no such column
              hint: did you mean `telefon`?
            people.csv:1:1: error: `keep` names `enhet`, a column that is always read; remove it from `keep`
        "#]],
    );
}

#[test]
fn all_invalid_lines_are_reported_in_one_run() {
    check(
        below_header(
            "1,Anna,Berg,anna@ekdala.example\n\
             2,Bo,Dahl,bo@ekdala.example,IT,more\n\
             3,\"Cia,Ek,cia@ekdala.example,IT\n\
             4,Dan,Falk,dan@ekdala.example,IT\n\
             ,Eva,,eva@ekdala.example,IT\n\
             ,,,,\n\
             6,Per,Gran,per@ekdala.example,\"I\"\"T\"\n\
             7,\"Ida\nMarie\",Holm,ida@ekdala.example,IT\n\
             8,\"Ola\nIvar\n\
             9,Pia,Juhl,pia@ekdala.example,IT\n\
             10,Jo\rna,Kron,jona@ekdala.example,IT\n\
             11,Kaj\0,Lind,kaj@ekdala.example,IT\n\
             12,Lo,Mo,lo@ekdala.example,\"I",
        ),
        expect![[r#"
            people.csv:2:1: error: the row has 4 fields, the header has 5
            people.csv:3:1: error: the row has 6 fields, the header has 5
              hint: put quotes around a value that contains the separator
            people.csv:4:3: error: a quote opens here and does not close
              hint: close it, or write a quote that belongs to the value twice
            people.csv:6:1: error: `employee_id` is empty; every row needs it
            people.csv:9:3: error: `first_name` has a line break
              hint: remove the line break in the HR system
            people.csv:11:3: error: a quote opens here and does not close
              hint: close it, or write a quote that belongs to the value twice
            people.csv:12:1: error: the row has 1 field, the header has 5
            people.csv:14:4: error: `first_name` has a line break
              hint: remove the line break in the HR system
            people.csv:15:4: error: `first_name` has the control character U+0000
              hint: remove it in the HR system; it cannot be seen
            people.csv:16:28: error: a quote opens here and does not close
              hint: close it, or write a quote that belongs to the value twice
            3 people
        "#]],
    );
    check(
        below_header("1,Anna,Berg,anna@ekdala.example,IT\n").replace('\n', "\r"),
        expect![[r#"
            people.csv:1:1: error: the column `unit` is missing (also accepted: `enhet`, `unit name`)
              hint: if it is the column `unit 1`, write `unit = "unit 1"` under `[people.columns]` in config.toml
        "#]],
    );
    check(
        below_header(&"x".repeat(70_000)),
        expect![[r#"
            people.csv:2:1: error: the row has 1 field, the header has 5
            people.csv: error: no row is without errors
        "#]],
    );
    check(
        below_header(&",".repeat(4_500)).replace(",,,", ",x,"),
        expect![[r#"
            people.csv:2:1: error: more than 1000 fields
            people.csv: error: no row is without errors
        "#]],
    );
}

#[test]
fn errors_beyond_a_thousand_are_counted() {
    let lines: String = (0..1_500).map(|i| format!("{i},<,<,nobody,IT\n")).collect();
    let reading = reading(below_header(&lines).as_bytes());
    assert_eq!(reading.faults.len(), 1_002);
    expect!["people.csv: error: 500 more errors; these are the first 1000"]
        .assert_eq(&reading.faults[1_001].to_string());
}

#[test]
fn duplicate_lines_are_merged_and_conflicts_reported() {
    let same = "1,Anna,Berg,anna@ekdala.example,IT\n2,Bo,Dahl,bo@ekdala.example,IT\n\"1\", Anna ,Berg,anna@EKDALA.example,IT\n";
    let reading = reading(below_header(same).as_bytes());
    assert_eq!(reading.notes.repeated, [RepeatedRow { line: 4, used: 2, is_employment: false }]);
    assert_eq!(reading.roster.expect("a good file").people.len(), 2);
    let other = "1,Anna,Berg,anna@ekdala.example,IT\n2,Bo,Dahl,bo@ekdala.example,IT\n1,Anna,Dahl,anna@ekdala.example,HR\n";
    check(
        below_header(other),
        expect![[r#"
            people.csv:2:1: error: the same employee id as on line 4, but another `last_name`, `unit`
              hint: keep one row for each person; all rows with this id are left out until then
            people.csv:4:1: error: the same employee id as on line 2, but another `last_name`, `unit`
              hint: keep one row for each person; all rows with this id are left out until then
            1 people
        "#]],
    );
}

#[test]
fn shared_addresses_are_marked() {
    let file = below_header(
        "1,Anna,Berg,koket@ekdala.example,IT\n2,Bo,Dahl,bo@ekdala.example,IT\n3,Cia,Ek,KOKET@ekdala.example,IT\n",
    );
    check(
        &file,
        expect![[r#"
            people.csv:2:1: warning: the same mail address as on line 4; none of them gets mail
              hint: their answers would be mixed up; give each person their own address, or none
            3 people
        "#]],
    );
    let roster = roster(&file);
    let shared: Vec<bool> = roster.people.iter().map(|person| person.shared_address).collect();
    assert_eq!(shared, [true, false, true]);
}

#[test]
fn a_file_that_grows_during_the_read_is_rejected() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), SWEDISH).expect("written");
    assert!(read(file.path(), &options(&[])).expect("read").roster.is_some());
    let store = Store::temporary().expect("a database");
    let reading = unless_changed(file.as_file(), "people.csv", |open| {
        let reading = stage_from(open, &options(&[]), &store);
        std::fs::write(file.path(), format!("{SWEDISH}1004;Per")).expect("written");
        reading
    });
    let reading = reading.and_then(|reading| with_people(reading, &store)).expect("read");
    assert!(reading.roster.is_none());
    expect![[r#"
        people.csv: error: the file changed while it was read; nothing is imported
          hint: let the HR system write another name and rename it when it is done
    "#]]
    .assert_eq(&report_text(&reading));
}

#[test]
fn messages_never_contain_values() {
    // every column has an error or a warning
    let secret = "hemlig";
    let file = format!(
        "id,first_name,last_name,email,unit,unit_id,department,language,start_date,end_date,leave,protected\n\
         {secret}<,{secret}\u{1b},{secret}\u{202e},{secret},{secret}\rx,{secret}<,{secret}\u{0},{secret}<,{secret},{secret},{secret},{secret}\n\
         1001,{secret}<,http://{secret},,={secret},1,<{secret}>,,,,,\n"
    );
    let report_text = report_text(&reading(file.as_bytes()));
    assert_eq!(report_text.matches("error:").count(), 12, "{report_text}");
    assert_eq!(report_text.matches("warning:").count(), 4, "{report_text}");
    assert!(!report_text.contains(secret), "{report_text}");
}

#[test]
fn nothing_in_a_dropped_column_matters() {
    let long = "x".repeat(100_000);
    let values: [&[u8]; 12] = [
        b"\"ring f\xc3\xb6rst\nsedan mejl\"",
        b"\"a\r\nb\r\n\r\nc\"",
        b"\"a \"\"quoted\"\"\nword; and more\"",
        b"a\rb",
        b"a\0b",
        b"\xff\xfe",
        b"\xe5",
        b"\x1b[31m\xe2\x80\xae",
        b"=cmd|' /C calc'!A0",
        b"19811218-9876",
        b"5\" disk",
        long.as_bytes(),
    ];
    for value in values {
        let mut file =
            "anställningsnummer;förnamn;efternamn;e-post;enhet;kommentar\n1001;Bo;Ek;p1@havsby.example;Norr;"
                .as_bytes()
                .to_vec();
        file.extend(value);
        file.extend("\n1002;Åsa;Ek;p2@havsby.example;Syd;\n".as_bytes());
        let reading = reading(&file);
        let errors: Vec<&Diagnostic> = reading.faults.iter().filter(|fault| fault.is_error()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", value.escape_ascii());
        let roster = reading.roster.expect("two people");
        assert_eq!(&*roster.people[1].first_name, "Åsa", "{}", value.escape_ascii());
        assert_eq!(roster.people.len(), 2, "{}", value.escape_ascii());
    }
}

#[test]
fn a_quote_that_never_closes_spoils_one_row() {
    let rows = "1001;Bo;Ek;p1@havsby.example;Norr;\"ring\n\
                1002;Åsa;Ek;p2@havsby.example;Syd;\n\
                1003;Kim;\"Ek\";p3@havsby.example;Syd;\n";
    check(
        format!("id;förnamn;efternamn;e-post;enhet;kommentar\n{rows}"),
        expect![[r#"
        people.csv:2:35: error: a quote opens here and does not close
          hint: close it, or write a quote that belongs to the value twice
        2 people
    "#]],
    );
}

#[test]
fn rows_may_lack_their_empty_last_cells_or_have_more() {
    check(
        "anställningsnummer;förnamn;efternamn;e-post;enhet;förvaltning;anställd till;;\n\
         1001;Bo;Ek;p1@havsby.example;Norr;Omsorg;;\n\
         1002;Åsa;Ek;p2@havsby.example;Syd;Omsorg\n\
         1003;Kim;Ek;p3@havsby.example;Syd\n\
         1004;Eva;Ek;p4@havsby.example;Syd;Omsorg;;;;;;\n\
         ;;;;;;;;\n\"\";;;\n\
         1005;Ola;Ek;p5@havsby.example\n\
         1006;Pia;Ek;p6@havsby.example;Syd;Omsorg;;;;x\n",
        expect![[r#"
            people.csv:8:1: error: the row has 4 fields, the header has 9
            people.csv:9:1: error: the row has 10 fields, the header has 9
              hint: put quotes around a value that contains the separator
            4 people
        "#]],
    );
}

#[test]
fn one_person_with_several_employments_gets_one_mail() {
    let header = "id;förnamn;efternamn;e-post;enhet;huvudanställning\n";
    let active = |rows: &str| {
        let reading = reading(format!("{header}{rows}").as_bytes());
        let bad: Vec<u32> = reading.set_aside.rows.iter().map(|row| row.line).collect();
        let state = |person: &Person| {
            let held = if person.second_employment { " second" } else { "" };
            let shared = if person.shared_address { " shared" } else { "" };
            format!("{} {}{held}{shared}", person.id, person.unit)
        };
        let people = reading.roster.map(|roster| roster.people.iter().map(state).collect::<Vec<_>>());
        format!("{} bad {bad:?}", people.unwrap_or_default().join(", "))
    };
    let two_ids = "1;Åsa;Ek;asa@havsby.example;Norr;\n2;ÅSA;Ek;Asa@havsby.example;Syd;\n3;Bo;Ek;bo@havsby.example;Syd;\n";
    expect!["1 Norr, 2 Syd second, 3 Syd bad []"].assert_eq(&active(two_ids));
    expect!["1 Norr second, 2 Syd, 3 Syd bad []"]
        .assert_eq(&active(&two_ids.replace("Syd;\n3", "Syd;ja\n3")));
    expect!["1 Norr second, 2 Syd, 3 Syd bad []"]
        .assert_eq(&active(&two_ids.replace("Syd;\n3", "Syd;Huvudanställning\n3")));
    expect!["1 Norr shared, 2 Syd shared, 3 Syd bad []"].assert_eq(&active(&two_ids.replace("ÅSA", "Eva")));
    let one_id = "1;Åsa;Ek;asa@havsby.example;Norr;\n1;Åsa;Ek;;Syd;main\n3;Bo;Ek;bo@havsby.example;Syd;\n";
    expect!["1 Syd, 3 Syd bad []"].assert_eq(&active(one_id));
    expect!["1 Norr, 3 Syd bad []"].assert_eq(&active(&one_id.replace("main", "")));
    expect!["3 Syd bad [2, 3]"].assert_eq(&active(&one_id.replace("1;Åsa;Ek;;Syd", "1;Eva;Ek;;Syd")));
    expect!["3 Syd bad [2, 3]"].assert_eq(&active(&one_id.replace("Ek;;Syd", "Ek;eva@havsby.example;Syd")));
    expect!["3 Syd bad [2, 3]"].assert_eq(&active(&one_id.replace("Ek;;Syd", "Öst;;Norr")));
    // the address of a row with an error may be shared too
    let with_error = "1;Åsa;Ek;asa@havsby.example;Norr;\n2;Eva\t;\u{202e};asa@havsby.example;Syd;\n";
    expect!["1 Norr shared bad [3]"].assert_eq(&active(with_error));
}

#[test]
fn headings_can_be_configured() {
    let columns =
        vec![(Column::EmployeeId, "Anst nr".to_owned()), (Column::Email, "Epost arbete".to_owned())];
    let options = Options { columns, ..options(&[]) };
    let file = "anst-nr;id;förnamn;efternamn;epost arbete;e-post;enhet\n1001;x;Bo;Ek;bo@havsby.example;hem@havsby.example;Norr\n";
    let reading = read_from(file.as_bytes(), &options).expect("bytes");
    let roster = reading.roster.expect("one person");
    assert_eq!(
        (roster.people[0].id.as_str(), roster.people[0].email.as_deref()),
        ("1001", Some("bo@havsby.example"))
    );
    assert_eq!(reading.notes.dropped, ["id", "e-post"]);
    let reading = read_from(file.replace("anst-nr", "anstnr").as_bytes(), &options).expect("bytes");
    expect![[r#"
        people.csv:1:1: error: config.toml, `[people.columns]`, says that `employee_id` is called `Anst nr`, but the file has no such heading
          hint: did you mean `anstnr`?
    "#]].assert_eq(&report_text(&reading));
    check(
        file.replace("efternamn", "släktnamn").replace("epost arbete;", "mail;"),
        expect![[r#"
        people.csv:1:1: error: the column `last_name` is missing (also accepted: `efternamn`)
          hint: add it, or write `last_name = "…"` under `[people.columns]` in config.toml
        people.csv:1:1: warning: the column `mail` is not known and is not read
          hint: did you mean `main` (or `huvudanställning`, `main employment`)?
    "#]],
    );
}

#[test]
fn too_many_rows_with_errors_stop_the_import() {
    let rows: String =
        (0..300).map(|i| format!("{i},Anna,Berg,{},IT\n", if i < 4 { "x" } else { "" })).collect();
    let read = |max_bad_rows| {
        let options = Options { max_bad_rows, ..options(&[]) };
        let reading = read_from(below_header(&rows).as_bytes(), &options).expect("bytes");
        let last = reading.faults.last().map(ToString::to_string).unwrap_or_default();
        format!("{:?} {last}", reading.roster.map(|roster| roster.people.len()))
    };
    expect!["None people.csv: error: 4 rows of 300 have errors; at most 3 may (`max_bad_rows` = 1 %)"]
        .assert_eq(&read(MaxBadRows::Percent(1)));
    expect!["Some(296) people.csv:5:13: error: `email` has no `@`"].assert_eq(&read(MaxBadRows::Percent(2)));
    expect!["None people.csv: error: 4 rows of 300 have errors; with --strict no row may have one"]
        .assert_eq(&read(MaxBadRows::None));
    let of = |percent, rows| MaxBadRows::Percent(percent).of(rows);
    assert_eq!([of(1, 2), of(1, 199), of(1, 200), of(0, 10), of(100, 10)], [1, 1, 2, 1, 10]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        reading(&bytes);
        reading(&[b"employee_id,first_name,last_name,email,unit,leave,manager_id\n", &bytes[..]].concat());
    }

    #[test]
    fn a_good_file_with_random_damage_never_panics(
        encoding in 0..5_usize,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..8),
    ) {
        let mut bytes = encodings(SWEDISH).swap_remove(encoding).1;
        for (at, byte, how) in damage {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        let reading = reading(&bytes);
        prop_assert!(reading.roster.is_some() || reading.faults.iter().any(Diagnostic::is_error));
    }

    #[test]
    fn random_people_are_equal_in_every_encoding(
        names in prop::collection::vec("[A-ZÅÄÖ][a-zåäöéü]{1,12}( [A-Z][a-z]{1,5})?", 1..20),
        first in 0..5_usize,
    ) {
        let mut text = "id;förnamn;efternamn;mejl;enhet\n".to_owned();
        for (i, name) in names.iter().enumerate() {
            writeln!(text, "{i};{name};\"{name}\";p{i}@ekdala.example;Köket").expect("a string takes all");
        }
        let same = everything(&roster(&text));
        for (place, (separator, text)) in shapes(&text).into_iter().enumerate() {
            let (_, bytes) = encodings(&text).swap_remove((first + place) % 5);
            let reading = reading(&bytes);
            prop_assert_eq!(reading.notes.separator, separator);
            prop_assert_eq!(everything(&reading.roster.expect("a good file")), same.clone());
        }
    }
}
