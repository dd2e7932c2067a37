//! What mails of one kind have in common: each is kept as what differs from
//! the mail of its kind to nobody, which is made once in a sitting.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::delivery::state::Delivery;
use crate::domain::model::ids::{Language, PersonId, Slug, StepName, UnitId};
use crate::domain::model::person::Person;
use crate::engine::message::MessageBuilder;
use crate::engine::tokens::Keys;
use crate::store::{OutboundDelivery, Pattern, StoredMessage};

/// Mails that differ in none of these are alike but for their reader.
type Kind = (StepName, u16, Language, Option<Slug>, bool);

/// The patterns of one sitting, made when they are first asked for.
#[derive(Default)]
pub(super) struct Patterns {
    made: Mutex<BTreeMap<Kind, Option<Arc<Pattern>>>>,
}

impl Patterns {
    /// The pattern of a mail; `None` where nobody cannot be written to.
    pub(super) fn of(
        &self,
        builder: &MessageBuilder<'_>,
        keys: &Keys,
        mail: &OutboundDelivery,
    ) -> Option<Arc<Pattern>> {
        let delivery = &mail.delivery;
        let language = mail.person.language.clone();
        let kind = (delivery.step.clone(), delivery.round, language, mail.character.clone(), mail.first);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let make =
            || builder.outgoing(keys, &to_nobody(mail)).ok().map(|bytes| Arc::new(Pattern::new(bytes)));
        let pattern =
            made.entry(kind).or_insert_with(|| catch_unwind(AssertUnwindSafe(make)).unwrap_or_default());
        pattern.clone()
    }
}

/// The same mail to somebody who does not exist: a pattern outlives the bytes
/// of each mail, so that nothing of a reader may stand in it.
fn to_nobody(mail: &OutboundDelivery) -> OutboundDelivery {
    let (delivery, person) = (&mail.delivery, &mail.person);
    let domain = delivery.message_id.rsplit('@').next().unwrap_or("localhost>");
    let message_id = format!("<{}@{domain}", "0".repeat(32));
    OutboundDelivery {
        delivery: Delivery {
            number: 0,
            person: PersonId::new("0"),
            in_reply_to: delivery.in_reply_to.as_ref().map(|_| message_id.clone()),
            message_id,
            ..delivery.clone()
        },
        attempts: 0,
        doubts: 0,
        expires: None,
        person: Person {
            id: PersonId::new("0"),
            email: Some("kim.ek@example.org".into()),
            shared_address: false,
            second_employment: false,
            undeliverable: None,
            first_name: "Kim".into(),
            last_name: "Ek".into(),
            unit: UnitId::new("0"),
            department: person.department.as_ref().map(|_| "Avdelningen".into()),
            language: person.language.clone(),
            start: None,
            end: None,
            leave: Box::default(),
            protected: false,
            extra: person.extra.iter().map(|(name, _)| (name.clone(), "1".into())).collect(),
        },
        unit_name: "Enheten".into(),
        character: mail.character.clone(),
        first: mail.first,
        has_left: false,
        before: StoredMessage::Nothing,
    }
}
