//! Prints deliveries that did not leave: who, which step, why, and what is next.

use crate::domain::delivery::state::State;
use crate::domain::diagnostic::visible;
use crate::domain::model::ids::PersonId;
use crate::domain::time::format::format_datetime;
use crate::domain::time::timezone::TimeZone;
use crate::store::ProblemDelivery;

/// A row for each delivery.
pub(super) fn rows(zone: TimeZone, deliveries: &[ProblemDelivery]) -> Vec<Vec<String>> {
    deliveries.iter().map(|delivery| row(zone, delivery)).collect()
}

fn row(zone: TimeZone, stuck: &ProblemDelivery) -> Vec<String> {
    let next = match (stuck.state, stuck.next) {
        (State::Rejected, _) => "not tried again".to_owned(),
        (_, Some(at)) => format_datetime(zone, at),
        (_, None) => format!("journey resolve {}", stuck.number),
    };
    let round = if stuck.round == 0 { String::new() } else { format!(" reminder {}", stuck.round) };
    let id = stuck.person.as_ref().map_or("protected", PersonId::as_str);
    let name = stuck.name.as_ref().map_or(String::new(), |name| format!(" {}", visible(name)));
    vec![
        stuck.number.to_string(),
        format!("{id}{name}"),
        format!("{}{round}", stuck.step),
        stuck.state.words().to_owned(),
        next,
        stuck.reply.clone().unwrap_or_default(),
    ]
}
