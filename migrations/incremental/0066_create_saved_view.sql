-- Views of the page that whoever signs in keeps by name: an address within the page, and which of
-- them is shown first. A key's own, or a person's of an identity provider.
CREATE TABLE saved_view (
    -- A key's id; of a person, the subject after `oidc:`. Those of a key go with it.
    owner      text NOT NULL,
    name       text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 80),
    address    text NOT NULL CHECK (address LIKE '#/%' AND char_length(address) <= 2000),
    landing    boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (owner, name)
);
CREATE UNIQUE INDEX saved_view_landing ON saved_view (owner) WHERE landing;
