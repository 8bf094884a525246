-- How far the bytes of photos have come, and photos found by their bytes.

CREATE TABLE blob (
	scope_id VARCHAR(36) NOT NULL,
	photo VARCHAR(64) NOT NULL,
	rendition VARCHAR(20) NOT NULL,
	size_bytes INTEGER NOT NULL,
	sent_bytes INTEGER NOT NULL,
	state VARCHAR(20) NOT NULL,
	epoch VARCHAR(40) NOT NULL,
	receipt VARCHAR,
	failures INTEGER NOT NULL,
	next_attempt_at DATETIME,
	why VARCHAR,
	made_at DATETIME NOT NULL,
	settled_at DATETIME,
	CONSTRAINT pk_blob PRIMARY KEY (scope_id, photo, rendition)
);

CREATE INDEX ix_blob_state ON blob (state);

CREATE INDEX ix_photo_scope_id_sha256 ON photo (scope_id, sha256);
