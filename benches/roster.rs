//! Measures the time and memory to read a people file.
//!
//! `cargo bench --bench roster` reads invented files of three sizes;
//! `cargo bench --bench roster -- FILE` reads that file once and prints the
//! time, and the memory of the process with the roster alone and at its most.

use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use journey::domain::model::ids::Language;
use journey::roster::{self, Options};

fn main() {
    match std::env::args().skip(1).find(|argument| Path::new(argument).is_file()) {
        Some(file) => once(Path::new(&file)),
        None => divan::main(),
    }
}

#[divan::bench(args = [1_400, 10_000, 100_000])]
fn people(bencher: divan::Bencher<'_, '_>, count: usize) {
    let written = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(written.path(), file(count)).expect("written");
    bencher
        .counter(divan::counter::ItemsCount::new(count))
        .bench_local(|| roster::read(divan::black_box(written.path()), &options()).expect("the file"));
}

fn options() -> Options {
    let default_language = Language::parse("sv").expect("a language");
    Options {
        name: "people.csv".to_owned(),
        columns: Vec::new(),
        max_bad_rows: roster::MaxBadRows::Percent(1),
        keep: Vec::new(),
        default_language,
    }
}

/// Semicolons and Swedish letters, as an HR system in Sweden exports.
fn file(count: usize) -> String {
    let mut file =
        "anställningsnummer;förnamn;efternamn;e-post;enhet;förvaltning;chef;anställd från\n".to_owned();
    for i in 0..count {
        let unit = i % (count / 20 + 1);
        writeln!(
            file,
            "{i:07};Åsa;Öström;person{i:07}@ekdala.example;Förskolan {unit};Barn och utbildning;{unit:07};2019-03-01"
        )
        .expect("a string takes all");
    }
    file
}

#[expect(clippy::print_stdout, reason = "a bench talks to the one who runs it")]
fn once(file: &Path) {
    let empty = memory("VmRSS");
    #[expect(clippy::disallowed_methods, reason = "a bench measures")]
    let start = Instant::now();
    let reading = roster::read(file, &options()).expect("the file");
    let took = start.elapsed();
    let most = memory("VmHWM");
    for fault in reading.faults.iter().take(20) {
        println!("{fault}");
    }
    let people = reading.roster.as_ref().map_or(0, |roster| roster.people.len());
    let with_people = memory("VmRSS");
    println!("{people} people, {:.2} s", took.as_secs_f64());
    println!("roster {} kB, most {} kB above the start", with_people - empty, most - empty);
}

/// Memory of this process in kB, as the kernel counts it; 0 where it is not available.
fn memory(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}
