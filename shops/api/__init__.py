"""APIs of shops: REST by API key (v1), and webhooks of Stripe."""
