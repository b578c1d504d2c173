package payment

import (
	"context"
	"encoding/json"
	"iter"
	"log/slog"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/pkg/id"
	"boxoffice.dev/subgraphs/internal/signal"
)

// Follow yields the latest payment of an order: its current state, then again after each change, until ctx ends.
// Changes in quick succession may be yielded as one. It ends with the error NotFound if the order has no payment that
// is visible to the viewer.
func (s *Service) Follow(ctx context.Context, viewer Viewer, orderID string) iter.Seq2[Payment, error] {
	latest := func(ctx context.Context) (Payment, error) {
		if !id.Valid(id.Order, orderID) {
			return Payment{}, notFound()
		}
		p, ok, err := latestPayment(ctx, s.pool, orderID)
		if err != nil {
			return Payment{}, err
		}
		if !ok || !viewer.canSee(p) {
			return Payment{}, notFound()
		}
		return p, nil
	}
	type version struct {
		id      string
		version int
	}
	return signal.Follow(ctx, &s.changes, orderID, latest, func(p Payment) version { return version{p.ID, p.Version} })
}

func notFound() error { return apperr.New(apperr.NotFound, "The payment does not exist.") }

// OnEvent signals a change that any process of this service has published.
func (s *Service) OnEvent(e events.Event) {
	var p events.Payment
	if err := json.Unmarshal(e.Data, &p); err != nil {
		slog.Warn("decode payment event failed", "event", e.ID, "error", err)
		return
	}
	s.changes.Changed(p.OrderID)
	s.changes.Changed(p.ID)
}

// Resync signals a change of every payment, because events may have been missed.
func (s *Service) Resync() { s.changes.AllChanged() }
