-- Receipts outlive the outbox; those that it still holds are the first.

CREATE TABLE receipt (
    device INTEGER NOT NULL,
    counter BIGINT NOT NULL,
    scope_id VARCHAR(36) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    record_id VARCHAR(36) NOT NULL,
    at DATETIME NOT NULL,
    body VARCHAR NOT NULL,
    CONSTRAINT pk_receipt PRIMARY KEY (device, counter)
);

CREATE INDEX ix_receipt_at ON receipt (at);

CREATE INDEX ix_receipt_record_id ON receipt (record_id);

INSERT INTO receipt (device, counter, scope_id, kind, record_id, at, body)
SELECT device, counter, scope_id, kind, record_id, coalesce(settled_at, updated_at), verdict
FROM outbox
WHERE verdict IS NOT NULL AND verdict <> 'null';
