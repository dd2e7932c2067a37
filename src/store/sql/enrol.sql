-- Enrols a person in a journey, unless they are enrolled.
INSERT INTO enrolment (person_id, journey, entered_at)
SELECT id, ?2, ?3 FROM person WHERE employee_id = ?1
ON CONFLICT (person_id, journey) DO NOTHING
