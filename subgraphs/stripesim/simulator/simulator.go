// Package simulator implements the subset of Stripe's HTTP API that payments uses, with its state in
// Postgres. It never charges a card: a shop that accepts its tokens gives its tickets away.
package simulator

import (
	"cmp"
	"context"
	"embed"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/postgres"
)

//go:embed migrations
var files embed.FS

// Migrations creates the simulator's tables.
func Migrations() postgres.Migrations { return postgres.Migrations{Name: "simulator", Files: files} }

// Config says how the simulator behaves.
type Config struct {
	SecretKey string // what every request must carry as bearer token
	URL       string // where browsers find Handler, such as http://127.0.0.1:4006

	WebhookURL    string        // where events are sent; nowhere when empty
	WebhookSecret string        // what they are signed with
	Webhooks      Mode          // Prompt when empty
	Late          time.Duration // how late Late sends them, and the latest for Twice and Shuffled; 3 s when 0
	Seed          uint64        // of the chance in Twice and Shuffled

	Slow   time.Duration // how long pm_sim_slow lets the client wait; 5 s when 0
	Settle time.Duration // how long a refund stays pending, if it does; 3 s when 0
	Hang   time.Duration // how long a request whose answer gets lost keeps its connection; it is cut at once when 0

	Now func() time.Time // time.Now when nil
}

// Simulator is the processor. Any number of processes may run it on one database.
type Simulator struct {
	config Config
	pool   *pgxpool.Pool
	http   *http.Client
	wake   chan struct{}

	mu     sync.Mutex
	chance *rand.Rand
}

// New returns the simulator on a database that holds its Migrations. It opens transactions of its
// own, so what it has done stays done, whatever becomes of who asked for it.
func New(config Config, pool *pgxpool.Pool) *Simulator {
	config.Webhooks = cmp.Or(config.Webhooks, Prompt)
	config.Late = cmp.Or(config.Late, 3*time.Second)
	config.Slow = cmp.Or(config.Slow, 5*time.Second)
	config.Settle = cmp.Or(config.Settle, 3*time.Second)
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Simulator{
		config: config,
		pool:   pool,
		http:   &http.Client{Timeout: 10 * time.Second},
		wake:   make(chan struct{}, 1),
		chance: rand.New(rand.NewPCG(config.Seed, 0)), //nolint:gosec // repeatable on purpose
	}
}

// Handler serves the API below /v1/ and the bank's 3-D Secure page at /bank.
func (s *Simulator) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /v1/payment_intents", s.change(s.createIntent))
	mux.Handle("POST /v1/payment_intents/{id}/capture", s.change(s.captureIntent))
	mux.Handle("POST /v1/payment_intents/{id}/cancel", s.change(s.cancelIntent))
	mux.Handle("POST /v1/refunds", s.change(s.createRefund))
	mux.Handle("GET /v1/payment_intents", s.read(s.listIntents))
	mux.Handle("GET /v1/payment_intents/{id}", s.read(s.readIntent))
	mux.Handle("GET /v1/refunds", s.read(s.listRefunds))
	mux.Handle("GET /v1/refunds/{id}", s.read(s.readRefund))
	mux.HandleFunc("GET /bank", s.showPage)
	mux.HandleFunc("POST /bank", s.decidePage)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		write(w, apiError{Type: invalidRequest, Message: "Unrecognized request URL (" + r.Method + ": " + r.URL.Path + ").", status: http.StatusNotFound}.answer())
	})
	return mux
}

const poll = 500 * time.Millisecond // finds what is due later and what other processes have left

// Run settles refunds and delivers webhooks until ctx ends.
func (s *Simulator) Run(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if err := s.work(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "simulator will try again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-tick.C:
		}
	}
}

// work does what is due.
func (s *Simulator) work(ctx context.Context) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	if err := deleteRequests(ctx, s.pool, s.now().Add(-keyLife)); err != nil {
		return err
	}
	return s.deliver(ctx)
}

func (s *Simulator) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Simulator) now() time.Time { return s.config.Now().UTC() }
