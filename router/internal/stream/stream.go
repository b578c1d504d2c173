// Package stream keeps connections open to clients that follow something: WebSockets that speak
// graphql-transport-ws, streams of server-sent events, and answers in parts. It knows who is connected
// and for how long, and how much of it is allowed; what an operation means, it is told.
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
)

// Config bounds what connections may cost. Each has a variable of its own in the environment.
type Config struct {
	InitTimeout   time.Duration `env:"INIT_TIMEOUT" envDefault:"3s" min:"1ms" help:"time in which the first message of a WebSocket, connection_init, must arrive"`
	WriteTimeout  time.Duration `env:"WRITE_TIMEOUT" envDefault:"10s" min:"1ms" help:"time in which a client must accept a message before it is disconnected"`
	Heartbeat     time.Duration `env:"HEARTBEAT" envDefault:"15s" min:"1ms" help:"interval between heartbeats to a client"`
	MaxMessage    int64         `env:"MESSAGE" envDefault:"65536" min:"1" help:"maximum size of a message from a client, in bytes"`
	Subscriptions int           `env:"PER_SOCKET" envDefault:"50" min:"1" help:"maximum number of concurrent operations on one WebSocket"`
	PerUser       int           `env:"PER_USER" envDefault:"50" min:"1" help:"maximum number of open connections of one user"`
	PerAddress    int           `env:"PER_ADDRESS" envDefault:"500" min:"1" help:"maximum number of open connections from one IP address"`
}

// Ended returns those of at most EndedAtOnce sessions that have ended.
type Ended func(ctx context.Context, sessionIDs []string) ([]string, error)

// EndedAtOnce is how many sessions are asked about at once.
const EndedAtOnce = 500

// askEvery is how soon the end of a session ends its connections.
const askEvery = 3 * time.Second

// Session is who has opened a connection.
type Session struct {
	UserID    string    // empty when signed out
	ID        string    // empty when signed out
	ExpiresAt time.Time // zero for never
	// Serve executes one operation, in the words of GraphQL over HTTP, and gives each response to emit.
	// An error of type Refusal is shown to the client; of any other, it only learns that there was one.
	Serve func(ctx context.Context, request json.RawMessage, emit func(response []byte) error) error
}

// Refusal is an error that carries a list of GraphQL errors for the client.
type Refusal interface {
	error
	GraphQLErrors() ([]byte, error)
}

// ErrForbidden is what a client is told whose credentials are of no use.
var ErrForbidden = errors.New("forbidden")

var (
	errExpired    = errors.New("access token expired")
	errEnded      = errors.New("session ended")
	errGoingAway  = errors.New("router stops")
	internalError = json.RawMessage(`[{"message":"internal error","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]`)
)

// Server keeps connections.
type Server struct {
	cfg     Config
	onStop  func(func()) (cancel func() bool)
	running sync.WaitGroup

	mu       sync.Mutex
	places   map[string]int                      // by user and by address: how many connections
	sessions map[string]map[*connection]struct{} // by session
}

// connection is one that may be told to end.
type connection struct{ end context.CancelCauseFunc }

// New returns a server whose connections end with ctx. Ended is nil when nobody can be asked.
func New(ctx context.Context, cfg Config, ended Ended) *Server {
	s := &Server{
		cfg: cfg, onStop: func(f func()) func() bool { return context.AfterFunc(ctx, f) },
		places: map[string]int{}, sessions: map[string]map[*connection]struct{}{},
	}
	if ended != nil {
		s.running.Go(func() { s.watchSessions(ctx, ended) })
	}
	return s
}

var connections = promauto.NewGaugeVec(prometheus.GaugeOpts{
	Name: "router_connections",
	Help: "Connections that are open to clients who may follow something, by transport.",
}, []string{"transport"})

// counted counts a connection until the caller is done.
func counted(transport string) (done func()) {
	g := connections.WithLabelValues(transport)
	g.Inc()
	return g.Dec
}

// Wait returns when all connections have ended, which they do after the context of New has.
func (s *Server) Wait() { s.running.Wait() }

// enter takes one of the places that a user or an address has, until leave is called.
func (s *Server) enter(kind, who string, limit int) (leave func(), ok bool) {
	if who == "" {
		return func() {}, true
	}
	key := kind + " " + who
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.places[key] >= limit {
		return nil, false
	}
	s.places[key]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.places[key]--; s.places[key] == 0 {
			delete(s.places, key)
		}
	}, true
}

// bound ends a connection when the session does, until the caller is done.
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

// watchSessions ends the connections of sessions that have ended. While nobody knows which, access
// tokens expire.
func (s *Server) watchSessions(ctx context.Context, ask Ended) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for ids := range slices.Chunk(s.connected(), EndedAtOnce) {
			ended, err := ask(ctx, ids)
			if err != nil && ctx.Err() == nil {
				slog.WarnContext(ctx, "nobody knows which sessions have ended", "error", err)
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
