//! `journey people template`: prints a header with all columns and two example rows.

use crate::cli::context::Context;
use crate::cli::error::CommandError;

/// Semicolons and a byte order mark, so that a Swedish Excel opens it right.
const TEMPLATE: &str = "\u{feff}\
employee_id;email;first_name;last_name;unit;unit_id;department;manager_id;manager_email;language;start_date;end_date;leave_from;leave_to;leave;protected;main\n\
1001;asa.oberg@ekdala.example;Åsa;Öberg;Hemtjänsten Norr;HN1;Vård och omsorg;1002;;sv;2020-08-17;;;;2027-01-04/2027-02-26 2027-05-10/2027-05-21;nej;\n\
1002;bo.nystrom@ekdala.example;Bo;Nyström;Hemtjänsten Norr;HN1;Vård och omsorg;;;sv;2018-01-08;2027-06-30;;;;nej;\n";

pub(super) fn run(cx: &mut Context) -> Result<(), CommandError> {
    Ok(cx.out.write_all(TEMPLATE.as_bytes())?)
}
