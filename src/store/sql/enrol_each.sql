-- Creates the enrolments of a list of people and journeys that do not exist.
INSERT INTO enrolment (person_id, journey)
SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE TRUE
ON CONFLICT (person_id, journey) DO NOTHING
