-- Promises: the market of a country in a month; no row without one.
SELECT h.market FROM billing_home(%(country)s, %(month)s) h
