"""Write side: MQTT -> decode -> batch -> one transaction -> ack -> receipt.

``pipeline.py`` is the data's path on one page; every other module is one of its steps.
"""
