//! Tests of the database: the contract of the store, for each kind of database,
//! and what happens when a database is damaged, full, locked or not writable,
//! with the built program.

mod backups;
mod contract;
mod crash;
pub(crate) mod faults;
mod passes;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use journey::domain::time::timezone::Timestamp;
use journey::store::Store;

use crate::crash::home::{folder, program_in};
use crate::rig::copy;

/// The number of people: the sample with a short people file.
pub(crate) const SOME: usize = 40;

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// A folder with the sample and this many lines of its people file.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub(crate) fn with(people: usize) -> Home {
        let home = Home { folder: folder() };
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::copy(root.join("config.toml"), home.path("config.toml")).expect("a copy");
        copy(&root.join("content"), &home.path("content"));
        let text = fs::read_to_string(root.join("people.csv")).expect("the sample's people");
        let lines: Vec<&str> = text.lines().take(people.saturating_add(1)).collect();
        fs::write(home.path("people.csv"), lines.join("\n") + "\n").expect("people");
        home
    }

    /// Another with the same files.
    fn twin(&self) -> Home {
        let twin = Home { folder: folder() };
        copy(self.folder.path(), twin.folder.path());
        twin
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path("journey.db")
    }

    /// The program, ready to start in this folder with an empty environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        program_in(self.folder.path(), arguments)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program starts")
    }

    /// Runs it and asserts success.
    pub(crate) fn done(&self, arguments: &[&str]) {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs it, asserts the exit code, and returns the output.
    fn refused(&self, arguments: &[&str], code: i32) -> String {
        told(&self.run(arguments), code)
    }

    /// The same, with a shorter timeout for a locked database.
    fn refused_as_busy(&self, arguments: &[&str]) -> String {
        let mut command = self.command(arguments);
        command.env("FAILPOINTS", "store.busy=return(200)");
        told(&command.output().expect("it starts"), 75)
    }

    /// Each file of the outbox, by name.
    pub(crate) fn outbox(&self) -> BTreeMap<String, Vec<u8>> {
        files(&self.path("outbox"))
    }
}

/// The output of a program that ended with that exit code.
fn told(output: &Output, code: i32) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// Each file below a folder, by its path there.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(folder).expect("below").to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

/// Skips a test that this machine cannot run, with a message; fails where
/// `JOURNEY_TEST_ALL` asks for everything.
pub(crate) fn skip(why: &str) {
    #[expect(clippy::disallowed_methods, reason = "the variable that asks for everything")]
    let everything = std::env::var_os("JOURNEY_TEST_ALL").is_some();
    assert!(!everything, "{why}");
    pass_over(why);
}

/// Reports a test as skipped, in any case.
#[expect(clippy::print_stdout, reason = "it is not a test, but its voice")]
fn pass_over(why: &str) {
    println!("skipped: {why}");
}

/// A kind of database, and what tests do to it directly.
struct Database {
    name: &'static str,
    open: fn(&Path) -> Store,
    /// All rows of each table as text.
    tables: fn(&Path) -> BTreeMap<String, Vec<String>>,
    /// After this many more rows, the next write fails.
    break_after: fn(&Path, u32),
    /// Undoes that.
    mend: fn(&Path),
    /// Tries to change and delete append-only rows; returns what was rejected.
    tamper: fn(&Path) -> Vec<String>,
}

/// Every kind of database; the contract runs for each.
const DATABASES: &[Database] = &[Database {
    name: "SQLite",
    open: |path| Store::open(path, at("2026-08-01T08:00:00Z"), || [7; 32]).expect("a database"),
    tables: sqlite::tables,
    break_after: sqlite::break_after,
    mend: sqlite::mend,
    tamper: sqlite::tamper,
}];

/// Direct access to SQLite.
mod sqlite {
    use std::collections::BTreeMap;
    use std::path::Path;

    use rusqlite::Connection;

    pub(super) fn connect(path: &Path) -> Connection {
        Connection::open(path).expect("a database")
    }

    pub(super) fn column(connection: &Connection, sql: &str) -> Vec<String> {
        let mut statement = connection.prepare(sql).expect("a statement");
        let found = statement.query_map([], |row| row.get(0)).expect("rows");
        found.map(|text| text.expect("text")).collect()
    }

    fn names(connection: &Connection) -> Vec<String> {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'fuse' ORDER BY name";
        column(connection, sql)
    }

    pub(super) fn tables(path: &Path) -> BTreeMap<String, Vec<String>> {
        let connection = connect(path);
        let rows = |table: String| {
            let columns = column(&connection, &format!("SELECT name FROM pragma_table_info('{table}')"));
            let quoted: Vec<String> = columns.iter().map(|name| format!("quote({name})")).collect();
            let sql = format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || ',' || "));
            let rows = column(&connection, &sql);
            (table, rows)
        };
        names(&connection).into_iter().map(rows).collect()
    }

    pub(super) fn break_after(path: &Path, rows: u32) {
        let connection = connect(path);
        let mut sql = format!("BEGIN; CREATE TABLE fuse (rows INTEGER); INSERT INTO fuse VALUES ({rows});");
        for table in names(&connection) {
            for what in ["INSERT", "UPDATE", "DELETE"] {
                sql += &format!(
                    "CREATE TRIGGER fuse_{table}_{what} AFTER {what} ON {table} BEGIN
                     UPDATE fuse SET rows = rows - 1;
                     SELECT raise(ABORT, 'the fuse has blown') FROM fuse WHERE rows < 0; END;"
                );
            }
        }
        connection.execute_batch(&(sql + "COMMIT;")).expect("a fuse");
    }

    pub(super) fn mend(path: &Path) {
        let connection = connect(path);
        let sql = "SELECT 'DROP TRIGGER ' || name || ';' FROM sqlite_schema WHERE name LIKE 'fuse_%_%'";
        let drops = column(&connection, sql).concat();
        connection.execute_batch(&format!("BEGIN; {drops} DROP TABLE fuse; COMMIT;")).expect("mended");
    }

    pub(super) fn tamper(path: &Path) -> Vec<String> {
        let connection = connect(path);
        let tries = [
            "UPDATE event SET step = 'x'",
            "DELETE FROM event",
            "UPDATE audit SET by_name = 'x'",
            "DELETE FROM audit",
        ];
        let refused = tries.into_iter().filter_map(|sql| connection.execute(sql, []).err());
        refused.map(|error| error.to_string()).collect()
    }
}
