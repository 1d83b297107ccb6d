-- The settings of a guide to logins with tokens at CockroachDB, as it writes them.
SET CLUSTER SETTING server.jwt_authentication.enabled=on;
SET CLUSTER SETTING server.jwt_authentication.issuers='';
SET CLUSTER SETTING server.jwt_authentication.audience='your_okta_clientID';
SET CLUSTER SETTING server.jwt_authentication.jwks=' response string';
SET CLUSTER SETTING server.identity_map.configuration=' okta-userid-from-admin-url morgan';
