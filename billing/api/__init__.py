"""APIs of billing: REST by API key (v1), and webhooks of Stripe."""
