package main

import (
	"context"
	"flag"
	"fmt"
	"time"
)

func reconcile(flags *flag.FlagSet) look {
	since := flags.Duration("since", 24*time.Hour, "compare payments that began at most so long ago")
	settle := flags.Duration("settle", 5*time.Second, "look again after this time and show only what has not moved since")
	return func(ctx context.Context, where settings, args []string) (report, error) {
		if len(args) > 0 {
			return report{}, errUsage
		}
		payments, err := where.get("PAYMENTS_ADMIN_URL")
		if err != nil {
			return report{}, err
		}
		done, err := where.databases().Reconcile(ctx, payments+"/ledger", time.Now().Add(-*since), *settle)
		if err != nil {
			return report{}, err
		}
		found := done.Discrepancies
		r := report{
			wrong: len(found) > 0, json: done,
			summary: fmt.Sprintf("%d payments here, %d at the processor, %d there that are not ours: %d discrepancies",
				done.Payments, done.Intents-done.Foreign, done.Foreign, len(found)),
			header: []string{"PAYMENT", "ORDER", "REFERENCE", "PROBLEM", "PROCESSOR", "HERE"},
		}
		for _, d := range found {
			r.rows = append(r.rows, []string{d.PaymentID, d.OrderID, d.Reference, d.Problem, d.Processor, d.Here})
		}
		return r, nil
	}
}
