package ticket

import (
	"context"
	"iter"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/subgraphs/internal/signal"
)

// Follow yields a ticket as it is and then after each change, until ctx ends. Changes that follow
// closely may come as one. Error: NotFound, which ends it.
func (s *Service) Follow(ctx context.Context, ticketID string) iter.Seq2[Ticket, error] {
	look := func(ctx context.Context) (Ticket, error) {
		t, ok, err := s.together.Look(ctx, ticketID)
		if err == nil && !ok {
			err = apperr.New(apperr.NotFound, "There is no such ticket.")
		}
		return t, err
	}
	return signal.Follow(ctx, &s.changed, ticketID, look, func(t Ticket) int { return t.Version })
}

// OnEvent lets those who follow a ticket see a change that any process of the service has told of.
func (s *Service) OnEvent(e events.Event) { s.changed.Changed(e.Subject) }

// Resync lets everybody look again, because changes may have gone unnoticed.
func (s *Service) Resync() { s.changed.AllChanged() }
