package order

import (
	"context"
	"iter"

	"boxoffice.dev/pkg/events"
	"boxoffice.dev/subgraphs/internal/signal"
)

// Follow yields an order for its buyer as it is and then after each change, until ctx ends. Changes
// that follow closely may come as one. Errors: as Get; one ends it.
func (s *Service) Follow(ctx context.Context, viewerID, orderID string) iter.Seq2[Order, error] {
	return signal.Follow(ctx, &s.changed, orderID,
		func(ctx context.Context) (Order, error) { return s.Get(ctx, viewerID, orderID) },
		func(o Order) int { return o.Version })
}

// OnEvent lets those who follow an order see a change that any process of the service has told of.
func (s *Service) OnEvent(e events.Event) { s.changed.Changed(e.Subject) }

// Resync lets everybody look again, because changes may have gone unnoticed.
func (s *Service) Resync() { s.changed.AllChanged() }
