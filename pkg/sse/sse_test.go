package sse_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"boxoffice.dev/pkg/sse"
)

// peer is a response whose writes fail with err, if set.
type peer struct {
	*httptest.ResponseRecorder

	err error
}

func (p *peer) Write(b []byte) (int, error) {
	if p.err != nil {
		return 0, p.err
	}
	return p.ResponseRecorder.Write(b)
}

func TestStream(t *testing.T) {
	t.Parallel()
	cfg := sse.Config{Heartbeat: 10 * time.Second, WriteTimeout: time.Second}
	t.Run("protocol", func(t *testing.T) {
		t.Parallel()
		w := httptest.NewRecorder()
		s := sse.Open(w, cfg, func(error) { t.Error("broken") })
		if err := errors.Join(s.Next([]byte(`{"data":1}`)), s.Complete()); err != nil {
			t.Fatal(err)
		}
		s.Close()
		if got, want := w.Body.String(), ":\n\nevent: next\ndata: {\"data\":1}\n\nevent: complete\ndata:\n\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := w.Header().Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("Content-Type: got %q", got)
		}
		if err := s.Next(nil); !errors.Is(err, http.ErrHandlerTimeout) {
			t.Errorf("after Close: got %v", err)
		}
	})
	t.Run("heartbeat", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := httptest.NewRecorder()
			s := sse.Open(w, cfg, func(error) {})
			<-time.After(25 * time.Second)
			s.Close()
			<-time.After(25 * time.Second)
			if got, want := w.Body.String(), ":\n\n:\n\n:\n\n"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	})
	t.Run("a failed write is reported once", func(t *testing.T) {
		t.Parallel()
		failure, reports := errors.New("failure"), 0
		w := &peer{ResponseRecorder: httptest.NewRecorder()}
		s := sse.Open(w, cfg, func(err error) {
			reports++
			if !errors.Is(err, failure) {
				t.Errorf("got %v", err)
			}
		})
		defer s.Close()
		w.err = failure
		for range 2 {
			if err := s.Next(nil); !errors.Is(err, failure) {
				t.Errorf("got %v", err)
			}
		}
		if reports != 1 {
			t.Errorf("got %d reports, want 1", reports)
		}
	})
}
