-- Central's first schema: the tables shared with laptops, then central's own. Frozen: later changes are later files.

CREATE TABLE app_user (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
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
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    code VARCHAR(60) NOT NULL,
    jurisdiction VARCHAR(40) NOT NULL,
    permit VARCHAR(60) NOT NULL,
    version_number INTEGER NOT NULL,
    effective_from DATE,
    effective_to DATE,
    citation VARCHAR(120) NOT NULL,
    text VARCHAR NOT NULL,
    parameters JSONB NOT NULL,
    CONSTRAINT pk_compliance_rule PRIMARY KEY (scope_id, id)
);
CREATE INDEX ix_compliance_rule_scope_id_seq ON compliance_rule (scope_id, seq);

CREATE TABLE conflict (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    record_kind VARCHAR(40) NOT NULL,
    record_id VARCHAR(36) NOT NULL,
    paths JSONB NOT NULL,
    rule VARCHAR(20) NOT NULL,
    base JSONB NOT NULL,
    local JSONB NOT NULL,
    remote JSONB NOT NULL,
    provisional JSONB NOT NULL,
    status VARCHAR(20) NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE,
    resolved_at TIMESTAMP WITH TIME ZONE,
    resolved_by VARCHAR(64),
    resolution JSONB NOT NULL,
    CONSTRAINT pk_conflict PRIMARY KEY (scope_id, id)
);
CREATE INDEX ix_conflict_scope_id_seq ON conflict (scope_id, seq);

CREATE TABLE corrective_action (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    violation_id VARCHAR(36),
    inspection_id VARCHAR(36),
    control VARCHAR(120),
    kind VARCHAR(20) NOT NULL,
    trigger VARCHAR(20),
    condition VARCHAR NOT NULL,
    identified_at TIMESTAMP WITH TIME ZONE,
    immediate_steps VARCHAR,
    immediate_at TIMESTAMP WITH TIME ZONE,
    needs_new_control BOOLEAN,
    infeasible_reason VARCHAR,
    new_schedule_on DATE,
    action_taken VARCHAR,
    completed_at TIMESTAMP WITH TIME ZONE,
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
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    name VARCHAR(120) NOT NULL,
    trade VARCHAR(60) NOT NULL,
    company VARCHAR(120),
    lead VARCHAR(120),
    members JSONB NOT NULL,
    CONSTRAINT pk_crew PRIMARY KEY (scope_id, id)
);
CREATE INDEX ix_crew_scope_id_seq ON crew (scope_id, seq);

CREATE TABLE crew_assignment (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
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
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    log_date DATE,
    author_id VARCHAR(64) NOT NULL,
    shift VARCHAR(20) NOT NULL,
    day_status VARCHAR(20) NOT NULL,
    weather VARCHAR(60),
    high_f INTEGER,
    low_f INTEGER,
    rain_hundredths INTEGER,
    crews JSONB NOT NULL,
    visitors JSONB NOT NULL,
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
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE,
    supplier VARCHAR(120) NOT NULL,
    ticket_number VARCHAR(60),
    po_number VARCHAR(60),
    items JSONB NOT NULL,
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
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    key VARCHAR(80) NOT NULL,
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
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    kind VARCHAR(20) NOT NULL,
    status VARCHAR(20) NOT NULL,
    schedule_basis VARCHAR(40),
    assigned_to VARCHAR(64),
    weather_event_id VARCHAR(36),
    submission_id VARCHAR(36),
    due_from TIMESTAMP WITH TIME ZONE,
    started_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    inspector_id VARCHAR(64),
    note VARCHAR,
    CONSTRAINT pk_inspection PRIMARY KEY (scope_id, id)
);
CREATE INDEX ix_inspection_scope_id_seq ON inspection (scope_id, seq);

CREATE TABLE inspector_visit (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    agency VARCHAR(80) NOT NULL,
    inspector_name VARCHAR(120) NOT NULL,
    badge VARCHAR(60),
    arrived_at TIMESTAMP WITH TIME ZONE,
    left_at TIMESTAMP WITH TIME ZONE,
    purpose VARCHAR,
    findings VARCHAR,
    notice_number VARCHAR(60),
    response_due DATE,
    documents_shown JSONB NOT NULL,
    received_by VARCHAR(36),
    CONSTRAINT pk_inspector_visit PRIMARY KEY (scope_id, id)
);
CREATE INDEX ix_inspector_visit_scope_id_seq ON inspector_visit (scope_id, seq);

CREATE TABLE organization (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    name VARCHAR(200) NOT NULL,
    plan VARCHAR(40) NOT NULL,
    timezone VARCHAR(60) NOT NULL,
    retention_years INTEGER NOT NULL,
    CONSTRAINT pk_organization PRIMARY KEY (scope_id, id)
);
CREATE INDEX ix_organization_scope_id_seq ON organization (scope_id, seq);

CREATE TABLE photo (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    owner_kind VARCHAR(40) NOT NULL,
    owner_id VARCHAR(36) NOT NULL,
    field_path VARCHAR(200),
    sha256 VARCHAR(64) NOT NULL,
    size_bytes INTEGER NOT NULL,
    width INTEGER,
    height INTEGER,
    media_type VARCHAR(60) NOT NULL,
    taken_at TIMESTAMP WITH TIME ZONE,
    latitude VARCHAR(20),
    longitude VARCHAR(20),
    caption VARCHAR,
    tags JSONB NOT NULL,
    blob_state VARCHAR(20) NOT NULL,
    CONSTRAINT pk_photo PRIMARY KEY (scope_id, id)
);
CREATE INDEX ix_photo_scope_id_seq ON photo (scope_id, seq);

CREATE TABLE project (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
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
    working_hours JSONB NOT NULL,
    holidays JSONB NOT NULL,
    rain_source VARCHAR(80),
    controls JSONB NOT NULL,
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
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    user_id VARCHAR(64) NOT NULL,
    project_role VARCHAR(40) NOT NULL,
    permissions JSONB NOT NULL,
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
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    level VARCHAR(20) NOT NULL,
    title VARCHAR(200) NOT NULL,
    body VARCHAR NOT NULL,
    area VARCHAR(120),
    issued_by VARCHAR(64),
    issued_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE,
    seen_by JSONB NOT NULL,
    CONSTRAINT pk_safety_alert PRIMARY KEY (scope_id, id)
);
CREATE INDEX ix_safety_alert_scope_id_seq ON safety_alert (scope_id, seq);

CREATE TABLE signature (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    submission_id VARCHAR(36) NOT NULL,
    role VARCHAR(20) NOT NULL,
    signer_id VARCHAR(64) NOT NULL,
    signer_name VARCHAR(120) NOT NULL,
    signer_title VARCHAR(120),
    method VARCHAR(20) NOT NULL,
    statement VARCHAR NOT NULL,
    content_sha256 VARCHAR(64) NOT NULL,
    signed_at TIMESTAMP WITH TIME ZONE,
    device_signature VARCHAR,
    CONSTRAINT pk_signature PRIMARY KEY (scope_id, id)
);
CREATE INDEX ix_signature_scope_id_seq ON signature (scope_id, seq);

CREATE TABLE submission (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    template_id VARCHAR(36) NOT NULL,
    status VARCHAR(20) NOT NULL,
    title VARCHAR(200) NOT NULL,
    author_id VARCHAR(64) NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    submitted_at TIMESTAMP WITH TIME ZONE,
    reviewed_by VARCHAR(64),
    reviewed_at TIMESTAMP WITH TIME ZONE,
    review_note VARCHAR,
    answers JSONB NOT NULL,
    CONSTRAINT pk_submission PRIMARY KEY (scope_id, id)
);
CREATE INDEX ix_submission_scope_id_seq ON submission (scope_id, seq);

CREATE TABLE usage_day (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
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
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    source VARCHAR(20) NOT NULL,
    inspection_id VARCHAR(36),
    rule_code VARCHAR(40),
    severity VARCHAR(20) NOT NULL,
    description VARCHAR NOT NULL,
    location VARCHAR(200),
    required_action VARCHAR,
    identified_at TIMESTAMP WITH TIME ZONE,
    response_due DATE,
    status VARCHAR(20) NOT NULL,
    CONSTRAINT pk_violation PRIMARY KEY (scope_id, id)
);
CREATE INDEX ix_violation_scope_id_seq ON violation (scope_id, seq);

CREATE TABLE weather_event (
    scope_id VARCHAR(36) NOT NULL,
    id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    kind VARCHAR(20) NOT NULL,
    rain_hundredths INTEGER,
    source VARCHAR(20),
    station VARCHAR(40),
    storm_started_at TIMESTAMP WITH TIME ZONE,
    threshold_reached_at TIMESTAMP WITH TIME ZONE,
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
    version JSONB NOT NULL,
    stamps JSONB NOT NULL,
    deleted BOOLEAN NOT NULL,
    extra JSONB NOT NULL,
    fetched_at TIMESTAMP WITH TIME ZONE,
    hours JSONB NOT NULL,
    source VARCHAR(80),
    CONSTRAINT pk_weather_forecast PRIMARY KEY (scope_id, id)
);
CREATE INDEX ix_weather_forecast_scope_id_seq ON weather_forecast (scope_id, seq);

CREATE TABLE central_state (
    id INTEGER NOT NULL,
    epoch VARCHAR(36) NOT NULL,
    device BIGINT NOT NULL,
    counter BIGINT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_central_state PRIMARY KEY (id)
);

CREATE TABLE device (
    number BIGINT GENERATED BY DEFAULT AS IDENTITY (START WITH 1),
    organization_id VARCHAR(36) NOT NULL,
    user_id VARCHAR(64) NOT NULL,
    name VARCHAR(100) NOT NULL,
    public_key VARCHAR(64) NOT NULL,
    token_hash VARCHAR(64) NOT NULL,
    held JSONB NOT NULL,
    enrolled_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_device PRIMARY KEY (number)
);
CREATE INDEX ix_device_token_hash ON device (token_hash);

CREATE TABLE enrolment_code (
    code_hash VARCHAR(64) NOT NULL,
    organization_id VARCHAR(36) NOT NULL,
    user_id VARCHAR(64) NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    device BIGINT,
    CONSTRAINT pk_enrolment_code PRIMARY KEY (code_hash)
);

CREATE TABLE ledger (
    scope_id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    lane VARCHAR(20) NOT NULL,
    device BIGINT NOT NULL,
    counter BIGINT NOT NULL,
    hash VARCHAR(64) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    record_id VARCHAR(36) NOT NULL,
    created BOOLEAN NOT NULL,
    paths JSONB NOT NULL,
    body TEXT NOT NULL,
    verdict TEXT NOT NULL,
    waited BOOLEAN NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    chain VARCHAR(64) NOT NULL,
    CONSTRAINT pk_ledger PRIMARY KEY (scope_id, seq),
    CONSTRAINT uq_ledger_device_counter UNIQUE (device, counter)
);
CREATE INDEX ix_ledger_scope_id_kind_record_id ON ledger (scope_id, kind, record_id, seq);
CREATE INDEX ix_ledger_scope_id_lane_seq ON ledger (scope_id, lane, seq);
CREATE INDEX ix_ledger_waited ON ledger (device, seq) WHERE waited;

CREATE TABLE parked_change (
    device BIGINT NOT NULL,
    counter BIGINT NOT NULL,
    scope_id VARCHAR(36) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    record_id VARCHAR(36) NOT NULL,
    hash VARCHAR(64) NOT NULL,
    body TEXT NOT NULL,
    verdict TEXT NOT NULL,
    waits_for_kind VARCHAR(40) NOT NULL,
    waits_for_id VARCHAR(36) NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_parked_change PRIMARY KEY (device, counter)
);
CREATE INDEX ix_parked_change_scope_id_record_id ON parked_change (scope_id, kind, record_id);

CREATE TABLE scope (
    scope_id VARCHAR(36) NOT NULL,
    organization_id VARCHAR(36) NOT NULL,
    kind VARCHAR(20) NOT NULL,
    name VARCHAR(200) NOT NULL,
    CONSTRAINT pk_scope PRIMARY KEY (scope_id)
);
CREATE INDEX ix_scope_organization_id ON scope (organization_id);

CREATE TABLE scope_head (
    scope_id VARCHAR(36) NOT NULL,
    seq BIGINT NOT NULL,
    chain VARCHAR(64) NOT NULL,
    CONSTRAINT pk_scope_head PRIMARY KEY (scope_id)
);

CREATE TABLE twin (
    device BIGINT NOT NULL,
    counter BIGINT NOT NULL,
    hash VARCHAR(64) NOT NULL,
    new_device BIGINT NOT NULL,
    verdict TEXT NOT NULL,
    CONSTRAINT pk_twin PRIMARY KEY (device, counter, hash)
);
