package stream

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// Subprotocol is the protocol of WebSockets
// (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md).
const Subprotocol = "graphql-transport-ws"

// Close codes of the protocol, besides those of RFC 6455.
const (
	closeInvalid     websocket.StatusCode = 4400
	closeUninitiated websocket.StatusCode = 4401
	closeForbidden   websocket.StatusCode = 4403
	closeProtocol    websocket.StatusCode = 4406
	closeInitTimeout websocket.StatusCode = 4408
	closeDuplicate   websocket.StatusCode = 4409
	closeInitTwice   websocket.StatusCode = 4429
	closeInternal    websocket.StatusCode = 4500
)

// closing is an error that closes a socket with a code.
type closing struct {
	code   websocket.StatusCode
	reason string
}

func (c *closing) Error() string { return c.reason }

var (
	errInvalid     = &closing{closeInvalid, "Invalid message"}
	errNoText      = &closing{websocket.StatusInvalidFramePayloadData, "Invalid UTF-8"} // RFC 6455, 8.1
	errUninitiated = &closing{closeUninitiated, "Unauthorized"}
	errInitTimeout = &closing{closeInitTimeout, "Connection initialisation timeout"}
	errInitTwice   = &closing{closeInitTwice, "Too many initialisation requests"}
	errTooMany     = &closing{websocket.StatusTryAgainLater, "Too many connections"}
)

// errGone ends a socket that can no longer be written to.
var errGone = errors.New("client has gone")

// Invalid returns an error of Session.Serve for a malformed request. It closes a socket.
func Invalid(reason string) error { return &closing{closeInvalid, reason} }

// closingOf returns the close code for an error.
func closingOf(err error) *closing {
	var c *closing
	switch {
	case errors.As(err, &c):
		return c
	case errors.Is(err, ErrForbidden), errors.Is(err, errExpired), errors.Is(err, errEnded):
		return &closing{closeForbidden, "Forbidden"}
	case errors.Is(err, errGoingAway):
		return &closing{websocket.StatusGoingAway, "Going away"}
	default:
		return &closing{closeInternal, "Internal server error"}
	}
}

// message is a message of the protocol.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// socket is one WebSocket. Senders wait until the client has received a message, so a slow client delays only its own
// operations, and the connection of a stalled one is closed.
type socket struct {
	server *Server
	conn   *websocket.Conn
	end    context.CancelCauseFunc
	init   *time.Timer
	beat   *time.Timer

	session *Session // nil before connection_init
	release []func() // called when the socket ends

	writing    chan struct{} // holds one value while a message is being sent
	operations sync.WaitGroup
	mu         sync.Mutex
	running    map[string]context.CancelFunc // by the client's id
}

// WebSocket serves a request for a WebSocket. Session is that of the request; open returns the session for the
// Authorization in connection_init, which takes precedence. The error of open is ErrForbidden for invalid credentials.
// The caller has checked the origin of the request. WebSocket reports false, and does nothing, when the address has
// too many connections.
func (s *Server) WebSocket(w http.ResponseWriter, r *http.Request, address string, session Session, open func(authorization string) (Session, error)) bool {
	leave, ok := s.enter("address", address, s.cfg.PerAddress)
	if !ok {
		return false
	}
	s.running.Add(1)
	defer s.running.Done()
	defer leave()
	defer counted("websocket")()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{Subprotocol}, InsecureSkipVerify: true})
	if err != nil {
		return true // Accept has responded
	}
	if conn.Subprotocol() != Subprotocol {
		conn.Close(closeProtocol, "Subprotocol not acceptable") //nolint:errcheck // the connection ends in any case
		return true
	}
	conn.SetReadLimit(s.cfg.MaxMessage)
	ctx, end := context.WithCancelCause(r.Context())
	c := &socket{server: s, conn: conn, end: end, writing: make(chan struct{}, 1), running: map[string]context.CancelFunc{}}
	closed := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(closed)
		if cause := context.Cause(ctx); errors.Is(cause, errGone) || errors.Is(cause, context.Canceled) { // the request's context, too
			conn.CloseNow() //nolint:errcheck // the client has gone
		} else {
			why := closingOf(cause)
			conn.Close(why.code, why.reason) //nolint:errcheck // the client may have closed it already
		}
	})
	stop := s.onStop(func() { end(errGoingAway) })
	defer stop()
	c.init = time.AfterFunc(s.cfg.InitTimeout, func() { end(errInitTimeout) })
	c.beat = time.AfterFunc(s.cfg.Heartbeat, c.ping)
	end(c.read(ctx, session, open))
	<-closed
	c.init.Stop()
	c.beat.Stop() // a ping that is being sent fails, because the connection is closed
	c.operations.Wait()
	for _, release := range c.release {
		release()
	}
	return true
}

// ping ends the connection when the client does not respond.
func (c *socket) ping() {
	ctx, cancel := context.WithTimeout(context.Background(), c.server.cfg.WriteTimeout)
	defer cancel()
	if c.conn.Ping(ctx) != nil {
		c.end(errGone)
		return
	}
	c.beat.Reset(c.server.cfg.Heartbeat)
}

// read serves messages until one is invalid or the connection ends. It does not read with ctx, because the library
// closes the connection without a close code when the context of a read ends.
func (c *socket) read(ctx context.Context, session Session, open func(authorization string) (Session, error)) error {
	for {
		typ, text, err := c.conn.Read(context.WithoutCancel(ctx))
		if err != nil {
			return errGone // or the library has closed the connection: with 1002, or 1009 for an oversized message
		}
		var m message
		switch {
		case typ == websocket.MessageText && !utf8.Valid(text):
			return errNoText
		case typ != websocket.MessageText, json.Unmarshal(text, &m) != nil:
			return errInvalid
		case string(m.Payload) == "null":
			m.Payload = nil
		case m.Payload != nil && m.Payload[0] != '{':
			return errInvalid
		}
		if err := c.handle(ctx, m, session, open); err != nil {
			return err
		}
	}
}

func (c *socket) handle(ctx context.Context, m message, session Session, open func(authorization string) (Session, error)) error {
	switch m.Type {
	case "connection_init":
		return c.initiate(ctx, m.Payload, session, open)
	case "ping":
		return c.send(ctx, message{Type: "pong", Payload: m.Payload})
	case "pong":
		return nil
	case "subscribe":
		return c.subscribe(ctx, m)
	case "complete":
		if m.ID == "" {
			return errInvalid
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if cancel, ok := c.running[m.ID]; ok {
			cancel()
			delete(c.running, m.ID)
		}
		return nil
	default:
		return errInvalid
	}
}

func (c *socket) initiate(ctx context.Context, payload json.RawMessage, session Session, open func(authorization string) (Session, error)) error {
	if c.session != nil {
		return errInitTwice
	}
	var params struct{ Authorization string } // in any letter case
	if len(payload) > 0 && json.Unmarshal(payload, &params) != nil {
		return errInvalid
	}
	if params.Authorization != "" {
		var err error
		if session, err = open(params.Authorization); err != nil {
			return err
		}
	}
	leave, ok := c.server.enter("user", session.UserID, c.server.cfg.PerUser)
	if !ok {
		return errTooMany
	}
	c.init.Stop()
	c.session = &session
	c.release = append(c.release, leave, c.server.bound(session, c.end))
	return c.send(ctx, message{Type: "connection_ack"})
}

func (c *socket) subscribe(ctx context.Context, m message) error {
	if c.session == nil {
		return errUninitiated
	}
	if m.ID == "" || m.Payload == nil {
		return errInvalid
	}
	running, cancel := context.WithCancel(ctx)
	c.mu.Lock()
	_, twice := c.running[m.ID]
	full := len(c.running) >= c.server.cfg.Subscriptions
	if !twice && !full {
		c.running[m.ID] = cancel
	}
	c.mu.Unlock()
	switch {
	case twice:
		cancel()
		return duplicate(m.ID)
	case full:
		cancel()
		return c.send(ctx, message{ID: m.ID, Type: "error", Payload: tooManyOperations})
	}
	c.operations.Go(func() {
		defer cancel()
		c.run(running, m)
	})
	return nil
}

var tooManyOperations = json.RawMessage(`[{"message":"too many operations on one connection","extensions":{"code":"OPERATION_LIMIT_EXCEEDED"}}]`)

// duplicate returns the error for an id that is in use. A close reason is limited to 123 bytes.
func duplicate(id string) error {
	if len(id) > 80 {
		return &closing{closeDuplicate, "Subscriber already exists"}
	}
	return &closing{closeDuplicate, "Subscriber for " + id + " already exists"}
}

// run executes an operation and sends its end to the client, unless the client has ended it.
func (c *socket) run(ctx context.Context, m message) {
	err := c.session.Serve(ctx, m.Payload, func(response []byte) error {
		return c.send(ctx, message{ID: m.ID, Type: "next", Payload: response})
	})
	c.mu.Lock()
	gone := ctx.Err() != nil
	if !gone { // the client may reuse the id as soon as it receives the end
		delete(c.running, m.ID)
	}
	c.mu.Unlock()
	if gone {
		return
	}
	last := message{ID: m.ID, Type: "complete"}
	if fatal := new(closing); errors.As(err, &fatal) {
		c.end(fatal)
		return
	}
	if err != nil {
		last = message{ID: m.ID, Type: "error", Payload: shown(ctx, err)}
	}
	c.send(ctx, last) //nolint:errcheck // send has ended the connection
}

// shown returns the GraphQL errors for an error, masked unless it is a Refusal.
func shown(ctx context.Context, err error) json.RawMessage {
	var refusal Refusal
	if errors.As(err, &refusal) {
		if list, err := refusal.GraphQLErrors(); err == nil {
			return list
		}
	}
	slog.ErrorContext(ctx, "operation failed", "error", err)
	return internalError
}

// send waits until the client has received the message, and ends the connection when it does not. Nothing is sent
// after ctx has ended, because the client may already use the id for another operation.
func (c *socket) send(ctx context.Context, m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// The library closes the connection when the context of a write ends. An operation that ends must not do that.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.server.cfg.WriteTimeout)
	defer cancel()
	if err := c.conn.Write(ctx, websocket.MessageText, text); err != nil {
		c.end(errGone)
		return err
	}
	return nil
}
