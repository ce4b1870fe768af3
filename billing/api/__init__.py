"""REST API of billing, and the webhook endpoint of the payment network."""
