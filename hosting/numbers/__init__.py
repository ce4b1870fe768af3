"""Business phone numbers: upstream connection, onboarding, profile, sandbox clock."""
