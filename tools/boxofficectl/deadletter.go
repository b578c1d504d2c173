package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"slices"
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
	Time           time.Time       `json:"time,omitzero"`
	Request        string          `json:"request,omitempty"`
	Cause          string          `json:"cause,omitempty"`
	Data           json.RawMessage `json:"data,omitempty"`
}

func newDeadLetter(l broker.DeadLetter) deadLetter {
	e := l.Event
	d := deadLetter{
		Queue: l.Queue, DeadLetteredAt: l.At, Error: l.Error, ID: e.ID, Type: e.Type, Subject: e.Subject, Version: e.Version,
		Time: e.Time, Request: e.IDs.Request, Cause: e.IDs.Cause, Data: e.Data,
	}
	if !json.Valid(d.Data) {
		d.Data, _ = json.Marshal(string(e.Data)) //nolint:errcheck // a string
	}
	if d.Error == "" {
		d.Error = "delivery limit reached: the service ended during each delivery"
	}
	if l.Unread != nil {
		d.Error += " (unreadable: " + l.Unread.Error() + ")"
	}
	return d
}

// source returns the broker's URL and the selected queues, once the flags are parsed.
type source func(s settings) (url string, queues []string, err error)

// queueFlag adds the flag --queue.
func queueFlag(flags *flag.FlagSet) source {
	name := flags.String("queue", "", "only dead letters of this `queue`, such as orders.tickets.events (default all)")
	return func(s settings) (string, []string, error) {
		url, err := s.get("AMQP_URL")
		if err != nil {
			return "", nil, err
		}
		all := broker.Queues(events.Catalogue())
		switch {
		case *name == "":
			return url, all, nil
		case slices.Contains(all, *name):
			return url, []string{*name}, nil
		default:
			return "", nil, fmt.Errorf("there is no queue %s, only %s", *name, strings.Join(all, ", "))
		}
	}
}

// list returns up to limit dead letters of each queue.
func (from source) list(s settings, limit int) ([]deadLetter, error) {
	url, queues, err := from(s)
	if err != nil {
		return nil, err
	}
	found := []deadLetter{}
	for _, queue := range queues {
		letters, err := broker.ListDeadLetters(url, queue, limit)
		if err != nil {
			return nil, err
		}
		for _, l := range letters {
			found = append(found, newDeadLetter(l))
		}
	}
	return found, nil
}

func dlqList(flags *flag.FlagSet) action {
	from := queueFlag(flags)
	limit := flags.Int("limit", 100, "list at most this many per queue, the oldest")
	return func(_ context.Context, s settings, _ []string) (report, error) {
		found, err := from.list(s, *limit)
		r := report{
			problem: len(found) > 0, json: found, summary: fmt.Sprintf("%d dead-lettered", len(found)),
			header: []string{"DEAD-LETTERED AT", "QUEUE", "EVENT", "TYPE", "SUBJECT", "VERSION", "ERROR"},
		}
		for _, d := range found {
			r.rows = append(r.rows, []string{d.DeadLetteredAt, d.Queue, d.ID, string(d.Type), d.Subject, strconv.Itoa(d.Version), d.Error})
		}
		return r, err
	}
}

func dlqShow(flags *flag.FlagSet) action {
	from := queueFlag(flags)
	return func(_ context.Context, s settings, args []string) (report, error) {
		if len(args) != 1 {
			return report{}, fmt.Errorf("name one event, as `dlq list` prints it: %w", errUsage)
		}
		found, err := from.list(s, math.MaxInt)
		if err != nil {
			return report{}, err
		}
		found = slices.DeleteFunc(found, func(d deadLetter) bool { return d.ID != args[0] })
		if len(found) == 0 {
			return report{}, fmt.Errorf("event %s is not dead-lettered", args[0])
		}
		text, err := json.MarshalIndent(found, "", "  ")
		return report{problem: true, json: found, summary: string(text)}, err
	}
}

func dlqReplay(flags *flag.FlagSet) action {
	from := queueFlag(flags)
	all := flags.Bool("all", false, "replay all dead-lettered events instead of one")
	return func(ctx context.Context, s settings, args []string) (report, error) {
		if *all == (len(args) == 1) || len(args) > 1 {
			return report{}, fmt.Errorf("name one event, or --all: %w", errUsage)
		}
		url, queues, err := from(s)
		if err != nil {
			return report{}, err
		}
		event := strings.Join(args, "")
		replayed := 0
		for _, queue := range queues {
			n, err := broker.ReplayDeadLetters(ctx, url, queue, event)
			replayed += n
			if err != nil {
				return report{}, fmt.Errorf("%d replayed, then: %w", replayed, err)
			}
		}
		if event != "" && replayed == 0 {
			return report{}, fmt.Errorf("event %s is not dead-lettered", event)
		}
		return report{json: map[string]int{"replayed": replayed}, summary: fmt.Sprintf("%d replayed", replayed)}, nil
	}
}
