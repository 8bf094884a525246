-- Schema 1: the site's tables, shared with central, and the laptop's own.

CREATE TABLE app_user (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    name VARCHAR(120) NOT NULL,
    email VARCHAR(200),
    phone VARCHAR(40),
    title VARCHAR(120),
    company VARCHAR(120),
    language VARCHAR(8) NOT NULL,
    role VARCHAR(40) NOT NULL,
    certification VARCHAR(120),
    certified_until DATE,
    CONSTRAINT pk_app_user PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_app_user_scope_id_seq ON app_user (scope_id, seq);

CREATE TABLE compliance_rule (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    code VARCHAR(60) NOT NULL,
    jurisdiction VARCHAR(40) NOT NULL,
    permit VARCHAR(60) NOT NULL,
    version_number INTEGER NOT NULL,
    effective_from DATE,
    effective_to DATE,
    citation VARCHAR(120) NOT NULL,
    text VARCHAR NOT NULL,
    parameters JSON NOT NULL,
    CONSTRAINT pk_compliance_rule PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_compliance_rule_scope_id_seq ON compliance_rule (scope_id, seq);

CREATE TABLE "conflict" (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    record_kind VARCHAR(40) NOT NULL,
    record_id VARCHAR(36) NOT NULL,
    paths JSON NOT NULL,
    rule VARCHAR(20) NOT NULL,
    base JSON NOT NULL,
    local JSON NOT NULL,
    remote JSON NOT NULL,
    provisional JSON NOT NULL,
    status VARCHAR(20) NOT NULL,
    opened_at DATETIME,
    resolved_at DATETIME,
    resolved_by VARCHAR(64),
    resolution JSON NOT NULL,
    CONSTRAINT pk_conflict PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_conflict_scope_id_seq ON "conflict" (scope_id, seq);

CREATE TABLE corrective_action (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    violation_id VARCHAR(36),
    inspection_id VARCHAR(36),
    control VARCHAR(120),
    kind VARCHAR(20) NOT NULL,
    "trigger" VARCHAR(20),
    condition VARCHAR NOT NULL,
    identified_at DATETIME,
    immediate_steps VARCHAR,
    immediate_at DATETIME,
    needs_new_control BOOLEAN,
    infeasible_reason VARCHAR,
    new_schedule_on DATE,
    action_taken VARCHAR,
    completed_at DATETIME,
    swppp_change VARCHAR(3) NOT NULL,
    swppp_changed_on DATE,
    status VARCHAR(20) NOT NULL,
    CONSTRAINT pk_corrective_action PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_corrective_action_scope_id_seq ON corrective_action (scope_id, seq);

CREATE TABLE crew (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    name VARCHAR(120) NOT NULL,
    trade VARCHAR(60) NOT NULL,
    company VARCHAR(120),
    lead VARCHAR(120),
    members JSON NOT NULL,
    CONSTRAINT pk_crew PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_crew_scope_id_seq ON crew (scope_id, seq);

CREATE TABLE crew_assignment (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    crew_id VARCHAR(36) NOT NULL,
    work_date DATE,
    area VARCHAR(120) NOT NULL,
    task VARCHAR(300) NOT NULL,
    foreman_id VARCHAR(64),
    headcount INTEGER,
    status VARCHAR(20) NOT NULL,
    CONSTRAINT pk_crew_assignment PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_crew_assignment_scope_id_seq ON crew_assignment (scope_id, seq);

CREATE TABLE daily_log (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    log_date DATE,
    author_id VARCHAR(64) NOT NULL,
    shift VARCHAR(20) NOT NULL,
    day_status VARCHAR(20) NOT NULL,
    weather VARCHAR(60),
    high_f INTEGER,
    low_f INTEGER,
    rain_hundredths INTEGER,
    crews JSON NOT NULL,
    visitors JSON NOT NULL,
    stormwater_note VARCHAR,
    safety_note VARCHAR,
    narrative VARCHAR,
    tomorrow VARCHAR,
    status VARCHAR(20) NOT NULL,
    CONSTRAINT pk_daily_log PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_daily_log_scope_id_seq ON daily_log (scope_id, seq);

CREATE TABLE delivery (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    occurred_at DATETIME,
    supplier VARCHAR(120) NOT NULL,
    ticket_number VARCHAR(60),
    po_number VARCHAR(60),
    items JSON NOT NULL,
    condition VARCHAR(20) NOT NULL,
    hazardous VARCHAR(3) NOT NULL,
    storage_location VARCHAR(120),
    received_by VARCHAR(64),
    note VARCHAR,
    CONSTRAINT pk_delivery PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_delivery_scope_id_seq ON delivery (scope_id, seq);

CREATE TABLE form_template (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    "key" VARCHAR(80) NOT NULL,
    version_number INTEGER NOT NULL,
    title VARCHAR(200) NOT NULL,
    category VARCHAR(40) NOT NULL,
    body VARCHAR NOT NULL,
    active BOOLEAN NOT NULL,
    CONSTRAINT pk_form_template PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_form_template_scope_id_seq ON form_template (scope_id, seq);

CREATE TABLE inspection (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    kind VARCHAR(20) NOT NULL,
    status VARCHAR(20) NOT NULL,
    schedule_basis VARCHAR(40),
    assigned_to VARCHAR(64),
    weather_event_id VARCHAR(36),
    submission_id VARCHAR(36),
    due_from DATETIME,
    started_at DATETIME,
    ended_at DATETIME,
    inspector_id VARCHAR(64),
    note VARCHAR,
    CONSTRAINT pk_inspection PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_inspection_scope_id_seq ON inspection (scope_id, seq);

CREATE TABLE inspector_visit (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    agency VARCHAR(80) NOT NULL,
    inspector_name VARCHAR(120) NOT NULL,
    badge VARCHAR(60),
    arrived_at DATETIME,
    left_at DATETIME,
    purpose VARCHAR,
    findings VARCHAR,
    notice_number VARCHAR(60),
    response_due DATE,
    documents_shown JSON NOT NULL,
    received_by VARCHAR(36),
    CONSTRAINT pk_inspector_visit PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_inspector_visit_scope_id_seq ON inspector_visit (scope_id, seq);

CREATE TABLE organization (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    name VARCHAR(200) NOT NULL,
    "plan" VARCHAR(40) NOT NULL,
    timezone VARCHAR(60) NOT NULL,
    retention_years INTEGER NOT NULL,
    CONSTRAINT pk_organization PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_organization_scope_id_seq ON organization (scope_id, seq);

CREATE TABLE photo (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    owner_kind VARCHAR(40) NOT NULL,
    owner_id VARCHAR(36) NOT NULL,
    field_path VARCHAR(200),
    sha256 VARCHAR(64) NOT NULL,
    size_bytes INTEGER NOT NULL,
    width INTEGER,
    height INTEGER,
    media_type VARCHAR(60) NOT NULL,
    taken_at DATETIME,
    latitude VARCHAR(20),
    longitude VARCHAR(20),
    caption VARCHAR,
    tags JSON NOT NULL,
    blob_state VARCHAR(20) NOT NULL,
    CONSTRAINT pk_photo PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_photo_scope_id_seq ON photo (scope_id, seq);

CREATE TABLE project (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    name VARCHAR(200) NOT NULL,
    number VARCHAR(40) NOT NULL,
    address VARCHAR(300) NOT NULL,
    latitude VARCHAR(20),
    longitude VARCHAR(20),
    timezone VARCHAR(60) NOT NULL,
    state VARCHAR(2),
    permit_type VARCHAR(20) NOT NULL,
    npdes_id VARCHAR(20),
    disturbed_acres VARCHAR(20),
    receiving_water VARCHAR(200),
    sensitive_water BOOLEAN NOT NULL,
    inspection_schedule VARCHAR(40) NOT NULL,
    working_hours JSON NOT NULL,
    holidays JSON NOT NULL,
    rain_source VARCHAR(80),
    controls JSON NOT NULL,
    status VARCHAR(20) NOT NULL,
    starts_on DATE,
    ends_on DATE,
    CONSTRAINT pk_project PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_project_scope_id_seq ON project (scope_id, seq);

CREATE TABLE project_member (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    user_id VARCHAR(64) NOT NULL,
    project_role VARCHAR(40) NOT NULL,
    permissions JSON NOT NULL,
    may_sign BOOLEAN NOT NULL,
    from_date DATE,
    to_date DATE,
    CONSTRAINT pk_project_member PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_project_member_scope_id_seq ON project_member (scope_id, seq);

CREATE TABLE safety_alert (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    level VARCHAR(20) NOT NULL,
    title VARCHAR(200) NOT NULL,
    body VARCHAR NOT NULL,
    area VARCHAR(120),
    issued_by VARCHAR(64),
    issued_at DATETIME,
    expires_at DATETIME,
    seen_by JSON NOT NULL,
    CONSTRAINT pk_safety_alert PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_safety_alert_scope_id_seq ON safety_alert (scope_id, seq);

CREATE TABLE signature (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    submission_id VARCHAR(36) NOT NULL,
    role VARCHAR(20) NOT NULL,
    signer_id VARCHAR(64) NOT NULL,
    signer_name VARCHAR(120) NOT NULL,
    signer_title VARCHAR(120),
    method VARCHAR(20) NOT NULL,
    statement VARCHAR NOT NULL,
    content_sha256 VARCHAR(64) NOT NULL,
    signed_at DATETIME,
    device_signature VARCHAR,
    CONSTRAINT pk_signature PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_signature_scope_id_seq ON signature (scope_id, seq);

CREATE TABLE submission (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    template_id VARCHAR(36) NOT NULL,
    status VARCHAR(20) NOT NULL,
    title VARCHAR(200) NOT NULL,
    author_id VARCHAR(64) NOT NULL,
    started_at DATETIME,
    submitted_at DATETIME,
    reviewed_by VARCHAR(64),
    reviewed_at DATETIME,
    review_note VARCHAR,
    answers JSON NOT NULL,
    CONSTRAINT pk_submission PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_submission_scope_id_seq ON submission (scope_id, seq);

CREATE TABLE usage_day (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    day DATE,
    metric VARCHAR(60) NOT NULL,
    device INTEGER NOT NULL,
    count INTEGER NOT NULL,
    total_ms INTEGER NOT NULL,
    CONSTRAINT pk_usage_day PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_usage_day_scope_id_seq ON usage_day (scope_id, seq);

CREATE TABLE violation (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    source VARCHAR(20) NOT NULL,
    inspection_id VARCHAR(36),
    rule_code VARCHAR(40),
    severity VARCHAR(20) NOT NULL,
    description VARCHAR NOT NULL,
    location VARCHAR(200),
    required_action VARCHAR,
    identified_at DATETIME,
    response_due DATE,
    status VARCHAR(20) NOT NULL,
    CONSTRAINT pk_violation PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_violation_scope_id_seq ON violation (scope_id, seq);

CREATE TABLE weather_event (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    kind VARCHAR(20) NOT NULL,
    rain_hundredths INTEGER,
    source VARCHAR(20),
    station VARCHAR(40),
    storm_started_at DATETIME,
    threshold_reached_at DATETIME,
    last_qualifying_on DATE,
    read_by VARCHAR(64),
    verified BOOLEAN NOT NULL,
    CONSTRAINT pk_weather_event PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_weather_event_scope_id_seq ON weather_event (scope_id, seq);

CREATE TABLE weather_forecast (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSON NOT NULL,
    stamps JSON NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSON NOT NULL,
    fetched_at DATETIME,
    hours JSON NOT NULL,
    source VARCHAR(80),
    CONSTRAINT pk_weather_forecast PRIMARY KEY (scope_id, id)
);

CREATE INDEX ix_weather_forecast_scope_id_seq ON weather_forecast (scope_id, seq);

CREATE TABLE base (
    scope_id VARCHAR(36) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    record_id VARCHAR(36) NOT NULL,
    agreed JSON NOT NULL,
    CONSTRAINT pk_base PRIMARY KEY (scope_id, kind, record_id)
);

CREATE TABLE cursor (
    scope_id VARCHAR(36) NOT NULL,
    lane VARCHAR(20) NOT NULL,
    "after" BIGINT NOT NULL,
    "before" BIGINT,
    rows_left INTEGER NOT NULL,
    CONSTRAINT pk_cursor PRIMARY KEY (scope_id, lane)
);

CREATE TABLE lane_state (
    lane VARCHAR(20) NOT NULL,
    failures INTEGER NOT NULL,
    next_attempt_at DATETIME,
    why VARCHAR,
    last_done_at DATETIME,
    CONSTRAINT pk_lane_state PRIMARY KEY (lane)
);

CREATE TABLE meta (
    "key" VARCHAR(60) NOT NULL,
    value VARCHAR NOT NULL,
    CONSTRAINT pk_meta PRIMARY KEY ("key")
);

CREATE TABLE outbox (
    device INTEGER NOT NULL,
    counter BIGINT NOT NULL,
    scope_id VARCHAR(36) NOT NULL,
    lane VARCHAR(20) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    record_id VARCHAR(36) NOT NULL,
    body VARCHAR NOT NULL,
    hash VARCHAR(64) NOT NULL,
    state VARCHAR(20) NOT NULL,
    made_at DATETIME NOT NULL,
    updated_at DATETIME NOT NULL,
    sent_at DATETIME,
    attempts INTEGER NOT NULL,
    error VARCHAR,
    verdict JSON,
    settled_at DATETIME,
    CONSTRAINT pk_outbox PRIMARY KEY (device, counter)
);

CREATE INDEX ix_outbox_scope_id_kind_record_id ON outbox (scope_id, kind, record_id);

CREATE INDEX ix_outbox_state_lane_counter ON outbox (state, lane, counter);

CREATE TABLE parked (
    scope_id VARCHAR(36) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    record_id VARCHAR(36) NOT NULL,
    "row" JSON NOT NULL,
    CONSTRAINT pk_parked PRIMARY KEY (scope_id, kind, record_id)
);

CREATE TABLE scope_seen (
    scope_id VARCHAR(36) NOT NULL,
    name VARCHAR NOT NULL,
    kind VARCHAR(20) NOT NULL,
    permissions JSON NOT NULL,
    CONSTRAINT pk_scope_seen PRIMARY KEY (scope_id)
);

CREATE TABLE sync_log (
    id INTEGER NOT NULL,
    at DATETIME NOT NULL,
    event VARCHAR(40) NOT NULL,
    lane VARCHAR(20),
    words VARCHAR NOT NULL,
    numbers JSON NOT NULL,
    CONSTRAINT pk_sync_log PRIMARY KEY (id)
);
