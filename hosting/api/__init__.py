"""APIs of hosting: the Cloud API, incoming webhooks, and REST by API key (v1)."""
