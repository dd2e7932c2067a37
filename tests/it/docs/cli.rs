//! Generates `docs/cli.md` from the command definitions.

use std::fmt::Write;

use clap::{Arg, Command};

#[test]
fn the_command_definitions_are_consistent() {
    journey::cli::tree().debug_assert();
}

#[test]
fn the_command_reference_is_generated_from_the_commands() {
    super::hold("docs/cli.md", &reference());
}

const HEAD: &str = "\
# Every command

Written by a test from the help of the commands; `journey help COMMAND` prints the same. [transcripts](../tests/transcripts) shows what they print, and [json.md](json.md) describes their JSON.

`PERSON` is an employee id or a mail address, `STEP` is `<journey>/<step>`, `UNIT` an id or a name. `TIME` is RFC 3339, or without an offset the programme's local time. Results go to standard output, messages to standard error. There is colour only on a terminal, and not with `NO_COLOR`.

| exit code | |
|---|---|
| 0 | done; also when nothing is due |
| 1 | `check` or `doctor` found errors; some mails were refused or stopped; rows of the people file were not imported; or the daemon must be restarted, and nothing is lost |
| 2 | wrong usage |
| 65 | bad people file, or a damaged database |
| 69 | the mail server, or the program that sends, is not available |
| 73 | a file cannot be created |
| 74 | cannot read or write |
| 75 | try again later: another journey is running, sending was stopped, or the mail server asked for it; `bounce` uses it for every error that can pass |
| 77 | no permission |
| 78 | bad configuration or content |
| 80 | stopped for safety: too many people would leave, or the database may be a copy |
";

fn reference() -> String {
    let mut tree = journey::cli::tree();
    tree.build();
    let mut text = HEAD.to_owned();
    write!(text, "\n## With every command\n\n").expect("text");
    options(&mut text, tree.get_arguments().filter(|argument| argument.is_global_set()));
    for command in tree.get_subcommands_mut() {
        section(&mut text, command);
    }
    text
}

/// A command, or each of its subcommands.
fn section(text: &mut String, command: &mut Command) {
    if command.get_name() == "help" {
        return;
    }
    let below = command.has_subcommands();
    // `hold` is a command, and `hold release` another.
    if !below || command.get_arguments().any(is_own) {
        of_itself(text, command);
    }
    if below {
        command.get_subcommands_mut().for_each(|below| section(text, below));
    }
}

fn of_itself(text: &mut String, command: &mut Command) {
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let name = command.get_bin_name().unwrap_or_default();
    write!(text, "\n## `{name}`\n\n").expect("text");
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string);
    for part in about.unwrap_or_default().split("\n\n") {
        match part.strip_prefix("Example: ") {
            Some(example) => write!(text, "For example `{example}`\n\n").expect("text"),
            None => write!(text, "{}.\n\n", escaped(part).trim_end_matches('.')).expect("text"),
        }
    }
    write!(text, "```text\n{usage}\n```\n").expect("text");
    let own: Vec<&Arg> = command.get_arguments().filter(|argument| is_own(argument)).collect();
    if !own.is_empty() {
        text.push('\n');
        options(text, own.into_iter());
    }
}

fn is_own(argument: &Arg) -> bool {
    !argument.is_global_set() && !matches!(argument.get_id().as_str(), "help" | "version")
}

/// A table of options and arguments, with their possible values.
fn options<'a>(text: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    text.push_str("| | |\n|---|---|\n");
    for argument in arguments {
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let values = argument.get_possible_values();
        let shown = values.iter().filter(|_| argument.get_action().takes_values());
        let shown: Vec<String> = shown
            .map(|value| match value.get_help() {
                Some(help) => format!("`{}`: {}", value.get_name(), lower(&help.to_string())),
                None => format!("`{}`", value.get_name()),
            })
            .collect();
        let shown = if shown.is_empty() { String::new() } else { format!("; {}", shown.join(", ")) };
        writeln!(text, "| `{}` | {}{shown} |", spelled(argument), escaped(&help)).expect("text");
    }
}

/// `--only <STEP>`, `-q`, `[FILE]`.
fn spelled(argument: &Arg) -> String {
    let names: Vec<String> =
        argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
    let value = names.join(" ");
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let option: Vec<String> = short.into_iter().chain(long).collect();
    let value = value.replace('|', "\\|");
    match (option.is_empty(), argument.get_action().takes_values()) {
        (true, _) if argument.is_required_set() => format!("<{value}>"),
        (true, _) => format!("[{value}]"),
        (false, true) => format!("{} <{value}>", option.join(", ")),
        (false, false) => option.join(", "),
    }
}

/// Text without tags and table separators.
fn escaped(text: &str) -> String {
    text.replace('<', "\\<").replace('|', "\\|")
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().to_string() + letters.as_str())
}
