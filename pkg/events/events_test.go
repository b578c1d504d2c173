package events_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"boxoffice.dev/pkg/correlation"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/money"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	price  = money.Money{MinorUnits: 1999, Currency: "USD"}
	ticket = events.Ticket{
		ID: "tkt_01h455vb4pex5vsknk084sn02q", Version: 3, Title: "Front row", Price: price,
		SellerID: "usr_01h455vb4pex5vsknk084sn02q", Availability: events.Available,
	}
	order = events.Order{
		ID: "ord_01h455vb4pex5vsknk084sn02q", Version: 2, Status: events.Created, BuyerID: "usr_01h455vb4pex5vsknk084sn02r",
		SellerID: ticket.SellerID, TicketID: ticket.ID, TicketVersion: 3, Title: ticket.Title, Price: price,
		ExpiresAt: time.Date(2030, 1, 2, 3, 19, 5, 0, time.UTC),
	}
	payment = events.Payment{
		ID: "pay_01h455vb4pex5vsknk084sn02q", Version: 2, OrderID: order.ID, Amount: price,
		StartedAt: time.Date(2030, 1, 2, 3, 10, 5, 0, time.UTC),
	}
)

// example returns a payload of the type with every field that it can carry.
func example(t *testing.T, typ events.Type) events.Payload {
	t.Helper()
	tkt, ord, pay := ticket, order, payment
	switch typ {
	case events.TicketCreated, events.TicketUpdated, events.TicketReleased:
		return tkt
	case events.TicketReserved, events.TicketSold:
		tkt.OrderID, tkt.Availability = order.ID, events.Reserved
		if typ == events.TicketSold {
			tkt.Availability = events.Sold
		}
		return tkt
	case events.TicketWithdrawn:
		tkt.Availability = events.Withdrawn
		return tkt
	case events.TicketReservationRefused:
		return events.ReservationRefused{OrderID: order.ID, Reason: events.RefusedTicketChanged, Ticket: tkt}
	case events.OrderCreated, events.OrderAwaitingPayment:
		ord.PaidVersion, ord.PaymentFailure = 4, events.CancelOnFailure
		if typ == events.OrderAwaitingPayment {
			ord.Status, ord.PaidVersion = events.AwaitingPayment, 3
		}
		return ord
	case events.OrderCompleted:
		ord.Status = events.Complete
		return ord
	case events.OrderCancelled:
		ord.Status, ord.Reason, ord.KeepOffSale = events.Cancelled, events.ReasonRefunded, true
		return ord
	case events.OrderExpired, events.OrderDeadlineMoved:
		return events.OrderDeadline{OrderID: order.ID, Deadline: order.ExpiresAt}
	case events.OrderPaymentConfirmed:
		return events.PaymentDecision{PaymentID: payment.ID, OrderID: order.ID}
	case events.OrderPaymentRefused:
		return events.PaymentDecision{PaymentID: payment.ID, OrderID: order.ID, Reason: events.RefusedOrderExpired}
	case events.PaymentStarted:
		pay.Status = events.Processing
		return pay
	case events.PaymentAuthorized:
		pay.Status = events.Authorized
		return pay
	case events.PaymentSucceeded:
		pay.Status = events.Succeeded
		return pay
	case events.PaymentVoided:
		pay.Status = events.Voided
		return pay
	case events.PaymentFailed:
		pay.Status, pay.Reason = events.Failed, events.InsufficientFunds
		return pay
	case events.PaymentRefunded:
		pay.Status, pay.RefundedMinorUnits, pay.RefundedBy, pay.ReleaseTicket = events.Refunded, 1999, events.Seller, true
		return pay
	}
	t.Fatalf("no example of %s", typ)
	return nil
}

func TestGolden(t *testing.T) {
	for _, route := range events.Catalogue() {
		t.Run(string(route.Type), func(t *testing.T) {
			e := events.New(route.Type, example(t, route.Type))
			var got bytes.Buffer
			if err := json.Indent(&got, e.Data, "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			file := filepath.Join("testdata", string(route.Type)+".json")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file) //nolint:gosec // named after a type
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("the wire format changed; add fields or a new version, never change one\ngot  %s\nwant %s", &got, want)
			}
		})
	}
}

// The predicates also decide which rows the services read, so each status is listed here.
func TestPredicates(t *testing.T) {
	for name, tt := range map[string]struct{ got, want any }{
		"live orders":          {events.OrderStatuses(events.OrderStatus.Live), []events.OrderStatus{events.Created, events.AwaitingPayment, events.Complete}},
		"unpaid orders":        {events.OrderStatuses(events.OrderStatus.Unpaid), []events.OrderStatus{events.Created, events.AwaitingPayment}},
		"payments in progress": {events.PaymentStatuses(events.PaymentStatus.InProgress), []events.PaymentStatus{events.Processing, events.RequiresAction, events.Authorized}},
		"paid payments":        {events.PaymentStatuses(events.PaymentStatus.Paid), []events.PaymentStatus{events.Succeeded, events.PartiallyRefunded}},
		"standing payments": {events.PaymentStatuses(events.PaymentStatus.Standing), []events.PaymentStatus{
			events.Processing, events.RequiresAction, events.Authorized, events.Succeeded, events.PartiallyRefunded,
		}},
		"held tickets": {
			[]bool{events.Available.Held(), events.Reserved.Held(), events.Sold.Held(), events.Withdrawn.Held()}, []bool{false, true, true, false},
		},
	} {
		if !reflect.DeepEqual(tt.got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, tt.got, tt.want)
		}
	}
}

func TestCatalogueNamesEachTypeOnce(t *testing.T) {
	var types []events.Type
	for _, r := range events.Catalogue() {
		if slices.Contains(types, r.Type) {
			t.Errorf("%s is listed twice", r.Type)
		}
		types = append(types, r.Type)
	}
}

func TestDeliver(t *testing.T) {
	e := events.New(events.TicketCreated, ticket)
	e.IDs.Request = "req-1"

	t.Run("decodes the payload and sets the event as the cause", func(t *testing.T) {
		var got events.Ticket
		var ids correlation.IDs
		h := events.Handlers{events.TicketCreated: events.On(func(ctx context.Context, p events.Ticket) error {
			got, ids = p, correlation.From(ctx)
			return nil
		})}
		if err := h.Deliver(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if want := (correlation.IDs{Request: "req-1", Cause: e.ID}); got != ticket || ids != want {
			t.Errorf("got %+v with %+v, want %+v with %+v", got, ids, ticket, want)
		}
	})
	t.Run("unknown fields are ignored", func(t *testing.T) {
		more := e
		more.Data = bytes.Replace(e.Data, []byte("{"), []byte(`{"colour":"red",`), 1)
		if err := (events.Handlers{e.Type: events.On(func(context.Context, events.Ticket) error { return nil })}).Deliver(t.Context(), more); err != nil {
			t.Error(err)
		}
	})
	t.Run("faults", func(t *testing.T) {
		boom := errors.New("boom")
		fail := events.On(func(context.Context, events.Ticket) error { return boom })
		never := events.On(func(context.Context, events.Ticket) error { t.Error("called"); return nil })
		forged, garbled := e, e
		forged.Subject = "tkt_other"
		garbled.Data = []byte(`{"id": 5}`)
		for name, tt := range map[string]struct {
			handler events.Handler
			event   events.Event
		}{
			"handler fails":                  {fail, e},
			"payload is garbled":             {never, garbled},
			"headers and payload contradict": {never, forged},
		} {
			if err := (events.Handlers{e.Type: tt.handler}).Deliver(t.Context(), tt.event); err == nil {
				t.Errorf("%s: got no error", name)
			}
		}
		if err := (events.Handlers{}).Deliver(t.Context(), e); err == nil {
			t.Error("no handler: got no error")
		}
	})
}
