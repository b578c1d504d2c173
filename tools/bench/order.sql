-- The statements of one createOrder; see subgraphs/orders/internal/order/queries.go (readFacts, insertOrder).
\set n :n + 1
\set t :client_id * 100000 + :n
\set buyer :t / 5
\set slot :t % 5 + 1
\startpipeline
SELECT id, version, title, price_minor_units, currency, seller_id, availability,
    EXISTS (SELECT FROM orders WHERE ticket_id = tickets.id AND status IN ('created', 'awaiting_payment', 'complete'))
FROM tickets WHERE id = 'tkt_' || lpad(:t, 26, '0');
SELECT coalesce(min(place), 0) FROM generate_series(1, 5) place
WHERE NOT EXISTS (SELECT FROM orders WHERE buyer_id = 'usr_' || lpad(:buyer, 26, '0') AND slot = place AND status IN ('created', 'awaiting_payment'));
\endpipeline
\startpipeline
INSERT INTO orders (id, version, status, buyer_id, seller_id, ticket_id, ticket_version, title, price_minor_units,
    currency, created_at, updated_at, expires_at, slot, idempotency_key, request)
VALUES ('ord_' || lpad(:t, 26, '0'), 1, 'created', 'usr_' || lpad(:buyer, 26, '0'), 'usr_00000000000000000000000000',
    'tkt_' || lpad(:t, 26, '0'), 1, 'Seat', 1000, 'USD', now(), now(), now() + '15 minutes', :slot, NULL, 'tkt_' || lpad(:t, 26, '0'));
INSERT INTO order_events (id, order_id, version, at, actor, from_status, to_status, reason, request_id)
VALUES ('oev_' || lpad(:t, 26, '0'), 'ord_' || lpad(:t, 26, '0'), 1, now(), 'buyer', NULL, 'created', NULL, gen_random_uuid()::text);
INSERT INTO outbox (id, type, subject, version, request_id, cause_id, trace_parent, data)
VALUES (gen_random_uuid(), 'order.created.v1', 'ord_' || lpad(:t, 26, '0'), 1, gen_random_uuid()::text, '',
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '{"id":"ord_01jqxk5v8ye9ttn3b4q0w6z7rd","version":1,"status":"created","buyerId":"usr_01jqxk5v8ye9ttn3b4q0w6z7rd","sellerId":"usr_01jqxk5v8ye9ttn3b4q0w6z7rd","ticketId":"tkt_01jqxk5v8ye9ttn3b4q0w6z7rd","ticketVersion":1,"title":"Seat 1234","price":{"minorUnits":1999,"currency":"USD"},"expiresAt":"2026-05-01T18:45:00Z"}');
\endpipeline
