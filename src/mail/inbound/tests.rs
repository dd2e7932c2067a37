//! Parsing of mails that arrive at a return path.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

const REPORT: &str = include_str!("../../../tests/fixtures/bounces/hard-english.eml");

#[test]
fn the_recipients_of_a_report_are_read_with_folds_and_comments() {
    let incoming = read(REPORT.as_bytes());
    assert_eq!(incoming.to, ["{RETURN_PATH}"; 0], "a mark is no address");
    let IncomingKind::Report(recipient_reports) = incoming.kind else { panic!("{:?}", incoming.kind) };
    assert_eq!(recipient_reports.len(), 1);
    assert_eq!(
        (recipient_reports[0].action, recipient_reports[0].code),
        (DsnAction::Failed, StatusCode::parse("5.1.1"))
    );
}

#[test]
fn the_envelope_recipient_precedes_the_headers_of_the_sender() {
    let text =
        "To: \"B\" <b@x.example>, c@x.example\r\nDelivered-To: a+1@x.example\r\nFrom: d@x.example\r\n\r\n";
    assert_eq!(read(text.as_bytes()).to, ["a+1@x.example", "b@x.example", "c@x.example"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, rng_seed: RngSeed::Fixed(128), ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = read(&bytes);
    }

    #[test]
    fn an_edited_report_never_panics(at in any::<prop::sample::Index>(), length in 0..60_usize, put in ".{0,20}") {
        let mut bytes = REPORT.as_bytes().to_vec();
        let at = at.index(bytes.len());
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, put.into_bytes());
        let _ = read(&bytes);
    }
}
