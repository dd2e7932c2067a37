//! Tests of stored message bytes: their size in the tables, and the detection
//! of corruption.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{Store, book, import, now, open};
use crate::domain::delivery::state::{DeliveryEvent, State};
use crate::store::{Packed, Pattern, StoredMessage, Transition};

const SAME: &str = "the same for everybody\r\n";

/// A database with `mails` similar mails, all of them in doubt.
fn in_doubt(store: &mut Store, mails: i64) {
    import(store, mails).expect("imported");
    book(store, mails).expect("booked");
    let pattern = Arc::new(Pattern::new(mail(0)));
    for n in 1..=mails {
        let mut flew = Transition::new(n, State::Claimed, DeliveryEvent::DataStarted);
        flew.bytes = Some(Arc::new(Packed::new(&mail(n), Some(pattern.clone()))));
        let mut doubted = Transition::new(n, State::InFlight, DeliveryEvent::ResultUnknown);
        doubted.not_before = Some(now());
        let moves = [Transition::new(n, State::Due, DeliveryEvent::Claimed), flew, doubted];
        store.write(&moves, None, now()).expect("written");
    }
}

fn mail(n: i64) -> Vec<u8> {
    format!("To: reader {n}\r\n\r\n{}", SAME.repeat(20)).into_bytes()
}

fn before(store: &Store) -> Vec<StoredMessage> {
    store.sendable(0, 9, now()).expect("deliveries").into_iter().map(|outgoing| outgoing.before).collect()
}

fn number(store: &Store, sql: &str) -> i64 {
    store.connection.query_row(sql, [], |row| row.get(0)).expect("a number")
}

#[test]
fn similar_messages_share_a_dictionary_until_the_last_is_pruned() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = &mut open(&folder.path().join("journey.db"));
    in_doubt(store, 3);
    assert_eq!(before(store), [1, 2, 3].map(|n| StoredMessage::Whole(mail(n).into())));
    assert_eq!(number(store, "SELECT count(*) FROM mail_pattern"), 1);
    assert!(number(store, "SELECT max(length(bytes)) FROM mail_bytes") < 40);
    let sent = |n| Transition::new(n, State::InDoubt, DeliveryEvent::Resolved { sent: true });
    let a_week_later = now() + TimeDelta::days(7) + TimeDelta::seconds(1);
    store.write(&[sent(1), sent(2)], None, now()).expect("written");
    assert_eq!(store.forget_bytes(a_week_later).expect("forgotten"), 2);
    assert_eq!(before(store), [StoredMessage::Whole(mail(3).into())], "the pattern is still there");
    store.write(&[sent(3)], None, now()).expect("written");
    assert_eq!(store.forget_bytes(a_week_later).expect("forgotten"), 1);
    assert_eq!(number(store, "SELECT count(*) FROM mail_pattern"), 0);
}

#[test]
fn uncompressed_messages_of_older_versions_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = &mut open(&folder.path().join("journey.db"));
    in_doubt(store, 1);
    let sql = "UPDATE mail_bytes SET pattern_id = NULL, bytes = ?1";
    store.connection.execute(sql, [mail(1)]).expect("written");
    assert_eq!(before(store), [StoredMessage::Whole(mail(1).into())]);
}

/// After an operator has resolved a delivery as not sent, an intact message is
/// sent again byte for byte, and a corrupt one is dropped and built again.
#[test]
fn a_corrupt_message_is_dropped_when_it_is_resolved_as_not_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = &mut open(&folder.path().join("journey.db"));
    in_doubt(store, 4);
    let unsent = |n| Transition::new(n, State::InDoubt, DeliveryEvent::Resolved { sent: false });
    store.write(&[unsent(1)], None, now()).expect("written");
    assert_eq!(before(store)[0], StoredMessage::Whole(mail(1).into()));
    let damage = "UPDATE mail_bytes SET bytes = x'' WHERE delivery_id = 2";
    store.connection.execute(damage, []).expect("damaged");
    store.write(&[unsent(2)], None, now()).expect("written");
    assert_eq!(
        before(store)[..3],
        [StoredMessage::Whole(mail(1).into()), StoredMessage::Nothing, StoredMessage::Whole(mail(3).into())]
    );
    store.connection.execute("UPDATE mail_pattern SET bytes = x''", []).expect("damaged");
    store.write(&[unsent(3)], None, now()).expect("written");
    let mut flew = Transition::new(3, State::Claimed, DeliveryEvent::DataStarted);
    flew.bytes = Some(Arc::new(Packed::new(&mail(3), Some(Arc::new(Pattern::new(mail(0)))))));
    let mut doubted = Transition::new(3, State::InFlight, DeliveryEvent::ResultUnknown);
    doubted.not_before = Some(now());
    let moves = [Transition::new(3, State::Due, DeliveryEvent::Claimed), flew, doubted];
    store.write(&moves, None, now()).expect("written");
    let third = StoredMessage::Whole(mail(3).into());
    assert_eq!(
        before(store),
        [StoredMessage::Damaged, StoredMessage::Nothing, third, StoredMessage::Damaged],
        "with a pattern of its own"
    );
}

#[test]
fn corruption_is_detected_in_every_column() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = &mut open(&folder.path().join("journey.db"));
    in_doubt(store, 1);
    let damage = [
        "UPDATE mail_pattern SET bytes = CAST(replace(CAST(bytes AS TEXT), 'same', 'Same') AS BLOB)",
        "UPDATE mail_pattern SET bytes = x''",
        "UPDATE mail_bytes SET bytes = x''",
        "UPDATE mail_bytes SET bytes = x'ffffffff00'",
        "UPDATE mail_bytes SET bytes = substr(bytes, 1, length(bytes) - 1)",
        "UPDATE mail_bytes SET pattern_id = NULL",
        "UPDATE delivery SET sha256 = NULL",
        "UPDATE delivery SET sha256 = zeroblob(32)",
    ];
    for sql in damage {
        let whole = store.connection.unchecked_transaction().expect("a transaction");
        assert_eq!(whole.execute(sql, []).expect("written"), 1, "{sql}");
        assert_eq!(before(store), [StoredMessage::Damaged], "{sql}");
        whole.rollback().expect("undone");
    }
    assert_eq!(before(store), [StoredMessage::Whole(mail(1).into())]);
}
