"""Beginnings of the Cloud API's paths, as regular expressions; a version in front is optional."""

VERSION = r"^(?:v[0-9]+(?:\.[0-9]+)?/)?"
NUMBER = VERSION + r"(?P<phone_number_id>[0-9]{1,32})/"
ACCOUNT = VERSION + r"(?P<waba_id>[0-9]{1,32})/"
CATALOG = VERSION + r"(?P<catalog_id>[0-9]{1,32})/"
FLOW = VERSION + r"(?P<flow_id>[0-9]{1,32})/"
