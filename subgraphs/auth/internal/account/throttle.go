package account

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/netip"
	"time"
)

// Limits bound the attempts to sign in and sign up within a window, which begins with the first attempt.
type Limits struct {
	Window            time.Duration `env:"THROTTLE_WINDOW" envDefault:"15m" min:"1s" help:"window in which attempts are counted; it begins with the first attempt"`
	SignInsPerAccount int           `env:"SIGN_INS_PER_ACCOUNT" envDefault:"10" min:"1" help:"failed sign-ins per account and window, from all network addresses"`
	SignInsPerAddress int           `env:"SIGN_INS_PER_ADDRESS" envDefault:"100" min:"1" help:"failed sign-ins per network address and window, to all accounts"`
	SignUpsPerAddress int           `env:"SIGN_UPS_PER_ADDRESS" envDefault:"50" min:"1" help:"sign-up attempts per network address and window"`
}

// attempt is one attempt with the counters that it increments and their limits.
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
	return attempt{
		window: l.Window, from: from,
		keys:   [][]byte{throttleKey("sign up from", network(from))},
		limits: []int{l.SignUpsPerAddress},
	}
}

// throttleKey returns the key of a counter. It is hashed because the subject may be an email address.
func throttleKey(purpose, subject string) []byte {
	sum := sha256.Sum256([]byte(purpose + " " + subject))
	return sum[:]
}

// network returns the part of an address that one household or company shares: an IPv4 address, or a /64 of IPv6.
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

// admit counts the attempt. Errors: RateLimitedError when a counter exceeds its limit.
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
	slog.WarnContext(ctx, "rate limit exceeded", "address", a.from, "retry_after", seconds)
	return RateLimitedError{seconds}
}
