-- A relay that had more connections than it takes gets fewer for a while (F34):
-- so many, and until when; both NULL: as many as the configuration says.
ALTER TABLE relay ADD COLUMN connections INTEGER CHECK (connections > 0);
ALTER TABLE relay ADD COLUMN fewer_until TEXT CHECK (length(fewer_until) = 20);
