//! `journey answers`: counts answers, and shows the texts that the programme may read. Neither says
//! who answered.

use std::io::Write;

use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::lookup;
use crate::cli::output::{self, Format};
use crate::cli::style::DIM;
use crate::domain::diagnostic::visible;
use crate::domain::model::step::ReadBy;
use crate::engine::answers::{self, AnswerCounts, MIN_TEXTS};
use crate::engine::load::snapshot::Snapshot;
use crate::view::answer::{AnswerCountsView, TextsView};

/// Count the answers, and read the texts that the programme may read
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Answers {
    Status(StatusArgs),
    Read(ReadArgs),
}

/// Count the answers to each step, over the whole organisation
///
/// A number is not shown if it is about fewer people than `min_group` in
/// config.toml.
///
/// Example: journey answers status miljo/resor
#[derive(clap::Args, Debug)]
pub(crate) struct StatusArgs {
    /// Only this step, with its journey, like miljo/resor
    step: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Read the texts of a question that has `read_by = "programme"`
///
/// They are shown from ten texts on, in random order, without names, units and
/// dates.
///
/// Example: journey answers read social/enkat/vana
#[derive(clap::Args, Debug)]
pub(crate) struct ReadArgs {
    /// A step and the id of its question, like social/enkat/vana
    #[arg(value_name = "STEP/QUESTION")]
    question: String,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(answers: &Answers, cx: &mut Context) -> Result<(), CommandError> {
    match answers {
        Answers::Status(args) => status(args, cx),
        Answers::Read(args) => read(args, cx),
    }
}

fn status(args: &StatusArgs, cx: &mut Context) -> Result<(), CommandError> {
    let (snapshot, _) = cx.snapshot()?;
    let only = args.step.as_deref().map(|step| lookup::step(&snapshot, step)).transpose()?;
    let mut counts = answers::counts(&snapshot)?;
    counts.retain(|counts| only.as_ref().is_none_or(|only| counts.step == *only));
    match args.format {
        Format::Json => Ok(output::print_json(&mut *cx.out, &AnswerCountsView::list(&counts))?),
        Format::Text => status_text(cx, &snapshot, &counts),
    }
}

fn status_text(cx: &mut Context, snapshot: &Snapshot, counts: &[AnswerCounts]) -> Result<(), CommandError> {
    if counts.is_empty() {
        return Ok(writeln!(cx.out, "no step has been queued or answered")?);
    }
    let shown = |count: Option<usize>| count.map_or("–".to_owned(), output::thousands);
    let row = |counts: &AnswerCounts| {
        let AnswerCounts { step, queued, answered, will_do, not_for_me } = counts;
        let numbers = [Some(*queued), *answered, *will_do, *not_for_me].map(shown);
        [step.to_string()].into_iter().chain(numbers).collect::<Vec<_>>()
    };
    let heading = ["step", "queued", "answered", "will do", "not for me"].map(str::to_owned).to_vec();
    let rows: Vec<_> = [heading].into_iter().chain(counts.iter().map(row)).collect();
    output::print_table(&mut *cx.out, &rows, &[1, 2, 3, 4])?;
    if counts.iter().any(AnswerCounts::is_suppressed) {
        let least = snapshot.config.limits.min_group;
        writeln!(cx.out, "\n{DIM}– not shown: it is about fewer than {least} people{DIM:#}")?;
    }
    Ok(())
}

fn read(args: &ReadArgs, cx: &mut Context) -> Result<(), CommandError> {
    let (snapshot, _) = cx.snapshot()?;
    let Some((step, id)) = args.question.rsplit_once('/').filter(|(step, _)| step.contains('/')) else {
        let message = format!("`{}` is not a step and a question", visible(&args.question));
        return Err(CommandError::usage(message).hint("write it like social/enkat/vana"));
    };
    let name = lookup::step(&snapshot, step)?;
    let questions = snapshot.content.library.step(&name).map_or(&[][..], |step| &step.questions);
    let Some(question) = questions.iter().find(|question| question.id.as_str() == id) else {
        let error = CommandError::usage(format!("`{name}` has no question `{}`", visible(id)));
        let ids: Vec<&str> = questions.iter().map(|question| question.id.as_str()).collect();
        let hint = if ids.is_empty() {
            "it asks nothing".to_owned()
        } else {
            format!("there are `{}`", ids.join("`, `"))
        };
        return Err(error.hint(hint));
    };
    if question.read_by != ReadBy::Programme {
        let message = format!("the programme may not read the answers to `{id}`");
        return Err(
            CommandError::usage(message).hint("only a text with `read_by = \"programme\"` can be read")
        );
    }
    let texts = answers::texts(&snapshot, &name, id)?;
    let Some(texts) = texts else {
        let message = format!("`{id}` has fewer than {MIN_TEXTS} texts; they are not shown");
        return Err(
            CommandError::new(ErrorKind::Negative, message).hint("wait until more people have answered")
        );
    };
    if args.format == Format::Json {
        return Ok(output::print_json(&mut *cx.out, &TextsView::of(&name, id, &texts))?);
    }
    writeln!(cx.out, "{DIM}{}{DIM:#}", output::count(texts.len(), "text", "texts"))?;
    for text in &texts {
        writeln!(cx.out, "\n{text}")?;
    }
    Ok(())
}
