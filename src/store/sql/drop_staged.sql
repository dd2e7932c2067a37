-- Drops the tables of a people file.
DROP TABLE IF EXISTS temp.incoming;
DROP TABLE IF EXISTS temp.incoming_extra;
DROP TABLE IF EXISTS temp.incoming_manager;
DROP TABLE IF EXISTS temp.incoming_unit;
DROP TABLE IF EXISTS temp.known_row;
DROP TABLE IF EXISTS temp.renumbered;
DROP TABLE IF EXISTS temp.person_change;
