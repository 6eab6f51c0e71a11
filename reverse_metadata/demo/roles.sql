-- The roles of the demo, as least privilege wants them: rm_writer owns nothing and is no superuser. It may comment
-- on what `loader` and the three owners own because it is a member of them, and may hand objects over for the
-- same reason.

CREATE ROLE loader NOLOGIN;
CREATE ROLE ada NOLOGIN;
CREATE ROLE grace NOLOGIN;
CREATE ROLE analytics_eng NOLOGIN;

CREATE ROLE shop_owners NOLOGIN;
GRANT shop_owners TO loader, ada, grace, analytics_eng;

CREATE ROLE rm_writer LOGIN;
GRANT loader, ada, grace, analytics_eng TO rm_writer;
