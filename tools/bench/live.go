package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/id"
	"boxoffice.dev/pkg/identity"
)

const (
	filesNeeded = 1 << 15 // two of the router for each subscription, and more
	filesSpare  = 500     // for all else
	openers     = 64      // connections that are opened at the same time
	idleFor     = 10 * time.Second
)

// allowFiles lets this process and those that it starts have as many open files as measureLive needs, or as
// many as they may have, and returns how many that is.
func allowFiles() (int, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("look how many files may be open: %w", err)
	}
	if limit.Max >= filesNeeded {
		return int(limit.Max), nil //nolint:gosec // Go has raised the other limit to this one
	}
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: filesNeeded, Max: filesNeeded}) == nil {
		return filesNeeded, nil
	}
	return int(limit.Max), nil
}

// measureLive lets many people follow tickets, nine of ten the same one and the others one each, changes
// tickets, and lets everybody leave at once.
func measureLive(ctx context.Context, b *bench) error {
	most := b.scaled(10_000)
	alone, changes := most/10, b.scaled(200)
	tickets, err := b.available(ctx, alone+1)
	if err != nil {
		return err
	}
	people, err := b.signedIn(ctx, most)
	if err != nil {
		return err
	}
	head := []string{"subscriptions to tickets"}
	rows := []string{
		"opened, until the current state has come", "connecting and that, p50 / p99",
		"heap and stacks of the router, for each", "goroutines of the router, for each", "resident memory of the router",
		"heap and stacks of tickets, for each",
		"while nothing happens: router, tickets, auth",
		fmt.Sprintf("a ticket with one follower changes: until the one has it, p50 / p99 of %d", changes),
		"the ticket of the others changes: until the first of them has it", "half of them", "all",
		"processor time of that for each: router, tickets, its Postgres",
		"all leave at once: until the router's goroutines are what they were",
		"goroutines of the router before and after", "heap and stacks of the router before and after",
	}
	columns := make([][]string, len(rows))
	for _, t := range transports {
		l := live{bench: b, n: min(most, (b.files-filesSpare)*t.each/(t.each+1)/t.each*t.each), popular: tickets[alone], own: tickets[:alone], people: people}
		column, err := l.measure(ctx, t, changes)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		head = append(head, fmt.Sprintf("%d %s", l.n, t.name))
		for i := range rows {
			columns[i] = append(columns[i], column[i])
		}
	}
	b.report.table(head...)
	for i, row := range rows {
		b.report.row(append([]string{row}, columns[i]...)...)
	}
	return nil
}

// live is the crowd and what it follows.
type live struct {
	*bench

	n       int
	popular string
	own     []string // the first followers have one each
	people  []string // access tokens
}

func (l *live) ticket(follower int) string {
	if follower < len(l.own) {
		return l.own[follower]
	}
	return l.popular
}

// measure returns the figures of one way to follow.
func (l *live) measure(ctx context.Context, t transport, changes int) (figures []string, err error) {
	add := func(format string, args ...any) { figures = append(figures, fmt.Sprintf(format, args...)) }
	told := make(chan news, l.n)
	tell := func(n news) {
		select {
		case told <- n:
		case <-ctx.Done():
		}
	}
	following, leave := context.WithCancel(ctx)
	defer leave()
	open := func(followers context.Context, i int) error {
		c := connection{token: l.people[i]}
		for f := i * t.each; f < (i+1)*t.each; f++ {
			c.followers, c.tickets = append(c.followers, f), append(c.tickets, l.ticket(f))
		}
		return t.open(followers, l.bench, c, tell)
	}
	// A few come and go first, so that what is made once is not counted.
	visiting, leaveAgain := context.WithCancel(ctx)
	defer leaveAgain()
	if _, err := closedLoop(ctx, openers, l.n/t.each/20, func(_ context.Context, i int) error { return open(visiting, i) }); err != nil {
		return nil, err
	}
	leaveAgain()
	before, beforeTickets, err := l.calm(ctx)
	if err != nil {
		return nil, err
	}

	opened, err := closedLoop(ctx, openers, l.n/t.each, func(_ context.Context, i int) error { return open(following, i) })
	if err != nil {
		return nil, err
	}
	add("%.0f/s", opened.rate()*float64(t.each))
	add("%s", opened.latencies)
	progress("live, %s: opened at %s, %s", t.name, figures[0], figures[1])
	during, err := l.vitals(ctx, "router")
	if err != nil {
		return nil, err
	}
	duringTickets, err := l.vitals(ctx, "tickets")
	if err != nil {
		return nil, err
	}
	each := func(later, sooner float64) float64 { return (later - sooner) / float64(l.n) }
	add("%.1f KB", each(during.memory, before.memory)/1000)
	add("%.1f", each(during.goroutines, before.goroutines))
	add("%.0f MB", during.resident/1e6)
	add("%.1f KB", each(duringTickets.memory, beforeTickets.memory)/1000)
	progress("live, %s: %s and %s goroutines each, %s; tickets %s", t.name, figures[2], figures[3], figures[4], figures[5])

	used := cpu()
	select {
	case <-time.After(idleFor):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	used = cpu().sub(used)
	share := func(part string) string { return fmt.Sprintf("%.1f %%", 100*used[part].Seconds()/idleFor.Seconds()) }
	add("%s, %s, %s of a core", share("router"), share("tickets"), share("auth"))

	var alone latencies
	for i := range changes {
		ticket := i % len(l.own)
		version, begin, err := l.change(ctx, l.own[ticket])
		if err != nil {
			return nil, err
		}
		took, err := await(ctx, told, begin, version, func(n news) bool { return n.who == ticket }, 1)
		if err != nil {
			return nil, err
		}
		alone = append(alone, took...)
	}
	add("%s", alone)
	progress("live, %s: one hears after %s", t.name, alone)

	used = cpu()
	version, begin, err := l.change(ctx, l.popular)
	if err != nil {
		return nil, err
	}
	all, err := await(ctx, told, begin, version, func(n news) bool { return n.who >= len(l.own) }, l.n-len(l.own))
	if err != nil {
		return nil, err
	}
	used = cpu().sub(used)
	add("%s", ms(slices.Min(all)))
	add("%s", ms(all.at(0.5)))
	add("%s", ms(slices.Max(all)))
	cost := func(part string) string { return fmt.Sprintf("%d µs", used[part].Microseconds()/int64(len(all))) }
	add("%s, %s, %s", cost("router"), cost("tickets"), cost("Postgres for tickets"))
	progress("live, %s: %d hear after %s to %s", t.name, len(all), figures[8], figures[10])

	leave()
	begin = time.Now()
	if _, err := l.routerWhen(ctx, func(v vitals) bool { return v.goroutines <= before.goroutines }); err != nil {
		return nil, err
	}
	add("%.1f s", time.Since(begin).Seconds())
	after, _, err := l.calm(ctx)
	if err != nil {
		return nil, err
	}
	add("%.0f, %.0f", before.goroutines, after.goroutines)
	add("%.1f MB, %.1f MB", before.memory/1e6, after.memory/1e6)
	progress("live, %s: left after %s, goroutines %s, memory %s", t.name, figures[12], figures[13], figures[14])
	return figures, nil
}

// change raises a ticket's version, which it returns, and when it began to do so.
func (l *live) change(ctx context.Context, ticket string) (version int, begin time.Time, err error) {
	begin = time.Now()
	answer, err := l.send(ctx, l.operation(l.seller,
		`mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { id version price { minorUnits } } errors { __typename } } }`,
		map[string]any{"input": map[string]any{"ticketId": ticket, "price": map[string]any{"minorUnits": 10_000 + begin.UnixMilli()%1_000_000, "currency": "USD"}}}), `"errors":[]`)
	if err != nil {
		return 0, begin, err
	}
	n, err := heard(0, answer)
	return n.version, begin, err
}

// await returns how long after begin each of so many followers heard of the version.
func await(ctx context.Context, told <-chan news, begin time.Time, version int, concerns func(news) bool, followers int) (latencies, error) {
	var took latencies
	for len(took) < followers {
		select {
		case n := <-told:
			switch {
			case n.err != nil:
				return nil, fmt.Errorf("a follower was left: %w", n.err)
			case !concerns(n):
				return nil, fmt.Errorf("follower %d heard of a ticket that it does not follow", n.who)
			case n.version == version:
				took = append(took, n.at.Sub(begin))
			}
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d followers heard of the change: %w", len(took), followers, ctx.Err())
		}
	}
	return took, nil
}

// signedIn returns the access tokens of new people. Their sessions are written into auth's database,
// because the router asks it which of them have ended.
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
		return nil, fmt.Errorf("sign people in: %w", err)
	}
	return tokens, nil
}

// vitals are what a process keeps, after it has collected its garbage.
type vitals struct {
	goroutines float64
	memory     float64 // of heap and stacks in use, in bytes
	resident   float64 // bytes
}

func (b *bench) vitals(ctx context.Context, service string) (vitals, error) {
	at := "http://" + b.Service(service).AdminAddr
	b.http.CloseIdleConnections() // each has goroutines in the service
	for range 2 {                 // pools are empty after the second time
		if err := b.get(ctx, at+"/debug/pprof/heap?gc=1&debug=1", func(string) {}); err != nil {
			return vitals{}, err
		}
	}
	var v vitals
	err := b.get(ctx, at+"/metrics", func(line string) {
		name, value, _ := strings.Cut(line, " ")
		number, _ := strconv.ParseFloat(value, 64) //nolint:errcheck // a comment
		switch name {
		case "go_goroutines":
			v.goroutines = number
		case "go_memstats_heap_inuse_bytes", "go_memstats_stack_inuse_bytes":
			v.memory += number
		case "process_resident_memory_bytes":
			v.resident = number
		}
	})
	return v, err
}

// routerWhen returns the router's vitals once they are good.
func (b *bench) routerWhen(ctx context.Context, good func(vitals) bool) (vitals, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		v, err := b.vitals(ctx, "router")
		if err != nil || good(v) {
			return v, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return v, fmt.Errorf("the router still has %.0f goroutines: %w", v.goroutines, ctx.Err())
		}
	}
}

// calm returns the vitals of router and tickets once the router has nobody to serve.
func (b *bench) calm(ctx context.Context) (router, tickets vitals, err error) {
	last := vitals{}
	router, err = b.routerWhen(ctx, func(v vitals) bool {
		steady := v.goroutines >= last.goroutines && v.memory >= last.memory
		last = v
		return steady
	})
	if err != nil {
		return router, tickets, err
	}
	tickets, err = b.vitals(ctx, "tickets")
	return router, tickets, err
}

// get hands the lines of an answer to each.
func (b *bench) get(ctx context.Context, url string, each func(line string)) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	lines := bufio.NewScanner(io.LimitReader(resp.Body, 1<<24))
	for lines.Scan() {
		each(lines.Text())
	}
	if err := errors.Join(lines.Err(), resp.Body.Close()); err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	return nil
}
