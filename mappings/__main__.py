"""``python -m mappings``: the JSON Schema of mappings, as ``schema.json`` here has it."""

import json

from models.mapping_document import MappingDocument

print(json.dumps(MappingDocument.json_schema(), indent=2, ensure_ascii=False))
