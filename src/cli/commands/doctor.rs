//! `journey doctor`: checks everything that sending depends on.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use crate::cli::context::Context;
use crate::cli::error::{CommandError, ErrorKind};
use crate::cli::output::{self, Format};
use crate::cli::style::{DIM, ERROR, SUCCESS, WARNING};
use crate::domain::diagnostic::Diagnostic;
use crate::engine::doctor::{self, DoctorOptions, Finding, Level};
use crate::mail::dns::DnsClient;
use crate::view::doctor::DoctorView;

/// Check everything that sending needs, with a fix for each problem
///
/// It checks the configuration, the content, the database, the clock, the disk,
/// file permissions, the mail server with its certificates and login, the
/// signature and the web address; with --dns also the DNS records of your
/// domain, with --web the pages as a browser gets them. All checks run, even if one fails. It changes nothing, sends no mail
/// and shows no secret. The exit code is 1 if there is an error; warnings do
/// not count.
///
/// Example: journey doctor --dns
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Seconds to wait for each answer
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=600))]
    patience: u16,
    /// Also check the DNS records of your domain: DKIM key, SPF and DMARC
    #[arg(long)]
    dns: bool,
    /// Also open the pages at `base_url`, through the proxy as a browser does
    #[arg(long)]
    web: bool,
    /// DNS server to ask, like 192.0.2.53 [default: those of this machine]
    #[arg(long, value_name = "ADDRESS", requires = "dns", value_parser = name_server)]
    dns_server: Vec<SocketAddr>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

fn name_server(text: &str) -> Result<SocketAddr, String> {
    DnsClient::read(text).ok_or_else(|| "write an address, with or without a port".to_owned())
}

pub(crate) fn run(args: &Args, cx: &mut Context) -> Result<(), CommandError> {
    let mut findings: Vec<Finding> = Vec::new();
    let config = match cx.read_config() {
        Ok(config) => config,
        Err(faults) => {
            findings.extend(faults.iter().map(configuration));
            return finish(args, cx, None, &findings);
        }
    };
    let zone = cx.zone(&config)?;
    let at = cx.at(zone)?;
    let patience = Duration::from_secs(args.patience.into());
    let asked =
        DoctorOptions { at, patience, names: args.dns.then(|| args.dns_server.clone()), web: args.web };
    // Print each finding at once: a relay may be slow to answer.
    let as_text = args.format == Format::Text;
    let mut closed = Ok(());
    doctor::examine(&config, &asked, &mut |finding| {
        if as_text && closed.is_ok() {
            closed = print_finding(cx, &finding).and_then(|()| cx.out.flush());
        }
        findings.push(finding);
    });
    closed?;
    finish(args, cx, Some(&zone.rfc3339(at)), &findings)
}

/// A finding about the configuration; with errors there nothing else can be checked.
fn configuration(fault: &Diagnostic) -> Finding {
    let level = if fault.is_error() { Level::Fault } else { Level::Warning };
    let message = format!("{}: {}", fault.place, fault.message);
    Finding { level, about: "configuration", message, hint: fault.hint.clone() }
}

/// Prints one finding with its hint.
fn print_finding(cx: &mut Context, finding: &Finding) -> io::Result<()> {
    let (style, word) = match finding.level {
        Level::Good if cx.quiet => return Ok(()),
        Level::Good => (SUCCESS, "ok"),
        Level::Warning => (WARNING, "warn"),
        Level::Fault => (ERROR, "FAIL"),
    };
    let gap = " ".repeat(4 - word.len());
    writeln!(cx.out, "{style}{word}{style:#}{gap} {:13} {}", finding.about, finding.message)?;
    match &finding.hint {
        Some(hint) => writeln!(cx.out, "     {DIM}hint:{DIM:#} {hint}"),
        None => Ok(()),
    }
}

/// Prints the JSON document or the closing line; fails if there is a fault.
fn finish(args: &Args, cx: &mut Context, at: Option<&str>, findings: &[Finding]) -> Result<(), CommandError> {
    let of = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (faults, warnings) = (of(Level::Fault), of(Level::Warning));
    match args.format {
        Format::Json => output::print_json(&mut *cx.out, &DoctorView::of(at, findings))?,
        Format::Text => {
            if at.is_none() {
                findings.iter().try_for_each(|finding| print_finding(cx, finding))?;
            }
            if !cx.quiet {
                let warned = output::count(warnings, "warning", "warnings");
                match (faults, warnings) {
                    (0, 0) => writeln!(cx.out, "\n{SUCCESS}No problems found{SUCCESS:#}")?,
                    (0, _) => writeln!(cx.out, "\n{WARNING}{warned}{WARNING:#}, no errors")?,
                    (n, 0) => writeln!(cx.out, "\n{ERROR}{}{ERROR:#}", output::count(n, "error", "errors"))?,
                    (n, _) => {
                        writeln!(
                            cx.out,
                            "\n{ERROR}{}{ERROR:#}, {warned}",
                            output::count(n, "error", "errors")
                        )?;
                    }
                }
            }
        }
    }
    if faults > 0 { Err(CommandError::new(ErrorKind::Negative, "")) } else { Ok(()) }
}
