package main

import "slices"

// chargedOnce checks the card processor's ledger: the price was captured once, a balance is left if and only if the
// order is complete, and nothing is on hold.
func chargedOnce(e *evidence) verdict {
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
			v.violate("the ledger has %+v of an unknown payment", i)
			continue
		}
		intents[p.Order] = append(intents[p.Order], i)
		if other := of[p.ID]; other != "" {
			v.violate("payment %s: authorized twice, as %s and %s", p.ID, other, i.ID)
		}
		of[p.ID] = i.ID
		if i.Authorized != i.Captured+i.Voided {
			v.violate("payment %s (%s) of order %s: %d of %d are on hold", p.ID, p.Status, p.Order, i.Authorized-i.Captured-i.Voided, i.Authorized)
		}
		if i.Refunded != p.Refunded {
			v.violate("payment %s (%s): %d were refunded, %d are stored", p.ID, p.Status, i.Refunded, p.Refunded)
		}
	}
	captures, complete := 0, 0
	for _, o := range e.Orders {
		var captured []intentRow
		balance := 0
		for _, i := range intents[o.ID] {
			balance += i.Captured - i.Refunded
			captures += i.Captures
			if i.Captured > 0 {
				captured = append(captured, i)
			}
		}
		if (o.Status == "complete") != (balance > 0) {
			v.violate("order %s is %s (%s), and its balance is %d: %+v", o.ID, o.Status, o.Reason, balance, intents[o.ID])
		}
		if o.Status == "complete" {
			complete++
		}
		if o.Status == "complete" && (len(captured) != 1 || captured[0].Captures != 1 || captured[0].Payment != o.Payment) {
			v.violate("order %s is complete with %s, and captured by %+v", o.ID, o.Payment, captured)
		}
		if wrong := slices.IndexFunc(captured, func(i intentRow) bool { return i.Captured != o.Price || i.Currency != o.Currency }); wrong >= 0 {
			v.violate("order %s costs %d %s, and was captured by %+v", o.ID, o.Price, o.Currency, captured[wrong])
		}
	}
	v.checked("%d payments, %d captures, %d refunds, %d complete orders", len(e.Payments), captures, len(e.Refunds), complete)
	return v
}

// paymentsFinished checks that no payment or refund is in progress.
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

// reconciled checks the result of `boxofficectl reconcile`.
func reconciled(e *evidence) verdict {
	var v verdict
	for _, d := range e.Reconciled.Discrepancies {
		v.violate("payment %s of order %s: %s (processor: %s; here: %s)", d.PaymentID, d.OrderID, d.Problem, d.Processor, d.Here)
	}
	v.checked("%d payments, %d at the processor", e.Reconciled.Payments, e.Reconciled.Intents)
	return v
}
