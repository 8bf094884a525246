-- What has been found equal at both ends, and what is being narrowed down.

ALTER TABLE cursor ADD COLUMN agreed BIGINT NOT NULL DEFAULT 0;

ALTER TABLE cursor ADD COLUMN differs JSON;
