-- The three logins of docs/tenancy.md and the database, on a server of one's own. Run once, as a superuser:
--   psql -v app=… -v worker=… -v owner=… -f logins.sql
CREATE ROLE parley_app LOGIN NOINHERIT PASSWORD :'app';
CREATE ROLE parley_worker LOGIN NOINHERIT PASSWORD :'worker';
CREATE ROLE parley_owner LOGIN CREATEROLE PASSWORD :'owner';
GRANT parley_app, parley_worker TO parley_owner WITH ADMIN OPTION;
CREATE DATABASE parley OWNER parley_owner;
ALTER ROLE parley_app SET track_activities = off;
