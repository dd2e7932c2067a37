-- How many mails came to a return path that nobody could read (F128). Nothing of
-- them is kept.
ALTER TABLE instance ADD COLUMN unparsed INTEGER NOT NULL DEFAULT 0 CHECK (unparsed >= 0);
