"""Pages of shops: for sellers with a login, for buyers without one."""
