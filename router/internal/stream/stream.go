// Package stream serves long-lived connections: WebSockets with the protocol graphql-transport-ws, server-sent events
// and multipart responses. It limits connections by user and address and ends them with their session. Operations are
// executed by the caller's functions.
package stream

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"boxoffice.dev/pkg/limit"
)

// Config limits connections. Each field is a setting.
type Config struct {
	InitTimeout   time.Duration `env:"INIT_TIMEOUT" envDefault:"3s" min:"1ms" help:"time in which the first message of a WebSocket, connection_init, must arrive"`
	WriteTimeout  time.Duration `env:"WRITE_TIMEOUT" envDefault:"10s" min:"1ms" help:"time in which a client must accept a message before it is disconnected"`
	Heartbeat     time.Duration `env:"HEARTBEAT" envDefault:"15s" min:"1ms" help:"interval between heartbeats to a client"`
	MaxMessage    int64         `env:"MESSAGE" envDefault:"65536" min:"1" help:"maximum size of a message from a client, in bytes"`
	Subscriptions int           `env:"PER_SOCKET" envDefault:"50" min:"1" help:"maximum number of concurrent operations on one WebSocket"`
	PerUser       int           `env:"PER_USER" envDefault:"50" min:"1" help:"maximum number of open connections of one user"`
	PerAddress    int           `env:"PER_ADDRESS" envDefault:"500" min:"1" help:"maximum number of open connections from one IP address"`
}

// Ended returns the given sessions that have ended. It is called with at most maxSessions of them.
type Ended func(ctx context.Context, sessionIDs []string) ([]string, error)

// maxSessions is the number of sessions in one call of Ended.
const maxSessions = 500

// checkInterval is the interval between session revocation checks.
const checkInterval = 3 * time.Second

// Session is the session that has opened a connection.
type Session struct {
	UserID    string    // empty when signed out
	ID        string    // empty when signed out
	ExpiresAt time.Time // zero for never
	// Serve executes a request of GraphQL over HTTP and passes each response to emit. The client gets the content of
	// an error that is a Refusal, and a masked error otherwise.
	Serve func(ctx context.Context, request json.RawMessage, emit func(response []byte) error) error
}

// Refusal is an error that carries a list of GraphQL errors for the client.
type Refusal interface {
	error
	GraphQLErrors() ([]byte, error)
}

// ErrForbidden is the error for invalid credentials.
var ErrForbidden = errors.New("forbidden")

var (
	errExpired    = errors.New("access token expired")
	errEnded      = errors.New("session ended")
	errGoingAway  = errors.New("router stops")
	internalError = json.RawMessage(`[{"message":"internal error","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]`)
)

// Server serves connections.
type Server struct {
	cfg     Config
	onStop  func(func()) (cancel func() bool)
	running sync.WaitGroup
	places  limit.Limiter // of connections, by user and by address

	mu       sync.Mutex
	sessions map[string]map[*connection]struct{} // by session
}

// connection is an open connection of a session.
type connection struct{ end context.CancelCauseFunc }

// New returns a server whose connections end with ctx. Ended is nil when the supergraph does not report ended sessions.
func New(ctx context.Context, cfg Config, ended Ended) *Server {
	s := &Server{
		cfg: cfg, onStop: func(f func()) func() bool { return context.AfterFunc(ctx, f) },
		sessions: map[string]map[*connection]struct{}{},
	}
	if ended != nil {
		s.running.Go(func() { s.watchSessions(ctx, ended) })
	}
	return s
}

var connections = promauto.NewGaugeVec(prometheus.GaugeOpts{
	Name: "router_connections",
	Help: "Open connections of clients by transport: websocket, events or multipart.",
}, []string{"transport"})

// counted counts a connection until done is called.
func counted(transport string) (done func()) {
	g := connections.WithLabelValues(transport)
	g.Inc()
	return g.Dec
}

// Wait returns when all connections have ended, after the context of New.
func (s *Server) Wait() { s.running.Wait() }

// enter takes one of the places of a user or an address until leave is called.
func (s *Server) enter(kind, name string, limit int) (leave func(), ok bool) {
	if name == "" {
		return func() {}, true
	}
	return s.places.Acquire(kind+" "+name, limit)
}

// bound ends a connection with its session, until done is called.
func (s *Server) bound(session Session, end context.CancelCauseFunc) (done func()) {
	if session.ID == "" {
		return func() {}
	}
	life := time.Duration(math.MaxInt64)
	if !session.ExpiresAt.IsZero() {
		life = time.Until(session.ExpiresAt)
	}
	expiry := time.AfterFunc(life, func() { end(errExpired) })
	c := &connection{end}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[session.ID] == nil {
		s.sessions[session.ID] = map[*connection]struct{}{}
	}
	s.sessions[session.ID][c] = struct{}{}
	return func() {
		expiry.Stop()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.sessions[session.ID], c)
		if len(s.sessions[session.ID]) == 0 {
			delete(s.sessions, session.ID)
		}
	}
}

// watchSessions ends the connections of sessions that have ended. While the check fails, connections still end when
// their access tokens expire.
func (s *Server) watchSessions(ctx context.Context, lookUp Ended) {
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for ids := range slices.Chunk(s.connected(), maxSessions) {
			ended, err := lookUp(ctx, ids)
			if err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "session revocation check failed", "error", err)
			}
			for _, id := range ended {
				s.endSession(id)
			}
		}
	}
}

func (s *Server) connected() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, 0, len(s.sessions))
	for id := range s.sessions {
		ids = append(ids, id)
	}
	return ids
}

func (s *Server) endSession(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sessions[id] {
		c.end(errEnded)
	}
}
