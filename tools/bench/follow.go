package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

const ticketUpdated = `subscription($id: ID!) { ticketUpdated(id: $id) { id version title availability price { minorUnits currency } } }`

// news is what a follower has heard: a version of its ticket, or why it hears no more.
type news struct {
	who, version int
	at           time.Time
	err          error
}

// connection is one client of the router that follows tickets, one for each of its followers.
type connection struct {
	token     string
	followers []int    // by number
	tickets   []string // one for each
}

// transport is a way to follow tickets. It returns when everybody has the current state, and tells of what
// comes later until ctx ends, and with it the connection, without a word.
type transport struct {
	name string
	each int // followers on one connection
	open func(ctx context.Context, b *bench, c connection, tell func(news)) error
}

var transports = []transport{
	{"by server-sent events", 1, followByEvents},
	{"on a WebSocket each", 1, followBySocket},
	{"on WebSockets with 50 each", 50, followBySocket},
}

// followers is the client of all that follow: many connections, small buffers.
var followers = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true, ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}}

func followByEvents(ctx context.Context, b *bench, c connection, tell func(news)) error {
	op := b.operation(c.token, ticketUpdated, map[string]any{"id": c.tickets[0]})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, op.url, bytes.NewReader(op.body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.Header = op.header
	req.Header.Set("Accept", "text/event-stream")
	resp, err := followers.Do(req)
	if err != nil {
		return fmt.Errorf("follow: %w", err)
	}
	lines := bufio.NewReaderSize(resp.Body, 1<<10)
	next := func() (news, error) {
		for {
			line, err := lines.ReadSlice('\n')
			if err != nil {
				return news{}, err
			}
			if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
				return heard(c.followers[0], data)
			}
		}
	}
	if _, err := next(); err != nil {
		resp.Body.Close() //nolint:errcheck // it is of no use
		return fmt.Errorf("follow: %s: %w", resp.Status, err)
	}
	go listen(ctx, resp.Body, next, tell)
	return nil
}

func followBySocket(ctx context.Context, b *bench, c connection, tell func(news)) error {
	conn, _, err := websocket.Dial(ctx, b.Endpoint(), &websocket.DialOptions{ //nolint:bodyclose // the library's
		Subprotocols: []string{"graphql-transport-ws"}, HTTPClient: followers,
	})
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	messages := []any{map[string]any{"type": "connection_init", "payload": map[string]any{"Authorization": "Bearer " + c.token}}}
	for i, ticket := range c.tickets {
		messages = append(messages, map[string]any{"type": "subscribe", "id": strconv.Itoa(c.followers[i]),
			"payload": map[string]any{"query": ticketUpdated, "variables": map[string]any{"id": ticket}}})
	}
	next := func() (news, error) {
		var m struct {
			ID, Type string
			Payload  json.RawMessage
		}
		if err := wsjson.Read(ctx, conn, &m); err != nil {
			return news{}, err
		}
		if m.Type != "next" {
			return news{}, fmt.Errorf("%s: %s", m.Type, m.Payload)
		}
		who, err := strconv.Atoi(m.ID)
		if err != nil {
			return news{}, fmt.Errorf("read id: %w", err)
		}
		return heard(who, m.Payload)
	}
	var ack json.RawMessage
	err = wsjson.Write(ctx, conn, messages[0])
	if err == nil {
		err = wsjson.Read(ctx, conn, &ack)
	}
	for _, m := range messages[1:] {
		if err == nil {
			err = wsjson.Write(ctx, conn, m)
		}
	}
	for range c.followers {
		if err == nil {
			_, err = next()
		}
	}
	if err != nil {
		conn.CloseNow() //nolint:errcheck // it is of no use
		return fmt.Errorf("follow: %w", err)
	}
	go listen(ctx, closeNow{conn}, next, tell)
	return nil
}

type closeNow struct{ *websocket.Conn }

func (c closeNow) Close() error { return c.CloseNow() }

// listen tells what it hears until ctx ends.
func listen(ctx context.Context, conn io.Closer, next func() (news, error), tell func(news)) {
	defer conn.Close()
	for {
		n, err := next()
		if ctx.Err() != nil {
			return
		}
		n.err = err
		tell(n)
		if err != nil {
			return
		}
	}
}

// heard reads the version of the ticket from a response.
func heard(who int, response []byte) (news, error) {
	n := news{who: who, at: time.Now()}
	_, rest, ok := strings.Cut(string(response), `"version":`)
	digits, _, _ := strings.Cut(rest, ",")
	var err error
	if n.version, err = strconv.Atoi(digits); !ok || err != nil {
		return n, fmt.Errorf("no version in %s", response)
	}
	return n, nil
}
