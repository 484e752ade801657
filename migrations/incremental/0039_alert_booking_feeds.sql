-- Alerts of booking feeds that cannot be read; a feed may be the city's, and then its alert is.
ALTER TABLE alert DROP CONSTRAINT alert_kind_check;
ALTER TABLE alert ADD CONSTRAINT alert_kind_check CHECK (kind IN (
    'institution_silent', 'gateway_silent', 'instrument_silent', 'booking_feed_failing'));
ALTER TABLE alert ALTER COLUMN institution_key DROP NOT NULL;

-- Whether it is gone, or lost so much at once that it was not believed: said at once.
ALTER TABLE booking_feed ADD COLUMN is_lost boolean NOT NULL DEFAULT false;
