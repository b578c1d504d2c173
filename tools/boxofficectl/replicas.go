package main

import (
	"context"
	"flag"
	"fmt"
	"time"
)

func replicas(flags *flag.FlagSet) look {
	settle := flags.Duration("settle", 2*time.Second, "look again after this time and show only what has not moved since")
	limit := flags.Int("limit", 100, "stop after this many differences of each kind")
	return func(ctx context.Context, where settings, args []string) (report, error) {
		if len(args) > 0 {
			return report{}, errUsage
		}
		found, err := where.databases().LastingDifferences(ctx, *settle, *limit)
		if err != nil {
			return report{}, err
		}
		r := report{
			wrong: len(found) > 0, json: found, summary: fmt.Sprintf("%d differences", len(found)),
			header: []string{"ID", "WHAT", "PROBLEM", "EXPECTED", "FOUND"},
		}
		for _, d := range found {
			r.rows = append(r.rows, []string{d.ID, d.What, d.Problem, d.Expected, d.Found})
		}
		return r, nil
	}
}
