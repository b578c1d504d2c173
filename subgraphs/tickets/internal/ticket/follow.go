package ticket

import (
	"context"
	"iter"

	"boxoffice.dev/pkg/apperr"
	"boxoffice.dev/pkg/events"
	"boxoffice.dev/subgraphs/internal/signal"
)

// Follow yields a ticket as it is and again after each change, until ctx ends. Changes in quick succession may arrive
// as one. Errors: apperr.NotFound, which ends the sequence.
func (s *Service) Follow(ctx context.Context, ticketID string) iter.Seq2[Ticket, error] {
	read := func(ctx context.Context) (Ticket, error) {
		t, ok, err := s.reads.Get(ctx, ticketID)
		if err == nil && !ok {
			err = apperr.New(apperr.NotFound, "There is no such ticket.")
		}
		return t, err
	}
	return signal.Follow(ctx, &s.changed, ticketID, read, func(t Ticket) int { return t.Version })
}

// OnEvent wakes the followers of the ticket that an event of any process of the service is about.
func (s *Service) OnEvent(e events.Event) { s.changed.Changed(e.Subject) }

// Resync wakes all followers, because events may have been missed.
func (s *Service) Resync() { s.changed.AllChanged() }
