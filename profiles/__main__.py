"""``python -m profiles``: the JSON Schema of report profiles, as ``schema.json`` here has it."""

import json

from models.report_profile_document import ProfileDocument

print(json.dumps(ProfileDocument.json_schema(), indent=2, ensure_ascii=False))
