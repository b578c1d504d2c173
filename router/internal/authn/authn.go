// Package authn authenticates requests. A bearer token takes precedence, and cookies are then ignored. When a
// browser's access token has expired, its session is renewed as part of the request. An invalid token makes the
// caller anonymous; it is not an error.
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

// ErrUnverifiable is wrapped by errors of Authenticate when a token could not be verified or a session renewed.
var ErrUnverifiable = errors.New("access token cannot be verified")

// Session holds a caller and the credentials of the request.
type Session struct {
	Caller        identity.Caller
	AccessToken   string   // the verified token of Caller; empty when signed out
	RefreshCookie string   // name=value; empty without a cookie or with a bearer token
	RefreshToken  string   // from the header of a client without cookies
	SetCookies    []string // Set-Cookie lines for the client
}

// Config configures how sessions are verified and renewed.
type Config struct {
	// Verify returns the caller that an access token was issued to. The error wraps identity.ErrInvalid when the
	// token is invalid.
	Verify       func(ctx context.Context, token string) (identity.Caller, error)
	CookiePrefix string // before access and refresh: "__Host-" outside development
	// Fetch sends a request to the subgraph that renews sessions. Nil when there is none.
	Fetch func(ctx context.Context, header http.Header, body []byte) (upstream.Answer, error)
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

// HasBearer reports whether the request carries a bearer token, which no browser adds by itself.
func HasBearer(r *http.Request) bool {
	_, ok := identity.Bearer(r.Header.Get("Authorization"))
	return ok
}

// HasCookies reports whether the request carries a session in cookies, which browsers add by themselves.
func (a *Authenticator) HasCookies(r *http.Request) bool {
	return cookie(r, a.accessName()) != "" || cookie(r, a.refreshName()) != ""
}

// Authenticate returns the session of the request. A renewal sends the headers that forward returns for the session
// so far. The error wraps ErrUnverifiable or is the context's.
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

// Bearer returns the session of an access token, an anonymous one when the token is invalid. The error wraps
// ErrUnverifiable.
func (a *Authenticator) Bearer(ctx context.Context, token string) (Session, error) {
	return a.verified(ctx, token)
}

// endedSessions uses a field that is hidden from clients.
const endedSessions = "query($ids: [ID!]!) { endedSessions(ids: $ids) }"

// Ended returns the given sessions that have ended.
func (a *Authenticator) Ended(ctx context.Context, header http.Header, sessionIDs []string) ([]string, error) {
	body, err := json.Marshal(map[string]any{"query": endedSessions, "variables": map[string]any{"ids": sessionIDs}})
	if err != nil {
		return nil, fmt.Errorf("fetch ended sessions: %w", err)
	}
	resp, err := a.fetch(ctx, header, body)
	if err != nil {
		return nil, fmt.Errorf("fetch ended sessions: %w", err)
	}
	var answer struct {
		Data   struct{ EndedSessions []string }
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(resp.Body, &answer); err != nil {
		return nil, fmt.Errorf("read ended sessions: %w", err)
	}
	if len(answer.Errors) > 0 {
		return nil, fmt.Errorf("fetch ended sessions: %s", answer.Errors[0].Message)
	}
	return answer.Data.EndedSessions, nil
}

func (a *Authenticator) fetch(ctx context.Context, header http.Header, body []byte) (upstream.Answer, error) {
	if a.cfg.Fetch == nil {
		return upstream.Answer{}, errors.New("the supergraph has no subgraph for sessions")
	}
	return a.cfg.Fetch(ctx, header, body)
}

func (a *Authenticator) verified(ctx context.Context, token string) (Session, error) {
	caller, err := a.cfg.Verify(ctx, token)
	if errors.Is(err, identity.ErrInvalid) {
		slog.DebugContext(ctx, "invalid access token", "error", err)
		return Session{}, nil
	}
	if err != nil {
		return Session{}, fmt.Errorf("%w: %w", ErrUnverifiable, err)
	}
	return Session{Caller: caller, AccessToken: token}, nil
}

// refreshSession selects nothing of the payload, because the tokens come as cookies.
const refreshSession = `{"query":"mutation { refreshSession { __typename } }"}`

// renewed returns the session of a refresh token with new tokens, or an anonymous one when the session has ended.
// Concurrent requests with one token share one renewal.
func (a *Authenticator) renewed(ctx context.Context, refresh string, forward func(Session) http.Header) (Session, error) {
	old := Session{RefreshCookie: a.refreshName() + "=" + refresh}
	answer := a.renewals.DoChan(refresh, func() (any, error) {
		// Other requests wait for the result, so the renewal does not end with this one.
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

// renew requests new tokens and returns their Set-Cookie lines.
func (a *Authenticator) renew(ctx context.Context, header http.Header) ([]string, error) {
	resp, err := a.fetch(ctx, header, []byte(refreshSession))
	if err != nil {
		return nil, fmt.Errorf("renew session: %w", err)
	}
	lines := resp.Header.Values("Set-Cookie")
	if len(lines) == 0 { // an answer either renews or clears the cookies
		return nil, errors.New("renew session: the answer sets no cookies")
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
