"""The Cloud API's formats at the door: bytes and JSON in, our words out, and back. No database here."""
