"""Pages of shops: for sellers behind a login, for buyers without one."""
