package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/identity"
)

const ticketUpdated = `subscription($id: ID!) { ticketUpdated(id: $id) { id version title availability price { minorUnits currency } } }`

// measureSubscriptions subscribes to tickets by server-sent events: nine of ten clients to the same ticket, the others
// to one each. Then it changes tickets. It needs 20,000 open files per process: two of the router per subscription.
func measureSubscriptions(ctx context.Context, b *bench) error {
	n, changes := b.scaled(9_750), b.scaled(200)
	alone := n / 10
	tickets, err := b.available(ctx, alone+1)
	if err != nil {
		return err
	}
	tokens, err := b.signedIn(ctx, n)
	if err != nil {
		return err
	}
	subscribed, end := context.WithCancel(ctx)
	defer end()
	before, _, err := b.memory(ctx, "router")
	if err != nil {
		return err
	}
	updates := make(chan update, n)
	opened, err := closedLoop(ctx, 64, n, func(_ context.Context, i int) error {
		return b.subscribe(subscribed, tokens[i], tickets[min(i, alone)], updates)
	})
	if err != nil {
		return err
	}
	during, resident, err := b.memory(ctx, "router")
	if err != nil {
		return err
	}

	var single latencies
	for i := range changes {
		took, err := b.fanOut(ctx, tickets[i%alone], 1, updates)
		if err != nil {
			return err
		}
		single = append(single, took...)
	}
	usedBefore := usage()
	all, err := b.fanOut(ctx, tickets[alone], n-alone, updates)
	if err != nil {
		return err
	}
	used := since(usedBefore)

	b.report.table("subscriptions to tickets", fmt.Sprintf("%d by server-sent events", n))
	for _, row := range [][2]string{
		{"opened, until the current state has arrived", fmt.Sprintf("%.0f/s", opened.rate())},
		{"time of that, p50 / p99", opened.String()},
		{"heap and stacks of the router, for each", fmt.Sprintf("%.1f KB", (during-before)/float64(n)/1000)},
		{"resident memory of the router", fmt.Sprintf("%.0f MB", resident/1e6)},
		{fmt.Sprintf("a ticket with one subscriber changes: delivered after, p50 / p99 of %d", changes), single.String()},
		{"the ticket of the others changes: delivered to the first after", ms(slices.Min(all))},
		{"to half of them", ms(all.at(0.5))},
		{"to all", ms(slices.Max(all))},
		{"processor time of that for each: router, tickets", fmt.Sprintf("%d µs, %d µs",
			used["router"].Microseconds()/int64(len(all)), used["tickets"].Microseconds()/int64(len(all)))},
	} {
		b.report.row(row[:]...)
	}
	return nil
}

// update is a version of a ticket that a subscription has delivered, or the error that ended the subscription.
type update struct {
	ticket  string
	version int
	at      time.Time
	err     error
}

// subscribers has many connections with small buffers.
var subscribers = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true, ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}}

// subscribe opens a subscription and returns when it has delivered the current state. What it delivers later goes to
// updates until ctx ends.
func (b *bench) subscribe(ctx context.Context, token, ticket string, updates chan<- update) error {
	op := b.operation(token, ticketUpdated, map[string]any{"id": ticket})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, op.url, bytes.NewReader(op.body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.Header = op.header
	req.Header.Set("Accept", "text/event-stream")
	resp, err := subscribers.Do(req) //nolint:bodyclose // the goroutine below closes it
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	lines := bufio.NewReaderSize(resp.Body, 1<<10)
	next := func() (update, error) {
		for {
			line, err := lines.ReadSlice('\n')
			if err != nil {
				return update{}, err
			}
			if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
				version, err := readVersion(data)
				return update{ticket: ticket, version: version, at: time.Now()}, err
			}
		}
	}
	if _, err := next(); err != nil {
		return errors.Join(fmt.Errorf("subscribe: %s: %w", resp.Status, err), resp.Body.Close())
	}
	go func() {
		defer resp.Body.Close()
		for {
			u, err := next()
			if ctx.Err() != nil {
				return
			}
			u.err = err
			updates <- u // has room for the newest of each subscription
			if err != nil {
				return
			}
		}
	}()
	return nil
}

// readVersion returns the version of the ticket in a response.
func readVersion(response []byte) (int, error) {
	_, rest, ok := strings.Cut(string(response), `"version":`)
	digits, _, _ := strings.Cut(rest, ",")
	version, err := strconv.Atoi(strings.TrimRight(digits, "}"))
	if !ok || err != nil {
		return 0, fmt.Errorf("no version in %s", response)
	}
	return version, nil
}

// fanOut changes a ticket and returns after which time each of its subscribers had the new version.
func (b *bench) fanOut(ctx context.Context, ticket string, subscribers int, updates <-chan update) (latencies, error) {
	begin := time.Now()
	response, err := b.send(ctx, b.operation(b.seller, updateTicket, map[string]any{
		"input": map[string]any{"ticketId": ticket, "price": price(10_000 + int(begin.UnixMilli()%1_000_000))},
	}))
	if err != nil {
		return nil, err
	}
	version, err := readVersion(response)
	if err != nil {
		return nil, err
	}
	var took latencies
	for len(took) < subscribers {
		select {
		case u := <-updates:
			switch {
			case u.err != nil:
				return nil, fmt.Errorf("a subscription ended: %w", u.err)
			case u.ticket == ticket && u.version == version:
				took = append(took, u.at.Sub(begin))
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d subscribers had the change: %w", len(took), subscribers, ctx.Err())
		}
	}
	return took, nil
}

// signedIn returns access tokens of new users. Their sessions are stored in auth's database, from which the router
// reads which sessions of its subscribers have ended.
func (b *bench) signedIn(ctx context.Context, n int) ([]string, error) {
	pool, err := pgxpool.New(ctx, b.ServiceDatabaseURL("auth"))
	if err != nil {
		return nil, fmt.Errorf("connect to database of auth: %w", err)
	}
	defer pool.Close()
	tokens, users, sessions := make([]string, n), make([]string, n), make([]string, n)
	now := time.Now()
	for i := range n {
		users[i], sessions[i] = id.New(id.User), id.New(id.Session)
		tokens[i], _, err = identity.Issuer{TTL: time.Hour}.Issue(b.key, identity.Caller{UserID: users[i], SessionID: sessions[i]}, now)
		if err != nil {
			return nil, err
		}
	}
	_, err = pool.Exec(ctx, `WITH people AS (
			INSERT INTO accounts (id, email, email_key, display_name, password_hash, created_at)
			SELECT id, id, id, id, '', $3 FROM unnest($1::text[]) AS id)
		INSERT INTO sessions (id, account_id, created_at, expires_at)
		SELECT session, account, $3, $3 + interval '1 day' FROM unnest($2::text[], $1::text[]) AS people(session, account)`,
		users, sessions, now)
	if err != nil {
		return nil, fmt.Errorf("store sessions: %w", err)
	}
	return tokens, nil
}

// memory returns the bytes of heap and stacks that a service uses after it has collected its garbage, and its resident
// memory.
func (b *bench) memory(ctx context.Context, service string) (used, resident float64, err error) {
	b.http.CloseIdleConnections() // each has goroutines in the service
	admin := "http://" + b.Service(service).AdminAddr
	for _, path := range []string{"/debug/pprof/heap?gc=1", "/debug/pprof/heap?gc=1", "/metrics"} { // a second collection empties sync.Pools
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, admin+path, nil)
		if err != nil {
			return 0, 0, fmt.Errorf("make request: %w", err)
		}
		resp, err := b.http.Do(req)
		if err != nil {
			return 0, 0, fmt.Errorf("read memory of %s: %w", service, err)
		}
		text, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			return 0, 0, fmt.Errorf("read memory of %s: %w", service, err)
		}
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
			number, _ := strconv.ParseFloat(value, 64) //nolint:errcheck // a comment, or a line of the profile
			switch name {
			case "go_memstats_heap_inuse_bytes", "go_memstats_stack_inuse_bytes":
				used += number
			case "process_resident_memory_bytes":
				resident = number
			}
		}
	}
	return used, resident, nil
}
