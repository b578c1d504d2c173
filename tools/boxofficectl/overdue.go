package main

import (
	"context"
	"flag"
	"fmt"
	"time"
)

func overdue(flags *flag.FlagSet) look {
	grace := flags.Duration("grace", 5*time.Second, "what is late by less is no fault")
	limit := flags.Int("limit", 100, "show at most this many of each kind, the latest")
	return func(ctx context.Context, where settings, args []string) (report, error) {
		if len(args) > 0 {
			return report{}, errUsage
		}
		found, err := where.databases().Overdue(ctx, *grace, *limit)
		if err != nil {
			return report{}, err
		}
		r := report{
			wrong: len(found) > 0, json: found, summary: fmt.Sprintf("%d overdue by more than %s", len(found), *grace),
			header: []string{"ORDER", "DUE AT", "LATE", "PROBLEM"},
		}
		for _, l := range found {
			r.rows = append(r.rows, []string{l.OrderID, l.DueAt.Format(time.RFC3339), seconds(l.By()), l.Problem})
		}
		return r, nil
	}
}
