-- Which Sparkplug B edge node a gateway is; the writer sees to it, under the registry's lock, that a node
-- is one gateway's at a time.
ALTER TABLE gateway_version ADD COLUMN sparkplug jsonb;
CREATE INDEX gateway_version_sparkplug ON gateway_version (sparkplug) WHERE sparkplug IS NOT NULL;
