package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const eventStream = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"

func chunk(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }

// A subgraph's answer is given byte by byte, and cut at its end unless it says that it goes on.
func TestStream(t *testing.T) {
	t.Parallel()
	cfg := Config{Timeout: time.Minute, MaxBytes: 2000, Silence: time.Minute}
	const event = "event: next\ndata: {\"data\":{\"n\":1}}\n\n"
	impatient := func(c *Config) { c.Timeout = 10 * time.Millisecond }
	nervous := func(c *Config) { c.Silence = 10 * time.Millisecond }
	for _, tt := range []struct {
		name   string
		answer string
		goesOn bool
		change func(*Config)
		want   []string // responses
		end    string   // "" for one that the subgraph has said; else part of the error, which wraps ErrCut
	}{
		{name: "events", answer: eventStream + ":\n\n" + event + event + "event: complete\ndata:\n\n", want: []string{`{"data":{"n":1}}`, `{"data":{"n":1}}`}},
		{name: "in chunks", answer: "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n" +
			chunk("event: ne") + chunk("xt\ndata: {\"data\":{\"n\":1}}\n\nevent: comp") + chunk("lete\ndata:\n\n") + chunk(""), want: []string{`{"data":{"n":1}}`}},
		{name: "in several lines, with returns and without blanks", answer: eventStream + "event:next\r\nid:7\r\ndata:{\"data\":\r\ndata:{\"n\":1}}\r\n\r\nevent:complete\r\n\r\n",
			want: []string{"{\"data\":\n{\"n\":1}}"}},
		{name: "of no known kind", answer: eventStream + "event: other\ndata: {}\n\ndata: {}\n\nevent: next\n\n" + event, want: []string{`{"data":{"n":1}}`}, end: "EOF"},
		{name: "longer than the buffer", answer: eventStream + "event: next\ndata: {\"data\":{\"s\":\"" + strings.Repeat("x", 1500) + "\"}}\n\n",
			want: []string{`{"data":{"s":"` + strings.Repeat("x", 1500) + `"}}`}, end: "EOF"},
		{name: "too long", answer: eventStream + event + "event: next\ndata: " + strings.Repeat("x", 2001) + "\n\n", want: []string{`{"data":{"n":1}}`}, end: "more than 2000 bytes"},
		{name: "of a line without end", answer: eventStream + strings.Repeat("x", 1<<16), end: "more than 2000 bytes"},
		{name: "that are no responses", answer: eventStream + "event: next\ndata: [1]\n\n", end: "read response"},
		{name: "and then silence", answer: eventStream + event, goesOn: true, change: nervous, want: []string{`{"data":{"n":1}}`}, end: "i/o timeout"},
		{name: "one response", answer: "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"errors\":[]}", goesOn: true, want: []string{`{"errors":[]}`}},
		{name: "one response that is too long", answer: "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3000\r\n\r\n" + strings.Repeat(" ", 3000), end: "EOF"},
		{name: "a page", answer: "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n<html>", end: `response has status 502 and type "text/html"`},
		{name: "events that are none", answer: "HTTP/1.1 500 Oops\r\nContent-Type: text/event-stream\r\n\r\n" + event, end: "response has status 500"},
		{name: "somewhere else", answer: "HTTP/1.1 307 Temporary Redirect\r\nContent-Type: text/plain\r\nLocation: /\r\n\r\n", end: "response has status 307"},
		{name: "a head without end", answer: "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-More: and more\r\n", 200), goesOn: true, end: "malformed"},
		{name: "not HTTP", answer: "SSH-2.0-OpenSSH_9.2\r\n", end: "malformed"},
		{name: "nothing", end: "EOF"},
		{name: "silence", goesOn: true, change: impatient, end: "deadline exceeded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			over := make(chan struct{})
			subgraph := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				for i := range tt.answer {
					conn.Write([]byte{tt.answer[i]})
				}
				if tt.goesOn {
					<-over
				}
			}))
			defer subgraph.Close()
			defer close(over)
			c := cfg
			if tt.change != nil {
				tt.change(&c)
			}
			var got []string
			stream, err := NewStreams(c).Open(t.Context(), subgraph.URL+"/graphql", http.Header{}, []byte(`{"query":"subscription { n }"}`))
			if err == nil {
				defer stream.Close()
				var response []byte
				for response, err = stream.Next(); err == nil; response, err = stream.Next() {
					got = append(got, string(response))
				}
			}
			if strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if tt.end == "" && !errors.Is(err, io.EOF) || tt.end != "" && (!errors.Is(err, ErrCut) || !strings.Contains(err.Error(), tt.end)) {
				t.Errorf("ended with %v, want %q", err, tt.end)
			}
		})
	}
}

func TestStreamOverTLS(t *testing.T) {
	t.Parallel()
	subgraph := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"data":{"path":%q}}`, r.Host+r.URL.RequestURI()) //nolint:gosec // no browser reads it
	}))
	defer subgraph.Close()
	streams := NewStreams(Config{Timeout: time.Minute, MaxBytes: 2000})
	if _, err := streams.Open(t.Context(), subgraph.URL, http.Header{}, nil); !errors.Is(err, ErrCut) || !strings.Contains(err.Error(), "certificate") {
		t.Fatalf("of a stranger: got %v", err)
	}
	roots := subgraph.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	streams.dial = dialWith(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})
	stream, err := streams.Open(t.Context(), subgraph.URL+"/graphql?a=b", http.Header{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if got, err := stream.Next(); err != nil || string(got) != `{"data":{"path":"`+strings.TrimPrefix(subgraph.URL, "https://")+`/graphql?a=b"}}` {
		t.Errorf("got %s, %v", got, err)
	}
}

// Cancelling the context ends the wait for a response and closes the connection to the subgraph.
func TestStreamEndsWithItsContext(t *testing.T) {
	t.Parallel()
	left := make(chan struct{})
	subgraph := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(left)
	}))
	defer subgraph.Close()
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := NewStreams(Config{Timeout: time.Minute, MaxBytes: 2000}).Open(ctx, subgraph.URL, http.Header{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	cancel()
	if _, err := stream.Next(); !errors.Is(err, ErrCut) {
		t.Errorf("got %v", err)
	}
	<-left
}
