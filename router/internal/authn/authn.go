// Package authn finds out who sends a request. A bearer token wins and cookies are then ignored
// altogether; a browser whose access token has run out gets a new one on the way. A token that is
// not valid makes its sender anonymous, never an error.
package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"golang.org/x/sync/singleflight"

	"boxoffice.dev/pkg/identity"
	"boxoffice.dev/router/internal/upstream"
)

// ErrUnverifiable is what errors of Authenticate wrap when a token could not be judged or renewed.
var ErrUnverifiable = errors.New("access token cannot be verified")

// Session is what a request says about its sender.
type Session struct {
	Caller        identity.Caller
	AccessToken   string   // that proves Caller; empty when signed out
	RefreshCookie string   // name=value, empty without cookie or with a bearer token
	RefreshToken  string   // from the header of a client without cookies
	SetCookies    []string // lines for the client
}

// Config says how sessions are verified and renewed.
type Config struct {
	// Verify returns whom an access token was issued to. The error wraps identity.ErrInvalid when
	// the token is at fault.
	Verify       func(ctx context.Context, token string) (identity.Caller, error)
	CookiePrefix string // before access and refresh: "__Host-" outside development
	// Ask asks the auth subgraph, which renews sessions. Nil when there is none.
	Ask func(ctx context.Context, header http.Header, body []byte) (upstream.Answer, error)
}

// Authenticator reads sessions from requests.
type Authenticator struct {
	cfg      Config
	renewals singleflight.Group
}

// New returns an Authenticator.
func New(cfg Config) *Authenticator { return &Authenticator{cfg: cfg} }

func (a *Authenticator) accessName() string  { return a.cfg.CookiePrefix + "access" }
func (a *Authenticator) refreshName() string { return a.cfg.CookiePrefix + "refresh" }

// HasBearer reports whether the request names its sender by itself, so that no browser can have
// added the proof on its own.
func HasBearer(r *http.Request) bool {
	_, ok := identity.Bearer(r.Header.Get("Authorization"))
	return ok
}

// HasCookies reports whether the request carries a session that a browser may have added.
func (a *Authenticator) HasCookies(r *http.Request) bool {
	return cookie(r, a.accessName()) != "" || cookie(r, a.refreshName()) != ""
}

// Authenticate returns the session of the request. Renewal asks the auth subgraph with the headers
// that forward returns for the session so far. The error wraps ErrUnverifiable or is
// the context's.
func (a *Authenticator) Authenticate(r *http.Request, forward func(Session) http.Header) (Session, error) {
	ctx := r.Context()
	if token, ok := identity.Bearer(r.Header.Get("Authorization")); ok {
		s, err := a.verified(ctx, token)
		s.RefreshToken = r.Header.Get("X-Refresh-Token")
		return s, err
	}
	if token := r.Header.Get("X-Refresh-Token"); token != "" {
		return Session{RefreshToken: token}, nil
	}
	refresh := cookie(r, a.refreshName())
	if access := cookie(r, a.accessName()); access != "" {
		s, err := a.verified(ctx, access)
		if refresh != "" {
			s.RefreshCookie = a.refreshName() + "=" + refresh
		}
		if err != nil || s.Caller.SignedIn() {
			return s, err
		}
	}
	if refresh == "" {
		return Session{}, nil
	}
	return a.renewed(ctx, refresh, forward)
}

// Bearer returns the session behind an access token, an anonymous one when it is not valid. The error
// wraps ErrUnverifiable.
func (a *Authenticator) Bearer(ctx context.Context, token string) (Session, error) {
	return a.verified(ctx, token)
}

// endedSessions is for the router only: clients do not see the field.
const endedSessions = "query($ids: [ID!]!) { endedSessions(ids: $ids) }"

// Ended returns those of the sessions that have ended. It asks the auth subgraph with the headers.
func (a *Authenticator) Ended(ctx context.Context, header http.Header, sessionIDs []string) ([]string, error) {
	body, err := json.Marshal(map[string]any{"query": endedSessions, "variables": map[string]any{"ids": sessionIDs}})
	if err != nil {
		return nil, fmt.Errorf("ask auth for ended sessions: %w", err)
	}
	resp, err := a.ask(ctx, header, body)
	if err != nil {
		return nil, fmt.Errorf("ask auth for ended sessions: %w", err)
	}
	var answer struct {
		Data   struct{ EndedSessions []string }
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(resp.Body, &answer); err != nil {
		return nil, fmt.Errorf("read ended sessions: %w", err)
	}
	if len(answer.Errors) > 0 {
		return nil, fmt.Errorf("ask auth for ended sessions: %s", answer.Errors[0].Message)
	}
	return answer.Data.EndedSessions, nil
}

func (a *Authenticator) ask(ctx context.Context, header http.Header, body []byte) (upstream.Answer, error) {
	if a.cfg.Ask == nil {
		return upstream.Answer{}, errors.New("the supergraph has no such subgraph")
	}
	return a.cfg.Ask(ctx, header, body)
}

func (a *Authenticator) verified(ctx context.Context, token string) (Session, error) {
	caller, err := a.cfg.Verify(ctx, token)
	if errors.Is(err, identity.ErrInvalid) {
		slog.DebugContext(ctx, "access token refused", "error", err)
		return Session{}, nil
	}
	if err != nil {
		return Session{}, fmt.Errorf("%w: %w", ErrUnverifiable, err)
	}
	return Session{Caller: caller, AccessToken: token}, nil
}

// refreshSession needs nothing from the payload: the tokens come as cookies.
const refreshSession = `{"query":"mutation { refreshSession { __typename } }"}`

// renewed returns the session behind a refresh token with new tokens, or an anonymous one when
// auth refuses. Requests that come at once with one token share one renewal.
func (a *Authenticator) renewed(ctx context.Context, refresh string, forward func(Session) http.Header) (Session, error) {
	old := Session{RefreshCookie: a.refreshName() + "=" + refresh}
	answer := a.renewals.DoChan(refresh, func() (any, error) {
		// The result is for everybody who waits, so it does not end with this request.
		return a.renew(context.WithoutCancel(ctx), forward(old))
	})
	var lines []string
	select {
	case <-ctx.Done():
		return Session{}, ctx.Err()
	case result := <-answer:
		if result.Err != nil {
			return Session{}, fmt.Errorf("%w: %w", ErrUnverifiable, result.Err)
		}
		lines, _ = result.Val.([]string)
	}
	s := Session{}
	for _, line := range lines {
		c, err := http.ParseSetCookie(line)
		if err != nil || c.Value == "" {
			continue
		}
		switch c.Name {
		case a.accessName():
			verified, err := a.verified(ctx, c.Value)
			if err != nil {
				return Session{}, err
			}
			s.Caller, s.AccessToken = verified.Caller, verified.AccessToken
		case a.refreshName():
			s.RefreshCookie = c.Name + "=" + c.Value
		}
	}
	s.SetCookies = lines
	return s, nil
}

// renew asks auth for new tokens and returns its Set-Cookie lines.
func (a *Authenticator) renew(ctx context.Context, header http.Header) ([]string, error) {
	resp, err := a.ask(ctx, header, []byte(refreshSession))
	if err != nil {
		return nil, fmt.Errorf("ask auth for renewal: %w", err)
	}
	lines := resp.Header.Values("Set-Cookie")
	if len(lines) == 0 { // auth renews or clears the cookies; whoever does neither is not auth
		return nil, errors.New("auth did not answer")
	}
	return lines, nil
}

func cookie(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}
