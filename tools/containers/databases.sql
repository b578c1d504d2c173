-- Creates a database for each service, and a role of the same name that owns it and is the only one to connect to it.
-- The container of Postgres runs this with psql once, on an empty volume.

\getenv password AUTH_DATABASE_PASSWORD
CREATE ROLE boxoffice_auth LOGIN PASSWORD :'password';
CREATE DATABASE boxoffice_auth OWNER boxoffice_auth;
REVOKE ALL ON DATABASE boxoffice_auth FROM PUBLIC;

\getenv password TICKETS_DATABASE_PASSWORD
CREATE ROLE boxoffice_tickets LOGIN PASSWORD :'password';
CREATE DATABASE boxoffice_tickets OWNER boxoffice_tickets;
REVOKE ALL ON DATABASE boxoffice_tickets FROM PUBLIC;

\getenv password ORDERS_DATABASE_PASSWORD
CREATE ROLE boxoffice_orders LOGIN PASSWORD :'password';
CREATE DATABASE boxoffice_orders OWNER boxoffice_orders;
REVOKE ALL ON DATABASE boxoffice_orders FROM PUBLIC;

\getenv password EXPIRATION_DATABASE_PASSWORD
CREATE ROLE boxoffice_expiration LOGIN PASSWORD :'password';
CREATE DATABASE boxoffice_expiration OWNER boxoffice_expiration;
REVOKE ALL ON DATABASE boxoffice_expiration FROM PUBLIC;

\getenv password PAYMENTS_DATABASE_PASSWORD
CREATE ROLE boxoffice_payments LOGIN PASSWORD :'password';
CREATE DATABASE boxoffice_payments OWNER boxoffice_payments;
REVOKE ALL ON DATABASE boxoffice_payments FROM PUBLIC;

\getenv password STRIPESIM_DATABASE_PASSWORD
CREATE ROLE boxoffice_stripesim LOGIN PASSWORD :'password';
CREATE DATABASE boxoffice_stripesim OWNER boxoffice_stripesim;
REVOKE ALL ON DATABASE boxoffice_stripesim FROM PUBLIC;
