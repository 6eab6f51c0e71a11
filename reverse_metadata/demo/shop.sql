-- The shop database of the demo. Runs once, in one transaction, as the superuser of the embedded server.

CREATE SCHEMA sales AUTHORIZATION loader;
CREATE SCHEMA marketing AUTHORIZATION loader;
CREATE SCHEMA finance AUTHORIZATION loader;
CREATE SCHEMA archive AUTHORIZATION loader;
CREATE SCHEMA "Weird Schema.v1" AUTHORIZATION loader;

SET LOCAL ROLE loader;

-- sales: tables, a view, a materialized view

CREATE TABLE sales.customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL,
    full_name text NOT NULL,
    country text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sales.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES sales.customers,
    status text NOT NULL,
    amount numeric(10, 2) NOT NULL,
    "Order Date" date NOT NULL,
    note text
);

CREATE TABLE sales.order_items (
    order_id bigint NOT NULL REFERENCES sales.orders,
    line integer NOT NULL,
    sku text NOT NULL,
    quantity integer NOT NULL,
    unit_price numeric(10, 2) NOT NULL,
    PRIMARY KEY (order_id, line)
);

INSERT INTO sales.customers (email, full_name, country)
SELECT format('customer%s@example.com', n), format('Customer %s', n), (ARRAY['DE', 'FR', 'IT', 'PL'])[1 + n % 4]
FROM generate_series(1, 50) AS n;

INSERT INTO sales.orders (customer_id, status, amount, "Order Date")
SELECT 1 + n % 50, (ARRAY['new', 'paid', 'shipped', 'returned'])[1 + n % 4], 5 + n % 97, date '2026-01-01' + n % 300
FROM generate_series(1, 400) AS n;

INSERT INTO sales.order_items
SELECT o.id, line, format('SKU-%s', 100 + (o.id + line) % 40), line, round(o.amount / 2, 2)
FROM sales.orders AS o, generate_series(1, 2) AS line;

CREATE VIEW sales.daily_revenue AS
SELECT "Order Date" AS day, count(*) AS orders, sum(amount) AS revenue
FROM sales.orders
WHERE status <> 'returned'
GROUP BY "Order Date";

CREATE MATERIALIZED VIEW sales.top_customers AS
SELECT c.id AS customer_id, c.full_name, sum(o.amount) AS revenue
FROM sales.customers AS c JOIN sales.orders AS o ON o.customer_id = c.id
GROUP BY c.id
ORDER BY revenue DESC
LIMIT 10;

-- marketing: a partitioned table with two partitions

CREATE TABLE marketing.campaigns (
    id integer PRIMARY KEY,
    name text NOT NULL,
    medium text NOT NULL,
    budget numeric(12, 2),
    starts_on date NOT NULL,
    ends_on date
);

CREATE TABLE marketing.page_views (
    viewed_at timestamptz NOT NULL,
    url text NOT NULL,
    customer_id bigint,
    campaign_id integer
) PARTITION BY RANGE (viewed_at);

CREATE TABLE marketing.page_views_2025 PARTITION OF marketing.page_views
    FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE marketing.page_views_2026 PARTITION OF marketing.page_views
    FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');

INSERT INTO marketing.page_views
SELECT timestamptz '2025-06-01' + n * interval '1 day', format('/product/%s', n % 40), 1 + n % 50, 1 + n % 2
FROM generate_series(1, 500) AS n;

CREATE TABLE marketing.subscribers (
    email text PRIMARY KEY,
    subscribed_at timestamptz NOT NULL DEFAULT now(),
    opted_out boolean NOT NULL DEFAULT false
);

-- finance

CREATE TABLE finance.invoices (
    id bigint PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES sales.orders,
    issued_on date NOT NULL,
    net numeric(12, 2) NOT NULL,
    vat numeric(12, 2) NOT NULL,
    paid_on date
);

CREATE TABLE finance.ledger (
    entry bigint PRIMARY KEY,
    account text NOT NULL,
    booked_on date NOT NULL,
    amount numeric(14, 2) NOT NULL
);

CREATE VIEW finance.open_invoices AS
SELECT id, order_id, net + vat AS gross, current_date - issued_on AS days_open
FROM finance.invoices
WHERE paid_on IS NULL;

-- awkward names: reserved words, upper case, blanks, dots, quotes, other scripts

CREATE TABLE "Weird Schema.v1"."order" (
    "select" integer,
    "a.dotted.name" text,
    "UPPER and lower" text
);

CREATE TABLE "Weird Schema.v1"."Price List (2026)" (
    "Preis in €" numeric(10, 2),
    "größe" text
);

CREATE TABLE "Weird Schema.v1"."say ""hi""" (
    "it's" text,
    "percent % and %s" text
);

CREATE VIEW "Weird Schema.v1"."日本語" AS
SELECT full_name AS "名前" FROM sales.customers;

-- archive

CREATE TABLE archive.orders_2019 (id bigint, amount numeric(10, 2), country text);
CREATE TABLE archive.raw_dump (payload jsonb);

-- Comments that stood here before anybody pushed any. The catalog knows another text for the first, the same
-- for the second, and nothing of the table of the third.

COMMENT ON TABLE finance.ledger IS 'Booked by the ERP every night. Ask accounting before you touch it.';
COMMENT ON COLUMN marketing.subscribers.email IS 'Where the newsletter goes';
COMMENT ON TABLE archive.raw_dump IS 'Somebody''s export, 2021';

RESET ROLE;

-- A new owner needs CREATE on the schema; views read their tables with the rights of the view's owner.
GRANT USAGE, CREATE ON SCHEMA sales, marketing, finance, archive, "Weird Schema.v1" TO shop_owners;
GRANT SELECT ON ALL TABLES IN SCHEMA sales, marketing, finance, archive, "Weird Schema.v1" TO shop_owners;
