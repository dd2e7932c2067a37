//! Tests of the values of each column: names, units, addresses, numbers, dates,
//! languages.

use super::*;

/// People whose first names are these.
fn named(names: &[&str]) -> String {
    let rows = names.iter().enumerate().map(|(i, name)| {
        let name = name.replace('"', "\"\"");
        format!("{i},\"{name}\",Berg,,IT\n")
    });
    below_header(&rows.collect::<String>())
}

#[test]
fn names_are_what_people_are_called() {
    let names = [
        "Åsa-Lena",
        "O'Neil",
        "O’Neil",
        "O´Connor",
        "O`Brien",
        "J.",
        "李",
        "Đặng",
        "محمد",
        "ÅSA",
        "d'Été",
        "von der Ahe",
        "X Æ A-12",
        "Anna 2",
        "Bo (Bosse)",
        "Smith, Jr",
        "A/B",
        "🙂",
        "…",
        "'",
        "=1+1",
        "+1",
        "-1",
        "@x",
        "<b>Anna</b>",
        "{{person.email}}",
        "[x](y)",
        "http://x.example",
        "Anna|Bo",
        "null",
        "\"Kalle\"",
        "a\u{200d}b",
        "&amp;",
        "=?utf-8?q?x?=",
        "%s",
        "${HOME}",
        "$(ls)",
        "&",
    ];
    let roster = roster(&named(&names));
    let read: Vec<&str> = roster.people.iter().map(|person| &*person.first_name).collect();
    assert_eq!(read, names);
    let longest = "å".repeat(200);
    assert_eq!(&*self::roster(&named(&[&longest])).people[0].first_name, longest);
    assert_eq!(&*self::roster(&named(&["Anna\u{a0} Maria  "])).people[0].first_name, "Anna Maria");
}

#[test]
fn names_have_no_line_breaks_control_characters_or_direction_marks() {
    let names = [
        "Anna\nMaria",
        "Anna\rMaria",
        "Anna\u{2028}Bo",
        "a\u{85}b",
        "a\0b",
        "a\tb",
        "Anna\u{1b}[31m",
        "a\u{7f}b",
        "a\u{9c}b",
        "Anna\u{202e}",
        "\u{2066}Anna",
        "a\u{2069}",
    ];
    let mut file = named(&names);
    writeln!(file, "50,{},Berg,,IT", "a".repeat(201)).expect("a string takes all");
    check(
        &file,
        expect![[r#"
        people.csv:2:3: error: `first_name` has a line break
          hint: remove the line break in the HR system
        people.csv:4:3: error: `first_name` has a line break
          hint: remove the line break in the HR system
        people.csv:5:3: error: `first_name` has a line break
          hint: remove the line break in the HR system
        people.csv:6:3: error: `first_name` has a line break
          hint: remove the line break in the HR system
        people.csv:7:3: error: `first_name` has the control character U+0000
          hint: remove it in the HR system; it cannot be seen
        people.csv:8:3: error: `first_name` has the control character U+0009
          hint: remove it in the HR system; it cannot be seen
        people.csv:9:3: error: `first_name` has the control character U+001B
          hint: remove it in the HR system; it cannot be seen
        people.csv:10:3: error: `first_name` has the control character U+007F
          hint: remove it in the HR system; it cannot be seen
        people.csv:11:3: error: `first_name` has the control character U+009C
          hint: remove it in the HR system; it cannot be seen
        people.csv:12:3: error: `first_name` has the character U+202E, which changes the direction of text
          hint: remove it in the HR system; it cannot be seen
        people.csv:13:4: error: `first_name` has the character U+2066, which changes the direction of text
          hint: remove it in the HR system; it cannot be seen
        people.csv:14:4: error: `first_name` has the character U+2069, which changes the direction of text
          hint: remove it in the HR system; it cannot be seen
        people.csv:15:4: error: `first_name` has 201 characters; at most 200 are allowed
        people.csv: error: no row is without errors
    "#]],
    );
    assert_eq!(reading(file.as_bytes()).set_aside.count(), names.len() as u32 + 1);
}

#[test]
fn one_of_the_two_names_may_be_empty() {
    let file = below_header("1,,Berg,,IT\n2,Anna,,,IT\n3,,,,IT\n4,\u{200b},\u{a0},,IT\n");
    check(
        &file,
        expect![[r#"
            people.csv:4:3: error: `first_name` is empty, and so is the last name; one of them is needed
            people.csv:5:3: error: `first_name` is empty, and so is the last name; one of them is needed
            2 people
        "#]],
    );
    let roster = reading(file.as_bytes()).roster.expect("two people");
    let names: Vec<String> = roster.people.iter().map(Person::full_name).collect();
    assert_eq!(names, ["Berg", "Anna"]);
}

#[test]
fn a_name_that_looks_like_something_else_is_a_warning() {
    let rows = [
        "1,http://x.example/a,Berg,,IT",
        "2,Anna,evil.example,,IT",
        "3,Anna,Berg,,www.x.example",
        "4,<b>Anna</b>,Berg,,IT",
        "5,Anna,{{person.email}},,IT",
        "6,Anna,[x](y),,IT",
        "7,Anna&nbsp;Maria,Berg,,IT",
        "8,=1+1,Berg,,IT",
        "9,Anna,-1,,IT",
        "10,Anna,Berg,,@SUM(A1)",
        "11,J.R.R.,Tolkien,,Kök & städ; nr 2",
        "12,St. Anna,Berg,,IT/drift: 1.",
        "13,Ã…sa,Berg,,IT",
        "14,\u{fffd}sa,Berg,,IT",
        "15,JOÃO,Berg,,IT",
    ];
    check(
        below_header(&(rows.join("\n") + "\n")),
        expect![[r#"
            people.csv:2:1: warning: `first_name` looks like a link
              hint: it is imported and shown as it is; if it is wrong, correct it in the HR system
            people.csv:3:1: warning: `last_name` looks like a link
              hint: it is imported and shown as it is; if it is wrong, correct it in the HR system
            people.csv:4:1: warning: `unit` looks like a link
              hint: it is imported and shown as it is; if it is wrong, correct it in the HR system
            people.csv:5:1: warning: `first_name` looks like markup
              hint: it is imported and shown as it is; if it is wrong, correct it in the HR system
            people.csv:6:1: warning: `last_name` looks like markup
              hint: it is imported and shown as it is; if it is wrong, correct it in the HR system
            people.csv:7:1: warning: `last_name` looks like markup
              hint: it is imported and shown as it is; if it is wrong, correct it in the HR system
            people.csv:8:1: warning: `first_name` looks like markup
              hint: it is imported and shown as it is; if it is wrong, correct it in the HR system
            people.csv:9:1: warning: `first_name` looks like a formula of a spreadsheet
              hint: it is imported and shown as it is; if it is wrong, correct it in the HR system
            people.csv:11:1: warning: `unit` looks like a formula of a spreadsheet
              hint: it is imported and shown as it is; if it is wrong, correct it in the HR system
            people.csv:14:1: warning: `first_name` seems to have wrong letters, as if UTF-8 was read as Windows-1252
              hint: it is imported and shown as it is; if it is wrong, correct it in the HR system
            people.csv:15:1: warning: `first_name` seems to have wrong letters, as if UTF-8 was read as Windows-1252
              hint: it is imported and shown as it is; if it is wrong, correct it in the HR system
            15 people
        "#]],
    );
}

#[test]
fn a_file_with_wrong_letters_everywhere_is_not_imported() {
    let rows: String = (0..200).map(|i| format!("{i},Ã…sa,Berg,,IT\n")).collect();
    let options = Options { max_bad_rows: MaxBadRows::Percent(1), ..options(&[]) };
    let reading = read_from(below_header(&rows).as_bytes(), &options).expect("bytes");
    assert!(reading.roster.is_none());
    let errors: Vec<String> =
        reading.faults.iter().filter(|fault| fault.is_error()).map(ToString::to_string).collect();
    expect![[r#"
        people.csv: error: 200 of 200 rows have names with wrong letters: the file was saved as UTF-8 and then read as Windows-1252
          hint: export it again as UTF-8, and open it as UTF-8 where it is edited"#]].assert_eq(&errors.join("\n"));
}

#[test]
fn units_and_additional_columns_are_free_too() {
    let units = [
        "Kök & städ (norr), nr 2",
        "IT/drift: 1.",
        "=SUM(A1)",
        "<b>",
        "{{x}}",
        "a`b",
        "[a](b)",
        "http://x",
        "--",
    ];
    let mut lines = String::new();
    for (i, unit) in units.iter().enumerate() {
        writeln!(lines, "{i},Anna,Berg,,\"{unit}\"").expect("a string takes all");
    }
    let roster = roster(&below_header(&lines));
    let names: Vec<&str> = roster.people.iter().map(|person| roster.unit_name(&person.unit)).collect();
    assert_eq!(names, units);
    for value in ["=1", "@x", "+a", "<i>", "{{x}}", ""] {
        let reading = read_from(with("ort", value).as_bytes(), &options(&["ort"])).expect("bytes");
        assert_eq!(&*reading.roster.expect("a good file").people[0].extra[0].1, value);
    }
    check_keeping(
        &["ort"],
        with("ort", "a\u{202e}b"),
        expect![[r#"
        people.csv:2:41: error: `ort` has the character U+202E, which changes the direction of text
          hint: remove it in the HR system; it cannot be seen
        people.csv: error: no row is without errors
    "#]],
    );
}

#[test]
fn addresses_are_validated() {
    let addresses = [
        "anna@ekdala.example",
        "anna@exämple.se",
        "Anna <a@ekdala.example>",
        "a@ekdala.example b@ekdala.example",
        "åsa@ekdala.example",
        "a@[127.0.0.1]",
        "a@localhost",
        "",
    ];
    let mut lines = String::new();
    for (i, address) in addresses.iter().enumerate() {
        writeln!(lines, "{i},Anna,Berg,{address},IT").expect("a string takes all");
    }
    check(
        below_header(&lines),
        expect![[r#"
            people.csv:4:13: error: `email` has a name, quotes or brackets around it; only the bare address may stand there
            people.csv:5:13: error: `email` holds more than one address; exactly one may stand there
            people.csv:6:13: error: `email` has letters other than a–z before the `@`, which not every mail server takes
            people.csv:7:13: error: `email` has a number in brackets instead of a domain
            people.csv:8:13: error: `email` has a domain without a dot
            3 people
        "#]],
    );
    let file = below_header("1,Anna,Berg,anna@EXÄMPLE.se,IT\n2,Bo,Dahl,,IT\n");
    let reading = reading(file.as_bytes());
    assert_eq!(reading.notes.counts.without_address, 1);
    let roster = reading.roster.expect("a good file");
    assert_eq!(roster.people[0].email.as_deref(), Some("anna@xn--exmple-cua.se"));
    assert!(!roster.people[1].reachable());
}

#[test]
fn personal_identity_numbers_are_never_read() {
    let file = with("Personnr", "19811218-9876");
    check(
        &file,
        expect![[r#"
            people.csv:1:1: warning: the column `Personnr` seems to have personal identity numbers; it is not kept
              hint: remove the column in the HR system's export, so that the numbers are not passed on
            1 people
        "#]],
    );
    check_keeping(
        &["personnr"],
        &file,
        expect![[r#"
            people.csv:1:1: warning: the column `Personnr` seems to have personal identity numbers; it is not kept
              hint: remove the column in the HR system's export, so that the numbers are not passed on
            1 people
        "#]],
    );
    let mut as_id = below_header("198112189876,Anna,Berg,,IT\n198112189876,Anna,Dahl,,IT\n");
    as_id.push_str("7010632391,Bo,Ek,,=\n");
    check(
        &as_id,
        expect![[r#"
            people.csv:1:1: error: the column `employee_id` has personal identity numbers, which are never stored
              hint: export another column instead; people are identified by their employee id
            people.csv:2:1: error: the same employee id as on line 3, but another `last_name`
              hint: keep one row for each person; all rows with this id are left out until then
            people.csv:3:1: error: the same employee id as on line 2, but another `last_name`
              hint: keep one row for each person; all rows with this id are left out until then
            people.csv:4:1: warning: `unit` looks like a formula of a spreadsheet
              hint: it is imported and shown as it is; if it is wrong, correct it in the HR system
        "#]],
    );
    for (column, value) in
        [("anställd från", "811218-9876"), ("språk", "811218-9876"), ("chef", "198112189876")]
    {
        let report_text = report_text(&reading(with(column, value).as_bytes()));
        assert!(!report_text.contains("9876"), "{report_text}");
    }
}

#[test]
fn ambiguous_values_of_protected_are_rejected() {
    for (value, protected) in
        [("ja", true), ("JA", true), ("1", true), ("x", true), ("true", true), ("", false), ("Nej", false)]
    {
        assert_eq!(roster(&with("skyddad", value)).people[0].protected, protected, "{value}");
    }
    check(
        with("skyddad", "kanske"),
        expect![[r#"
            people.csv:2:41: error: `skyddad` has something like `aaaaaa`, which is neither yes nor no
              hint: write true, ja, yes, 1 or x; or false, nej, no, 0 or nothing
            people.csv: error: no row is without errors
        "#]],
    );
    check(
        with("skydad", "ja"),
        expect![[r#"
            people.csv:1:1: warning: the column `skydad` is not known and is not read
              hint: did you mean `protected` (or `skyddad`, `skyddade uppgifter`)?
            1 people
        "#]],
    );
}

#[test]
fn missing_self_and_cyclic_managers_are_reported() {
    let file = "id,first_name,last_name,email,unit,manager_id,manager_email\n\
        1,Anna,Berg,anna@ekdala.example,IT,2,\n\
        2,Bo,Dahl,bo@ekdala.example,IT,3,\n\
        3,Cia,Ek,cia@ekdala.example,HR,1,\n\
        4,Dan,Falk,dan@ekdala.example,HR,4,\n\
        5,Eva,Gran,eva@ekdala.example,HR,99,\n\
        6,Per,Holm,per@ekdala.example,Kök,99,\n\
        7,Ida,Juhl,ida@ekdala.example,Kök,99,\n\
        8,Ola,Kron,ola@ekdala.example,Kök,1,\n\
        9,Pia,Lind,pia@ekdala.example,Arkiv,,ANNA@ekdala.example\n\
        10,Jon,Malm,jon@ekdala.example,Arkiv,,nobody@ekdala.example\n\
        11,Kaj,Nord,kaj@ekdala.example,Arkiv,Anna Berg,\n\
        12,Lo,Ost,lo@ekdala.example,Arkiv,1,\n";
    check(
        file,
        expect![[r#"
            people.csv:2:1: warning: the people on lines 2, 3 and 4 are each other's managers in a ring
            people.csv:5:1: warning: this person is named as their own manager
            people.csv:6:1: warning: the manager `99` named on lines 6, 7 and 8 is not in the file
            people.csv:11:1: warning: the manager named on line 11 is not in the file
              hint: managers are named by employee id or mail address
            people.csv:12:1: warning: the manager named on line 12 is not in the file
              hint: managers are named by employee id or mail address
            12 people
        "#]],
    );
    let roster = roster(file);
    let units = roster.units.iter().map(|unit| format!("{}: {:?}\n", unit.name, unit.manager));
    expect![[r#"
        IT: Some(2)
        HR: Some(1)
        Kök: None
        Arkiv: Some(1)
    "#]]
    .assert_eq(&units.collect::<String>());
}

#[test]
fn many_missing_managers_are_summarised() {
    let lines: String = (0..1_400).map(|i| format!("{i},Anna,Berg,,IT,m{i}\n")).collect();
    let file = format!("id,first_name,last_name,email,unit,manager_id\n{lines}");
    let reading = reading(file.as_bytes());
    assert_eq!(reading.faults.len(), 21);
    expect!["people.csv: warning: and 1380 more managers are not in the file"]
        .assert_eq(&reading.faults[20].to_string());
}

#[test]
fn a_unit_has_the_most_frequent_name() {
    let roster = roster(
        "id,first_name,last_name,email,unit,unit_id,department\n\
         1,A,B,,Kök,K1,Kost\n2,A,B,,Köket,K1,Kost\n3,A,B,,Köket,K1,Kost\n4,A,B,,Köket,K2,Kost\n5,A,B,,Arkivet,,\n",
    );
    let units = roster.units.iter().map(|unit| format!("{} {}\n", unit.id, unit.name)).collect::<String>();
    expect![[r#"
        K1 Köket
        K2 Köket
        Arkivet Arkivet
    "#]]
    .assert_eq(&units);
    let departments: Vec<_> = roster.people.iter().filter_map(|person| person.department.as_ref()).collect();
    assert!(std::sync::Arc::ptr_eq(departments[0], departments[3]), "shared by many, kept once");
}

#[test]
fn ids_are_text() {
    let roster = roster(&below_header("00123,Anna,Berg,,IT\n123,Bo,Dahl,,IT\n"));
    assert_ne!(roster.people[0].id, roster.people[1].id);
    assert!(roster.person(&PersonId::new("00123")).is_some());
    check(
        below_header(
            "1.23E+05,Anna,Berg,,IT\n\"1,23E+05\",Anna,Berg,,IT\n1001.0,Anna,Berg,,IT\n../x,Anna,Berg,,IT\n-1,Anna,Berg,,IT\n",
        ),
        expect![[r#"
            people.csv:2:1: error: `employee_id` has a number that a spreadsheet made of an id
              hint: format the column as text before pasting or opening the file; digits are lost for good
            people.csv:3:1: error: `employee_id` has a number that a spreadsheet made of an id
              hint: format the column as text before pasting or opening the file; digits are lost for good
            people.csv:4:1: error: `employee_id` has a number that a spreadsheet made of an id
              hint: format the column as text before pasting or opening the file; digits are lost for good
            people.csv:5:1: error: `employee_id` has the character `/`
              hint: an employee id has letters a–z, digits, `-`, `_` and `.`
            people.csv:6:1: error: `employee_id` must begin with a letter or digit
            people.csv: error: no row is without errors
        "#]],
    );
}

#[test]
fn dates_are_year_month_day() {
    let date = |value: &str| roster(&with("start_date", value)).people[0].start.map(|date| date.to_string());
    for value in ["2027-01-05", "2027-1-5", "20270105", "2027/01/05", "2027.01.05", "2027/1/05"] {
        assert_eq!(date(value).as_deref(), Some("2027-01-05"), "{value}");
    }
    for value in [
        "9999-12-31",
        "2999-12-31",
        "99991231",
        "2100-01-01",
        "1900-01-01",
        "1753-01-01",
        "0001-01-01",
        "-",
        "–",
        "0000-00-00",
        "tillsvidare",
        "NULL",
        "",
    ] {
        assert_eq!(date(value), None, "{value}");
        assert_eq!(
            roster(&with("slutdatum;anställd till", &format!(";{value}"))).people[0].end,
            None,
            "{value}"
        );
    }
    for value in [
        "31/12/2026",
        "05/01/2027",
        "5.1.2027",
        "2027-02-29",
        "46387",
        "44197.0",
        "2026-12-31T00:00",
        "31 dec 2026",
        "27-01-05",
        "27/1/5",
        "2027-01.05",
        "2027-01-05-",
        "2027-001-05",
        "202701",
        "idag",
    ] {
        assert!(reading(with("start_date", value).as_bytes()).roster.is_none(), "{value}");
    }
    check(
        "id,first_name,last_name,email,unit,start_date,end_date,leave_from,leave_to,leave\n\
         1,A,B,,IT,31/12/2026,2027-02-29,46387,2026-13-01,2027-01-04\n\
         2,A,B,,IT,2027-02-01,2027-01-31,2027-03-02,2027-03-01,2027-05-02/2027-05-01\n\
         3,A,B,,IT,27-01-05,31 dec 2026,,2027-03-01,2027-01-04/x\n\
         4,A,B,,IT,2027-01-01,9999-12-31,1900-01-01,9999-12-31,-\n",
        expect![[r#"
            people.csv:2:11: error: `start_date` has `31/12/2026`, which is not a date in a form that is read
              hint: write year-month-day, like 2027-01-31
            people.csv:2:22: error: `end_date` has 2027-02-29, a date that does not exist
            people.csv:2:33: error: `leave_from` has `46387`, which is not a date in a form that is read
              hint: this is a spreadsheet's own number for a day; format the column as text, then write year-month-day, like 2027-01-31
            people.csv:2:39: error: `leave_to` has 2026-13-01, a date that does not exist
            people.csv:2:50: error: `leave` has `2027-01-04`, which is not a period
              hint: write first and last day, like 2027-01-04/2027-02-26
            people.csv:3:22: error: `end_date` has 2027-01-31, which is before the start on 2027-02-01
            people.csv:3:44: error: `leave_to` begins on 2027-03-02, after its end on 2027-03-01
            people.csv:3:55: error: `leave` begins on 2027-05-02, after its end on 2027-05-01
            people.csv:4:11: error: `start_date` has `27-01-05`, which is not a date in a form that is read
              hint: write year-month-day, like 2027-01-31
            people.csv:4:20: error: `end_date` has something like `99 aaa 9999`, which is not a date in a form that is read
              hint: write year-month-day, like 2027-01-31
            people.csv:4:33: error: `leave_to` has an end of leave, but there is no beginning
            people.csv:4:44: error: `leave` has something like `a`, which is not a date in a form that is read
              hint: write year-month-day, like 2027-01-31
            1 people
        "#]],
    );
}

#[test]
fn leave_is_one_list_however_it_is_written() {
    let leave = |from: &str, to: &str, leave: &str| {
        let file = format!(
            "id,first_name,last_name,email,unit,leave_from,leave_to,leave\n1,A,B,,IT,{from},{to},{leave}\n"
        );
        let Person { leave, .. } = roster(&file).people[0].clone();
        leave.iter().map(|period| format!("{}/{} ", period.from, period.to)).collect::<String>()
    };
    let both = leave(
        "2027-06-01",
        "2027-06-30",
        "2027-08-01/2027-08-31 2027-01-04/2027-02-26 2027-07-01/2027-07-02",
    );
    expect!["2027-01-04/2027-02-26 2027-06-01/2027-07-02 2027-08-01/2027-08-31 "].assert_eq(&both);
    expect!["2027-06-01/2100-12-31 "].assert_eq(&leave("2027-06-01", "", ""));
    expect!["2027-06-01/2100-12-31 "].assert_eq(&leave("2027-06-01", "9999-12-31", "-"));
    expect![""].assert_eq(&leave("-", "-", ""));
    expect!["2027-06-01/2100-12-31 "].assert_eq(&leave("", "", "2027-06-01/.. 2027-09-01/2027-09-30"));
}

#[test]
fn languages_are_tags() {
    assert_eq!(roster(&with("språk", "nb-NO")).people[0].language.as_str(), "nb-no");
    assert_eq!(roster(&with("språk", "")).people[0].language.as_str(), "sv");
    check(
        with("språk", "svenska"),
        expect![[r#"
            people.csv:2:41: error: `språk` has something like `aaaaaaa`, which is not a language tag
              hint: write a tag like sv, en or nb-NO
            people.csv: error: no row is without errors
        "#]],
    );
}
