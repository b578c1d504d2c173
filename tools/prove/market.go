package main

import (
	"math/rand/v2"
	"sync"
)

// market is what people tell each other: sellers learn who paid them, and those who try to read
// what is not theirs learn what there is.
type market struct {
	mu       sync.Mutex
	sellers  map[string]string // user by ticket
	buyers   map[string]int    // client by order
	tickets  map[string]string // by order
	order    map[string]string // by payment
	orders   []string
	payments []string
}

func newMarket() *market {
	return &market{sellers: map[string]string{}, buyers: map[string]int{}, tickets: map[string]string{}, order: map[string]string{}}
}

func (m *market) listed(tickets []ticketData) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, t := range tickets {
		m.sellers[t.ID] = t.Seller.ID
	}
}

// ordered notes who has ordered; ticket may be empty when it was said before.
func (m *market) ordered(order string, buyer int, ticket string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.buyers[order]; !known {
		m.orders = append(m.orders, order)
		m.buyers[order] = buyer
	}
	if ticket != "" {
		m.tickets[order] = ticket
	}
}

func (m *market) paid(payment, order string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.order[payment] == "" {
		m.payments = append(m.payments, payment)
		m.order[payment] = order
	}
}

// recent is how far back chance looks.
const recent = 50

// some returns one of the last ids that fit, by chance; "" when none of them does.
func some(random *rand.Rand, ids []string, fits func(string) bool) string {
	var found []string
	for _, id := range ids[max(0, len(ids)-recent):] {
		if fits(id) {
			found = append(found, id)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return found[random.IntN(len(found))]
}

// foreignOrder returns an order of somebody else.
func (m *market) foreignOrder(c *client) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return some(c.random, m.orders, func(order string) bool { return m.buyers[order] != c.index })
}

// foreignPayment returns a payment between two others.
func (m *market) foreignPayment(c *client) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return some(c.random, m.payments, func(payment string) bool {
		seller := m.sellerOf(payment)
		return m.buyers[m.order[payment]] != c.index && seller != "" && seller != c.userID
	})
}

// earned returns a payment for a ticket of the client.
func (m *market) earned(c *client) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return some(c.random, m.payments, func(payment string) bool { return m.sellerOf(payment) == c.userID })
}

func (m *market) sellerOf(payment string) string { return m.sellers[m.tickets[m.order[payment]]] }
