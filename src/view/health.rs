//! Whether a person must do something: the document of `health`, and what there is to do, also in `status`.

use serde::Serialize;

use crate::engine::todo::Act;

/// The answer for a program that monitors.
#[derive(Debug, Serialize)]
pub(crate) struct HealthView {
    ok: bool,
    at: Option<String>,
    error: Option<String>,
    to_do: Vec<ActView>,
}

/// Something to do.
#[derive(Debug, Serialize)]
pub(crate) struct ActView {
    code: &'static str,
    people: usize,
    text: String,
    command: String,
}

impl HealthView {
    pub(crate) fn of(at: String, acts: &[Act]) -> HealthView {
        HealthView { ok: acts.is_empty(), at: Some(at), error: None, to_do: ActView::of_all(acts) }
    }

    /// It cannot be found out.
    pub(crate) fn unknown(error: String) -> HealthView {
        HealthView { ok: false, at: None, error: Some(error), to_do: Vec::new() }
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.ok
    }

    /// The same in one line.
    pub(crate) fn line(&self) -> String {
        if let Some(error) = &self.error {
            return format!("Error: {error}");
        }
        match &self.to_do[..] {
            [] => "All is well".to_owned(),
            [act] => format!("To do: 1: {}", act.text),
            [act, ..] => format!("To do: {}; first: {}", self.to_do.len(), act.text),
        }
    }
}

impl ActView {
    pub(crate) fn of_all(acts: &[Act]) -> Vec<ActView> {
        let view = |act: &Act| ActView {
            code: act.code,
            people: act.people,
            text: act.text.clone(),
            command: format!("journey {}", act.command),
        };
        acts.iter().map(view).collect()
    }
}
