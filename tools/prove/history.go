package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// kind is what a client asked for.
type kind string

// What clients ask for.
const (
	list     kind = "list tickets"
	sell     kind = "create ticket"
	edit     kind = "update ticket"
	withdraw kind = "withdraw ticket"
	look     kind = "look at ticket"
	reserve  kind = "create order"
	cancel   kind = "cancel order"
	read     kind = "read order"
	pay      kind = "pay order"
	earn     kind = "read payment"
	confirm  kind = "confirm at bank"
	refund   kind = "refund payment"
	peek     kind = "read foreign order"
	meddle   kind = "cancel foreign order"
	spend    kind = "pay foreign order"
	spy      kind = "read foreign payment"
	steal    kind = "refund foreign payment"
)

// prying is what nobody may be granted.
var prying = []kind{peek, meddle, spend, spy, steal}

// Answers that are no code of the schema.
const (
	granted = "OK"
	lost    = "LOST" // no answer, or none that tells what happened
	hidden  = "NULL" // as if there were nothing
)

// refusals says with which codes the system may refuse each kind, given who asks for what here.
var refusals = map[kind][]string{
	list:     nil,
	sell:     nil,
	edit:     {"TICKET_RESERVED", "TICKET_WITHDRAWN", "STALE_VERSION"},
	withdraw: {"TICKET_RESERVED", "STALE_VERSION"},
	look:     nil,
	reserve:  {"TICKET_RESERVED", "TICKET_NOT_FOR_SALE", "TICKET_NOT_FOUND", "PRICE_CHANGED", "TOO_MANY_ACTIVE_ORDERS"},
	cancel:   {"ORDER_NOT_CANCELLABLE"},
	read:     nil,
	pay:      {"ORDER_NOT_FOUND", "ORDER_NOT_PAYABLE", "ORDER_ALREADY_PAID", "PAYMENT_IN_PROGRESS", "PAYMENT_DECLINED"},
	earn:     nil,
	confirm:  nil,
	refund:   {"PAYMENT_NOT_REFUNDABLE"},
	peek:     {"FORBIDDEN"},
	meddle:   {"NOT_AUTHORIZED"},
	spend:    {"NOT_AUTHORIZED", "ORDER_NOT_FOUND"},
	spy:      {hidden},
	steal:    {"PAYMENT_NOT_FOUND", "NOT_AUTHORIZED"},
}

// op is one request of a client and what it was answered.
type op struct {
	Client  int    `json:"client"`
	Kind    kind   `json:"kind"`
	Key     string `json:"key,omitempty"` // for idempotency
	Ticket  string `json:"ticket,omitempty"`
	Order   string `json:"order,omitempty"`
	Payment string `json:"payment,omitempty"`
	Card    string `json:"card,omitempty"` // token of it

	Call   int64 `json:"call"`   // when it was sent, in nanoseconds since 1970
	Return int64 `json:"return"` // when its answer was there, or it was clear that none will come

	Answer   string   `json:"answer"`             // granted, lost, or the code of the refusal
	Why      string   `json:"why,omitempty"`      // why it is lost or refused, in words
	Status   string   `json:"status,omitempty"`   // of the order, as answered
	Paid     string   `json:"paid,omitempty"`     // status of the payment, as answered
	Orders   []string `json:"orders,omitempty"`   // ids of all orders that the answer told of
	Payments []string `json:"payments,omitempty"` // and of all payments
	Held     *bool    `json:"held,omitempty"`     // whether an order holds the ticket, as answered
}

// expected reports whether the schema allows the answer.
func (o op) expected() bool {
	return o.Answer == granted || o.Answer == lost || slices.Contains(refusals[o.Kind], o.Answer)
}

// history is what all clients asked and were answered.
type history struct {
	mu  sync.Mutex
	ops []op
}

func (h *history) add(o op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, o)
}

// all returns what has been recorded so far.
func (h *history) all() []op {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.ops)
}

// writeLines writes each item as a line of JSON.
func writeLines[T any](path string, items []T) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("keep history: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	buffer := bufio.NewWriter(file)
	encoder := json.NewEncoder(buffer)
	for _, item := range items {
		if err := encoder.Encode(item); err != nil {
			return fmt.Errorf("keep history: %w", err)
		}
	}
	return buffer.Flush()
}

func now() int64 { return time.Now().UnixNano() }
