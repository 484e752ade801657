-- Institutions, gateways and instruments, each with its versions.
--
-- A version says what holds from `valid_from` on. `force_from` and `force_to` are the same
-- with the ends filled in ('-infinity' for the first, since before the first version the
-- first applies; 'infinity' for the last), so that one comparison finds the version in
-- force. The registry's writer keeps all three in step.

CREATE TABLE registry_revision (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- Raised by every registry write inside its transaction; the row lock orders the writes,
    -- so a reader that has seen revision n has missed nothing up to n.
    revision bigint NOT NULL
);
INSERT INTO registry_revision (revision) VALUES (1);

CREATE TABLE institution (
    institution_key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    institution_id  text NOT NULL UNIQUE,
    created_at      timestamptz NOT NULL DEFAULT now(),
    changed_revision bigint NOT NULL
);
CREATE INDEX institution_changed ON institution (changed_revision);

CREATE TABLE institution_version (
    institution_key integer NOT NULL REFERENCES institution,
    valid_from      timestamptz NOT NULL,
    force_from      timestamptz NOT NULL,
    force_to        timestamptz NOT NULL,
    name            text NOT NULL,
    name_en         text,
    kind            text,
    district_code   text,
    address         text,
    lon             double precision,
    lat             double precision,
    timezone        text,
    opening_hours   jsonb,
    retired_on      date,
    PRIMARY KEY (institution_key, valid_from)
);

CREATE TABLE gateway (
    gateway_key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway_id  text NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    changed_revision bigint NOT NULL
);
CREATE INDEX gateway_changed ON gateway (changed_revision);

CREATE TABLE gateway_version (
    gateway_key         integer NOT NULL REFERENCES gateway,
    valid_from          timestamptz NOT NULL,
    force_from          timestamptz NOT NULL,
    force_to            timestamptz NOT NULL,
    name                text,
    institution_key     integer REFERENCES institution,
    -- Added to the device's time to get the time that figures use.
    clock_correction_us bigint NOT NULL DEFAULT 0,
    retired_on          date,
    PRIMARY KEY (gateway_key, valid_from)
);

CREATE TABLE instrument (
    instrument_key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instrument_id  text NOT NULL UNIQUE,
    created_at     timestamptz NOT NULL DEFAULT now(),
    changed_revision bigint NOT NULL
);
CREATE INDEX instrument_changed ON instrument (changed_revision);

CREATE TABLE instrument_version (
    instrument_key  integer NOT NULL REFERENCES instrument,
    valid_from      timestamptz NOT NULL,
    force_from      timestamptz NOT NULL,
    force_to        timestamptz NOT NULL,
    name            text NOT NULL,
    institution_key integer NOT NULL REFERENCES institution,
    gateway_key     integer NOT NULL REFERENCES gateway,
    district_code   text,
    class_code      text,
    class_scheme    text NOT NULL DEFAULT '2004',
    lon             double precision,
    lat             double precision,
    value_cny       numeric(18, 2),
    kind            text NOT NULL DEFAULT 'general' CHECK (kind IN ('general', 'special')),
    rated_hours_per_year double precision,
    timezone        text NOT NULL DEFAULT 'Asia/Shanghai',
    interval_us     bigint,
    hold_us         bigint,
    always_on       boolean NOT NULL DEFAULT false,
    opening_hours   jsonb,
    session_gap_us  bigint NOT NULL DEFAULT 300000000,
    session_min_us  bigint NOT NULL DEFAULT 60000000,
    acquired_on     date,
    retired_on      date,
    PRIMARY KEY (instrument_key, valid_from)
);
CREATE INDEX instrument_version_gateway ON instrument_version (gateway_key);
CREATE INDEX instrument_version_institution ON instrument_version (institution_key);

CREATE TABLE district (
    district_code text PRIMARY KEY,
    name          text NOT NULL,
    name_en       text NOT NULL,
    seat_lon      double precision NOT NULL,
    seat_lat      double precision NOT NULL
);

CREATE TABLE instrument_class (
    class_scheme text NOT NULL,
    class_code   text NOT NULL,
    name         text NOT NULL,
    parent_code  text,
    PRIMARY KEY (class_scheme, class_code)
);

-- Public holidays and make-up workdays; opening hours refer to them.
CREATE TABLE calendar_day (
    calendar   text NOT NULL,
    day        date NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('holiday', 'workday')),
    name       text NOT NULL DEFAULT '',
    -- The weekday whose hours a make-up workday takes, Monday = 1.
    as_weekday smallint CHECK (as_weekday BETWEEN 1 AND 7),
    -- False until a decree says so.
    confirmed  boolean NOT NULL DEFAULT false,
    source     text NOT NULL DEFAULT 'operator',
    PRIMARY KEY (calendar, day)
);

CREATE TABLE maintenance (
    maintenance_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instrument_key integer NOT NULL REFERENCES instrument,
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL CHECK (ends_at > starts_at),
    reason         text,
    created_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX maintenance_of ON maintenance (instrument_key, starts_at);

CREATE TABLE api_key (
    key_id          text PRIMARY KEY,
    name            text NOT NULL DEFAULT '',
    secret_sha256   bytea NOT NULL UNIQUE,
    scopes          text[] NOT NULL,
    institution_key integer REFERENCES institution,
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz,
    revoked_at      timestamptz,
    last_used_at    timestamptz
);

CREATE TABLE audit (
    audit_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    actor       text NOT NULL,
    action      text NOT NULL,
    object_type text NOT NULL,
    object_id   text NOT NULL,
    before      jsonb,
    after       jsonb
);
CREATE INDEX audit_object ON audit (object_type, object_id);

CREATE TABLE service_setting (
    name  text PRIMARY KEY,
    value text NOT NULL
);
