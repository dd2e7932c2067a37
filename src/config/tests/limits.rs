//! Limits: how fast, how many a day, and less than that to one domain.

use super::*;

#[test]
fn limits_are_for_all_mails_and_for_single_domains() {
    let limits = "[mail.smtp]\nrate = \"unlimited\"\nper_day = 10_000\n\
                  [mail.smtp.domains.\"Öst.Example\"]\nrate = \"2/second\"\nper_day = \"unlimited\"\n\
                  [mail.smtp.domains.\"ekdala.example\"]\nper_day = 2000\nconnections = 1\n";
    let smtp = good(&format!("{LEAST}{limits}")).mail.smtp;
    let some = |n| NonZeroU32::new(n);
    assert_eq!((smtp.rate, smtp.per_day), (None, some(10_000)));
    let rate = Rate { mails: some(2).expect("some"), per: TimeDelta::seconds(1) };
    let of = |domain: &str, rate, per_day, connections| DomainConfig {
        domain: domain.into(),
        rate,
        per_day,
        connections,
    };
    let domains =
        [of("ekdala.example", None, some(2000), Some(1)), of("xn--st-eka.example", Some(rate), None, None)];
    assert_eq!(smtp.domains, domains, "as addresses are kept");
    let given = parse(LEAST, &[("JOURNEY_MAIL__SMTP__PER_DAY", "500")]).expect("a good configuration");
    assert_eq!(given.mail.smtp.per_day, some(500));
    assert_eq!((good(LEAST).mail.smtp.per_day, good(LEAST).mail.smtp.domains), (None, Vec::new()));
}

#[test]
fn invalid_limits_have_a_location() {
    let wrong = "[mail.smtp]\nper_day = -5\n\
                 [mail.smtp.domains]\n\"kort.example\" = 3\n\
                 [mail.smtp.domains.\"ekdala.example\"]\nrate = \"fast\"\nper_day = 0\nconection = 1\n\
                 [mail.smtp.domains.\"EKDALA.example\"]\nconnections = 0\n\
                 [mail.smtp.domains.\"anna@ekdala.example\"]\nrate = \"1/minute\"\n\
                 [mail.smtp.domains.norr.example]\nper_day = true\n";
    check(
        &format!("{LEAST}{wrong}"),
        &[],
        expect![[r#"
            config.toml:5:11: error: `mail.smtp.per_day` has `-5`; write a whole number of mails from 1 to 1000000, like 10000, or "unlimited"
            config.toml:7:1: error: `mail.smtp.domains."kort.example"` must be a section
              hint: write `[mail.smtp.domains."example.org"]`, with your own, and its keys below it
            config.toml:9:8: error: `mail.smtp.domains."ekdala.example".rate` has `fast`; write mails per second, minute or hour, like "25/minute", or "unlimited"
            config.toml:10:11: error: `mail.smtp.domains."ekdala.example".per_day` has `0`; write a whole number of mails from 1 to 1000000, like 10000, or "unlimited"
            config.toml:11:1: error: no such key: `mail.smtp.domains."ekdala.example".conection`
              hint: did you mean `connections`?
            config.toml:12:20: error: `mail.smtp.domains."EKDALA.example"` is written twice, perhaps in different ways
              hint: write it once
            config.toml:14:20: error: `mail.smtp.domains."anna@ekdala.example"` has an `@`; a domain is what stands behind it
              hint: write `[mail.smtp.domains."example.org"]`, with your own, and its keys below it
            config.toml:16:20: error: `mail.smtp.domains."norr"` has a domain without a dot
              hint: write `[mail.smtp.domains."example.org"]`, with your own, and its keys below it
        "#]],
    );
    check(
        &format!("{LEAST}[mail.smtp]\nper_day = 2.5\ndomains = \"ekdala.example\"\n"),
        &[],
        expect![[r#"
        config.toml:5:11: error: `mail.smtp.per_day` must be a whole number, or text in quotes; found: float
        config.toml:6:11: error: `mail.smtp.domains` must be a section for each name
          hint: write `[mail.smtp.domains."example.org"]`, with your own, and its keys below it
    "#]],
    );
    let variable =
        [("JOURNEY_MAIL__SMTP__PER_DAY", "many"), ("JOURNEY_MAIL__SMTP__DOMAINS__EKDALA__RATE", "1/hour")];
    check(
        LEAST,
        &variable,
        expect![[r#"
        JOURNEY_MAIL__SMTP__DOMAINS__EKDALA__RATE: error: no such setting
          hint: settings are named like `JOURNEY_MAIL__SMTP__HOST`; unset this one
        JOURNEY_MAIL__SMTP__PER_DAY: error: `mail.smtp.per_day` has `many`; write a whole number of mails from 1 to 1000000, like 10000, or "unlimited"
    "#]],
    );
}

/// What the example has commented out is what the program reads.
#[test]
fn the_example_of_a_domain_names_every_key() {
    let (_, from) = EXAMPLE.split_once("# [mail.smtp.domains.").expect("an example");
    let lines = from.lines().take_while(|line| !line.is_empty());
    let lines: Vec<&str> = lines.map(|line| line.trim_start_matches("# ")).collect();
    let config = good(&format!("{LEAST}[mail.smtp.domains.{}\n", lines.join("\n")));
    let [of] = &config.mail.smtp.domains[..] else { panic!("one domain") };
    assert_eq!(&*of.domain, "example.org");
    assert!(of.rate.is_some() && of.per_day.is_some() && of.connections.is_some(), "{of:?}");
}
