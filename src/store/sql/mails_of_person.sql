-- All mails to one person, with the codes of their bounces.
SELECT CASE WHEN delivery.own_data = 1 THEN 'own_data' ELSE delivery.purpose END, enrolment.journey, delivery.step, delivery.round, delivery.state,
       delivery.booked_at, delivery.settled_at,
       (SELECT group_concat(code, ' ') FROM bounce WHERE bounce.delivery_id = delivery.id)
FROM enrolment
JOIN delivery ON delivery.enrolment_id = enrolment.id
WHERE enrolment.person_id = ?1
ORDER BY delivery.id
