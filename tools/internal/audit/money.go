package audit

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
)

// Discrepancy is money that the card processor, payments and orders do not agree on.
type Discrepancy struct {
	PaymentID string `json:"paymentId,omitempty"`
	OrderID   string `json:"orderId,omitempty"`
	Reference string `json:"reference,omitempty"` // at the processor
	Problem   string `json:"problem"`
	Processor string `json:"processor,omitempty"` // what it says
	Here      string `json:"here,omitempty"`      // what payments and orders say
}

// Reconciliation is what came of comparing the processor's ledger with payments and orders.
type Reconciliation struct {
	Intents       int           `json:"intents"`  // that the processor has
	Payments      int           `json:"payments"` // that were compared
	Foreign       int           `json:"foreign"`  // intents of the same account that are not of this system
	Discrepancies []Discrepancy `json:"discrepancies"`
}

// intent is a line of the processor's ledger, as the payments service shows it.
type intent struct {
	Reference          string
	PaymentID          string
	Status             string
	MinorUnits         int
	Currency           string
	CapturedMinorUnits int
	RefundedMinorUnits int
	Error              string
}

func (i intent) String() string {
	return fmt.Sprintf("%s, %d %s, captured %d, refunded %d", i.Status, i.MinorUnits, i.Currency, i.CapturedMinorUnits, i.RefundedMinorUnits)
}

// paid is a payment with its order, as this system knows them.
type paid struct {
	id, orderID, reference, status, currency string
	minorUnits, refunded                     int
	order                                    string // its status, and the payment that it is paid with
}

func (p paid) String() string {
	return fmt.Sprintf("%s, %d %s, refunded %d; order %s", p.status, p.minorUnits, p.currency, p.refunded, p.order)
}

// Reconcile compares the ledger that the payments service shows at ledgerURL with payments and
// orders, for payments begun since then. It looks twice, the given time apart, and returns only
// what did not change in between: whatever is under way differs for a moment.
func (d Databases) Reconcile(ctx context.Context, ledgerURL string, since time.Time, settle time.Duration) (Reconciliation, error) {
	first, err := d.reconcile(ctx, ledgerURL, since)
	if err != nil || len(first.Discrepancies) == 0 {
		return first, err
	}
	select {
	case <-ctx.Done():
		return Reconciliation{}, ctx.Err()
	case <-time.After(settle):
	}
	second, err := d.reconcile(ctx, ledgerURL, since)
	second.Discrepancies = slices.DeleteFunc(second.Discrepancies, func(s Discrepancy) bool {
		return !slices.Contains(first.Discrepancies, s)
	})
	return second, err
}

func (d Databases) reconcile(ctx context.Context, ledgerURL string, since time.Time) (Reconciliation, error) {
	// Orders first, the processor last: what is done in between is then newer there, never older.
	payments, err := d.paidSince(ctx, since)
	if err != nil {
		return Reconciliation{}, err
	}
	intents, err := readLedger(ctx, ledgerURL, since.Add(-time.Hour)) // an intent may be a moment older than its payment's id
	if err != nil {
		return Reconciliation{}, err
	}
	r := Reconciliation{Intents: len(intents), Payments: len(payments), Discrepancies: []Discrepancy{}}
	found := map[string]bool{}
	for _, i := range intents {
		p, known := payments[i.PaymentID]
		switch {
		case i.PaymentID == "":
			r.Foreign++
			continue
		case !known:
			if problem := i.unknown(since); problem != "" {
				r.Discrepancies = append(r.Discrepancies, Discrepancy{PaymentID: i.PaymentID, Reference: i.Reference, Problem: problem, Processor: i.String()})
			}
			continue
		}
		found[p.id] = true
		for _, problem := range disagreements(i, p) {
			r.Discrepancies = append(r.Discrepancies, Discrepancy{p.id, p.orderID, i.Reference, problem, i.String(), p.String()})
		}
	}
	for _, p := range payments {
		if !found[p.id] && (p.reference != "" || slices.Contains(holding, p.status)) {
			r.Discrepancies = append(r.Discrepancies, Discrepancy{p.id, p.orderID, p.reference, "the processor does not know it", "", p.String()})
		}
	}
	slices.SortFunc(r.Discrepancies, func(a, b Discrepancy) int {
		return strings.Compare(a.PaymentID+a.Reference+a.Problem, b.PaymentID+b.Reference+b.Problem)
	})
	return r, nil
}

// holding are the states of a payment that the processor must know of.
var holding = []string{"requires_action", "authorized", "succeeded", "voided", "partially_refunded", "refunded"}

// unknown returns what is wrong with an intent whose payment was not found.
func (i intent) unknown(since time.Time) string {
	if i.Status == "declined" || i.Status == "voided" || id.Time(i.PaymentID).Before(since) {
		return ""
	}
	return "no such payment here"
}

// disagreements returns everything that the processor and this system say differently.
func disagreements(i intent, p paid) []string {
	var problems []string
	states := map[string][]string{ // of a payment, and the intent's that go with it
		"processing": {"pending"}, "requires_action": {"requires_action", "pending"}, "authorized": {"authorized"},
		"succeeded": {"captured"}, "partially_refunded": {"captured"}, "refunded": {"captured"},
		"failed": {"declined", "voided"}, "voided": {"voided", "declined"},
	}
	if !slices.Contains(states[p.status], i.Status) {
		problems = append(problems, "different states")
	}
	if i.Reference != p.reference {
		problems = append(problems, "charged more than once, or by another intent")
	}
	if i.MinorUnits != p.minorUnits || i.Currency != p.currency {
		problems = append(problems, "different amounts")
	}
	if i.CapturedMinorUnits != 0 && i.CapturedMinorUnits != p.minorUnits {
		problems = append(problems, "captured another amount")
	}
	if i.RefundedMinorUnits != p.refunded {
		problems = append(problems, "refunded differently")
	}
	kept := i.CapturedMinorUnits - i.RefundedMinorUnits
	if complete := p.order == "complete with "+p.id; complete != (kept > 0) {
		problems = append(problems, map[bool]string{true: "the order is complete without money", false: "money was kept, but the order is not complete with it"}[complete])
	}
	return problems
}

// paidSince returns the payments begun since then with their orders, by id.
func (d Databases) paidSince(ctx context.Context, since time.Time) (map[string]paid, error) {
	orders := map[string]string{}
	err := d.Read(ctx, events.Orders, func(conn *pgx.Conn) error {
		var id, state string
		rows, err := conn.Query(ctx, `
			SELECT id, status || coalesce(' with ' || payment_id, '') FROM orders
			WHERE updated_at >= $1 OR payment_id IS NOT NULL`, since)
		if err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, []any{&id, &state}, func() error {
			orders[id] = state
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	payments := map[string]paid{}
	err = d.Read(ctx, events.Payments, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, `
			SELECT id, order_id, reference, status, currency, amount_minor_units, refunded_minor_units FROM payments
			WHERE created_at >= $1`, since)
		if err != nil {
			return err
		}
		var p paid
		_, err = pgx.ForEachRow(rows, []any{&p.id, &p.orderID, &p.reference, &p.status, &p.currency, &p.minorUnits, &p.refunded}, func() error {
			p.order = orders[p.orderID]
			payments[p.id] = p
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read payments: %w", err)
	}
	return payments, nil
}

// readLedger asks the payments service for what the processor knows.
func readLedger(ctx context.Context, ledgerURL string, since time.Time) ([]intent, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ledgerURL+"?since="+url.QueryEscape(since.UTC().Format(time.RFC3339)), nil)
	if err != nil {
		return nil, fmt.Errorf("read the processor's ledger: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read the processor's ledger: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read the processor's ledger: payments answers %s", resp.Status)
	}
	var all []intent
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		var i intent
		if err := json.Unmarshal(lines.Bytes(), &i); err != nil {
			return nil, fmt.Errorf("read the processor's ledger: %w", err)
		}
		if i.Error != "" {
			return nil, errors.New(i.Error)
		}
		all = append(all, i)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the processor's ledger: %w", err)
	}
	return all, nil
}
