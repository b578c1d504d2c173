package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"boxoffice.dev/subgraphs/payments/internal/payment"
)

// ledgerLine is an intent at the processor, or the error that ended the list.
type ledgerLine struct {
	Reference          string    `json:"reference,omitempty"`
	PaymentID          string    `json:"paymentId,omitempty"`
	Status             string    `json:"status,omitempty"`
	MinorUnits         int       `json:"minorUnits"`
	Currency           string    `json:"currency,omitempty"`
	CapturedMinorUnits int       `json:"capturedMinorUnits"`
	RefundedMinorUnits int       `json:"refundedMinorUnits"`
	CreatedAt          time.Time `json:"createdAt"`
	Error              string    `json:"error,omitempty"`
}

// ledger lists the processor's intents for boxofficectl, one JSON object per line, newest first:
// GET /ledger?since=2026-05-01T00:00:00Z.
func ledger(processor payment.Processor) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		since, err := time.Parse(time.RFC3339, r.FormValue("since"))
		if err != nil {
			http.Error(w, "since: want a time such as 2026-05-01T00:00:00Z", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		lines := json.NewEncoder(w)
		for i, err := range processor.Ledger(ctx, since) {
			line := ledgerLine{
				Reference: i.Reference, PaymentID: i.PaymentID, Status: string(i.Status),
				MinorUnits: i.Amount.MinorUnits, Currency: i.Amount.Currency,
				CapturedMinorUnits: i.CapturedMinorUnits, RefundedMinorUnits: i.RefundedMinorUnits,
				CreatedAt: i.CreatedAt,
			}
			if err != nil {
				slog.WarnContext(ctx, "ledger incomplete", "error", err)
				line = ledgerLine{Error: "ledger incomplete: " + err.Error()}
			}
			if lines.Encode(line) != nil {
				return // the client has disconnected
			}
		}
	}
}
