package consistency

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

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
)

// Discrepancy is a payment about which the card processor, payments and orders disagree.
type Discrepancy struct {
	PaymentID string `json:"paymentId,omitempty"`
	OrderID   string `json:"orderId,omitempty"`
	Reference string `json:"reference,omitempty"` // at the processor
	Problem   string `json:"problem"`
	Processor string `json:"processor,omitempty"` // state in the processor's ledger
	Here      string `json:"here,omitempty"`      // state in payments and orders
}

// Reconciliation is the result of comparing the card processor's ledger with payments and orders.
type Reconciliation struct {
	Intents       int           `json:"intents"`  // in the ledger
	Payments      int           `json:"payments"` // in payments
	Foreign       int           `json:"foreign"`  // intents in the ledger that do not belong to this system
	Discrepancies []Discrepancy `json:"discrepancies"`
}

// intent is a line of the processor's ledger, as the payments service returns it.
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

// payment is a payment with its order.
type payment struct {
	ID, OrderID, Reference, Status, Currency string
	MinorUnits, Refunded                     int
	Order                                    string // the order's status, and the payment that completed it
}

func (p payment) String() string {
	return fmt.Sprintf("%s, %d %s, refunded %d; order %s", p.Status, p.MinorUnits, p.Currency, p.Refunded, p.Order)
}

// Reconcile compares the ledger at ledgerURL, of the payments service, with payments and orders, for payments created
// since then. It returns the discrepancies that last for the settle time: payments in progress differ for a moment.
func (d Databases) Reconcile(ctx context.Context, ledgerURL string, since time.Time, settle time.Duration) (r Reconciliation, err error) {
	discrepancies, err := lasting(ctx, settle, func(found Discrepancy) Discrepancy { return found }, func() ([]Discrepancy, error) {
		r, err = d.reconcile(ctx, ledgerURL, since)
		return r.Discrepancies, err
	})
	r.Discrepancies = discrepancies
	return r, err
}

func (d Databases) reconcile(ctx context.Context, ledgerURL string, since time.Time) (Reconciliation, error) {
	// Read orders first and the processor last: what changes in between is then newer there, never older.
	payments, err := d.payments(ctx, since)
	if err != nil {
		return Reconciliation{}, err
	}
	intents, err := readLedger(ctx, ledgerURL, since.Add(-time.Hour)) // the clocks may differ
	if err != nil {
		return Reconciliation{}, fmt.Errorf("read the processor's ledger: %w", err)
	}
	r := Reconciliation{Intents: len(intents), Payments: len(payments)}
	found := map[string]bool{}
	for _, i := range intents {
		p, known := payments[i.PaymentID]
		switch {
		case i.PaymentID == "":
			r.Foreign++
			continue
		case !known:
			if i.Status != "declined" && i.Status != "voided" && !id.Time(i.PaymentID).Before(since) {
				r.Discrepancies = append(r.Discrepancies, Discrepancy{i.PaymentID, "", i.Reference, "no such payment here", i.String(), ""})
			}
			continue
		}
		found[p.ID] = true
		for _, problem := range disagreements(i, p) {
			r.Discrepancies = append(r.Discrepancies, Discrepancy{p.ID, p.OrderID, i.Reference, problem, i.String(), p.String()})
		}
	}
	for _, p := range payments {
		if !found[p.ID] && (p.Reference != "" || p.Status != "processing" && p.Status != "failed") {
			r.Discrepancies = append(r.Discrepancies, Discrepancy{p.ID, p.OrderID, p.Reference, "the processor has no record of it", "", p.String()})
		}
	}
	slices.SortFunc(r.Discrepancies, func(a, b Discrepancy) int {
		return strings.Compare(a.PaymentID+a.Reference+a.Problem, b.PaymentID+b.Reference+b.Problem)
	})
	return r, nil
}

// disagreements returns everything about which the processor and this system disagree.
func disagreements(i intent, p payment) []string {
	var problems []string
	states := map[string][]string{ // of a payment, and the intent's that match
		"processing": {"pending"}, "requires_action": {"requires_action", "pending"}, "authorized": {"authorized"},
		"succeeded": {"captured"}, "partially_refunded": {"captured"}, "refunded": {"captured"},
		"failed": {"declined", "voided"}, "voided": {"voided", "declined"},
	}
	if !slices.Contains(states[p.Status], i.Status) {
		problems = append(problems, "different states")
	}
	if i.Reference != p.Reference {
		problems = append(problems, "charged more than once, or by another intent")
	}
	if i.MinorUnits != p.MinorUnits || i.Currency != p.Currency {
		problems = append(problems, "different amounts")
	}
	if i.CapturedMinorUnits != 0 && i.CapturedMinorUnits != p.MinorUnits {
		problems = append(problems, "captured another amount")
	}
	if i.RefundedMinorUnits != p.Refunded {
		problems = append(problems, "different refunds")
	}
	kept := i.CapturedMinorUnits > i.RefundedMinorUnits
	switch complete := p.Order == "complete with "+p.ID; {
	case complete && !kept:
		problems = append(problems, "the order is complete without money")
	case kept && !complete:
		problems = append(problems, "money was kept, but the order is not complete with it")
	}
	return problems
}

// payments returns the payments created since then with their orders, by id.
func (d Databases) payments(ctx context.Context, since time.Time) (map[string]payment, error) {
	type order struct{ ID, State string }
	orders, err := Rows[order](ctx, d, events.Orders, `
		SELECT id, status || coalesce(' with ' || payment_id, '') FROM orders WHERE updated_at >= $1 OR payment_id IS NOT NULL`, since)
	if err != nil {
		return nil, err
	}
	states := map[string]string{}
	for _, o := range orders {
		states[o.ID] = o.State
	}
	found, err := Rows[payment](ctx, d, events.Payments, `
		SELECT id, order_id, reference, status, currency, amount_minor_units, refunded_minor_units, ''
		FROM payments WHERE created_at >= $1`, since)
	byID := map[string]payment{}
	for _, p := range found {
		p.Order = states[p.OrderID]
		byID[p.ID] = p
	}
	return byID, err
}

// readLedger reads the card processor's ledger from the payments service: one JSON object per line.
func readLedger(ctx context.Context, ledgerURL string, since time.Time) ([]intent, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, ledgerURL+"?since="+url.QueryEscape(since.UTC().Format(time.RFC3339)), nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New("payments responds " + resp.Status)
	}
	var all []intent
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		var i intent
		if err := json.Unmarshal(lines.Bytes(), &i); err != nil {
			return nil, err
		}
		if i.Error != "" {
			return nil, errors.New(i.Error)
		}
		all = append(all, i)
	}
	return all, lines.Err()
}
