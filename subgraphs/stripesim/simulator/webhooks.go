package simulator

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
)

// Mode is the way in which webhooks are delivered. Stripe guarantees neither order nor single delivery.
type Mode string

// The modes. In all but Never, a delivery is retried until the response is 2xx.
const (
	Prompt   Mode = "prompt"   // at once
	Late     Mode = "late"     // after Config.Late
	Twice    Mode = "twice"    // at once, and again within Config.Late
	Shuffled Mode = "shuffled" // each at a random time within Config.Late
	Never    Mode = "never"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Mode) UnmarshalText(text []byte) error {
	switch *m = Mode(text); *m {
	case Prompt, Late, Twice, Shuffled, Never:
		return nil
	}
	return fmt.Errorf("want prompt, late, twice, shuffled or never, got %q", text)
}

// apiVersion is the version of Stripe's API that the objects have.
const apiVersion = "2026-02-25.clover"

// event is the body of a webhook: https://docs.stripe.com/api/events/object.
type event struct {
	ID              string    `json:"id"`
	Object          string    `json:"object"`
	APIVersion      string    `json:"api_version"`
	Created         int64     `json:"created"`
	Data            eventData `json:"data"`
	Livemode        bool      `json:"livemode"`
	PendingWebhooks int       `json:"pending_webhooks"`
	Type            string    `json:"type"`
}

type eventData struct {
	Object any `json:"object"`
}

// queueEvent queues the webhooks for a change in the change's transaction.
func (s *Simulator) queueEvent(ctx context.Context, tx pgx.Tx, kind string, object any) error {
	if s.config.WebhookURL == "" {
		return nil
	}
	now := s.now()
	e := event{
		ID: "evt_" + rand.Text(), Object: "event", APIVersion: apiVersion, Created: now.Unix(),
		Data: eventData{object}, PendingWebhooks: 1, Type: kind,
	}
	for _, after := range s.delays() {
		if err := insertWebhook(ctx, tx, now.Add(after), e.ID, string(encode(e))); err != nil {
			return err
		}
	}
	return nil
}

// delays returns the delay of each delivery of an event.
func (s *Simulator) delays() []time.Duration {
	switch s.config.Webhooks {
	case Never:
		return nil
	case Late:
		return []time.Duration{s.config.Late}
	case Twice:
		return []time.Duration{0, s.randomDelay()}
	case Shuffled:
		return []time.Duration{s.randomDelay()}
	default:
		return []time.Duration{0}
	}
}

// randomDelay returns a random part of Config.Late.
func (s *Simulator) randomDelay() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Duration(s.random.Int64N(int64(s.config.Late) + 1))
}

const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
)

// deliver sends the webhooks that are due, one after the other. It retries those that fail, with growing pauses.
func (s *Simulator) deliver(ctx context.Context) error {
	for ctx.Err() == nil {
		now := s.now()
		w, err := takeWebhook(ctx, s.pool, now, now.Add(s.http.Timeout))
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if sendErr := s.send(ctx, w); sendErr != nil {
			slog.InfoContext(ctx, "webhook failed, retrying",
				"event", w.EventID, "attempts", w.Attempts, "error", sendErr)
			err = postponeWebhook(ctx, s.pool, w.Seq, s.now().Add(min(firstRetry<<min(w.Attempts-1, 20), lastRetry)))
		} else {
			err = deleteWebhook(ctx, s.pool, w.Seq)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// send posts a webhook, signed as in https://docs.stripe.com/webhooks#verify-manually.
func (s *Simulator) send(ctx context.Context, w webhook) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.config.WebhookURL, bytes.NewReader([]byte(w.Body)))
	if err != nil {
		return fmt.Errorf("make webhook: %w", err)
	}
	at := fmt.Sprint(s.now().Unix())
	mac := hmac.New(sha256.New, []byte(s.config.WebhookSecret))
	fmt.Fprintf(mac, "%s.%s", at, w.Body)
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Stripe-Signature", "t="+at+",v1="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := s.http.Do(req)
	if err != nil {
		return fmt.Errorf("send webhook: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("send webhook: response %s", resp.Status)
	}
	return nil
}
