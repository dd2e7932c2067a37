//! Tests of stored messages: their size in the tables, and the detection of
//! corruption.

use std::sync::Arc;

use super::{Store, book, import, now, open};
use crate::domain::delivery::state::{DeliveryEvent, State};
use crate::store::messages;
use crate::store::{InFlight, MessageBase, OutboxCommit, PackedMessage, StoredMessage, Transition};

const SAME: &str = "the same for everybody\r\n";

/// A database with `mails` similar mails, all of them in flight.
fn in_flight(store: &mut Store, mails: i64) {
    import(store, mails).expect("imported");
    book(store, mails).expect("enqueued");
    let base = Some(Arc::new(MessageBase::new(1, mail(0).into())));
    let mails = (1..=mails).map(|number| InFlight {
        worker: number,
        number,
        state: State::Due,
        message: Arc::new(PackedMessage::new(&mail(number), base.clone())),
    });
    let commit = OutboxCommit { in_flight: mails.collect(), ..OutboxCommit::default() };
    store.commit(&commit, None, now()).expect("written");
}

fn mail(n: i64) -> Vec<u8> {
    format!("To: reader {n}\r\n\r\n{}", SAME.repeat(20)).into_bytes()
}

fn stored(store: &Store) -> Vec<StoredMessage> {
    store.sendable(0, 9, now()).expect("deliveries").into_iter().map(|mail| mail.stored).collect()
}

fn number(store: &Store, sql: &str) -> i64 {
    store.connection.query_row(sql, [], |row| row.get(0)).expect("a number")
}

#[test]
fn similar_messages_share_a_base_until_their_outcome_is_unknown() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = &mut open(&folder.path().join("journey.db"));
    in_flight(store, 3);
    assert_eq!(number(store, "SELECT count(*) FROM in_flight_base"), 1);
    assert!(number(store, "SELECT max(length(bytes)) FROM in_flight") < 40);
    store.recover(now(), now()).expect("recovered");
    assert_eq!(stored(store), [1, 2, 3].map(|n| StoredMessage::Intact(mail(n).into())));
    assert_eq!(number(store, "SELECT count(*) FROM in_flight_base"), 0, "it names a recipient");
    let sent = |n| Transition::new(n, State::InDoubt, DeliveryEvent::Resolved { sent: true });
    store.write(&[sent(1), sent(2)], now()).expect("written");
    assert_eq!(number(store, "SELECT count(*) FROM mail_bytes"), 1);
}

#[test]
fn compressed_messages_of_older_versions_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = &mut open(&folder.path().join("journey.db"));
    in_flight(store, 1);
    let old = "UPDATE mail_bytes SET bytes = ?1, base = ?2";
    let sql = "SELECT in_flight.bytes, in_flight_base.bytes FROM in_flight, in_flight_base";
    let (bytes, base): (Vec<u8>, Vec<u8>) =
        store.connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("a row");
    store.recover(now(), now()).expect("recovered");
    store.connection.execute(old, (bytes, base)).expect("written");
    assert_eq!(stored(store), [StoredMessage::Intact(mail(1).into())]);
}

/// After an operator has resolved a delivery as not sent, an intact message is
/// sent again byte for byte, and a corrupt one is dropped and built again.
#[test]
fn a_corrupt_message_is_dropped_when_it_is_resolved_as_not_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = &mut open(&folder.path().join("journey.db"));
    in_flight(store, 3);
    store.recover(now(), now()).expect("recovered");
    let unsent = |n| Transition::new(n, State::InDoubt, DeliveryEvent::Resolved { sent: false });
    store.write(&[unsent(1)], now()).expect("written");
    assert_eq!(stored(store)[0], StoredMessage::Intact(mail(1).into()));
    let damage = "UPDATE mail_bytes SET bytes = x'' WHERE delivery_id <> 1";
    store.connection.execute(damage, []).expect("damaged");
    store.write(&[unsent(2)], now()).expect("written");
    let first = StoredMessage::Intact(mail(1).into());
    assert_eq!(stored(store), [first, StoredMessage::None, StoredMessage::Corrupt]);
}

#[test]
fn corruption_is_detected_in_every_column() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = &mut open(&folder.path().join("journey.db"));
    in_flight(store, 1);
    let damage = [
        "UPDATE in_flight_base SET bytes = CAST(replace(CAST(bytes AS TEXT), 'same', 'Same') AS BLOB)",
        "UPDATE in_flight_base SET bytes = x''",
        "UPDATE in_flight SET bytes = x''",
        "UPDATE in_flight SET bytes = x'ffffffff00'",
        "UPDATE in_flight SET bytes = substr(bytes, 1, length(bytes) - 1)",
        "UPDATE in_flight SET base_id = NULL",
        "UPDATE in_flight SET sha256 = zeroblob(32)",
        "UPDATE mail_bytes SET bytes = x''",
        "UPDATE mail_bytes SET bytes = substr(bytes, 1, length(bytes) - 1)",
        "UPDATE mail_bytes SET base = x'00'",
        "UPDATE mail_bytes SET sha256 = zeroblob(32)",
    ];
    for sql in damage {
        // What is damaged in flight is found when the outcome stays unknown.
        let tx = store.connection.unchecked_transaction().expect("a transaction");
        let damages = || assert_eq!(tx.execute(sql, []).expect("written"), 1, "{sql}");
        let is_kept = sql.contains("mail_bytes");
        if !is_kept {
            damages();
        }
        messages::keep(&tx, 1).expect("kept");
        if is_kept {
            damages();
        }
        assert_eq!(stored(store), [StoredMessage::Corrupt], "{sql}");
        tx.rollback().expect("undone");
    }
    store.recover(now(), now()).expect("recovered");
    assert_eq!(stored(store), [StoredMessage::Intact(mail(1).into())]);
}
