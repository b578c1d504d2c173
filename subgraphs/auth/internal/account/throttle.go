package account

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"boxoffice.dev/pkg/apperr"
)

// Limits say how often somebody may try within a window, which begins with the first attempt.
type Limits struct {
	Window            time.Duration `env:"THROTTLE_WINDOW" envDefault:"15m" min:"1s" help:"what the numbers of tries below are counted in"`
	SignInsPerAccount int           `env:"SIGN_INS_PER_ACCOUNT" envDefault:"10" min:"1" help:"failed ones, from all addresses together"`
	SignInsPerAddress int           `env:"SIGN_INS_PER_ADDRESS" envDefault:"100" min:"1" help:"failed ones, to all accounts together"`
	SignUpsPerAddress int           `env:"SIGN_UPS_PER_ADDRESS" envDefault:"50" min:"1" help:"whatever comes of them"`
}

// attempt is what is counted against its limits.
type attempt struct {
	window time.Duration
	keys   [][]byte
	limits []int
	from   netip.Addr // for the log
}

func (l Limits) signIn(emailKey string, from netip.Addr) attempt {
	return attempt{
		window: l.Window, from: from,
		keys:   [][]byte{throttleKey("sign in to", emailKey), throttleKey("sign in from", network(from))},
		limits: []int{l.SignInsPerAccount, l.SignInsPerAddress},
	}
}

func (l Limits) signUp(from netip.Addr) attempt {
	return attempt{window: l.Window, from: from, keys: [][]byte{throttleKey("sign up from", network(from))}, limits: []int{l.SignUpsPerAddress}}
}

// throttleKey names a counter. It is stored hashed, for it may contain an e-mail address.
func throttleKey(purpose, whom string) []byte {
	sum := sha256.Sum256([]byte(purpose + " " + whom))
	return sum[:]
}

// network returns what one household or company shares: an IPv4 address, or a /64 of IPv6.
func network(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a.String()
	}
	return p.String()
}

// admit counts the attempt, and refuses it with RateLimited when it is one too many.
func (s *Service) admit(ctx context.Context, a attempt) error {
	now := s.now()
	counters, err := countAttempt(ctx, s.pool, a, now)
	if err != nil {
		return err
	}
	wait := time.Duration(0)
	for i, c := range counters {
		if c.Attempts > a.limits[i] {
			wait = max(wait, c.ResetsAt.Sub(now))
		}
	}
	if wait == 0 {
		return nil
	}
	seconds := int((wait + time.Second - 1) / time.Second)
	slog.WarnContext(ctx, "attempt throttled", "address", a.from, "retry_after", seconds)
	return apperr.New(apperr.RateLimited, fmt.Sprintf("Too many attempts. Try again in %d seconds.", seconds)).With(seconds)
}
