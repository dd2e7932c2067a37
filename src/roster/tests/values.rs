//! Tests of the values of each column: names, units, addresses, numbers, dates,
//! languages.

use super::*;

#[test]
fn invalid_names_are_rejected() {
    let names = [
        "Anna<b>",
        "{{person.email}}",
        "=1+1",
        "+1",
        "-1",
        "@x",
        "Anna\u{1b}[31m",
        "Anna\u{202e}",
        "[x](y)",
        "Anna|Bo",
        "A2",
        "…",
        "🙂",
        "\u{200b}Anna",
        "a\u{feff}",
        "http://x",
        "-Anna",
        "'",
        "`ls`",
        "Anna\u{2028}Bo",
    ];
    let mut lines = String::new();
    for (i, name) in names.iter().enumerate() {
        writeln!(lines, "{i},{name},Berg,,IT").expect("a string takes all");
    }
    writeln!(lines, "50,{},Berg,,IT", "a".repeat(101)).expect("a string takes all");
    check(
        below_header(&lines),
        expect![[r#"
            people.csv:2:3: error: `first_name` has the character `<`
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:3:3: error: `first_name` has the character `{`
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:4:3: error: `first_name` has the character `=`
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:5:3: error: `first_name` has the character `+`
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:6:3: error: `first_name` has the character `1`
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:7:3: error: `first_name` has the character `@`
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:8:3: error: `first_name` has the invisible character U+001B
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:9:3: error: `first_name` has the invisible character U+202E
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:10:3: error: `first_name` has the character `[`
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:11:3: error: `first_name` has the character `|`
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:12:4: error: `first_name` has the character `2`
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:13:4: error: `first_name` has the character `…`
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:14:4: error: `first_name` has the character `🙂`
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:15:4: error: `first_name` has the invisible character U+200B
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:16:4: error: `first_name` has the invisible character U+FEFF
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:17:4: error: `first_name` has the character `:`
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:18:4: error: `first_name` begins with `-`, which a spreadsheet takes for a formula
            people.csv:19:4: error: `first_name` has no letter
            people.csv:20:4: error: `first_name` has a back-tick
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:21:4: error: `first_name` has the invisible character U+2028
              hint: a name has letters, blanks, apostrophes, hyphens and dots
            people.csv:22:4: error: `first_name` has 101 characters; 100 are allowed
        "#]],
    );
}

#[test]
fn valid_names_are_accepted() {
    let names = [
        "Åsa-Lena",
        "O'Neil",
        "O’Neil",
        "J.",
        "Anna  Maria",
        "李",
        "Đặng",
        "محمد",
        "ÅSA",
        "d'Été",
        "von der Ahe",
    ];
    for name in names {
        let text = with("ort", "").replace("Åsa", name);
        let person = roster(&text).people[0].clone();
        assert!(!person.first_name.is_empty() && !person.first_name.contains("  "), "{name}");
    }
}

#[test]
fn units_and_additional_columns_are_validated() {
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
    check(
        below_header(&lines),
        expect![[r#"
            people.csv:4:14: error: `unit` has the character `=`
              hint: letters, digits, blanks and & / ( ) , . - + : are allowed
            people.csv:5:14: error: `unit` has the character `<`
              hint: letters, digits, blanks and & / ( ) , . - + : are allowed
            people.csv:6:14: error: `unit` has the character `{`
              hint: letters, digits, blanks and & / ( ) , . - + : are allowed
            people.csv:7:14: error: `unit` has a back-tick
              hint: letters, digits, blanks and & / ( ) , . - + : are allowed
            people.csv:8:14: error: `unit` has the character `[`
              hint: letters, digits, blanks and & / ( ) , . - + : are allowed
            people.csv:9:14: error: `unit` has `//`, which mail programs take for a link
            people.csv:10:14: error: `unit` begins with `-`, which a spreadsheet takes for a formula
        "#]],
    );
    for value in ["=1", "@x", "+a", "<i>", "{{x}}", "a\u{202e}b"] {
        let reading = read_from(with("ort", value).as_bytes(), &options(&["ort"])).expect("bytes");
        assert!(reading.roster.is_none(), "{value}");
    }
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
    "#]],
    );
    let file = below_header("1,Anna,Berg,anna@EXÄMPLE.se,IT\n2,Bo,Dahl,,IT\n");
    let reading = reading(file.as_bytes());
    assert_eq!(reading.notes.without_address, 1);
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
        people.csv:1:1: warning: the column `Personnr` looks like personal identity numbers; it was not read
          hint: drop the column at the source, so that the numbers do not travel
        1 people
    "#]],
    );
    check_keeping(
        &["personnr"],
        &file,
        expect![[r#"
        people.csv:1:1: error: the column `Personnr` holds personal identity numbers, which are never stored
          hint: drop the column at the source, and use the employee id where a person must be named
    "#]],
    );
    let mut as_id = below_header("198112189876,Anna,Berg,,IT\n198112189876,Anna,Dahl,,IT\n");
    as_id.push_str("7010632391,Bo,Ek,,=\n");
    check(
        &as_id,
        expect![[r#"
        people.csv:1:1: error: the column `employee_id` holds personal identity numbers, which are never stored
          hint: drop the column at the source, and use the employee id where a person must be named
        people.csv:3:1: error: the same employee id as on line 2, with another `last_name`
          hint: keep one line per person; which is right, HR knows
        people.csv:4:19: error: `unit` has the character `=`
          hint: letters, digits, blanks and & / ( ) , . - + : are allowed
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
          hint: write true, ja, 1 or x, or false, nej, 0 or nothing
    "#]],
    );
    check(
        with("skydad", "ja"),
        expect![[r#"
        people.csv:1:1: warning: the column `skydad` is not known and is dropped
          hint: did you mean `protected`, or `skyddad`?
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
        "#]],
    );
}

#[test]
fn dates_are_iso_8601() {
    for value in [
        "31/12/2026",
        "2027-02-29",
        "46387",
        "2026-12-31T00:00",
        "1899-12-31",
        "9999-12-31",
        "31 dec 2026",
        "20261231",
    ] {
        assert!(reading(with("start_date", value).as_bytes()).roster.is_none(), "{value}");
    }
    check(
        "id,first_name,last_name,email,unit,start_date,end_date,leave_from,leave_to,leave\n\
         1,A,B,,IT,31/12/2026,2027-02-29,46387,2026-13-01,2027-01-04\n\
         2,A,B,,IT,2027-02-01,2027-01-31,2027-03-02,2027-03-01,2027-05-02/2027-05-01\n\
         3,A,B,,IT,1899-12-31,31 dec 2026,,2027-03-01,2027-01-04/x\n",
        expect![[r#"
            people.csv:2:11: error: `start_date` has `31/12/2026`, which is not an ISO 8601 date
              hint: write the day as year-month-day, like 2027-01-31
            people.csv:2:22: error: `end_date` has 2027-02-29, a day that no calendar has
            people.csv:2:33: error: `leave_from` has `46387`, which is not an ISO 8601 date
              hint: this is a spreadsheet's own day number; format the column as text, then write the day as year-month-day, like 2027-01-31
            people.csv:2:39: error: `leave_to` has 2026-13-01, a day that no calendar has
            people.csv:2:50: error: `leave` has `2027-01-04`, which is not a period
              hint: write first and last day, like 2027-01-04/2027-02-26
            people.csv:3:22: error: `end_date` has 2027-01-31, before the start 2027-02-01
            people.csv:3:44: error: `leave_to` begins 2027-03-02, after its end 2027-03-01
            people.csv:3:55: error: `leave` begins 2027-05-02, after its end 2027-05-01
            people.csv:4:11: error: `start_date` has 1899-12-31; the year must be 1900 to 2100
            people.csv:4:22: error: `end_date` has something like `99 aaa 9999`, which is not an ISO 8601 date
              hint: write the day as year-month-day, like 2027-01-31
            people.csv:4:35: error: `leave_to` has an end, and the leave has no beginning
            people.csv:4:46: error: `leave` has something like `a`, which is not an ISO 8601 date
              hint: write the day as year-month-day, like 2027-01-31
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
    "#]],
    );
}
