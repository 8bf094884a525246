-- Whose laptop a device number is, so that every value can be told with its author, offline.

CREATE TABLE device_seen (
	device BIGINT NOT NULL,
	user_id VARCHAR(64) NOT NULL,
	PRIMARY KEY (device)
);
