package upstream

import (
	"errors"
	"log/slog"
	"time"

	"github.com/sony/gobreaker/v2"
)

// Breaker configures the circuit breaker of a subgraph. Each field is a setting.
type Breaker struct {
	Failures int           `env:"FAILURES" envDefault:"50" min:"0" max:"100" help:"failure rate in percent that opens the circuit breaker; 0 disables it"`
	Fetches  int           `env:"FETCHES" envDefault:"20" min:"1" help:"least number of fetches in the window before the failure rate counts"`
	Window   time.Duration `env:"WINDOW" envDefault:"10s" min:"1s" help:"time over which the failure rate is measured"`
	Pause    time.Duration `env:"PAUSE" envDefault:"2s" min:"1ms" help:"time that an open circuit breaker fails fetches, before one trial fetch decides whether it closes"`
}

// newBreaker returns a circuit breaker that fails fetches fast while a subgraph is unavailable. Transport failures and
// responses that are not GraphQL count as failures. GraphQL errors and oversized responses count as successes, so that
// one client's requests cannot open the breaker for everyone.
func newBreaker(cfg Breaker, subgraph string) *gobreaker.CircuitBreaker[Answer] {
	return gobreaker.NewCircuitBreaker[Answer](gobreaker.Settings{
		Name:         subgraph,
		Interval:     cfg.Window,
		BucketPeriod: cfg.Window / 10,
		Timeout:      cfg.Pause,
		IsSuccessful: func(err error) bool { return err == nil || errors.Is(err, errInvalidResponse) },
		IsExcluded:   func(err error) bool { return errors.Is(err, errCancelled) },
		ReadyToTrip: func(n gobreaker.Counts) bool {
			failed, ended := int(n.TotalFailures), int(n.TotalFailures+n.TotalSuccesses)
			return cfg.Failures > 0 && ended >= cfg.Fetches && failed*100 >= cfg.Failures*ended
		},
		OnStateChange: func(subgraph string, from, to gobreaker.State) {
			slog.Warn("circuit breaker changed state", "subgraph", subgraph, "from", from.String(), "to", to.String())
		},
	})
}

// isOpen reports whether the breaker failed a fetch before it was sent.
func isOpen(err error) bool {
	return errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests)
}
