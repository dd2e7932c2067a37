//! What people see and do on the pages that mails link to. The web server calls one function
//! of this folder for each page and each form.

pub(crate) mod answer;
pub(crate) mod headers;
pub(crate) mod journeys;
pub(crate) mod link;
pub(crate) mod mine;
pub(crate) mod pause;
