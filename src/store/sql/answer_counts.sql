-- By step: for how many people it was queued, and how many have answered it and
-- not withdrawn that.
SELECT enrolment.journey, event.step,
       count(*) FILTER (WHERE event.what = 'mailed' AND event.round = 0),
       count(*) FILTER (WHERE event.what = 'answered' AND NOT EXISTS (
           SELECT 1 FROM event AS later
           WHERE later.enrolment_id = event.enrolment_id AND later.id > event.id AND later.step = event.step
             AND (later.what = 'answered' OR later.what = 'withdrawn')))
FROM event
JOIN enrolment ON enrolment.id = event.enrolment_id
GROUP BY enrolment.journey, event.step
ORDER BY enrolment.journey, event.step
