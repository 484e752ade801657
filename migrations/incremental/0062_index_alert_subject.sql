-- What was ever told of one subject: a gateway's page leads there, however many alerts there were.
CREATE INDEX alert_subject_id ON alert (subject_id, alert_id);
