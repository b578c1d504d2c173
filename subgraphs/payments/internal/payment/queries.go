package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/money"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/subgraphs/internal/page"
)

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Conditions on the statuses of orders and payments, as the partial indexes have them.
var (
	unpaid     = postgres.In("status", events.OrderStatuses(events.OrderStatus.Unpaid))
	inProgress = postgres.In("status", events.PaymentStatuses(events.PaymentStatus.InProgress))
	standing   = postgres.In("status", events.PaymentStatuses(events.PaymentStatus.Standing))
	captured   = postgres.In("status", events.PaymentStatuses(func(s events.PaymentStatus) bool {
		return s.Paid() || s == events.Refunded
	}))
)

var paymentColumns = `id, version, order_id, buyer_id, seller_id, status, step, amount_minor_units, currency,
	refunded_minor_units, description, reference, token, card, action, decline, created_at, updated_at,
	(SELECT expires_at FROM orders WHERE id = payments.order_id AND ` + unpaid + `) AS payable_until,
	(SELECT orders.on_failure FROM orders WHERE id = payments.order_id) AS on_failure`

// paymentRow is a row of payments.
type paymentRow struct {
	ID                 string
	Version            int
	OrderID            string
	BuyerID            string
	SellerID           string
	Status             events.PaymentStatus
	Step               Step
	AmountMinorUnits   int
	Currency           string
	RefundedMinorUnits int
	Description        string
	Reference          string
	Token              string
	Card               *Card
	Action             *Action
	Decline            *Decline
	CreatedAt          time.Time
	UpdatedAt          time.Time
	PayableUntil       *time.Time
	OnFailure          events.FailurePolicy
}

func (r paymentRow) payment() Payment {
	return Payment{
		ID: r.ID, Version: r.Version, OrderID: r.OrderID, BuyerID: r.BuyerID, SellerID: r.SellerID,
		Status: r.Status, Step: r.Step, Amount: money.Money{MinorUnits: r.AmountMinorUnits, Currency: r.Currency},
		RefundedMinorUnits: r.RefundedMinorUnits, Description: r.Description, Reference: r.Reference, Token: r.Token,
		Card: r.Card, Action: r.Action, Decline: r.Decline, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
		PayableUntil: r.PayableUntil, OnFailure: r.OnFailure,
	}
}

func selectPayments(ctx context.Context, q querier, sql string, args ...any) ([]Payment, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read payments: %w", err)
	}
	payments, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Payment, error) {
		r, err := pgx.RowToStructByName[paymentRow](row)
		return r.payment(), err
	})
	if err != nil {
		return nil, fmt.Errorf("read payments: %w", err)
	}
	return payments, nil
}

// lockPayment returns the payment and locks it. The error is NotFoundError if there is none.
func lockPayment(ctx context.Context, tx pgx.Tx, paymentID string) (Payment, error) {
	payments, err := selectPayments(ctx, tx,
		`SELECT `+paymentColumns+` FROM payments WHERE id = $1 FOR UPDATE`, paymentID)
	if err != nil {
		return Payment{}, err
	}
	if len(payments) == 0 {
		return Payment{}, NotFoundError{}
	}
	return payments[0], nil
}

func paymentsByID(ctx context.Context, q querier, ids []string) ([]Payment, error) {
	return selectPayments(ctx, q, `SELECT `+paymentColumns+` FROM payments WHERE id = ANY($1) ORDER BY id`, ids)
}

// paymentsOfOrders returns the rows of a window of each order's payments that are visible to the viewer.
func paymentsOfOrders(
	ctx context.Context, q querier, viewer Viewer, orderIDs []string, w page.Window,
) ([]Payment, error) {
	window, args := w.SQL([]any{orderIDs, viewer.Operator, viewer.UserID})
	return selectPayments(ctx, q, `
		SELECT `+paymentColumns+` FROM unnest($1::text[]) AS wanted, LATERAL (
			SELECT * FROM payments
			WHERE order_id = wanted AND ($2 OR buyer_id = $3 OR seller_id = $3)`+window+`
		) AS payments`, args...)
}

// latestPayment returns the latest payment of the order; false if it has none.
func latestPayment(ctx context.Context, q querier, orderID string) (Payment, bool, error) {
	payments, err := selectPayments(ctx, q, `
		SELECT `+paymentColumns+` FROM payments WHERE order_id = $1 ORDER BY id DESC LIMIT 1`, orderID)
	if err != nil || len(payments) == 0 {
		return Payment{}, false, err
	}
	return payments[0], true, nil
}

// capturedPayments returns the captured payments of the orders, oldest first.
func capturedPayments(ctx context.Context, q querier, orderIDs []string) ([]Payment, error) {
	return selectPayments(ctx, q, `SELECT `+paymentColumns+` FROM payments
		WHERE order_id = ANY($1) AND `+captured+` ORDER BY id`, orderIDs)
}

// readFacts reads the facts about a new payment in one round trip. Failures count since the given time.
func readFacts(ctx context.Context, pool *pgxpool.Pool, buyerID string, in PayInput, since time.Time) (facts, error) {
	var f facts
	var batch pgx.Batch
	batch.Queue(`SELECT `+orderColumns+` FROM orders WHERE id = $1`, in.OrderID).Query(func(rows pgx.Rows) error {
		orders, err := pgx.CollectRows(rows, scanOrder)
		if len(orders) > 0 {
			f.order = &orders[0]
		}
		return err
	})
	standingPayment := `SELECT ` + paymentColumns + ` FROM payments WHERE order_id = $1 AND ` + standing
	batch.Queue(standingPayment, in.OrderID).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowToStructByName[paymentRow])
		if len(found) > 0 {
			p := found[0].payment()
			f.standing = &p
		}
		return err
	})
	batch.Queue(`
		SELECT id, request FROM payments WHERE buyer_id = $1 AND idempotency_key = $2`, buyerID, in.IdempotencyKey).
		QueryRow(func(row pgx.Row) error {
			var r repeated
			err := row.Scan(&r.id, &r.request)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			f.repeated = &r
			return err
		})
	batch.Queue(`
		SELECT count(*), coalesce(min(updated_at), now()) FROM payments
		WHERE buyer_id = $1 AND status = 'failed' AND updated_at > $2`, buyerID, since).
		QueryRow(func(row pgx.Row) error { return row.Scan(&f.failures, &f.oldest) })
	if err := pool.SendBatch(ctx, &batch).Close(); err != nil {
		return facts{}, fmt.Errorf("read facts about order %s: %w", in.OrderID, err)
	}
	return f, nil
}

// insertPayment stores a new payment if its order is still unpaid, and reports whether it was. The lock on the order's
// row makes orderCancelled wait, so that it finds the payment.
func insertPayment(ctx context.Context, tx pgx.Tx, p Payment, in PayInput) (bool, error) {
	tag, err := tx.Exec(ctx, `
		INSERT INTO payments (id, version, order_id, buyer_id, seller_id, status, step, amount_minor_units, currency,
			description, token, idempotency_key, request, created_at, updated_at, due_at)
		SELECT $1, $2, id, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $14
		FROM orders WHERE id = $3 AND `+unpaid+` FOR SHARE`,
		p.ID, p.Version, p.OrderID, p.BuyerID, p.SellerID, p.Status, p.Step, p.Amount.MinorUnits, p.Amount.Currency,
		p.Description, p.Token, in.IdempotencyKey, in.request(), p.CreatedAt, p.UpdatedAt)
	if err != nil {
		return false, fmt.Errorf("insert payment for order %s: %w", p.OrderID, err)
	}
	return tag.RowsAffected() == 1, nil
}

// updatePayment stores the payment. due is when its next step is due, nil if there is none.
func updatePayment(ctx context.Context, q querier, p Payment, due *time.Time) error {
	_, err := q.Exec(ctx, `
		UPDATE payments SET version = $2, status = $3, step = $4, refunded_minor_units = $5, reference = $6, token = $7,
			card = $8, action = $9, decline = $10, updated_at = $11, due_at = $12,
			tries = CASE WHEN step = $4 THEN tries ELSE 0 END
		WHERE id = $1`,
		p.ID, p.Version, p.Status, p.Step, p.RefundedMinorUnits, p.Reference, p.Token,
		p.Card, p.Action, p.Decline, p.UpdatedAt, due)
	if err != nil {
		return fmt.Errorf("update payment %s to %s: %w", p.ID, p.Status, err)
	}
	return nil
}

// task is a leased step.
type task struct {
	Payment

	tries int // of this step, including this one
}

// takeSteps leases up to limit steps that are due: no other worker takes them until the lease ends.
func takeSteps(ctx context.Context, q querier, now time.Time, lease time.Duration, limit int) ([]task, error) {
	rows, err := q.Query(ctx, `
		UPDATE payments SET due_at = $2, tries = tries + 1
		WHERE id IN (SELECT id FROM payments WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
		RETURNING tries, `+paymentColumns, now, now.Add(lease), limit)
	if err != nil {
		return nil, fmt.Errorf("take steps: %w", err)
	}
	tasks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (task, error) {
		r, err := pgx.RowToStructByName[struct {
			paymentRow

			Tries int
		}](row)
		return task{r.payment(), r.Tries}, err
	})
	if err != nil {
		return nil, fmt.Errorf("take steps: %w", err)
	}
	return tasks, nil
}

// nextDue returns when the next step or refund is due, nil if there is none.
func nextDue(ctx context.Context, q querier) (*time.Time, error) {
	var due *time.Time
	err := q.QueryRow(ctx, `
		SELECT least(
			(SELECT min(due_at) FROM payments WHERE due_at IS NOT NULL),
			(SELECT min(due_at) FROM refunds WHERE due_at IS NOT NULL)
		)`).Scan(&due)
	if err != nil {
		return nil, fmt.Errorf("read when the next step is due: %w", err)
	}
	return due, nil
}

// postpone reschedules a payment's step, unless the payment has changed.
func postpone(ctx context.Context, q querier, t task, due time.Time) error {
	_, err := q.Exec(ctx, `
		UPDATE payments SET due_at = $2 WHERE id = $1 AND step = $3 AND version = $4`, t.ID, due, t.Step, t.Version)
	if err != nil {
		return fmt.Errorf("postpone %s of payment %s: %w", t.Step, t.ID, err)
	}
	return nil
}

const orderColumns = `id, version, status, buyer_id, seller_id, title, price_minor_units, currency, expires_at,
	paid_version, on_failure`

func scanOrder(row pgx.CollectableRow) (Order, error) {
	var o Order
	err := row.Scan(&o.ID, &o.Version, &o.Status, &o.BuyerID, &o.SellerID, &o.Title, &o.Price.MinorUnits,
		&o.Price.Currency, &o.ExpiresAt, &o.PaidVersion, &o.OnFailure)
	o.ExpiresAt = o.ExpiresAt.UTC()
	return o, err
}

// replicate stores a version of an order unless it has the same or a newer one, and reports whether it did. Events of
// orders that are not unpaid have neither policy nor paid version: what an earlier event had is kept.
func replicate(ctx context.Context, q querier, o events.Order) (bool, error) {
	tag, err := q.Exec(ctx, `
		INSERT INTO orders AS replica (`+orderColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (id) DO UPDATE SET version = excluded.version, status = excluded.status,
			paid_version = greatest(replica.paid_version, excluded.paid_version),
			on_failure = coalesce(nullif(excluded.on_failure, ''), replica.on_failure)
		WHERE replica.version < excluded.version`,
		o.ID, o.Version, o.Status, o.BuyerID, o.SellerID, o.Title, o.Price.MinorUnits, o.Price.Currency, o.ExpiresAt,
		o.PaidVersion, o.PaymentFailure)
	if err != nil {
		return false, fmt.Errorf("replicate order %s version %d: %w", o.ID, o.Version, err)
	}
	return tag.RowsAffected() == 1, nil
}

// lockPaymentInProgress returns the order's payment in progress and locks it; false if there is none.
func lockPaymentInProgress(ctx context.Context, tx pgx.Tx, orderID string) (Payment, bool, error) {
	payments, err := selectPayments(ctx, tx, `SELECT `+paymentColumns+` FROM payments
		WHERE order_id = $1 AND `+inProgress+` FOR UPDATE`, orderID)
	if err != nil || len(payments) == 0 {
		return Payment{}, false, err
	}
	return payments[0], true, nil
}

// paymentWithOrder returns a payment and the replica of its order.
func paymentWithOrder(ctx context.Context, pool *pgxpool.Pool, paymentID string) (Payment, Order, error) {
	var p []Payment
	var o []Order
	var batch pgx.Batch
	paymentByID := `SELECT ` + paymentColumns + ` FROM payments WHERE id = $1`
	batch.Queue(paymentByID, paymentID).Query(func(rows pgx.Rows) (err error) {
		p, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Payment, error) {
			r, err := pgx.RowToStructByName[paymentRow](row)
			return r.payment(), err
		})
		return err
	})
	orderOfPayment := `SELECT ` + orderColumns + ` FROM orders WHERE id = (SELECT order_id FROM payments WHERE id = $1)`
	batch.Queue(orderOfPayment, paymentID).
		Query(func(rows pgx.Rows) (err error) {
			o, err = pgx.CollectRows(rows, scanOrder)
			return err
		})
	if err := pool.SendBatch(ctx, &batch).Close(); err != nil {
		return Payment{}, Order{}, fmt.Errorf("read payment %s: %w", paymentID, err)
	}
	if len(p) == 0 || len(o) == 0 {
		return Payment{}, Order{}, fmt.Errorf("read payment %s: %w", paymentID, pgx.ErrNoRows)
	}
	return p[0], o[0], nil
}

const refundColumns = `r.id, r.payment_id, r.status, r.amount_minor_units, p.currency, r.release_ticket, r.actor,
	r.reference, r.created_at`

func scanRefund(row pgx.CollectableRow) (Refund, error) {
	var r Refund
	err := row.Scan(&r.ID, &r.PaymentID, &r.Status, &r.Amount.MinorUnits, &r.Amount.Currency, &r.ReleaseTicket,
		&r.Actor, &r.Reference, &r.CreatedAt)
	r.CreatedAt = r.CreatedAt.UTC()
	return r, err
}

func selectRefunds(ctx context.Context, q querier, condition string, args ...any) ([]Refund, error) {
	rows, err := q.Query(ctx, `
		SELECT `+refundColumns+` FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE `+condition, args...)
	if err != nil {
		return nil, fmt.Errorf("read refunds: %w", err)
	}
	refunds, err := pgx.CollectRows(rows, scanRefund)
	if err != nil {
		return nil, fmt.Errorf("read refunds: %w", err)
	}
	return refunds, nil
}

func refundsByID(ctx context.Context, q querier, ids []string) ([]Refund, error) {
	return selectRefunds(ctx, q, `r.id = ANY($1) ORDER BY r.id`, ids)
}

// refundsOfPayments returns the rows of a window of each payment's refunds.
func refundsOfPayments(ctx context.Context, q querier, paymentIDs []string, w page.Window) ([]Refund, error) {
	window, args := w.SQL([]any{paymentIDs})
	return selectRefunds(ctx, q, `r.id IN (SELECT page.id FROM unnest($1::text[]) AS wanted, LATERAL (
		SELECT id FROM refunds WHERE payment_id = wanted`+window+`) AS page) ORDER BY r.id DESC`, args...)
}

// refundByKey returns the refund with the idempotency key and its request; the zero Refund if there is none.
func refundByKey(ctx context.Context, tx pgx.Tx, actorID, key string) (r Refund, request string, err error) {
	err = tx.QueryRow(ctx, `
		SELECT id, payment_id, request FROM refunds WHERE actor_id = $1 AND idempotency_key = $2`, actorID, key).
		Scan(&r.ID, &r.PaymentID, &request)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return Refund{}, "", fmt.Errorf("read refund by key: %w", err)
	}
	return r, request, nil
}

func pendingRefunds(ctx context.Context, tx pgx.Tx, paymentID string) (minorUnits, count int, err error) {
	err = tx.QueryRow(ctx, `SELECT coalesce(sum(amount_minor_units) FILTER (WHERE status = 'pending'), 0), count(*)
		FROM refunds WHERE payment_id = $1`, paymentID).Scan(&minorUnits, &count)
	if err != nil {
		return 0, 0, fmt.Errorf("read pending refunds of %s: %w", paymentID, err)
	}
	return minorUnits, count, nil
}

func insertRefund(ctx context.Context, tx pgx.Tx, r Refund, actorID, key, request string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO refunds (id, payment_id, status, amount_minor_units, release_ticket, actor, actor_id,
			idempotency_key, request, created_at, due_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)`,
		r.ID, r.PaymentID, r.Status, r.Amount.MinorUnits, r.ReleaseTicket, r.Actor, actorID, key, request, r.CreatedAt)
	if err != nil {
		return fmt.Errorf("insert refund of %s: %w", r.PaymentID, err)
	}
	return nil
}

// lockRefund returns the refund and locks it.
func lockRefund(ctx context.Context, tx pgx.Tx, refundID string) (Refund, error) {
	refunds, err := selectRefunds(ctx, tx, `r.id = $1 FOR UPDATE OF r`, refundID)
	if err != nil {
		return Refund{}, err
	}
	if len(refunds) == 0 {
		return Refund{}, fmt.Errorf("read refund %s: %w", refundID, pgx.ErrNoRows)
	}
	return refunds[0], nil
}

func updateRefund(ctx context.Context, q querier, r Refund, due *time.Time) error {
	_, err := q.Exec(ctx, `
		UPDATE refunds SET status = $2, reference = $3, due_at = $4 WHERE id = $1`, r.ID, r.Status, r.Reference, due)
	if err != nil {
		return fmt.Errorf("update refund %s to %s: %w", r.ID, r.Status, err)
	}
	return nil
}

// countSteps returns the number of payments with a next step, by step.
func countSteps(ctx context.Context, q querier) (map[string]float64, error) {
	rows, err := q.Query(ctx, `SELECT step, count(*)::float8 FROM payments WHERE due_at IS NOT NULL GROUP BY step`)
	if err != nil {
		return nil, fmt.Errorf("count payments in progress: %w", err)
	}
	counts := map[string]float64{}
	var step string
	var n float64
	_, err = pgx.ForEachRow(rows, []any{&step, &n}, func() error { counts[step] = n; return nil })
	if err != nil {
		return nil, fmt.Errorf("count payments in progress: %w", err)
	}
	return counts, nil
}

// refundTask is a leased refund.
type refundTask struct {
	Refund

	intent string // reference of the payment at the processor
	tries  int    // including this one
}

// takeRefunds leases up to limit refunds that are due: no other worker takes them until the lease ends.
func takeRefunds(ctx context.Context, q querier, now time.Time, lease time.Duration, limit int) ([]refundTask, error) {
	rows, err := q.Query(ctx, `
		UPDATE refunds r SET due_at = $2, tries = r.tries + 1 FROM payments p
		WHERE p.id = r.payment_id
			AND r.id IN (SELECT id FROM refunds WHERE due_at <= $1 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
		RETURNING `+refundColumns+`, p.reference, r.tries`, now, now.Add(lease), limit)
	if err != nil {
		return nil, fmt.Errorf("take refunds: %w", err)
	}
	tasks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (refundTask, error) {
		var t refundTask
		err := row.Scan(&t.ID, &t.PaymentID, &t.Status, &t.Amount.MinorUnits, &t.Amount.Currency, &t.ReleaseTicket,
			&t.Actor, &t.Reference, &t.CreatedAt, &t.intent, &t.tries)
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("take refunds: %w", err)
	}
	return tasks, nil
}

func postponeRefund(ctx context.Context, q querier, refundID string, due time.Time) error {
	const postpone = `UPDATE refunds SET due_at = $2 WHERE id = $1 AND status = 'pending'`
	if _, err := q.Exec(ctx, postpone, refundID, due); err != nil {
		return fmt.Errorf("postpone refund %s: %w", refundID, err)
	}
	return nil
}

// refundWithPayment returns a refund and its payment.
func refundWithPayment(ctx context.Context, pool *pgxpool.Pool, refundID string) (Refund, Payment, error) {
	refunds, err := refundsByID(ctx, pool, []string{refundID})
	if err != nil || len(refunds) == 0 {
		return Refund{}, Payment{}, errors.Join(fmt.Errorf("read refund %s", refundID), err)
	}
	payments, err := paymentsByID(ctx, pool, []string{refunds[0].PaymentID})
	if err != nil || len(payments) == 0 {
		return Refund{}, Payment{}, errors.Join(fmt.Errorf("read payment %s", refunds[0].PaymentID), err)
	}
	return refunds[0], payments[0], nil
}

// makeRefundsDue makes the pending refunds of a payment due.
func makeRefundsDue(ctx context.Context, tx pgx.Tx, paymentID string, now time.Time) error {
	const hasten = `UPDATE refunds SET due_at = $2 WHERE payment_id = $1 AND status = 'pending'`
	if _, err := tx.Exec(ctx, hasten, paymentID, now); err != nil {
		return fmt.Errorf("make refunds of %s due: %w", paymentID, err)
	}
	return nil
}
