package main

import "slices"

// moneyForTickets checks the card processor's ledger: money was taken once, as much as the order
// costs, and kept if and only if the order is complete; and no money is still held.
func moneyForTickets(e *evidence) verdict {
	var v verdict
	payments := map[string]paymentRow{}
	for _, p := range e.Payments {
		payments[p.ID] = p
	}
	intents := map[string][]intentRow{} // by order
	of := map[string]string{}           // intent by payment
	for _, i := range e.Intents {
		p, known := payments[i.Payment]
		if !known {
			v.violate("the processor has %+v of a payment that is not stored", i)
			continue
		}
		intents[p.Order] = append(intents[p.Order], i)
		if other := of[p.ID]; other != "" {
			v.violate("payment %s: money was held twice, with %s and %s", p.ID, other, i.ID)
		}
		of[p.ID] = i.ID
		if i.Authorized != i.Captured+i.Voided {
			v.violate("payment %s (%s) of order %s: %d of %d are still held", p.ID, p.Status, p.Order, i.Authorized-i.Captured-i.Voided, i.Authorized)
		}
		if i.Refunded != p.Refunded {
			v.violate("payment %s (%s): %d were given back, %d are stored", p.ID, p.Status, i.Refunded, p.Refunded)
		}
	}
	captures, kept := 0, 0
	for _, o := range e.Orders {
		var taken []intentRow
		balance := 0
		for _, i := range intents[o.ID] {
			balance += i.Captured - i.Refunded
			captures += i.Captures
			if i.Captured > 0 {
				taken = append(taken, i)
			}
		}
		complete := o.Status == "complete"
		if complete != (balance > 0) {
			v.violate("order %s is %s (%s), and %d of its money were kept: %+v", o.ID, o.Status, o.Reason, balance, intents[o.ID])
		}
		if complete {
			kept++
		}
		if complete && (len(taken) != 1 || taken[0].Captures != 1 || taken[0].Payment != o.Payment) {
			v.violate("order %s is complete with %s, and money was taken by %+v", o.ID, o.Payment, taken)
		}
		if wrong := slices.IndexFunc(taken, func(i intentRow) bool { return i.Captured != o.Price || i.Currency != o.Currency }); wrong >= 0 {
			v.violate("order %s costs %d %s, and money was taken by %+v", o.ID, o.Price, o.Currency, taken[wrong])
		}
	}
	v.checked("%d payments, %d captures, %d refunds, %d complete orders", len(e.Payments), captures, len(e.Refunds), kept)
	return v
}

// paymentsFinished checks that nothing is under way, when no order is left that could be paid.
func paymentsFinished(e *evidence) verdict {
	var v verdict
	for _, p := range e.Payments {
		if p.Step != "none" || slices.Contains([]string{"processing", "requires_action", "authorized"}, p.Status) {
			v.violate("payment %s of order %s is %s, next step: %s", p.ID, p.Order, p.Status, p.Step)
		}
	}
	for _, r := range e.Refunds {
		if r.Status == "pending" {
			v.violate("refund %s of payment %s is %s", r.ID, r.Payment, r.Status)
		}
	}
	v.checked("%d payments, %d refunds", len(e.Payments), len(e.Refunds))
	return v
}

// booksAgree checks what the operator's own reconciliation has found.
func booksAgree(e *evidence) verdict {
	var v verdict
	for _, d := range e.Reconciled.Discrepancies {
		v.violate("payment %s of order %s: %s (processor: %s; here: %s)", d.PaymentID, d.OrderID, d.Problem, d.Processor, d.Here)
	}
	v.checked("%d payments, %d at the processor", e.Reconciled.Payments, e.Reconciled.Intents)
	return v
}
