package main

import (
	"slices"
	"sync"
	"time"
)

// kind is a kind of request.
type kind string

// Kinds of requests. Foreign orders and payments belong to other clients.
const (
	list               kind = "list tickets"
	sell               kind = "create ticket"
	edit               kind = "update ticket"
	withdraw           kind = "withdraw ticket"
	look               kind = "read ticket"
	reserve            kind = "create order"
	cancel             kind = "cancel order"
	read               kind = "read order"
	pay                kind = "pay order"
	readPayment        kind = "read payment"
	confirm            kind = "confirm at bank"
	refund             kind = "refund payment"
	readForeign        kind = "read foreign order"
	cancelForeign      kind = "cancel foreign order"
	payForeign         kind = "pay foreign order"
	readForeignPayment kind = "read foreign payment"
	refundForeign      kind = "refund foreign payment"
)

// foreign are the kinds that must never be granted.
var foreign = []kind{readForeign, cancelForeign, payForeign, readForeignPayment, refundForeign}

// Answers that are no error codes of the schema.
const (
	granted = "OK"
	lost    = "LOST" // no response, or one that leaves the outcome open
	null    = "NULL" // the requested object is null
)

// refusals are the codes with which the system may refuse each kind.
var refusals = map[kind][]string{
	edit:     {"TICKET_RESERVED", "TICKET_SOLD", "TICKET_WITHDRAWN", "STALE_VERSION"},
	withdraw: {"TICKET_RESERVED", "TICKET_SOLD", "STALE_VERSION"},
	reserve: {"TICKET_RESERVED", "TICKET_SOLD", "TICKET_NOT_FOR_SALE", "TICKET_NOT_FOUND", "PRICE_CHANGED",
		"TOO_MANY_ACTIVE_ORDERS"},
	cancel:             {"ORDER_NOT_CANCELLABLE"},
	pay:                {"ORDER_NOT_FOUND", "ORDER_NOT_PAYABLE", "ORDER_ALREADY_PAID", "PAYMENT_IN_PROGRESS", "PAYMENT_DECLINED"},
	refund:             {"PAYMENT_NOT_REFUNDABLE"},
	readForeign:        {null},
	cancelForeign:      {"NOT_AUTHORIZED"},
	payForeign:         {"NOT_AUTHORIZED", "ORDER_NOT_FOUND"},
	readForeignPayment: {null},
	refundForeign:      {"PAYMENT_NOT_FOUND", "NOT_AUTHORIZED"},
}

// op is one request of a client with its response.
type op struct {
	Client  int    `json:"client"`
	Kind    kind   `json:"kind"`
	Key     string `json:"key,omitempty"` // idempotency key
	Ticket  string `json:"ticket,omitempty"`
	Order   string `json:"order,omitempty"`
	Payment string `json:"payment,omitempty"`
	Card    string `json:"card,omitempty"` // payment method token

	Call   int64 `json:"call"`   // when it was sent, in nanoseconds since 1970
	Return int64 `json:"return"` // when its response arrived or was given up

	Answer   string   `json:"answer"`             // granted, lost, null, or an error code
	Why      string   `json:"why,omitempty"`      // message of the error
	Status   string   `json:"status,omitempty"`   // of the order in the response
	Paid     string   `json:"paid,omitempty"`     // status of the payment in the response
	Orders   []string `json:"orders,omitempty"`   // ids of all orders in the response
	Payments []string `json:"payments,omitempty"` // ids of all payments in the response
	Held     *bool    `json:"held,omitempty"`     // whether the ticket in the response is held
}

// history is all requests with their responses.
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

func now() int64 { return time.Now().UnixNano() }
