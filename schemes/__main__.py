"""``python -m schemes``: the JSON Schema of schemes, as ``schema.json`` here has it."""

import json

from models.scheme_document import SchemeDocument

print(json.dumps(SchemeDocument.json_schema(), indent=2, ensure_ascii=False))
