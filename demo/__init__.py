"""The demo: a coffee roaster's three months, made by the real path. Nothing imports it; remove it and Parley runs."""
