package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"boxoffice.dev/pkg/broker"
	"boxoffice.dev/pkg/events"
)

// deadLetter is the printed form of a dead letter.
type deadLetter struct {
	Queue          string          `json:"queue"`
	DeadLetteredAt string          `json:"deadLetteredAt,omitempty"`
	Error          string          `json:"error"`
	ID             string          `json:"id,omitempty"`
	Type           events.Type     `json:"type,omitempty"`
	Subject        string          `json:"subject,omitempty"`
	Version        int             `json:"version,omitempty"`
	Time           *time.Time      `json:"time,omitempty"`
	Request        string          `json:"request,omitempty"`
	Cause          string          `json:"cause,omitempty"`
	Data           json.RawMessage `json:"data,omitempty"`
}

func newDeadLetter(p broker.DeadLetter) deadLetter {
	e := p.Event
	m := deadLetter{
		Queue: p.Queue, DeadLetteredAt: p.At, Error: p.Error, ID: e.ID, Type: e.Type, Subject: e.Subject, Version: e.Version,
		Request: e.IDs.Request, Cause: e.IDs.Cause, Data: e.Data,
	}
	if !e.Time.IsZero() {
		m.Time = &e.Time
	}
	if !json.Valid(m.Data) {
		m.Data, _ = json.Marshal(string(e.Data)) //nolint:errcheck // a string
	}
	if m.Error == "" {
		m.Error = "the service died of it too often"
	}
	if p.Unread != nil {
		m.Error += " (unreadable: " + p.Unread.Error() + ")"
	}
	return m
}

// queueFlag lets the operator name one queue instead of all.
func queueFlag(flags *flag.FlagSet) func() ([]string, error) {
	name := flags.String("queue", "", "only what came from this `queue`, such as orders.tickets.events (default: from all)")
	return func() ([]string, error) {
		all := broker.Queues(events.Catalogue())
		if *name == "" {
			return all, nil
		}
		for _, q := range all {
			if q == *name {
				return []string{q}, nil
			}
		}
		return nil, fmt.Errorf("there is no queue %s, only %s", *name, strings.Join(all, ", "))
	}
}

func list(url string, queues []string, limit int) ([]deadLetter, error) {
	found := []deadLetter{}
	for _, q := range queues {
		some, err := broker.ListDeadLetters(url, q, limit)
		if err != nil {
			return nil, err
		}
		for _, p := range some {
			found = append(found, newDeadLetter(p))
		}
	}
	return found, nil
}

func listDeadLetters(flags *flag.FlagSet) look {
	queues := queueFlag(flags)
	limit := flags.Int("limit", 100, "at most this many of each queue, the oldest")
	return func(_ context.Context, where settings, args []string) (report, error) {
		if len(args) > 0 {
			return report{}, errUsage
		}
		url, err := where.get("AMQP_URL")
		if err != nil {
			return report{}, err
		}
		names, err := queues()
		if err != nil {
			return report{}, err
		}
		found, err := list(url, names, *limit)
		if err != nil {
			return report{}, err
		}
		r := report{
			wrong: len(found) > 0, json: found, summary: fmt.Sprintf("%d dead-lettered", len(found)),
			header: []string{"DEAD-LETTERED AT", "QUEUE", "EVENT", "TYPE", "ABOUT", "VERSION", "WHY"},
		}
		for _, p := range found {
			r.rows = append(r.rows, []string{p.DeadLetteredAt, p.Queue, p.ID, string(p.Type), p.Subject, strconv.Itoa(p.Version), p.Error})
		}
		return r, nil
	}
}

// unlimited is more messages than a dead-letter queue holds.
const unlimited = 1 << 30

func showDeadLetters(flags *flag.FlagSet) look {
	queues := queueFlag(flags)
	return func(_ context.Context, where settings, args []string) (report, error) {
		if len(args) != 1 {
			return report{}, fmt.Errorf("name one event, as `dlq list` shows it: %w", errUsage)
		}
		url, err := where.get("AMQP_URL")
		if err != nil {
			return report{}, err
		}
		names, err := queues()
		if err != nil {
			return report{}, err
		}
		found, err := list(url, names, unlimited)
		if err != nil {
			return report{}, err
		}
		var shown []deadLetter
		for _, p := range found {
			if p.ID == args[0] {
				shown = append(shown, p)
			}
		}
		if len(shown) == 0 {
			return report{}, fmt.Errorf("no event %s is dead-lettered", args[0])
		}
		text, err := json.MarshalIndent(shown, "", "  ")
		if err != nil {
			return report{}, fmt.Errorf("print event: %w", err)
		}
		return report{wrong: true, json: shown, summary: string(text)}, nil
	}
}

func replayDeadLetters(flags *flag.FlagSet) look {
	queues := queueFlag(flags)
	all := flags.Bool("all", false, "replay all dead-lettered events instead of one")
	return func(ctx context.Context, where settings, args []string) (report, error) {
		if *all == (len(args) == 1) || len(args) > 1 {
			return report{}, fmt.Errorf("name one event, or --all: %w", errUsage)
		}
		url, err := where.get("AMQP_URL")
		if err != nil {
			return report{}, err
		}
		names, err := queues()
		if err != nil {
			return report{}, err
		}
		event := ""
		if !*all {
			event = args[0]
		}
		replayed := 0
		for _, q := range names {
			n, err := broker.ReplayDeadLetters(ctx, url, q, event)
			replayed += n
			if err != nil {
				return report{}, fmt.Errorf("after %d replayed: %w", replayed, err)
			}
		}
		if event != "" && replayed == 0 {
			return report{}, fmt.Errorf("no event %s is dead-lettered", event)
		}
		return report{json: map[string]int{"replayed": replayed}, summary: fmt.Sprintf("%d replayed", replayed)}, nil
	}
}
