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

// Follow yields the latest payment of an order for somebody who may see it, as it is and then after
// each change, until ctx ends. Changes that follow closely may come as one. Error: NotFound when there
// is none that the viewer may see, which ends it.
func (s *Service) Follow(ctx context.Context, viewer Viewer, orderID string) iter.Seq2[Payment, error] {
	look := func(ctx context.Context) (Payment, error) {
		var found []Payment
		if id.Valid(id.Order, orderID) {
			payments, err := s.OfOrders(ctx, viewer, []string{orderID})
			if err != nil {
				return Payment{}, err
			}
			found = payments[orderID]
		}
		if len(found) == 0 {
			return Payment{}, apperr.New(apperr.NotFound, "There is no such payment.")
		}
		return found[len(found)-1], nil
	}
	type version struct {
		id      string
		version int
	}
	return signal.Follow(ctx, &s.changes, orderID, look, func(p Payment) version { return version{p.ID, p.Version} })
}

// OnEvent lets those who follow an order's payment see a change that any process of the service has
// told of.
func (s *Service) OnEvent(e events.Event) {
	var p events.Payment
	if err := json.Unmarshal(e.Data, &p); err != nil {
		slog.Warn("noticed event is not about a payment", "event", e.ID, "error", err)
		return
	}
	s.changes.Changed(p.OrderID)
	s.changes.Changed(p.ID)
}

// Resync lets everybody look again, because changes may have gone unnoticed.
func (s *Service) Resync() { s.changes.AllChanged() }
