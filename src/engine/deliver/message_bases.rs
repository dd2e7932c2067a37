//! The messages that others of their kind are compressed against while they are
//! in flight: the first of each kind in this run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::model::ids::{Language, Slug, StepName};
use crate::store::{MessageBase, OutboundDelivery, PackedMessage};

/// Messages that differ in none of these are alike but for their recipient.
type Kind = (StepName, u16, Language, Option<Slug>, bool);

/// The bases of one run.
#[derive(Default)]
pub(super) struct MessageBases {
    by_kind: Mutex<BTreeMap<Kind, Arc<MessageBase>>>,
}

impl MessageBases {
    /// Packs a message.
    pub(super) fn pack(&self, mail: &OutboundDelivery, message: &Arc<[u8]>) -> PackedMessage {
        let (delivery, language) = (&mail.delivery, mail.person.language.clone());
        let kind = (delivery.step.clone(), delivery.round, language, mail.character.clone(), mail.first);
        let mut by_kind = self.by_kind.lock().unwrap_or_else(PoisonError::into_inner);
        let id = by_kind.len() as i64;
        let base = by_kind.entry(kind).or_insert_with(|| Arc::new(MessageBase::new(id, message.clone())));
        let base = base.clone();
        drop(by_kind);
        PackedMessage::new(message, Some(base))
    }
}
