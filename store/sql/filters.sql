-- Which instruments are meant, as filters.py has it; included by the statements that ask.

-- name: meant
-- Of version v, institution n with its version nv, and gateway g.
(%(tenant)s::integer IS NULL OR v.institution_key = %(tenant)s::integer)
AND (%(institution)s::text[] IS NULL OR n.institution_id = ANY (%(institution)s::text[]))
AND (%(district)s::text[] IS NULL
     OR coalesce(v.district_code, nv.district_code) = ANY (%(district)s::text[]))
AND (%(class)s::text[] IS NULL OR v.class_code = ANY (%(class)s::text[])
     OR EXISTS (SELECT FROM unnest(%(class_stems)s::text[]) AS s (stem)
                WHERE starts_with(v.class_code, s.stem)))
AND (%(gateway)s::text[] IS NULL OR g.gateway_id = ANY (%(gateway)s::text[]))
AND (%(kind)s::text[] IS NULL OR v.kind = ANY (%(kind)s::text[]))
AND (%(always_on)s::boolean[] IS NULL OR v.always_on = ANY (%(always_on)s::boolean[]))
