-- What institutions answer about hours that they reported, once a closed period holds their window:
-- added to, and never edited, as answers about bookings are.
CREATE TABLE self_report_answer_amendment (
    amendment_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    self_report_key bigint NOT NULL REFERENCES self_report,
    text            text NOT NULL,
    actor           text NOT NULL,
    answered_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX self_report_answer_amendment_report
    ON self_report_answer_amendment (self_report_key);
