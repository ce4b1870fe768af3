"""HTTP interfaces of hosting: the Cloud API, inbound webhooks, and `/api/v1/`."""
