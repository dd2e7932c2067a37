//! Tests of the schema: `schema.sql` and the migrations match, all tables are
//! strict, and personal data is in one table only.

use std::fs;

use super::{Store, file, hold, open};
use crate::store::migrate::{MIGRATIONS, sha256};

fn empty() -> (tempfile::TempDir, Store) {
    let home = tempfile::tempdir().expect("a folder");
    let store = open(&home.path().join("journey.db"));
    (home, store)
}

/// The first column of a query's result, as text.
fn column(store: &Store, sql: &str) -> Vec<String> {
    let mut statement = store.connection.prepare(sql).expect("a statement");
    let found = statement.query_map([], |row| row.get(0)).expect("rows");
    found.map(|text| text.expect("text")).collect()
}

/// `schema.sql` shows the schema to readers and the effect of a migration to
/// reviewers. This test writes it.
#[test]
fn schema_sql_is_what_the_migrations_make() {
    let (_home, store) = empty();
    let made = column(
        &store,
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
    );
    let mut should = "-- What the migrations make of an empty file; written by a test \
                      (`UPDATE_EXPECT=1 cargo test --lib store`).\n-- To change it, add a migration.\n"
        .to_owned();
    made.iter().for_each(|sql| should += &format!("\n{sql};\n"));
    hold("schema.sql", &should);
}

/// A released migration has been applied to databases that exist, so an edit
/// would make databases differ.
#[test]
fn a_released_migration_is_never_edited() {
    let known = fs::read_to_string(file("migrations/sha256")).unwrap_or_default();
    let line = |(n, migration): (usize, &crate::store::migrate::Migration)| {
        format!("{}  {n:04}_{}.sql\n", sha256(migration.sql), migration.name)
    };
    let lines: Vec<String> = (1..).zip(MIGRATIONS).map(line).collect();
    for (known, line) in known.lines().zip(&lines) {
        assert_eq!(
            known,
            line.trim_end(),
            "a migration was edited: add another one instead. Only where it has never been released, \
             take its line out of src/store/migrations/sha256 and let this test write it anew"
        );
    }
    assert!(known.lines().count() <= lines.len(), "a migration is gone");
    hold("migrations/sha256", &lines.concat());
    for (n, migration) in (1..).zip(MIGRATIONS) {
        let name = format!("migrations/{n:04}_{}.sql", migration.name);
        let text = fs::read_to_string(file(&name)).expect("a migration lies under its number and name");
        assert_eq!(text, migration.sql, "{name}");
    }
}

#[test]
fn each_table_is_strict() {
    let (_home, store) = empty();
    let loose = column(
        &store,
        "SELECT name FROM pragma_table_list
         WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'",
    );
    assert!(loose.is_empty(), "not STRICT: {loose:?}");
}

/// All tables except `person` refer to people by key. The contents of the
/// tables are checked in `tests/it/store`.
#[test]
fn only_the_person_table_has_columns_of_personal_data() {
    let (_home, store) = empty();
    let personal = column(
        &store,
        "SELECT tables.name || '.' || columns.name
         FROM pragma_table_list AS tables, pragma_table_info(tables.name) AS columns
         WHERE tables.schema = 'main' AND tables.type = 'table' AND tables.name NOT IN ('person', 'sqlite_schema')
           AND (columns.name IN ('employee_id', 'email', 'first_name', 'last_name', 'address')
                OR columns.name LIKE '%name' AND columns.name NOT IN ('name', 'by_name'))",
    );
    assert!(personal.is_empty(), "these belong into `person`: {personal:?}");
    let named = column(
        &store,
        "SELECT tables.name FROM pragma_table_list AS tables, pragma_table_info(tables.name) AS columns
         WHERE tables.schema = 'main' AND tables.type = 'table' AND tables.name <> 'sqlite_schema'
           AND columns.name = 'name' ORDER BY 1",
    );
    assert_eq!(named, ["migration", "person_extra", "unit"], "whose name is in these?");
}
