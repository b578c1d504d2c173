package simulator

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	maxBody  = 64 << 10
	keyLife  = 24 * time.Hour // https://docs.stripe.com/api/idempotent_requests
	deadline = 10 * time.Second
)

// Types of errors: https://docs.stripe.com/api/errors.
const (
	invalidRequest   = "invalid_request_error"
	cardError        = "card_error"
	idempotencyError = "idempotency_error"
	internalError    = "api_error"
)

// Codes of errors: https://docs.stripe.com/error-codes.
const (
	resourceMissing       = "resource_missing"
	unexpectedState       = "payment_intent_unexpected_state"
	authenticationFailure = "payment_intent_authentication_failure"
)

// apiError is Stripe's error object. Returned as an error it rejects a request before it had any effect, and is not
// stored under the idempotency key. A response with it is stored.
type apiError struct {
	Type          string `json:"type"`
	Code          string `json:"code,omitempty"`
	DeclineCode   string `json:"decline_code,omitempty"`
	Message       string `json:"message"`
	Param         string `json:"param,omitempty"`
	Charge        string `json:"charge,omitempty"`
	PaymentIntent any    `json:"payment_intent,omitempty"`
	PaymentMethod any    `json:"payment_method,omitempty"`

	status int // 400 if 0
}

func (e apiError) Error() string { return e.Message }

func (e apiError) answer() answer {
	if e.status == 0 {
		e.status = http.StatusBadRequest
	}
	return answer{status: e.status, body: encode(map[string]any{"error": e})}
}

func invalid(param, message string) apiError {
	return apiError{Type: invalidRequest, Param: param, Message: message}
}

func missing(what, id, param string, status int) apiError {
	return apiError{
		Type: invalidRequest, Code: resourceMissing, Param: param, status: status,
		Message: "No such " + what + ": '" + id + "'",
	}
}

// answer is a response.
type answer struct {
	status   int
	body     []byte
	replayed bool  // stored under the idempotency key
	fault    fault // injected unless the response is replayed
}

func ok(body any) answer { return answer{status: http.StatusOK, body: encode(body)} }

func encode(body any) []byte {
	b, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("simulator: encode %T: %v", body, err)) // only types of this package
	}
	return b
}

func write(ctx context.Context, w http.ResponseWriter, a answer) {
	w.Header().Set("Content-Type", "application/json")
	if a.replayed {
		w.Header().Set("Idempotent-Replayed", "true")
	}
	w.WriteHeader(a.status)
	if _, err := w.Write(a.body); err != nil {
		slog.DebugContext(ctx, "write response", "error", err)
	}
}

func (s *Simulator) authenticate(r *http.Request) error {
	given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if subtle.ConstantTimeCompare([]byte(given), []byte(s.config.SecretKey)) != 1 || given == "" {
		return apiError{Type: invalidRequest, Message: "Invalid API Key provided.", status: http.StatusUnauthorized}
	}
	return nil
}

// read serves a request without an effect.
func (s *Simulator) read(endpoint func(ctx context.Context, id string, f *form) (any, error)) http.Handler {
	return s.serve(func(ctx context.Context, r *http.Request) (answer, error) {
		f, err := parseForm(r.URL.RawQuery)
		if err != nil {
			return answer{}, err
		}
		body, err := endpoint(ctx, r.PathValue("id"), f)
		if err != nil {
			return answer{}, err
		}
		return ok(body), nil
	})
}

// change serves a request with an effect. It commits the effect and the response together, so a repeated idempotency
// key always gets the first response.
func (s *Simulator) change(
	endpoint func(ctx context.Context, tx pgx.Tx, id string, f *form) (answer, error),
) http.Handler {
	return s.serve(func(ctx context.Context, r *http.Request) (answer, error) {
		encoded, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
		if err != nil {
			return answer{}, apiError{Type: invalidRequest, Message: "The request's body cannot be read."}
		}
		f, err := parseForm(string(encoded))
		if err != nil {
			return answer{}, err
		}
		// Like Stripe, complete a request whose client has disconnected.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadline)
		defer cancel()
		parameters := sha256.Sum256([]byte(r.URL.Path + "?" + string(encoded)))
		a, err := s.once(ctx, r.Header.Get("Idempotency-Key"), parameters[:], func(tx pgx.Tx) (answer, error) {
			return endpoint(ctx, tx, r.PathValue("id"), f)
		})
		s.wake.Send()
		return a, err
	})
}

func (s *Simulator) serve(handle func(ctx context.Context, r *http.Request) (answer, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		err := s.authenticate(r)
		var a answer
		if err == nil {
			a, err = handle(ctx, r)
		}
		if err != nil {
			a = failure(ctx, r, err)
		}
		if !a.replayed {
			s.inject(ctx, a.fault)
		}
		write(ctx, w, a)
	})
}

// failure returns the response for an error. It hides the details of an error that is not an apiError.
func failure(ctx context.Context, r *http.Request, err error) answer {
	var e apiError
	if !errors.As(err, &e) {
		slog.ErrorContext(ctx, "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		e = apiError{Type: internalError, Message: "An unknown error occurred", status: http.StatusInternalServerError}
	}
	return e.answer()
}

// once calls do unless the key was used before; then it returns the stored response.
func (s *Simulator) once(
	ctx context.Context, key string, parameters []byte, do func(tx pgx.Tx) (answer, error),
) (answer, error) {
	var a answer
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) (err error) {
		if key == "" {
			a, err = do(tx)
			return err
		}
		locked, err := lockKey(ctx, tx, key)
		if err != nil {
			return err
		}
		if !locked {
			return apiError{
				Type: idempotencyError, Code: "idempotency_key_in_use", status: http.StatusConflict,
				Message: "There is currently another in-progress request using this Idempotent Key.",
			}
		}
		first, err := findRequest(ctx, tx, key, s.now().Add(-keyLife))
		switch {
		case err == nil && string(first.Parameters) != string(parameters):
			return apiError{
				Type: idempotencyError,
				Message: "Keys for idempotent requests can only be used with the same parameters " +
					"they were first used with.",
			}
		case err == nil:
			a = answer{status: first.Status, body: []byte(first.Body), replayed: true}
			return nil
		case !errors.Is(err, pgx.ErrNoRows):
			return err
		}
		if a, err = do(tx); err != nil {
			return err
		}
		return storeRequest(ctx, tx, request{
			Key: key, Parameters: parameters, CreatedAt: s.now(), Status: a.status, Body: string(a.body),
		})
	})
	return a, err
}

// inject delays the response, or closes the connection without one.
func (s *Simulator) inject(ctx context.Context, f fault) {
	switch f {
	case delayResponse:
		wait(ctx, s.config.Slow)
	case loseResponse:
		wait(ctx, s.config.Hang)
		panic(http.ErrAbortHandler)
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// withFault returns the response with the token's fault, if it has one for the path.
func withFault(a answer, t Token, path string) answer {
	if t.faultyPath != path {
		return a
	}
	a.fault = t.fault
	if t.fault == failAfter || t.fault == failBefore {
		return apiError{
			Type: internalError, Message: "An unknown error occurred", status: http.StatusInternalServerError,
		}.answer()
	}
	return a
}
