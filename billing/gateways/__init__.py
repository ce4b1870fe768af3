"""Payment networks: each translates its own words into ours at this door."""
