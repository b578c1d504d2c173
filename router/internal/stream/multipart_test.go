package stream_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// multipart asks for a subscription as Apollo Client does.
func (w *world) multipart(query string, header ...string) (body io.Reader, status int, media string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, "http://router/graphql?"+query, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Accept", "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json")
	for pair := range slices.Chunk(header, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	resp, err := w.client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { resp.Body.Close() })
	return resp.Body, resp.StatusCode, resp.Header.Get("Content-Type")
}

// wire is what goes over it: parts, and {} for signs of life.
func wire(parts ...string) string {
	text := "\r\n--graphql"
	for _, part := range parts {
		text += "\r\nContent-Type: application/json\r\n\r\n" + part + "\r\n--graphql"
	}
	return text
}

const end = "--\r\n"

func TestMultipart(t *testing.T) {
	t.Parallel()
	const first = `{"payload":{"data":{"n":0}}}`
	// read compares what comes until the end, without signs of life.
	read := func(w *world, body io.Reader, want string) {
		w.t.Helper()
		text, err := io.ReadAll(body)
		got := strings.ReplaceAll(string(text), strings.TrimPrefix(wire("{}"), wire()), "")
		if err != nil || got != want {
			w.t.Errorf("got  %q, %v\nwant %q", got, err, want)
		}
	}
	for query, want := range map[string]string{
		"once":    wire(`{"payload":{"data":{"n":1}}}`) + end,
		"refused": wire(`{"payload":null,"errors":[{"message":"no"}]}`) + end,
		"broken":  wire(`{"payload":null,"errors":[{"message":"internal error","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}`) + end,
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				body, _, got := w.multipart(query)
				if want := `multipart/mixed; boundary="graphql"; subscriptionSpec=1.0`; got != want {
					t.Errorf("Content-Type: got %s, want %s", got, want)
				}
				read(w, body, want)
			})
		})
	}
	t.Run("silence is broken by empty parts", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			body, _, _ := w.multipart("n")
			begin, want := time.Now(), wire(first, "{}", "{}")
			got := make([]byte, len(want))
			if _, err := io.ReadFull(body, got); err != nil || string(got) != want || time.Since(begin) != 30*time.Second {
				t.Errorf("got %q, %v after %s", got, err, time.Since(begin))
			}
		})
	})
	unauthenticated := `{"payload":null,"errors":[{"message":"Sign in first.","extensions":{"code":"UNAUTHENTICATED"}}]}`
	t.Run("its token expires", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			body, _, _ := w.multipart("n", "X-Who", "anna")
			read(w, body, wire(first, unauthenticated)+end)
		})
	})
	t.Run("its session ends elsewhere", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			body, _, _ := w.multipart("n", "X-Who", "anna")
			w.mu.Lock()
			w.ended = []string{"session-of-anna"}
			w.mu.Unlock()
			read(w, body, wire(first, unauthenticated)+end)
		})
	})
	t.Run("the router stops: without the last boundary the client knows that it has missed something", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			body, _, _ := w.multipart("n")
			synctest.Wait()
			w.stop()
			read(w, body, wire(first))
		})
	})
	t.Run("who takes nothing is dropped", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			body, _, _ := w.multipart("flood")
			<-time.After(11 * time.Second)
			if text, err := io.ReadAll(body); err == nil || strings.HasSuffix(string(text), end) {
				t.Errorf("got %d bytes, %v", len(text), err)
			}
		})
	})
	t.Run("connections are counted with all others", func(t *testing.T) {
		t.Parallel()
		run(t, func(w *world) {
			for range 2 {
				w.multipart("n", "X-Who", "anna")
			}
			if _, status, _ := w.multipart("n", "X-Who", "anna"); status != http.StatusTooManyRequests {
				t.Errorf("got %d", status)
			}
		})
	})
}
