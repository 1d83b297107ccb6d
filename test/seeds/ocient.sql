-- The statements of a guide that sets up single sign-on for Ocient, in its order and with its forms.
CREATE GROUP readonly; -- what everybody gets
CREATE GROUP readwrite; -- more

-- A group of one database, with privileges on another.
GRANT USE ON DATABASE "sandbox" TO GROUP "readonly";
GRANT SELECT ON DATABASE "sandbox" TO GROUP "readonly";

-- What may be seen in the catalog
-- is granted separately.
GRANT VIEW TABLE ON DATABASE "sandbox" TO GROUP "readonly";
GRANT VIEW SCHEMA ON DATABASE "sandbox" TO GROUP "readonly";
GRANT VIEW VIEW ON DATABASE "sandbox" TO GROUP "readonly";
GRANT USE, SELECT, CREATE TABLE, CREATE VIEW, CREATE SCHEMA
ON DATABASE "sandbox" TO GROUP "readwrite";

CREATE SSO INTEGRATION sso_interactive PROTOCOL oidc
issuer = "https://auth.example.com", -- without a slash
client_id = "<INTERACTIVE_CLIENT_ID>",
client_secret = "<INTERACTIVE_CLIENT_SECRET>",
default_group = "readonly", -- for everybody
additional_scopes = ["email", "profile", "offline_access"],
additional_audiences = ["https://auth.example.com/"],-- for userinfo
groups_claim_ids = ["https://example.com/groups"],
groups_claim_mappings = { "readwrite-role" = "readwrite" };

CREATE SSO INTEGRATION sso_m2m PROTOCOL oidc
issuer = "https://auth.example.com",
client_id = "<M2M_CLIENT_ID>",
client_secret = "<M2M_CLIENT_SECRET>",
default_group = "readonly",
-- A token alone is enough:
enable_id_token_authentication = true,
-- and may be for this audience:
additional_audiences = ["https://db.example.com", "https://auth.example.com/"],
groups_claim_ids = ["https://example.com/groups"],
groups_claim_mappings = { "readwrite-role" = "readwrite" };

ALTER DATABASE system SET SSO INTEGRATION sso_interactive;

ALTER SSO INTEGRATION sso_m2m SET additional_audiences = ["https://db.example.com"];

CREATE CONNECTIVITY_POOL IF NOT EXISTS sso_pool
SOURCE_ADDRESS '0.0.0.0/0' PRIORITY 10
SSO INTEGRATION sso_interactive REQUIRE_SSO true
PARTICIPANTS ((NODE sql0
LISTEN_ADDRESS '10.0.0.20' LISTEN_PORT 4051
ADVERTISED_ADDRESS 'db.example.com' ADVERTISED_PORT 4050
OPENAPI_PORT 443 OPENAPI_ADVERTISED_ADDRESS 'db.example.com' OPENAPI_ADVERTISED_PORT 443));

CREATE DATABASE sandbox;
