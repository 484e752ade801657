-- Whether a sign-in still lets its browser in: neither idle for too long nor expired, and its key
-- neither. In one place, because who asks, who lists and who cleans up must agree.
CREATE OR REPLACE FUNCTION sign_in_stands(s sign_in, k api_key) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT s.expires_at > clock_timestamp() AND s.last_used_at + s.idle > clock_timestamp()
       AND k.revoked_at IS NULL AND coalesce(k.expires_at > clock_timestamp(), true)
$$;
