// Package simulator implements the subset of Stripe's HTTP API that payments uses, with its state in
// Postgres. It never charges a card: a shop that accepts its tokens gives its tickets away.
package simulator

import (
	"cmp"
	"context"
	"embed"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/pkg/worker"
)

//go:embed migrations
var files embed.FS

// Migrations creates the simulator's tables.
func Migrations() postgres.Migrations { return postgres.Migrations{Name: "simulator", Files: files} }

// Config configures a Simulator.
type Config struct {
	SecretKey string // the bearer token of every request
	URL       string // public URL of Handler, such as http://127.0.0.1:4006

	WebhookURL    string        // receives the webhooks; if empty there are none
	WebhookSecret string        // signs the webhooks
	Webhooks      Mode          // Prompt if empty
	Late          time.Duration // the delay of Late, and the maximum delay of Twice and Shuffled; 3 s if 0
	Seed          uint64        // of the random delays of Twice and Shuffled

	Slow   time.Duration // the delay of responses to pm_sim_slow; 5 s if 0
	Settle time.Duration // how long the refunds of pm_card_pendingRefund stay pending; 3 s if 0
	Hang   time.Duration // how long to hold the connection of a lost response before closing it

	Now func() time.Time // time.Now if nil
}

// Simulator is a card processor. Any number of processes may share one database.
type Simulator struct {
	config Config
	pool   *pgxpool.Pool
	http   *http.Client
	wake   worker.Wake

	mu     sync.Mutex
	random *rand.Rand
}

// New returns a Simulator on a migrated database.
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
		wake:   worker.NewWake(),
		random: rand.New(rand.NewPCG(config.Seed, 0)), //nolint:gosec // repeatable
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
		message := "Unrecognized request URL (" + r.Method + ": " + r.URL.Path + ")."
		e := apiError{Type: invalidRequest, Message: message, status: http.StatusNotFound}
		write(r.Context(), w, e.answer())
	})
	return mux
}

const pollInterval = 500 * time.Millisecond

// Run settles refunds and delivers webhooks until ctx ends.
func (s *Simulator) Run(ctx context.Context) error {
	const task = "settling refunds and delivering webhooks"
	return worker.Run(ctx, task, s.wake, func(ctx context.Context) (time.Duration, error) {
		return pollInterval, s.work(ctx)
	})
}

// work does all that is due.
func (s *Simulator) work(ctx context.Context) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	if err := deleteRequests(ctx, s.pool, s.now().Add(-keyLife)); err != nil {
		return err
	}
	return s.deliver(ctx)
}

func (s *Simulator) now() time.Time { return s.config.Now().UTC() }
