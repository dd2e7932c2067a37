-- The deliveries that may be sent next, with everything needed to build the
-- mail; uses the index delivery_not_settled. The first columns are those of
-- people.sql.
SELECT person.id, person.employee_id, person.email, person.shared_address + 2 * person.second_employment, person.first_name,
       person.last_name, unit.code, person.department, coalesce(person.own_language, person.language), person.start_date,
       person.end_date, person.leave, person.protected, unit.name, person.left_at,
       person.undeliverable, delivery.id, enrolment.journey, delivery.step, delivery.round, delivery.slot_at,
       delivery.booked_at, delivery.content, delivery.message_id, first.message_id,
       delivery.state, delivery.attempts, delivery.doubts, delivery.expires_at,
       person.character,
       NOT EXISTS (SELECT 1 FROM event
                   WHERE event.enrolment_id = enrolment.id AND event.what = 'mailed'
                     AND event.round = 0 AND event.step <> delivery.step),
       mail_bytes.bytes, mail_bytes.base, mail_bytes.sha256,
       EXISTS (SELECT 1 FROM person_extra WHERE person_extra.person_id = person.id),
       person.link_epoch, CASE WHEN delivery.own_data = 1 THEN 'own_data' ELSE delivery.purpose END
FROM delivery
JOIN enrolment ON enrolment.id = delivery.enrolment_id
JOIN person ON person.id = enrolment.person_id
JOIN unit ON unit.id = person.unit_id
LEFT JOIN mail_bytes ON mail_bytes.delivery_id = delivery.id
LEFT JOIN delivery AS first
       ON first.enrolment_id = delivery.enrolment_id AND first.step = delivery.step
      AND first.round = 0 AND first.purpose = 'step' AND delivery.purpose = 'step'
      AND delivery.round > 0
WHERE delivery.settled_at IS NULL AND delivery.id > ?1
  AND (delivery.state = 'due' OR delivery.next_attempt_at <= ?2)
ORDER BY delivery.id
LIMIT ?3
