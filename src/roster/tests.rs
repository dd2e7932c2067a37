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
        keep: keep.iter().copied().map(str::to_owned).collect(),
        default_language: Language::parse("sv").expect("a language"),
    }
}

fn reading(bytes: &[u8]) -> RosterResult {
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
    let refused = reading.faults.iter().any(Diagnostic::is_error);
    assert_eq!(refused, reading.roster.is_none(), "all or nothing");
    expected.assert_eq(&report_text(&reading));
}

fn report_text(reading: &RosterResult) -> String {
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
            people.csv:1:1: error: the headings were saved as UTF-8 and read as Windows-1252 on their way here
              hint: export again as UTF-8, and open the file as UTF-8 where it is edited
        "#]],
    );
    check(
        with("ort", "").replace("Åsa", "Ã…sa"),
        expect![[r#"
        people.csv:2:6: error: `förnamn` was saved as UTF-8 and read as Windows-1252 on its way here
          hint: export again as UTF-8, and open the file as UTF-8 where it is edited
    "#]],
    );
    check(
        with("ort", "").replace("Åsa", "\u{fffd}sa"),
        expect![[r#"
        people.csv:2:6: error: `förnamn` has a character that was lost on its way here (`�`)
          hint: export again as UTF-8
    "#]],
    );
    assert!(reading(with("ort", "").replace("Åsa", "JOÃO").as_bytes()).roster.is_some(), "a Portuguese name");
}

#[test]
fn utf_16_needs_a_byte_order_mark() {
    check(
        &utf16(SWEDISH, true)[2..],
        expect![[r#"
        people.csv: error: looks like UTF-16 without a byte order mark
          hint: export as UTF-8
    "#]],
    );
    check(
        &utf16(SWEDISH, false)[2..],
        expect![[r#"
        people.csv: error: looks like UTF-16 without a byte order mark
          hint: export as UTF-8
    "#]],
    );
    let mut half = utf16(SWEDISH, true);
    let at = SWEDISH.encode_utf16().position(|unit| unit == u16::from(b'Z')).expect("Zoë") + 1;
    half[2 * at..2 * at + 2].copy_from_slice(&0xD800_u16.to_le_bytes());
    check(
        half,
        expect![[r#"
        people.csv:4:6: error: half a character of UTF-16 in `förnamn`
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
        people.csv:3:6: error: not valid UTF-8 although earlier text is: byte 0xD6 in `last_name`
        people.csv:4:6: error: not valid UTF-8 although earlier text is: byte 0xD6 in `last_name`
    "#]],
    );
    check(
        [b"\xEF\xBB\xBFemployee_id,first_name,last_name,email,unit\n", &bad[..]].concat(),
        expect![[r#"
        people.csv:2:6: error: not valid UTF-8 although the file begins as such: byte 0xD6 in `last_name`
        people.csv:3:6: error: not valid UTF-8 although the file begins as such: byte 0xD6 in `last_name`
    "#]],
    );
}

#[test]
fn missing_duplicate_and_unknown_columns_are_reported() {
    check(
        "employee_id,frist_name,lastname,e-mail,skyddat,phone\n",
        expect![[r#"
            people.csv:1:1: error: the column `first_name` is missing (also `förnamn`)
              hint: did you mean it by `frist_name`?
            people.csv:1:1: error: the column `last_name` is missing (also `efternamn`)
              hint: did you mean it by `lastname`?
            people.csv:1:1: error: the column `unit` is missing (also `enhet`, `unit name`)
            people.csv:1:1: warning: the column `skyddat` is not known and is dropped
              hint: did you mean `protected`, or `skyddad`?
        "#]],
    );
    check(
        "id;anställningsnummer;förnamn;efternamn;epost;e_post;enhet\n",
        expect![[r#"
        people.csv:1:1: error: `id` and `anställningsnummer`, columns 1 and 2, both say `employee_id`; only one may
        people.csv:1:1: error: `epost` and `e_post`, columns 5 and 6, both say `email`; only one may
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
        people.csv: error: the file has a header and nobody below it; nothing is imported
    "#]],
    );
    check(
        "1001,Anna,Berg,anna@ekdala.example,IT\n",
        expect![[r#"
        people.csv:1:1: error: the first line names no column that is known; it must be a header
          hint: name at least `employee_id`, `email`, `first_name`, `last_name` and `unit`, with comma, semicolon or tab between them
    "#]],
    );
    check(
        "sep=|\nemployee_id|first_name\n",
        expect![[r#"
        people.csv:1:1: error: announces a separator that is neither comma, semicolon nor tab
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
    expect!["employee_id=Employee ID email=E-Post first_name=FIRST_NAME last_name=Last-Name unit=Unit  Name start_date=ANSTÄLLD_FRÅN end_date=anställd till"].assert_eq(&named.join(" "));
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
            people.csv:1:1: error: `keep` names `ort`, and the file has no such column
            people.csv:1:1: error: `keep` names `telfon`, and the file has no such column
              hint: did you mean `telefon`?
            people.csv:1:1: error: `keep` names `enhet`, which is read anyway; take it out of `keep`
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
            people.csv:2:1: error: found 4 fields, the header has 5
            people.csv:3:1: error: found 6 fields, the header has 5
              hint: a value that holds the separator needs quotes around it
            people.csv:4:3: error: a quote opens here and the line ends before it closes
              hint: close it; a value may not hold a line break, and a quote in a value is written twice
            people.csv:6:1: error: `employee_id` is empty; it is required
            people.csv:6:6: error: `last_name` is empty; it is required
            people.csv:9:3: error: a quote opens here and the line ends before it closes
              hint: close it; a value may not hold a line break, and a quote in a value is written twice
            people.csv:11:3: error: a quote opens here and the line ends before it closes
              hint: close it; a value may not hold a line break, and a quote in a value is written twice
            people.csv:12:1: error: found 1 field, the header has 5
            people.csv:14:6: error: a carriage return in `first_name`; lines end with LF or CR LF, and no value may hold a line break
            people.csv:15:7: error: a NUL character in `first_name`; no text has one
            people.csv:16:28: error: a quote opens here and the line ends before it closes
              hint: close it; a value may not hold a line break, and a quote in a value is written twice
        "#]],
    );
    check(
        below_header("1,Anna,Berg,anna@ekdala.example,IT\n").replace('\n', "\r"),
        expect![[r#"
        people.csv:1:44: error: a carriage return in the header; lines end with LF or CR LF, and no value may hold a line break
    "#]],
    );
    check(
        below_header(&"x".repeat(70_000)),
        expect![[r#"
        people.csv:2:1: error: longer than 65,536 bytes; no line of a people file is
    "#]],
    );
    check(
        below_header(&",".repeat(4_500)).replace(",,,", ",x,"),
        expect![[r#"
            people.csv:2:8: error: more than 1000 fields
        "#]],
    );
}

#[test]
fn errors_beyond_a_thousand_are_counted() {
    let lines: String = (0..1_500).map(|i| format!("{i},<,<,nobody,IT\n")).collect();
    let reading = reading(below_header(&lines).as_bytes());
    assert_eq!(reading.faults.len(), 1_001);
    expect!["people.csv: error: 1166 more lines have faults; these are the first 1000"]
        .assert_eq(&reading.faults[1_000].to_string());
}

#[test]
fn duplicate_lines_are_merged_and_conflicts_reported() {
    let same = "1,Anna,Berg,anna@ekdala.example,IT\n2,Bo,Dahl,bo@ekdala.example,IT\n\"1\", Anna ,Berg,anna@EKDALA.example,IT\n";
    let reading = reading(below_header(same).as_bytes());
    assert_eq!(reading.notes.identical, [IdenticalLine { line: 4, first: 2 }]);
    assert_eq!(reading.roster.expect("a good file").people.len(), 2);
    let other = "1,Anna,Berg,anna@ekdala.example,IT\n2,Bo,Dahl,bo@ekdala.example,IT\n1,Anna,Dahl,anna@ekdala.example,HR\n";
    check(
        below_header(other),
        expect![[r#"
        people.csv:2:1: warning: shares its mail address with line 4; all of them are held
          hint: a shared mailbox would mix answers; give each person an address, or none
        people.csv:4:1: error: the same employee id as on line 2, with another `last_name`, `unit`
          hint: keep one line per person; which is right, HR knows
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
        people.csv:2:1: warning: shares its mail address with line 4; all of them are held
          hint: a shared mailbox would mix answers; give each person an address, or none
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
    let reading = unless_changed(file.as_file(), "people.csv", |open| {
        let reading = read_from(open, &options(&[]));
        std::fs::write(file.path(), format!("{SWEDISH}1004;Per")).expect("written");
        reading
    });
    let reading = reading.expect("read");
    assert!(reading.roster.is_none());
    expect![[r#"
        people.csv: error: the file changed while it was read; nothing is imported
          hint: let the HR system write another name and rename it when it is done
    "#]]
    .assert_eq(&report_text(&reading));
}

#[test]
fn messages_never_contain_values() {
    // every column of every line has a different error
    let secret = "hemlig";
    let file = format!(
        "id,first_name,last_name,email,unit,unit_id,department,language,start_date,end_date,leave,protected\n\
         {secret}<,{secret}<,{secret}2,{secret},{secret}<,{secret}<,{secret}<,{secret}<,{secret},{secret},{secret},{secret}\n"
    );
    let report_text = report_text(&reading(file.as_bytes()));
    assert_eq!(report_text.matches("error").count(), 12, "{report_text}");
    assert!(!report_text.contains(secret), "{report_text}");
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
        prop_assert_eq!(reading.roster.is_none(), reading.faults.iter().any(Diagnostic::is_error));
    }

    #[test]
    fn random_people_are_equal_in_every_encoding(names in prop::collection::vec("[A-ZÅÄÖ][a-zåäöéü]{1,12}( [A-Z][a-z]{1,5})?", 1..20)) {
        let mut text = "id;förnamn;efternamn;mejl;enhet\n".to_owned();
        for (i, name) in names.iter().enumerate() {
            writeln!(text, "{i};{name};\"{name}\";p{i}@ekdala.example;Köket").expect("a string takes all");
        }
        let same = everything(&roster(&text));
        for (separator, text) in shapes(&text) {
            for (_, bytes) in encodings(&text) {
                let reading = reading(&bytes);
                prop_assert_eq!(reading.notes.separator, separator);
                prop_assert_eq!(everything(&reading.roster.expect("a good file")), same.clone());
            }
        }
    }
}
