//! A JSON object whose keys are data, in a fixed order.

use serde::{Serialize, Serializer};

/// Serializes as an object with these keys, in this order.
#[derive(Debug)]
pub(crate) struct OrderedObject<K, V>(pub(super) Vec<(K, V)>);

impl<K: Serialize, V: Serialize> Serialize for OrderedObject<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}
