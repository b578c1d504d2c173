-- Makes each service's database and its role of the same name. The role owns its database and nobody
-- else may connect to it. Postgres's container runs this once, on an empty volume, with psql.

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
