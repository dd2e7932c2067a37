//! `journey matrix`: shows which texts exist for each step, character and language.

use std::io::Write;

use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::output::{self, Format};
use crate::cli::style::{BOLD, DIM};
use crate::domain::model::ids::{Language, Slug};
use crate::engine::plan::coverage::{self, Cell, StepCoverage};
use crate::view::coverage::CoverageView;

/// Show which step has which text, by character and language
///
/// Example: journey matrix --journey miljo
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Only this journey
    #[arg(long, value_name = "JOURNEY")]
    journey: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let (snapshot, _) = cx.snapshot()?;
    let only =
        args.journey.as_deref().map(|text| crate::cli::lookup::journey(&snapshot, text)).transpose()?;
    let columns = coverage::columns(&snapshot);
    let mut rows = coverage::matrix(&snapshot);
    rows.retain(|row| only.as_ref().is_none_or(|slug| row.journey.slug == *slug));
    match args.format {
        Format::Json => Ok(output::print_json(&mut *cx.out, &CoverageView::of(&columns, &rows))?),
        Format::Text => text(cx, &columns, &rows),
    }
}

fn text(
    cx: &mut Context,
    columns: &[(Language, Option<Slug>)],
    rows: &[StepCoverage<'_>],
) -> Result<(), CommandError> {
    let heading = |(language, character): &(Language, Option<Slug>)| match character {
        Some(character) => format!("{language} @{character}"),
        None => language.to_string(),
    };
    let mut table =
        vec![["step", "kind"].map(str::to_owned).into_iter().chain(columns.iter().map(heading)).collect()];
    for row in rows {
        let name = format!("{}/{}", row.journey.slug, row.step.slug);
        let cells = row.cells.iter().map(|cell| mark(*cell).to_owned());
        table.push([name, row.step.kind.to_string()].into_iter().chain(cells).collect::<Vec<_>>());
    }
    output::print_table(&mut *cx.out, &table, &[])?;
    let missing = rows.iter().flat_map(|row| &row.cells).filter(|cell| **cell == Cell::Missing).count();
    writeln!(
        cx.out,
        "\n{BOLD}●{BOLD:#} a text of its own  {BOLD}·{BOLD:#} the text for everybody  {BOLD}–{BOLD:#} missing: the first language is read"
    )?;
    if missing > 0 {
        writeln!(
            cx.out,
            "{DIM}to write one: content/journeys/<journey>/<step>@<character>.<language>.md{DIM:#}"
        )?;
    }
    Ok(())
}

fn mark(cell: Cell) -> &'static str {
    match cell {
        Cell::Own => "●",
        Cell::Inherited => "·",
        Cell::Missing => "–",
    }
}
